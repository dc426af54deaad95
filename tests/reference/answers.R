# R's answers on the data sets of draw_data.py. Run in this folder: Rscript answers.R
# Debian packages: r-base-core r-cran-proc r-cran-psych r-cran-vcd
suppressPackageStartupMessages({library(pROC); library(psych); library(vcd)})
options(digits = 17, warn = 1)

write_exact <- function(table, path) {
  numeric <- sapply(table, is.numeric)
  table[numeric] <- lapply(table[numeric], function(x) ifelse(is.na(x), "", sprintf("%.17g", x)))
  write.csv(table, path, row.names = FALSE, quote = FALSE)
}
each <- function(path, answer) {
  table <- read.csv(path, stringsAsFactors = FALSE)
  parts <- lapply(unique(table$data), function(name) cbind(data = name, answer(table[table$data == name, ])))
  do.call(rbind, parts)
}

# pROC: direction "<" says that the first level (non-severe, 0) has the lower scores. ci() is plain, cut at 0 and 1.
roc_answer <- function(d) {
  r <- roc(d$is_severe, d$score, levels = c(0, 1), direction = "<", quiet = TRUE)
  other <- roc(d$is_severe, d$other_score, levels = c(0, 1), direction = "<", quiet = TRUE)
  limits <- ci.auc(r, method = "delong")
  paired <- roc.test(r, other, paired = TRUE, method = "delong")
  ranks <- wilcox.test(d$score[d$is_severe == 1], d$score[d$is_severe == 0], exact = FALSE, correct = TRUE)
  data.frame(auc = as.numeric(auc(r)), variance = var(r, method = "delong"), plain_low = limits[1], plain_high = limits[3],
             other_auc = as.numeric(auc(other)), z = as.numeric(paired$statistic), p_value = paired$p.value,
             wilcoxon_p = ranks$p.value)
}
write_exact(each("roc_data.csv", roc_answer), "roc_answers.csv")

# Every cut-off of the greatest Youden index; thresholds lie midway between scores.
youden_answer <- function(d) {
  r <- roc(d$is_severe, d$score, levels = c(0, 1), direction = "<", quiet = TRUE)
  coords(r, "best", best.method = "youden", transpose = FALSE, ret = c("threshold", "sensitivity", "specificity", "tp", "tn"))
}
write_exact(each("roc_data.csv", youden_answer), "youden_answers.csv")

kappa_answer <- function(d) {
  counts <- table(factor(d$rater_1, levels = sort(unique(c(d$rater_1, d$rater_2)))),
                  factor(d$rater_2, levels = sort(unique(c(d$rater_1, d$rater_2)))))
  of_vcd <- Kappa(counts)$Unweighted
  of_psych <- suppressWarnings(cohen.kappa(unclass(counts)))
  data.frame(n = sum(counts), vcd_kappa = of_vcd["value"], vcd_ase = of_vcd["ASE"],
             psych_kappa = of_psych$kappa, psych_se = sqrt(of_psych$var.kappa))
}
write_exact(each("kappa_data.csv", kappa_answer), "kappa_answers.csv")

logistic_answer <- function(d) {
  fits <- list(poi = is_severe ~ scale(poi), ihu = is_severe ~ scale(ihu), poi_ihu = is_severe ~ scale(poi) + scale(ihu))
  parts <- lapply(names(fits), function(model) {
    used <- if (model == "poi") d else d[!is.na(d$ihu), ]
    fit <- glm(fits[[model]], family = binomial, data = used, control = list(epsilon = 1e-14, maxit = 100))
    estimates <- coef(summary(fit))[-1, , drop = FALSE]
    data.frame(model = model, predictor = gsub("scale\\((.*)\\)", "\\1", rownames(estimates)), n = nrow(used),
               coefficient = estimates[, 1], standard_error = estimates[, 2], p_value = estimates[, 4],
               intercept = coef(fit)[1], aic = AIC(fit), mean_predicted_severe = mean(fitted(fit)[used$is_severe == 1]))
  })
  do.call(rbind, parts)
}
write_exact(each("logistic_data.csv", logistic_answer), "logistic_answers.csv")

# Group comparisons: Welch's t and Wilcoxon's test as pingouin computes them in large samples.
group_answer <- function(d) {
  severe <- d$poi[d$is_severe == 1]; other <- d$poi[d$is_severe == 0]
  data.frame(welch_p = t.test(severe, other)$p.value,
             mann_whitney_p = wilcox.test(severe, other, exact = FALSE, correct = TRUE)$p.value)
}
write_exact(each("logistic_data.csv", group_answer), "group_answers.csv")

writeLines(c(R.version.string, sapply(c("pROC", "psych", "vcd", "stats"), function(p) paste(p, packageVersion(p)))), "versions.txt")
