"""Who is in a synthetic cohort: how many patients, scans and observers, in the paper's proportions unless given."""

from dataclasses import dataclass

import numpy as np

from study.phantom.people.patients import MOST_SCANS
from study.phantom.people.reports import LANGUAGES
from study.phantom.request import RequestError, check_word, is_fraction, is_whole
from study.plural import count

# The paper's counts, from which those that are not given follow by proportion.
PAPER = dict(
    n_patients=204,
    n_minors=8,
    n_severe_patients=32,
    n_scans=548,
    n_adult_scans=531,
    n_severe_scans=79,
    n_observed=30,
)


@dataclass(frozen=True)
class People:
    """Who is in a synthetic cohort. ``People()`` has the paper's counts.

    A count that is not given (None) is filled in from the others in the paper's proportions. A small cohort has no
    minors or severe patients where their share rounds to none.

    Parameters
    ----------
    n_patients, n_minors : int
        All patients, and those under 18; the last `n_minors` numbers are the minors.
    n_severe_patients : int
        Adults with at least one severe scan.
    n_scans, n_adult_scans, n_severe_scans : int
        All scans, those of adults, and those of severe status (adults only). At most `MOST_SCANS` per patient.
    n_observed : int
        Scans, each of another adult, that two observers delineate; one in ten severe where there are enough.
        Where it is not given, at least one.
    motion_fraction : float, 0..1
        Chance that a scan has respiratory motion; above 0, at least one scan has it.
    second_peak_fraction : float, 0..1
        Chance that a patient's disease rises again after its first peak, to a second one about day 17 or 18.
    report_language : {"english", "chinese", "mixed"}
        Of the follow-up reports. The paper's hospital wrote Chinese and its Table 3 prints English; "mixed" draws
        one of the two for each patient.
    seed : int
        Not negative.

    Raises
    ------
    RequestError
        Naming every count that cannot be met together with the others.
    """

    n_patients: int = PAPER["n_patients"]
    n_minors: int | None = None
    n_severe_patients: int | None = None
    n_scans: int | None = None
    n_adult_scans: int | None = None
    n_severe_scans: int | None = None
    n_observed: int | None = None
    motion_fraction: float = 0.04
    second_peak_fraction: float = 0.0
    report_language: str = "mixed"
    seed: int = 2020

    def __post_init__(self):
        """Check the numbers, fill in the counts that are not given, and check that all can be met together."""
        given = {name: getattr(self, name) for name in PAPER if getattr(self, name) is not None}
        self._check_numbers(given)
        for name, n in _filled(given).items():
            object.__setattr__(self, name, n)
        self._check_counts()

    @property
    def n_adults(self) -> int:
        """Patients of 18 years or more."""
        return self.n_patients - self.n_minors

    def _check_numbers(self, given: dict):
        must_be_whole = given | dict(n_patients=self.n_patients, seed=self.seed)
        faults = [
            f"{{{name}}} must be a whole number, 0 or more" for name, n in must_be_whole.items() if not is_whole(n)
        ]
        for name in ("motion_fraction", "second_peak_fraction"):
            if not is_fraction(getattr(self, name)):
                faults.append(f"{{{name}}} must be between 0 and 1")
        self._refuse(faults)
        check_word("report_language", self.report_language, (*LANGUAGES, "mixed"))

    def _check_counts(self):
        """Refuse counts that cannot be met together."""
        n_adults, n_minors, n_severe = self.n_adults, self.n_minors, self.n_severe_patients
        faults = []

        def within(name, low, high, why=""):
            if not low <= getattr(self, name) <= high:
                faults.append(f"{{{name}}} must be {_range(low, high)}{why}")

        within("n_patients", 1, 99999)
        within("n_minors", 0, self.n_patients, ": {n_patients} includes them")
        self._refuse(faults)
        groups = [count(n, word) for n, word in ((n_adults, "adult"), (n_minors, "minor")) if n]
        of_patients = "{n_patients} means " + " and ".join(groups)
        within("n_severe_patients", 0, n_adults, f": {of_patients}")
        self._refuse(faults)
        most = MOST_SCANS
        within("n_adult_scans", n_adults, most * n_adults, f", 1 to {most} for each adult: {of_patients}")
        n_minor_scans = self.n_scans - self.n_adult_scans
        if not n_minors <= n_minor_scans <= most * n_minors:
            allowed = _range(n_minors, most * n_minors)
            faults.append(
                f"{{n_scans}} minus {{n_adult_scans}} must be {allowed}, 1 to {most} for each minor: {of_patients}"
            )
        self._refuse(faults)
        within(
            "n_severe_scans",
            n_severe,
            min(most * n_severe, self.n_adult_scans - (n_adults - n_severe)),
            f", 1 to {most} for each of {{n_severe_patients}}, leaving one of {{n_adult_scans}} for every other adult",
        )
        within("n_observed", 0, n_adults, f", at most one for each adult: {of_patients}")
        self._refuse(faults)

    def _refuse(self, faults: list[str]):
        if faults:
            raise RequestError("; ".join(faults), vars(self))


def _range(low: int, high: int) -> str:
    return f"{low}" if low == high else f"between {low} and {high}"


def _filled(counts: dict) -> dict:
    """All counts of `PAPER` from those given, each of the others by its share in the paper."""
    n_patients = counts["n_patients"]

    def fill(name, of, among, low=0, high=None):
        n = int(np.floor(of * among + 0.5))
        counts.setdefault(name, max(n if high is None else min(n, high), low))

    paper, paper_adults = PAPER, PAPER["n_patients"] - PAPER["n_minors"]
    fill("n_minors", n_patients, paper["n_minors"] / paper["n_patients"])
    n_adults = n_patients - counts["n_minors"]
    fill("n_severe_patients", n_adults, paper["n_severe_patients"] / paper_adults)
    scans_per_minor = (paper["n_scans"] - paper["n_adult_scans"]) / paper["n_minors"]
    n_minor_scans = int(np.floor(counts["n_minors"] * scans_per_minor + 0.5))
    if "n_scans" in counts:
        counts.setdefault("n_adult_scans", counts["n_scans"] - n_minor_scans)
    fill("n_adult_scans", n_adults, paper["n_adult_scans"] / paper_adults)
    counts.setdefault("n_scans", counts["n_adult_scans"] + n_minor_scans)
    n_severe, n_others = counts["n_severe_patients"], n_adults - counts["n_severe_patients"]
    scans_per_severe = paper["n_severe_scans"] / paper["n_severe_patients"]
    fill("n_severe_scans", n_severe, scans_per_severe, low=n_severe, high=counts["n_adult_scans"] - n_others)
    fill("n_observed", n_adults, paper["n_observed"] / paper_adults, low=min(1, max(n_adults, 0)))
    return counts
