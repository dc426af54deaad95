# R's answers on the data sets of draw_data.py. Run in this folder: Rscript answers.R
# Debian packages: r-base-core r-cran-proc r-cran-psych r-cran-vcd r-cran-boot r-cran-mass r-cran-brglm2
suppressPackageStartupMessages({library(pROC); library(psych); library(vcd); library(boot); library(brglm2)})
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
curve_of <- function(is_severe, score) roc(is_severe, score, levels = c(0, 1), direction = "<", quiet = TRUE)
roc_answer <- function(d) {
  r <- curve_of(d$is_severe, d$score)
  other <- curve_of(d$is_severe, d$other_score)
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
  coords(curve_of(d$is_severe, d$score), "best", best.method = "youden", transpose = FALSE,
         ret = c("threshold", "sensitivity", "specificity", "tp", "tn"))
}
write_exact(each("roc_data.csv", youden_answer), "youden_answers.csv")

# boot: resamples of the AUC, their limits, and the influence of each scan that its BCa interval takes. boot adds up the
# influence values as they come; in strata they count by the size of theirs (Davison and Hinkley 1997, section 5.3.2).
set.seed(20200417)
replicates <- NULL
boot_answer <- function(d) {
  schemes <- list(stratified = d$is_severe, plain = rep(1, nrow(d)))
  parts <- lapply(names(schemes), function(scheme) {
    area <- function(d, rows) {
      severe <- d$is_severe[rows] == 1; ranks <- rank(d$score[rows]); n <- sum(severe)
      (sum(ranks[severe]) - n * (n + 1) / 2) / (n * sum(!severe))
    }
    drawn <- boot(d, area, R = 499, strata = schemes[[scheme]])
    replicates <<- rbind(replicates, data.frame(data = d$data[1], scheme = scheme, auc = drawn$t[, 1]))
    influence <- empinf(data = d, statistic = area, stype = "i", type = "jack", strata = schemes[[scheme]])
    if (scheme == "stratified") influence <- influence / table(d$is_severe)[as.character(d$is_severe)]
    limits <- boot.ci(drawn, type = c("perc", "bca"), L = influence)
    data.frame(scheme = scheme, bias = qnorm(mean(drawn$t < drawn$t0)),
               acceleration = sum(influence^3) / (6 * sum(influence^2)^1.5),
               quantile_low = quantile(drawn$t, 0.025), quantile_high = quantile(drawn$t, 0.975),
               percentile_low = limits$percent[4], percentile_high = limits$percent[5],
               bca_low = limits$bca[4], bca_high = limits$bca[5])
  })
  do.call(rbind, parts)
}
resampled <- c("paper_size_weak", "few_values", "mostly_severe")
of_resampled <- function(d) if (d$data[1] %in% resampled) boot_answer(d) else NULL
answers <- lapply(split(read.csv("roc_data.csv"), ~data), of_resampled)
write_exact(do.call(rbind, Map(function(name, part) if (is.null(part)) NULL else cbind(data = name, part), names(answers), answers)),
            "boot_answers.csv")
write_exact(replicates, "boot_replicates.csv")

# pROC's own bootstrap, which draws other resamples: agreement up to their number.
proc_answer <- function(d) {
  if (!d$data[1] %in% c("paper_size", "paper_size_ties", "chance", "few_values")) return(NULL)
  parts <- lapply(c(stratified = TRUE, plain = FALSE), function(stratified) {
    limits <- ci.auc(curve_of(d$is_severe, d$score), method = "bootstrap", boot.n = 10000, boot.stratified = stratified,
                     progress = "none")
    data.frame(scheme = ifelse(stratified, "stratified", "plain"), low = limits[1], high = limits[3])
  })
  cbind(data = d$data[1], do.call(rbind, parts))
}
write_exact(do.call(rbind, lapply(split(read.csv("roc_data.csv"), ~data), proc_answer)), "proc_bootstrap_answers.csv")

# Shares: Clopper and Pearson's limits, and Wilson's, which prop.test gives without its correction.
shares <- data.frame(successes = c(0, 1, 0, 1, 1, 5, 9, 10, 20, 22, 63, 66, 79, 408, 428, 452, 9000),
                     n = c(1, 1, 10, 2, 10, 10, 10, 10, 41, 25, 79, 79, 79, 452, 452, 452, 100000))
share_answer <- function(successes, n) {
  do.call(rbind, lapply(c(0.8, 0.95), function(confidence) {
    exact <- binom.test(successes, n, conf.level = confidence)$conf.int
    wilson <- suppressWarnings(prop.test(successes, n, conf.level = confidence, correct = FALSE)$conf.int)
    data.frame(successes = successes, n = n, confidence = confidence, exact_low = exact[1], exact_high = exact[2],
               wilson_low = wilson[1], wilson_high = wilson[2])
  }))
}
write_exact(do.call(rbind, Map(share_answer, shares$successes, shares$n)), "proportion_answers.csv")

kappa_answer <- function(d) {
  levels <- sort(unique(c(d$rater_1, d$rater_2)))
  counts <- table(factor(d$rater_1, levels = levels), factor(d$rater_2, levels = levels))
  k <- length(levels)
  apart <- abs(outer(1:k, 1:k, "-")) / (k - 1)
  credits <- list(none = diag(k), linear = 1 - apart, quadratic = 1 - apart^2)
  named <- c(none = "Equal-Spacing", linear = "Equal-Spacing", quadratic = "Fleiss-Cohen")
  do.call(rbind, lapply(names(credits), function(weights) {
    of_vcd <- Kappa(counts, weights = named[[weights]])[[ifelse(weights == "none", "Unweighted", "Weighted")]]
    of_psych <- suppressWarnings(cohen.kappa(unclass(counts), w = credits[[weights]]))
    data.frame(weights = weights, n = sum(counts), vcd_kappa = of_vcd["value"], vcd_ase = of_vcd["ASE"],
               psych_kappa = of_psych$weighted.kappa, psych_se = sqrt(of_psych$var.weighted))
  }))
}
write_exact(each("kappa_data.csv", kappa_answer), "kappa_answers.csv")

# The value of a coefficient where the log-likelihood, the greatest with that coefficient held, has fallen by half the
# chi-square quantile: to the last digit, where MASS's confint reads it from a spline through 10 points or so.
limits_of <- function(profile, best, error, greatest) {
  excess <- function(value) profile(value) - greatest + qchisq(0.95, 1) / 2
  sapply(c(-1, 1), function(side) {
    far <- side * error
    while (excess(best + far) > 0) far <- 2 * far
    uniroot(excess, sort(c(best, best + far)), tol = 1e-11)$root
  })
}
strict <- list(epsilon = 1e-14, maxit = 100)
glm_answer <- function(formula, used) {
  fit <- glm(formula, family = binomial, data = used, control = strict)
  estimates <- coef(summary(fit))[-1, , drop = FALSE]
  splined <- suppressMessages(matrix(confint(fit), ncol = 2)[-1, , drop = FALSE])
  profiled <- t(sapply(seq_len(nrow(estimates)) + 1, function(at) {
    x <- model.matrix(fit)
    held <- function(value) {
      as.numeric(logLik(glm.fit(x[, -at, drop = FALSE], used$is_severe, offset = value * x[, at], family = binomial(),
                                control = strict) |> structure(class = "glm")))
    }
    limits_of(held, coef(fit)[at], estimates[at - 1, 2], as.numeric(logLik(fit)))
  }))
  data.frame(coefficient = estimates[, 1], standard_error = estimates[, 2], p_value = estimates[, 4],
             profile_low = profiled[, 1], profile_high = profiled[, 2], confint_low = splined[, 1], confint_high = splined[, 2],
             intercept = coef(fit)[1], aic = AIC(fit), mean_predicted_severe = mean(fitted(fit)[used$is_severe == 1]))
}
# Firth: brglm2's mean bias reduction. It does no penalised profiles: those are by optim, straight from the definition.
firth_answer <- function(formula, used) {
  fit <- glm(formula, family = binomial, data = used, method = "brglmFit", type = "AS_mean",
             control = list(epsilon = 1e-13, maxit = 10000, max_step_factor = 20))
  estimates <- coef(summary(fit))[-1, , drop = FALSE]
  x <- model.matrix(fit)
  penalised <- function(b) {
    p <- plogis(drop(x %*% b))
    sum(plogis((2 * used$is_severe - 1) * drop(x %*% b), log.p = TRUE)) +
      as.numeric(determinant(crossprod(x, p * (1 - p) * x))$modulus) / 2
  }
  start <- coef(fit)
  greatest <- penalised(start)
  rows <- lapply(seq_len(nrow(estimates)) + 1, function(at) {
    held <- function(value) {
      objective <- function(free) { b <- start; b[-at] <- free; b[at] <- value; -penalised(b) }
      best <- optim(start[-at], objective, method = "BFGS", control = list(reltol = 1e-15, maxit = 1000, ndeps = rep(1e-5, length(start) - 1)))
      -optim(best$par, objective, method = "BFGS", control = list(reltol = 1e-15, maxit = 1000, ndeps = rep(1e-5, length(start) - 1)))$value
    }
    limits <- limits_of(held, start[at], estimates[at - 1, 2], greatest)
    data.frame(profile_low = limits[1], profile_high = limits[2], p_value = pchisq(2 * (greatest - held(0)), 1, lower.tail = FALSE))
  })
  cbind(data.frame(coefficient = estimates[, 1], standard_error = estimates[, 2], intercept = start[1],
                   log_likelihood = greatest), do.call(rbind, rows))
}
models <- list(poi = is_severe ~ scale(poi), ihu = is_severe ~ scale(ihu), poi_ihu = is_severe ~ scale(poi) + scale(ihu))
of_models <- function(d, answer, names) {
  do.call(rbind, lapply(names, function(model) {
    used <- if (model == "poi") d else d[!is.na(d$ihu), ]
    found <- answer(models[[model]], used)
    cbind(data.frame(model = model, predictor = strsplit(model, "_")[[1]], n = nrow(used)), found)
  }))
}
# No maximum of the likelihood exists where the names say so; iHU alone does not separate.
unseparated <- function(d) if (startsWith(d$data[1], "separated")) "ihu" else names(models)
write_exact(each("logistic_data.csv", function(d) of_models(d, glm_answer, unseparated(d))), "logistic_answers.csv")
write_exact(each("logistic_data.csv", function(d) of_models(d, firth_answer, names(models))), "firth_answers.csv")

ratio_answer <- function(d) {
  if (startsWith(d$data[1], "separated")) return(data.frame(statistic = NA, df = 1, p_value = NA))
  used <- d[!is.na(d$ihu), ]
  smaller <- glm(models$poi, family = binomial, data = used, control = strict)
  test <- anova(smaller, glm(models$poi_ihu, family = binomial, data = used, control = strict), test = "LRT")
  data.frame(statistic = test$Deviance[2], df = test$Df[2], p_value = test$`Pr(>Chi)`[2])
}
write_exact(each("logistic_data.csv", ratio_answer), "likelihood_ratio_answers.csv")

# Group comparisons: Welch's t and Wilcoxon's test as pingouin computes them in large samples.
group_answer <- function(d) {
  severe <- d$poi[d$is_severe == 1]; other <- d$poi[d$is_severe == 0]
  data.frame(welch_p = t.test(severe, other)$p.value,
             mann_whitney_p = wilcox.test(severe, other, exact = FALSE, correct = TRUE)$p.value)
}
write_exact(each("logistic_data.csv", group_answer), "group_answers.csv")

table_answer <- function(d) {
  counts <- xtabs(count ~ is_severe + category, d)
  pearson <- suppressWarnings(chisq.test(counts, correct = FALSE))
  data.frame(n = sum(counts), least_expected = min(pearson$expected), chi_square = as.numeric(pearson$statistic),
             chi_square_p = pearson$p.value, yates_p = suppressWarnings(chisq.test(counts, correct = TRUE)$p.value),
             fisher_p = fisher.test(counts)$p.value)
}
write_exact(each("table_data.csv", table_answer), "table_answers.csv")

packages <- c("pROC", "psych", "vcd", "boot", "MASS", "brglm2", "stats")
writeLines(c(R.version.string, sapply(packages, function(p) paste(p, packageVersion(p)))), "versions.txt")
