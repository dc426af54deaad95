"""Claims whose answer hangs on the seed of the training."""

import pandas as pd

from study.claims import verdicts
from study.results import seeds, words


def remarked(compared, paper, run):
    """The claims with a remark on each whose answer hangs on the seed of the training.

    An answer is the verdict, and of a word (*moderate*, *good*) also the word, which a synthetic run has too.

    Parameters
    ----------
    compared : DataFrame
        From ``verdicts.compare``.
    paper : study.claims.listed.Paper
    run : study.run.Run

    Returns
    -------
    DataFrame
        As `compared`, with longer remarks.
    """
    # What does not come from the networks is the same in all.
    others = [verdicts.compare(paper, one, run.tier) for one in seeds.read(run)]
    answers = pd.DataFrame({k: _answers(one) for k, one in enumerate([compared, *others])})
    told = compared.copy()
    for row, given in zip(compared.itertuples(), answers.itertuples(index=False), strict=True):
        counts = pd.Series(given).value_counts(sort=False)
        if len(counts) > 1:
            said = ", ".join(f"{answer} ({count} of {len(given)})" for answer, count in counts.items())
            remark = f"hangs on the seed of the training: {said}"
            told.loc[row.Index, "remark"] = "; ".join(filter(None, [row.remark, remark]))
    return told


def _answers(compared):
    is_word = compared["unit"] == "word"
    return compared["regenerated"].where(is_word, compared["verdict"]).map(
        lambda answer: words.MISSING if words.is_missing(answer) else answer)  # fmt: skip
