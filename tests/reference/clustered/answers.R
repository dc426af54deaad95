# R's answers on the data sets of draw_data.py. Run in this folder: Rscript answers.R
# Debian packages: r-base-core r-cran-geepack
suppressPackageStartupMessages(library(geepack))
options(digits = 17, warn = 1)
data <- read.csv("data.csv", stringsAsFactors = FALSE)

write_exact <- function(table, path) {
  numeric <- sapply(table, is.numeric)
  table[numeric] <- lapply(table[numeric], function(x) sprintf("%.17g", x))
  write.csv(table, path, row.names = FALSE, quote = FALSE)
}

# Odds ratios per SD: geeglm with working independence; Std.err is the sandwich error ("san.se").
gee <- do.call(rbind, lapply(unique(data$data), function(name) {
  d <- data[data$data == name, ]
  d$x1 <- as.numeric(scale(d$x1)); d$x2 <- as.numeric(scale(d$x2))
  fit <- geeglm(y ~ x1 + x2, id = patient, data = d, family = binomial, corstr = "independence",
                control = geese.control(epsilon = 1e-12, maxit = 100))
  s <- summary(fit)$coefficients
  data.frame(data = name, predictor = c("x1", "x2"), coefficient = s[2:3, "Estimate"], standard_error = s[2:3, "Std.err"],
             p_value = s[2:3, "Pr(>|W|)"])
}))
write_exact(gee, "gee_answers.csv")

# Calibration of the probability plogis(x1 - 1): slope of a logistic regression on its logit, and intercept with slope 1.
calibration <- do.call(rbind, lapply(unique(data$data), function(name) {
  d <- data[data$data == name, ]
  logit <- d$x1 - 1
  data.frame(data = name, slope = coef(glm(d$y ~ logit, family = binomial, epsilon = 1e-14))[[2]],
             intercept = coef(glm(d$y ~ offset(logit), family = binomial, epsilon = 1e-14))[[1]])
}))
write_exact(calibration, "calibration_answers.csv")

writeLines(c(R.version.string, paste("geepack", packageVersion("geepack")), paste("stats", packageVersion("stats"))),
           "versions.txt")
