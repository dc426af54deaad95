"""The likelihood of a logistic model, or Firth's penalised one, and how to climb it."""

import numpy as np
from scipy import optimize, special, stats


class Likelihood:
    """The log-likelihood of a design (row, coefficient) and an outcome, penalised by Jeffreys' prior if `firth`.

    The columns of the design should be orthogonal, each of length sqrt(rows): predictors that nearly determine each
    other leave Newton's method without a way to the top.
    """

    def __init__(self, design, severe, firth):
        self.design, self.severe, self.firth = design, severe, firth

    def probability(self, params):
        """Probability of the outcome, row by row."""
        return special.expit(self.design @ params)

    def at(self, params):
        """Log-likelihood, its gradient, its curvature (minus the second derivatives), and the information matrix.

        The information is that of the likelihood without penalty; without penalty it is the curvature as well.
        """
        chance = self.probability(params)
        value = special.log_expit(np.where(self.severe, 1, -1) * (self.design @ params)).sum()
        weight, residual = chance * (1 - chance), self.severe - chance
        information = self.design.T @ (weight[:, None] * self.design)
        if not self.firth:
            return value, self.design.T @ residual, information, information
        inverse = np.linalg.inv(information)
        leverage = weight * self._squares(inverse)
        skew = 1 - 2 * chance
        # How each row's leverage changes with each coefficient: through its own weight and through the information.
        moved = (leverage * skew)[:, None] * self.design
        for column, shift in enumerate((weight * skew)[:, None] * self.design.T[:, :, None] * self.design):
            moved[:, column] -= weight * self._squares(inverse @ (self.design.T @ shift) @ inverse)
        gradient = self.design.T @ (residual + leverage * skew / 2)
        bent = moved * skew[:, None] / 2 - (leverage * weight)[:, None] * self.design
        curvature = information - self.design.T @ bent
        return value + np.linalg.slogdet(information)[1] / 2, gradient, curvature, information

    def _squares(self, matrix):
        """Quadratic form of each row of the design."""
        return ((self.design @ matrix) * self.design).sum(axis=1)

    def proves_overlap(self, params):
        """Whether these coefficients prove that no combination of the columns separates the outcome, ties or not.

        Separation means coefficients b for which no row's margin, m = b x (-b x of a row without the outcome), is
        negative and one is positive. The gradient g is the sum of the rows x, with these signs, by the sizes r of their
        residuals, so that b g is the sum of r m. If b separates, this is at least min(r) times the sum of m, which is
        at least min(r) |X b|, that is min(r) sqrt(n) |b| by orthogonal columns of length sqrt(n); and b g is at most
        |b| |g|. A gradient below min(r) sqrt(n) therefore leaves no such b, exactly (Stiemke's lemma has the case of a
        gradient of 0). At a maximum the gradient is of the size of rounding and r is not, unless a row is fitted
        nearly perfectly: then nothing is proven.
        """
        residual = self.severe - self.probability(params)
        gradient = self.design.T @ residual
        rounding = 1e-10
        return np.linalg.norm(gradient) + rounding < np.abs(residual).min() * len(residual) ** 0.5

    def climb(self, params, free=slice(None)):
        """Maximise over the coefficients `free` by Newton's method, halving steps that decrease the likelihood."""
        value, gradient, curvature, information = self.at(params)
        for _ in range(200):
            bend = curvature[free][:, free]
            # Far from the top a penalised likelihood may bend upwards; the information never does.
            bend = bend if np.linalg.eigvalsh(bend)[0] > 0 else information[free][:, free]
            step = np.zeros_like(params)
            step[free] = np.linalg.solve(bend, gradient[free])
            step /= max(1, np.abs(step).max() / 5)
            while np.abs(step).max() > 1e-10:
                higher = self.at(params + step)
                if higher[0] >= value - 1e-12 * abs(value):
                    break
                step /= 2
            else:
                return params
            params, (value, gradient, curvature, information) = params + step, higher
        raise ValueError("the regression did not converge: look for extreme values in the predictors")

    def held(self, params, at, number):
        """The greatest log-likelihood with coefficient `at` fixed at a number, starting from `params`."""
        start = np.array(params)
        start[at] = number
        return self.at(self.climb(start, np.flatnonzero(np.arange(start.size) != at)))[0]

    def profile_limits(self, params, at, reach, confidence):
        """Coefficients on both sides of the estimate where the likelihood ratio reaches its chi-square quantile."""
        least = self.at(params)[0] - stats.chi2.ppf(confidence, 1) / 2

        def excess(number):
            return self.held(params, at, number) - least

        limits = []
        for side in (-reach, reach):
            while excess(params[at] + side) > 0:
                side *= 2
            limits.append(optimize.brentq(excess, params[at], params[at] + side, xtol=1e-9))
        return limits
