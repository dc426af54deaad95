"""A thousand true papers, drawn at random and printed in all ways: the audit accuses none."""

import math
import random
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from helpers.tables import written
from study.claims import audit, paper, two_by_two
from tools import simulate_audit


def printed_as(random_, value, decimals, percent=False):
    """Round as printers do, halves up or to even."""
    text = Decimal(float(value * (100 if percent else 1))).quantize(
        Decimal(1).scaleb(-decimals), random_.choice([ROUND_HALF_UP, ROUND_HALF_EVEN])
    )
    return f"{text}{' %' if percent else ''}"


def entropy(k, n):
    return -2 * sum(x * math.log(x / n) for x in (k, n - k) if x)


def true_paper(seed):
    """The relations of one true paper: contingency tables and samples drawn, measured, and rounded."""
    r, g = random.Random(seed), np.random.default_rng(seed)
    lines, digits = [], r.randint(2, 4)

    def add(rule, **given):
        lines.append(written(rule, given).removeprefix("relations:\n"))

    def p(value):
        return "<0.001" if value < 0.001 else printed_as(r, value, r.choice([2, 3]))

    from scipy import special

    # readers
    cells = g.multinomial(r.randint(10, 250), g.dirichlet([3, 1, 1, 3]))
    n = int(cells.sum())
    kappa = two_by_two.kappa(cells)[0]
    if np.isfinite(kappa):
        error = r.choice([e for formula in two_by_two.ERRORS.values() if np.isfinite(e := formula(cells)[0])])
        add("agreement", n=str(n), observed=printed_as(r, (cells[0] + cells[3]) / n, digits),
            first=str(cells[0] + cells[1]), second=str(cells[0] + cells[2]),
            kappa=printed_as(r, kappa, digits), error=printed_as(r, error, digits))  # fmt: skip
    # an exposure and an outcome: odds ratio, its interval, AICs with and without it
    a, b, c, d = g.integers(1, 120, 4).tolist()
    log, error = math.log(a * d / b / c), math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    low, high = (math.exp(log + sign * 1.959964 * error) for sign in (-1, 1))
    add("odds_ratio", estimate=printed_as(r, math.exp(log), digits), low=printed_as(r, low, digits),
        high=printed_as(r, high, digits), p=p(2 * special.ndtr(-abs(log / error))))  # fmt: skip
    null, deviance = entropy(a + c, a + b + c + d), entropy(a, a + b) + entropy(c, c + d)
    aic_0, aic_1 = (printed_as(r, x, digits) for x in (null + 2, deviance + 4))
    add("likelihood", aic=aic_1, parameters="2", positives=str(a + c), total=str(a + b + c + d))
    add("nested", smaller=aic_0, larger=aic_1, added="1", p=p(special.chdtrc(1, max(0, null - deviance))))
    # shares, margins, chi-square
    for count, total in ((a, a + b), (c, c + d)):
        add("share", share=printed_as(r, count / total, digits - 2, True), count=str(count), total=str(total))
        add("share", share=printed_as(r, count / total, digits), total=str(total))
    add("sum", total=str(a + c), parts=[str(a), str(c)])
    table = np.array([[a, c], [b, d]])
    off = abs(a * d - b * c) - r.choice([0, min(table.sum() / 2, abs(a * d - b * c))])
    square = table.sum() * off**2 / np.prod([*table.sum(axis=0), *table.sum(axis=1)], dtype=float)
    add("chi_square", counts=[str(a), str(c)], totals=[str(a + b), str(c + d)], p=p(special.chdtrc(1, square)))
    # two samples: means, SDs, their pool, t test
    one, other = (g.gamma(4, 3, r.randint(3, 60)) + shift for shift in (0, r.random() * 8))
    ddof = r.choice([0, 1])
    groups = [(str(len(x)), printed_as(r, x.mean(), 1), printed_as(r, x.std(ddof=ddof), 1)) for x in (one, other)]
    both = np.concatenate([one, other])
    add(
        "pooled",
        groups=groups,
        n=str(len(both)),
        mean=printed_as(r, both.mean(), 1),
        sd=printed_as(r, both.std(ddof=ddof), 1),
    )
    low, *quartiles, high = (printed_as(r, x, 1) for x in np.quantile(both, [0, 0.25, 0.5, 0.75, 1]))
    add("spread", mean=printed_as(r, both.mean(), 1), n=str(len(both)), sd=printed_as(r, both.std(ddof=ddof), 1),
        lowest=low,
        lower_quartile=quartiles[0], median=quartiles[1], upper_quartile=quartiles[2], highest=high)  # fmt: skip
    variances = [x.var(ddof=1) / len(x) for x in (one, other)]
    freedom = sum(variances) ** 2 / sum(v**2 / (len(x) - 1) for v, x in zip(variances, (one, other), strict=True))
    samples = [(str(len(x)), printed_as(r, x.mean(), 1), printed_as(r, x.std(ddof=1), 1)) for x in (one, other)]
    welch = 2 * special.stdtr(freedom, -abs(one.mean() - other.mean()) / math.sqrt(sum(variances)))
    add("t_test", groups=samples, p=p(welch))
    # a score: the AUC and the point of the largest Youden index
    above = (other[:, None] > one).mean() + (other[:, None] == one).mean() / 2
    cut = max(both, key=lambda x: (other >= x).mean() + (one < x).mean())
    add("roc", sensitivity=printed_as(r, (other >= cut).mean(), digits), 
        specificity=printed_as(r, (one < cut).mean(), digits),
        auc=printed_as(r, above, digits), cut_off="youden")  # fmt: skip
    return "relations:\n" + "\n".join(lines)


def test_a_thousand_true_papers_are_not_accused(tmp_path):
    path = tmp_path / "all.yaml"
    accused = []
    for start in range(0, 1000, 100):
        lines = [true_paper(seed).removeprefix("relations:\n") for seed in range(start, start + 100)]
        path.write_text("relations:\n" + "\n".join(lines), encoding="utf-8")
        checks = audit.audit(paper.read_paper(path))
        accused += [(check.rule, check.words, [one.text for one in check.cited]) for check in checks if not check.holds]
        assert len(checks) > 1100
    assert accused == []


@pytest.mark.parametrize("draw", simulate_audit.METHODS, ids=lambda draw: draw.__name__)
def test_no_method_is_accused(draw):
    """A small part of tools/simulate_audit.py."""
    rng = np.random.default_rng(3)
    for method in simulate_audit.METHODS[draw]:
        for rounding in simulate_audit.ROUNDINGS:
            table = draw(rng, method)
            relation = simulate_audit.printed(table.relation, "no zero", rounding)
            head = {"rounding": rounding} if rounding else {}
            for named in [{}, {"method": table.method}] if table.method else [{}]:  # whether or not the paper names it
                assert simulate_audit.answer(relation | named, head) in ("", "remarked"), (method, relation, named)
