"""Exercises: whether an answer is what the study computes from a run's tables.

The questions are in the notebooks of ``exercises/``, one for each notebook of the study; the solutions in a folder next
to them. No answer is typed here: each is computed from the run, from the paper's printed numbers, or from what the
question gives, by the functions that the notebooks use. A wrong answer gets a hint, never the right answer.
"""

import itertools
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from study.claims.paper import read_paper
from study.lab import exercise_tasks, on_paper
from study.measures import biomarkers
from study.parameters import kind_of
from study.results import progression, report_phrases, severity
from study.run import Run
from study.scans import cohort, scan_tables


@dataclass(frozen=True)
class Checked:
    """An answer that was checked; shown as its message."""

    right: bool
    message: str

    def __repr__(self):
        return self.message


@dataclass(frozen=True)
class Example:
    """A scan to work on: `hu` and `label_map` (z, y, x), and `spacing_mm` in the same order."""

    scan_id: str
    hu: np.ndarray
    label_map: np.ndarray
    spacing_mm: tuple


TASKS = on_paper.TASKS | exercise_tasks.TASKS
# POI is rounded to the first of these steps, and pairs are counted by the first of these rules, for which an answer can
# be told from every known slip: without equal values "above" is the same as "at least", where up and down are equally
# frequent PABAK is kappa, and where both sides say "up" equally often Scott's pi is. A rule says every how many-th
# report of a decrease is taken, and above which rise, in percentage points, POI is up.
STEPS, EVERY, LEAST_RISES = (0.01, 0.02, 0.05, 0.1), (3, 2, 4, 5, 6), (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class OnPaper:
    """The exercises that need no run."""

    tasks = on_paper.TASKS

    def check(self, number, answer):
        """Say whether an answer is right, and if not, where to look.

        Parameters
        ----------
        number : str or float
            The exercise, such as ``"5.3"``.
        answer : float, or array of one
            As the question asks for it; None or ``...`` if there is none yet.

        Returns
        -------
        Checked

        Raises
        ------
        ValueError
            If there is no exercise of this number.
        """
        number = str(number)
        if number not in TASKS:
            near = [known for known in TASKS if known[:2] == number[:2]] or TASKS
            raise ValueError(f"there is no exercise {number!r}; there are {', '.join(near)}")
        if number not in self.tasks:
            return Checked(False, f'{number}: needs a run; check it with exercises = Exercises("demo").')
        if answer is None or answer is Ellipsis:
            return Checked(False, f"{number}: no answer yet.")
        try:
            given = np.asarray(answer, float).item()
        except (TypeError, ValueError):
            given = "a dict" if isinstance(answer, dict) else kind_of(answer)
            return Checked(False, f"{number}: not yet. The answer must be one number; this is {given}.")
        if np.isnan(given):
            return Checked(False, f"{number}: not yet. The answer is nan, not a number: was something empty?")
        task = self.tasks[number](self)
        if not np.isfinite(task.expected):
            return Checked(False, f"{number}: this run has no answer, not enough data; use a larger run.")
        if task.is_right(given):
            return Checked(True, f"{number}: right.")
        return Checked(False, f"{number}: not yet. {task.hint(given)}")


class Exercises(OnPaper):
    """The exercises on one run, and their data.

    Parameters
    ----------
    run : str
        Name of the run.
    biomarkers_csv : str
        Another table of biomarkers, as a path from the project's root; enough for the exercises to notebooks 5 and 6.
    root : path, optional
        The project's root; by default found upward from the working directory.

    Attributes
    ----------
    scans : DataFrame
        The biomarkers, indexed by scan_id, with ``is_severe``.
    example : Example
        A severe scan with its label map.
    pairs : DataFrame
        Consecutive scans of a patient with ``poi_change``, ``ihu_change`` and what the later scan's report says.
    rounded_poi : Series
        POI in whole multiples of ``poi_step``, so that some are equal.
    counts : dict of str to int
        Pairs by report and POI: ``up_up, up_down, down_up, down_down``, the report first; of the reports of a decrease
        every ``every``-th, so that up and down are not equally frequent, and POI is up if it rose by more than
        ``least_rise`` percentage points, so that the two sides do not say "up" equally often.
    changes_without_phrase : Series
        Changes of POI, in percentage points, of the pairs whose report names no change of extent.
    printed : dict of str to float
        The paper's printed numbers, by the ids of ``claims.yaml``.
    """

    tasks = TASKS

    def __init__(self, run="demo", biomarkers_csv="", root=None):
        self.study_run = Run(run, root)
        self.path = self.study_run.root / (biomarkers_csv or self.study_run.biomarkers_csv)
        if not self.path.is_file():
            raise FileNotFoundError(
                f"{self.path}: table of biomarkers not found; is the run's name right? Make it with "
                f"`make study{'' if run == 'demo' else f' RUN={run}'}`, or give the path of your own table as "
                "biomarkers_csv"
            )

    @cached_property
    def scans(self):
        """The biomarkers, with ``is_severe``."""
        return severity.read_biomarkers_with_status(self.path)

    @cached_property
    def example(self):
        """The severe scan with the median volume of infection."""
        from study.figures import examples
        from study.scans import ct

        table = self.study_run.cohort / "scans.csv"
        if not table.is_file():
            raise FileNotFoundError(f"{table}: the scans of this run are not here; make the demo's with `make study`")
        scans = scan_tables.read_scans(table).set_index("scan_id", drop=False)
        scan_id = examples.typical_scan(self.scans.reset_index(), "severe")
        scan = ct.read_scan(self.study_run.cohort / scans.loc[scan_id, "image"])
        label_map = ct.read_label_map(self.study_run.masks / f"{scan_id}.nii.gz", scan)
        return Example(scan_id, scan.hu, label_map, tuple(scan.spacing_mm))

    @cached_property
    def pairs(self):
        """Pairs of consecutive scans with their changes and reports."""
        scans = scan_tables.read_biomarkers(self.path)
        pairs = biomarkers.changes(scans, cohort.consecutive_pairs(scans))
        reports = report_phrases.reports_of(scans, pairs)
        pairs = pairs.join(report_phrases.read(reports))
        if report_phrases.is_unread(pairs):
            raise ValueError(f"{self.path}: {report_phrases.coverage(pairs)}")
        return pairs

    @cached_property
    def poi_step(self):
        """To multiples of which POI is rounded for exercise 5.1."""
        return next((step for step in STEPS if self._auc_of(step).tells_apart), STEPS[-1])

    @property
    def rounded_poi(self):
        """POI with equal values."""
        return (self.scans["poi"] / self.poi_step).round() * self.poi_step

    def _auc_of(self, step):
        poi = self.scans["poi"]
        return exercise_tasks.counted_auc((poi / step).round() * step, poi, self.scans["is_severe"])

    @property
    def every(self):
        """Of the pairs whose report names a decrease, every how many-th is counted."""
        return self._counted_by[0]

    @property
    def least_rise(self):
        """Above which rise, in percentage points, POI is counted as up."""
        return self._counted_by[1]

    @property
    def counts(self):
        """Pairs by the direction of the report and of POI."""
        return self._counts_of(*self._counted_by)

    @cached_property
    def _counted_by(self):
        rules = itertools.product(EVERY, LEAST_RISES)
        found = (rule for rule in rules if exercise_tasks.kappa_of(self._counts_of(*rule)).tells_apart)
        return next(found, (1, LEAST_RISES[0]))

    def _counts_of(self, every, least_rise):
        poi_rose = (100 * self.pairs["poi_change"] > least_rise).astype(float)
        directions = {"poi_direction": poi_rose, "ihu_direction": biomarkers.binarise(self.pairs["ihu_change"])}
        case = progression.rated(self.pairs.assign(**directions))["volume_all"]
        words = {1.0: "up", 0.0: "down"}
        taken = {1.0: case[case["report"] == 1], 0.0: case[case["report"] == 0].iloc[::every]}
        return {
            f"{words[report]}_{words[poi]}": int((taken[report]["biomarker"] == poi).sum())
            for report in words
            for poi in words
        }

    @cached_property
    def changes_without_phrase(self):
        """Changes of POI where the report names no change of extent, nor any in words that are not understood."""
        silent = self.pairs["has_report"] & (self.pairs["volume"] == 0) & ~self.pairs["unread"]
        return 100 * self.pairs.loc[silent, "poi_change"]

    @cached_property
    def printed(self):
        """The paper's numbers."""
        numbers = {claim.id: claim.number() for claim in read_paper().claims}
        return {id_: number.value for id_, number in numbers.items() if number}
