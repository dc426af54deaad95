"""A run: the folders through which notebooks hand on their results, and the numbers that a reader may quote.

A run is named (``demo``, ``smoke``, ``mine``). Its data are in ``runs/<name>``, its figures and tables in
``figures/<name>``, both under the project's root. Notebooks exchange data through these files only. Pandas is imported
where a table is made, as the process that starts each notebook needs this module and no table.
"""

import json
import re
from pathlib import Path

from study.files import sha256, write_json

VALUE_COLUMNS = ["name", "value", "ci_low", "ci_high", "n", "unit", "standard_error"]
# The notebooks whose numbers are about patients.
RECORDING = ("1-cohort", "2-train", "3-segment", "4-biomarkers", "5-severity", "6-progression")
NAMED = ("synthetic", "public")  # tiers of patients of whom single ones may be named in what is handed on
PERCENT = ("%", "percentage points")  # no units of recorded values


def project_root(start="."):
    """Return the folder, at `start` or above it, that contains the notebooks and the Snakefile.

    Raises
    ------
    FileNotFoundError
        If no such folder is found.
    """
    here = Path(start).resolve()
    for folder in (here, *here.parents):
        if (folder / "Snakefile").is_file() and (folder / "notebooks").is_dir():
            return folder
    raise FileNotFoundError(
        f"{here}: neither this folder nor one above it contains the study (a Snakefile next to notebooks/); "
        "change into the project's folder first"
    )


def value(name, value, ci_low=None, ci_high=None, n=None, unit="", standard_error=None):
    """One number that a reader may quote.

    Parameters
    ----------
    name : str
        What it is, plain and unique in its notebook, such as ``auc_poi``.
    value, ci_low, ci_high : float, int, str or None
        The number and its interval; None or NaN where undefined. Dates are ISO strings.
    n : int or None
        How many observations it rests on.
    unit : str
        Empty for a ratio or a count. POI and other shares are fractions, and so are differences between them.
    standard_error : float or None
        Its SD over other samples of patients (``study.results.replicates``), by which it is compared with the paper's.

    Raises
    ------
    ValueError
        If the unit is per cent, which is for words, tables and figures.
    """
    if unit in PERCENT:
        raise ValueError(f"{name} is to be recorded in {unit}; divide it by 100 and leave the unit empty")
    return dict(zip(VALUE_COLUMNS, (name, value, ci_low, ci_high, n, unit, standard_error), strict=True))


def read_note(note, path):
    """Read what a JSON file says of another file, such as a cohort.json of its scans.csv.

    Parameters
    ----------
    note, path : Path

    Returns
    -------
    about : dict
        Empty if there is no such note.
    fits : bool
        Whether the note holds the file's SHA-256 as ``digest``. If not, the note is of other content.
    """
    try:
        about = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}, False
    if not isinstance(about, dict):
        return {}, False
    return about, path.is_file() and about.get("digest") == sha256(path)


def tier_of(folder):
    """Where the patients of a scan table come from: synthetic, public, restricted or unknown.

    Parameters
    ----------
    folder : Path
        With scans.csv and the note of its origin, cohort.json. A run from a table of biomarkers has the note alone.
    """
    table = folder / "scans.csv"
    about, fits = read_note(folder / "cohort.json", table)
    return about.get("tier", "unknown") if fits or not table.is_file() else "unknown"


def run_of(figures):
    """The run whose folder of figures this is; None if it belongs to no run."""
    folder = Path(figures).resolve()
    return Run(folder.name, folder.parents[1]) if folder.parent.name == "figures" else None


def mark_of(figures):
    """The word that what is saved in a run's folder of figures carries (``Run.mark``); "" in any other folder."""
    run = run_of(figures)
    return run.mark if run else ""


class Run:
    """The folders of one run.

    Parameters
    ----------
    name : str
        Letters, digits, ``.``, ``_`` and ``-``.
    root : path, optional
        The project's root; by default found upward from the working directory.

    Attributes
    ----------
    folder, figures : Path
        ``runs/<name>`` and ``figures/<name>``.
    cohort, training, models, masks, shards, values : Path
        Folders through which notebooks hand on their results.
    biomarkers_csv, variants_csv, exclusions_csv, truth_csv : Path
        Tables with one row per scan.
    seeds_json : Path
        What trainings with other seeds gave, where there were any.
    """

    def __init__(self, name, root=None):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError(f"run {name!r}: a run's name has letters, digits, '.', '_' and '-' only")
        self.name = name
        self.root = Path(root) if root else project_root()
        self.folder = self.root / "runs" / name
        self.figures = self.root / "figures" / name
        self.cohort = self.folder / "cohort"
        self.training = self.folder / "training"
        self.models = self.folder / "models"
        self.masks = self.folder / "masks"
        self.shards = self.folder / "shards"
        self.values = self.folder / "values"
        self.biomarkers_csv = self.folder / "biomarkers.csv"
        self.variants_csv = self.folder / "variants.csv"
        self.exclusions_csv = self.folder / "exclusions.csv"
        self.truth_csv = self.folder / "truth.csv"
        self.seeds_json = self.folder / "seeds.json"

    def __repr__(self):
        return f"Run({self.name!r})"

    @property
    def tier(self):
        """Where the patients of all recorded numbers come from: synthetic, public, restricted or unknown.

        It is unknown, too, if the scan table was changed, or if the numbers are of patients of several tiers, as in a
        run that was interrupted after its patients were replaced.
        """
        now = tier_of(self.cohort)
        recorded = [self.values / f"{notebook}.json" for notebook in RECORDING]
        tiers = {json.loads(path.read_text(encoding="utf-8"))["tier"] for path in recorded if path.is_file()}
        return now if tiers <= {now} else "unknown"

    @property
    def may_name(self):
        """Whether ids, dates and reports of single patients may be in what is handed on: figures/<name> and the crate.

        Only if the patients are synthetic, or public as a parameter or the note beside their table says.
        """
        return self.tier in NAMED

    @property
    def mark(self):
        """The word that its figures and tables carry: "synthetic", or "" for patients and where it is switched off."""
        recipe = self.folder / "recipes" / "1-cohort.json"
        chosen = json.loads(recipe.read_text(encoding="utf-8"))["parameters"] if recipe.is_file() else {}
        return "synthetic" if tier_of(self.cohort) == "synthetic" and chosen.get("mark_synthetic", True) else ""

    def digests_of_networks(self):
        """SHA-256 of the weights of each network, by name of the file."""
        return {path.name: sha256(path) for path in sorted(self.models.glob("*.safetensors"))
                if not path.name.endswith(".checkpoint.safetensors")}  # fmt: skip

    def variants(self, biomarkers_path):
        """Biomarkers with other masks (from notebook 3), indexed by scan_id.

        None if there are none, or if `biomarkers_path` is not this run's own table, so that its scans are others.
        """
        if Path(biomarkers_path) != self.biomarkers_csv or not self.variants_csv.is_file():
            return None
        import pandas as pd

        return pd.read_csv(self.variants_csv, dtype={"scan_id": str}).set_index("scan_id")

    def record(self, notebook, values):
        """Write a notebook's `values` (from :func:`value`) to ``values/<notebook>.json`` and return them as a table.

        Raises
        ------
        ValueError
            If a name occurs twice.
        """
        import pandas as pd

        table = pd.DataFrame(values, columns=VALUE_COLUMNS)
        doubled = table["name"][table["name"].duplicated()].tolist()
        if doubled:
            raise ValueError(f"{notebook}: recorded twice: {', '.join(doubled)}; give each value its own name")
        write_json(
            self.values / f"{notebook}.json", {"notebook": notebook, "tier": tier_of(self.cohort), "values": values}
        )
        return table.set_index("name")

    def recorded(self, notebook):
        """Return what `notebook` recorded, a table indexed by name; empty if it has not run."""
        import pandas as pd

        path = self.values / f"{notebook}.json"
        rows = json.loads(path.read_text(encoding="utf-8"))["values"] if path.is_file() else []
        return pd.DataFrame(rows, columns=VALUE_COLUMNS).set_index("name")
