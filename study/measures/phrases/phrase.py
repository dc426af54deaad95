"""One statement of change, as it was read in a report."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Phrase:
    """One statement of change.

    `quantity` "volume" or "density", `direction` +1 or -1, `partial`, the `word` of change and the clause, `text`.
    """

    quantity: str
    direction: int
    partial: bool
    word: str
    text: str
