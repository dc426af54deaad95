"""The exercises: their solutions satisfy every check; wrong answers get a hint that does not reveal the answer."""

import json

import nbformat
import numpy as np
import pandas as pd
import pytest

from helpers.project import ROOT
from study.files import write_table
from study.lab import exercise_tasks
from study.lab.exercises import TASKS, Exercises, OnPaper
from study.lab.on_paper import LESION_HU, LESION_MM, LUNG_HU, SECTION_MM
from study.lab.task import Task
from study.measures import per_scan
from study.run import Run
from study.scans import ct, scan_tables
from study.statistics import roc

FOLDER = ROOT / "exercises"
# Every notebook of exercises, and how many it has.
BOOKS = {"1-cohort": 3, "2-train": 2, "3-segment": 3, "4-biomarkers": 5, "5-severity": 5, "6-progression": 5,
         "7-claims": 2}  # fmt: skip
REPORTS = [
    "The infection has expanded.",
    "The infection has shrunk.",
    "The infection has partly shrunk.",
    "No change.",
    "The opacities are more conspicuous than before.",
]  # the last is not understood


@pytest.fixture(scope="module")
def root(tmp_path_factory, chest):
    """Return a project's folder with a run of six small CTs, and a table of 120 biomarkers without any."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "Snakefile").touch()
    (folder / "notebooks").mkdir()
    write_run(Run("demo", folder), chest)
    table_of_biomarkers().to_csv(folder / "table.csv", index=False)
    return folder


def write_run(run, chest):
    rows = []
    for k in range(6):
        hu = chest((6, 24, 28), seed=k)
        lung = hu < -700
        lung[:, :4], lung[:, -5:], lung[:, :, :4], lung[:, :, -4:] = False, False, False, False
        infection = np.zeros_like(lung)
        infection[1:5, 8:14, 4 : 9 + k % 3] = True  # from the chest wall on
        hu[infection & lung] = -450 - 10 * k
        hu[:, 8][(infection & lung)[:, 8]] = -650  # an edge that a section shares with air
        hu[:, :, 4][(infection & lung)[:, :, 4]] = -250  # and one with the wall
        scan = ct.write_scan(run.cohort / f"S{k}.nii.gz", hu, (10.0, 3.0, 3.0))
        labels = lung.astype(np.uint8) + (lung & infection)
        ct.write_label_map(run.masks / f"S{k}.nii.gz", labels, scan)
        rows.append([f"S{k}", f"P{k}", 50, "male", "2020-02-01", "severe" if k < 3 else "non-severe", f"S{k}.nii.gz"])
    columns = ["scan_id", "patient_id", "age_years", "sex", "scan_date", "status", "image"]
    pd.DataFrame(rows, columns=columns).to_csv(run.cohort / "scans.csv", index=False)
    scans = scan_tables.read_scans(run.cohort / "scans.csv")
    measured, variants, *_ = per_scan.measure_scans(scans, run.cohort, run.masks)
    write_table(run.biomarkers_csv, measured)
    write_table(run.variants_csv, variants)


def table_of_biomarkers(n_patients=40):
    rng = np.random.default_rng(3)
    patient, visit = np.repeat(np.arange(n_patients), 3), np.tile(np.arange(3), n_patients)
    severe = (patient < n_patients // 4) & (visit > 0)
    poi = np.round(rng.beta(2 + 2 * severe, 12), 2)  # two digits, so that some are equal
    poi[-1] = 0.0
    return pd.DataFrame({
        "scan_id": [f"S{k}" for k in range(poi.size)], "patient_id": [f"P{p}" for p in patient], "age_years": 50,
        "sex": "female", "scan_date": [f"2020-02-{1 + 5 * v:02d}" for v in visit],
        "status": np.where(severe, "severe", "non-severe"), "lung_volume_ml": 4000.0, "infection_volume_ml": 4000 * poi,
        "poi": poi, "ihu": np.where(poi > 0, rng.normal(-500, 60, poi.size).round(), np.nan),
        "report": [REPORTS[k] for k in rng.integers(0, len(REPORTS), poi.size)],
    })  # fmt: skip


def cells(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def run_cells(path, monkeypatch, root):
    """Run a notebook's code as a class would, in the project's folder; return what its checks said, by exercise."""
    monkeypatch.chdir(root)
    said, names = {}, {}
    look = OnPaper.check
    monkeypatch.setattr(
        OnPaper, "check", lambda self, number, answer: said.setdefault(number, look(self, number, answer))
    )
    for cell in cells(path):
        exec(cell.source, names)
        if "parameters" in cell.metadata.get("tags", []) and "biomarkers_csv" in names:
            names["biomarkers_csv"] = "table.csv"
    return said, names


@pytest.mark.parametrize("book", BOOKS)
def test_the_solutions_satisfy_every_check(root, monkeypatch, book):
    said, _ = run_cells(FOLDER / "solutions" / f"{book}.ipynb", monkeypatch, root)
    assert list(said) == [f"{book[0]}.{k}" for k in range(1, BOOKS[book] + 1)]
    assert {number: checked.message for number, checked in said.items() if not checked.right} == {}


@pytest.mark.parametrize("book", BOOKS)
def test_the_questions_run_before_there_is_an_answer(root, monkeypatch, book):
    said, names = run_cells(FOLDER / f"{book}.ipynb", monkeypatch, root)
    assert {number: str(checked) for number, checked in said.items()} == {
        f"{book[0]}.{k}": f"{book[0]}.{k}: no answer yet." for k in range(1, BOOKS[book] + 1)
    }
    assert all(names[f"answer_{k}"] is ... for k in range(1, BOOKS[book] + 1))


@pytest.mark.parametrize("book", BOOKS)
def test_questions_and_solutions_ask_the_same_and_neither_holds_outputs(book):
    asked, solved = (nbformat.read(folder / f"{book}.ipynb", 4) for folder in (FOLDER, FOLDER / "solutions"))
    for notebook in (asked, solved):
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook.cells)
        assert all(len(cell.source.splitlines()) <= 15 for cell in notebook.cells if cell.cell_type == "code")
    questions = [cell.source for cell in asked.cells if cell.source.startswith("## ")]
    assert len(questions) == BOOKS[book] and questions == [
        cell.source for cell in solved.cells if cell.source.startswith("## ")
    ]


@pytest.fixture(scope="module")
def exercises(root):
    return Exercises("demo", root=root), Exercises("demo", "table.csv", root)


@pytest.mark.parametrize("number", TASKS)
def test_wrong_answers_are_refused_and_the_hint_gives_nothing_away(exercises, number):
    of = {"4": exercises[0], "5": exercises[1], "6": exercises[1]}.get(number[0], OnPaper())
    task = TASKS[number](of)
    assert np.isfinite(task.expected) and of.check(number, task.expected).right
    assert of.check(number, np.float64(task.expected)).right
    assert task.tells_apart
    alike = [slip for slip, _ in task.look_alikes if f"{slip:.4g}" != f"{task.expected:.4g}"]
    wrong = [slip for slip, _ in task.slips if np.isfinite(slip)] + alike
    hints = set()
    for answer in [*wrong, 1.2 * task.expected + 0.01, -task.expected - 1, 0.0, float("inf"), float("nan")]:
        checked = of.check(number, answer)
        assert not checked.right, answer
        assert f"{abs(task.expected):.3g}" not in checked.message.removeprefix(f"{number}:")
        hints.add(checked.message)
    assert len(hints) >= 2  # one for the known slip, one for all else


@pytest.mark.parametrize("number", ["3.1", "3.3", "5.1", "5.5", "6.1", "6.2", "6.3"])
def test_an_answer_in_per_cent_is_told_so(exercises, number):
    _, table = exercises
    percent = 100 * TASKS[number](table).expected
    assert "per cent" in table.check(number, float(f"{percent:.3g}")).message


def test_a_slip_is_told_what_it_is(exercises):
    _, table = exercises
    poi, severe = table.rounded_poi, table.scans["is_severe"]
    without_ties = np.mean([a > b for a in poi[severe] for b in poi[~severe]])
    assert "equal POI" in table.check("5.1", without_ties).message
    as_measured = roc.auc(table.scans["poi"], severe)
    assert "Have you rounded it?" in table.check("5.1", float(f"{as_measured:.3f}")).message


@pytest.mark.parametrize(("seed", "n_patients"), [(1, 20), (2, 40), (3, 120), (4, 40), (5, 200)])
def test_known_slips_are_told_from_the_answer_whatever_the_run(root, seed, n_patients):
    """As many POIs as scans, all different, and as many reports of an increase as of a decrease."""
    rng = np.random.default_rng(seed)
    table = table_of_biomarkers(n_patients)
    table["poi"] = rng.beta(2 + 3 * (table["status"] == "severe"), 12)
    table["infection_volume_ml"] = table["lung_volume_ml"] * table["poi"]
    table["ihu"] = -500.0 - np.arange(len(table)) % 97
    rising = table.groupby("patient_id")["poi"].diff() > 0
    wrong = rng.random(len(table)) < 0.12
    table["report"] = np.where(rising ^ wrong, REPORTS[0], REPORTS[1])
    table.to_csv(root / "balanced.csv", index=False)
    of = Exercises("demo", "balanced.csv", root)
    for number in ("5.1", "6.1", "6.2"):
        task = TASKS[number](of)
        slips = [slip for slip, _ in task.slips if np.isfinite(slip)]
        assert len(slips) >= 2 and not any(of.check(number, float(f"{slip:.3g}")).right for slip in slips), number
        assert all(hint in of.check(number, slip).message for slip, hint in task.slips if np.isfinite(slip)), number
        assert of.check(number, float(f"{task.expected:.4f}")).right  # as many digits as are asked for


def test_any_cutoff_with_the_greatest_youden_index_is_right(exercises):
    _, table = exercises
    best = TASKS["5.2"](table).expected
    assert table.check("5.2", best - 1e-6).right  # between two POIs: the same scans are called severe
    assert table.check("5.2", best + 1e-6).right  # that POI, rounded
    assert not table.check("5.2", 1.01 * best).right


def test_a_rounded_cutoff_is_right_unless_it_means_another_poi(root):
    table = table_of_biomarkers(2)
    table["status"] = ["non-severe"] * 3 + ["severe"] * 3
    table["poi"] = [0.05, 0.09, 0.1026, 0.1027806269, 0.103, 0.2]
    table["infection_volume_ml"] = table["lung_volume_ml"] * table["poi"]
    table["ihu"] = [-500.0, -510, -520, -490, -480, -470]
    table.to_csv(root / "close.csv", index=False)
    of = Exercises("demo", "close.csv", root)
    assert TASKS["5.2"](of).expected == 0.1027806269
    for right in (0.1027806269, 0.102781, 0.1028, 0.1027):  # the last calls the same scans severe
        assert of.check("5.2", right).right, right
    assert of.check("5.2", 0.103).message == "5.2: not yet. That is the cut-off, rounded: give more digits."
    for wrong in (0.1026, 0.1029, 0.104):
        assert "Another cut-off" in of.check("5.2", wrong).message, wrong


def test_a_rounded_answer_is_told_to_have_more_digits():
    close = Task(0.13865, "Look.", ((0.1442, "A slip."), (0.14, "Another.")))
    assert close.is_right(0.1387) and not close.is_right(0.139)
    assert close.hint(0.139) == "Close: give at least four digits."
    assert close.hint(0.144) == "A slip." and close.hint(0.138) == "Look."
    assert close.hint(0.14) == "Another."  # exactly the slip
    assert "at least four digits" in OnPaper().check("1.3", 3.1).message
    half = Task(0.625, "Look.")
    assert half.hint(0.62) == half.hint(0.63) == "Close: give at least four digits."
    small = Task(0.07781, "Look.")
    assert small.hint(0.08) == "Close: give at least four digits."  # two decimals, as a p value is printed
    assert small.hint(0.1) == Task(0.004, "Look.").hint(0.0) == "Look."


def test_an_answer_nearer_to_a_look_alike_is_wrong_if_four_digits_tell():
    task = Task(0.81841, "Look.", look_alikes=((0.81805, "Another."),))
    for right in (0.82, 0.818, 0.8184, 0.81841):
        assert task.is_right(right), right
    for other in (0.8181, 0.81805):
        assert not task.is_right(other) and task.hint(other) == "Another."
    equal = Task(0.81841, "Look.", look_alikes=((0.818411, "Another."),))
    assert equal.is_right(0.81841) and equal.is_right(0.818411)  # four digits do not tell


def test_kappa_is_told_from_scotts_pi_and_undefined_without_cases():
    task = exercise_tasks.kappa_of({"up_up": 75, "up_down": 22, "down_up": 1, "down_down": 30})
    assert task.tells_apart and not task.is_right(0.58994) and "Scott's pi" in task.hint(0.58994)
    equal = exercise_tasks.kappa_of({"up_up": 90, "up_down": 7, "down_up": 7, "down_down": 29})
    assert not equal.tells_apart  # such counts are not asked about
    assert np.isnan(exercise_tasks.kappa_of({"up_up": 0, "up_down": 0, "down_up": 0, "down_down": 0}).expected)


def test_each_of_two_causes_of_a_wrong_volume_is_named(exercises):
    scan, _ = exercises
    volume = TASKS["4.2"](scan).expected
    hint = scan.check("4.2", volume / 10).message  # sections are 10 mm thick
    assert "leaves out one of the three lengths" in hint and "a tenth of the volume" in hint
    assert "litres" in scan.check("4.2", volume / 1000).message


def test_the_median_of_the_lung_field_is_told_from_that_of_healthy_lung(exercises):
    scan, _ = exercises
    hu, labels = scan.example.hu, scan.example.label_map
    healthy, field, ihu = np.median(hu[labels == 1]), np.median(hu[labels > 0]), hu[labels == 2].mean()
    assert scan.check("4.5", (-750 - healthy) / (ihu - healthy)).right
    assert "labels 1 and 2" in scan.check("4.5", (-750 - field) / (ihu - field)).message


def test_a_fit_without_intercept_and_a_penalised_one_are_named(exercises):
    import statsmodels.api as sm
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    _, table = exercises
    poi, severe = table.scans["poi"], table.scans["is_severe"]
    without = sm.Logit(severe.astype(float), poi).fit(disp=0)
    assert "no intercept" in table.check("5.3", np.exp(without.params["poi"] * poi.std())).message
    scaled = StandardScaler().fit_transform(poi.to_frame())
    assert "penalised" in table.check("5.3", np.exp(LogisticRegression().fit(scaled, severe).coef_.item())).message


@pytest.mark.parametrize(("number", "fitting"), [("6.5", (112,)), ("7.1", (13, 26, 52))])
def test_a_number_of_cases_that_fits_but_is_not_the_nearest_is_told_so(exercises, number, fitting):
    for cases in fitting:
        assert "fits too, but is not the nearest" in exercises[1].check(number, cases).message


def test_the_middle_of_a_lesion_is_told_from_its_mean():
    mean = LUNG_HU + 2 / 3 * LESION_MM / SECTION_MM * (LESION_HU - LUNG_HU)
    assert "mean of all pixels" in OnPaper().check("1.1", mean).message
    wrong = [slip for slip, _ in TASKS["1.1"](None).slips]
    assert len({round(slip) for slip in wrong}) == len(wrong)  # one cause each


def test_the_percentile_of_errors_with_heavy_tails_is_told_from_their_sd(exercises):
    _, table = exercises
    errors = np.abs(table.changes_without_phrase)
    assert "95th percentile" in table.check("6.4", np.percentile(errors, 95)).message


def test_a_report_of_a_change_in_unknown_words_is_not_taken_as_silent(exercises):
    _, table = exercises
    unread = table.pairs["unread"]
    assert unread.any() and not unread[table.changes_without_phrase.index].any()


def test_the_mean_of_the_errors_is_not_added(exercises):
    _, table = exercises
    errors = table.changes_without_phrase
    upper = errors.mean() + 1.96 * errors.std()
    checked = table.check("6.4", upper)
    assert checked.right == (f"{upper:.4g}" == f"{1.96 * errors.std():.4g}") or "adds the mean" in checked.message


def test_two_sds_are_told_from_the_factor_of_a_normal_distribution(exercises):
    _, table = exercises
    spread = table.changes_without_phrase.std()
    assert table.check("6.4", 1.96 * spread).right
    checked = table.check("6.4", 2 * spread)
    assert not checked.right and "2 SD" in checked.message


def test_an_exercise_may_be_named_by_a_number_and_answered_by_an_array_of_one(exercises):
    _, table = exercises
    answer = TASKS["5.1"](table).expected
    assert table.check(5.1, answer).right
    assert table.check("5.1", np.array([answer])).right and table.check("5.1", pd.Series([answer])).right
    assert "must be one number" in table.check("5.1", np.array([answer, 1])).message


def test_without_a_run_an_exercise_that_needs_one_says_so():
    for number in ("4.1", 5.1, "6.5"):
        checked = OnPaper().check(number, 0.1)
        assert not checked.right and 'needs a run; check it with exercises = Exercises("demo")' in checked.message


@pytest.mark.parametrize("book", BOOKS)
def test_the_questions_say_how_many_digits(book):
    assert "at least four digits" in nbformat.read(FOLDER / f"{book}.ipynb", 4).cells[0].source


@pytest.mark.parametrize("book", ["1-cohort", "2-train", "3-segment", "5-severity"])
def test_given_numbers_are_printed_so_that_no_code_is_needed(root, monkeypatch, capsys, book):
    _, names = run_cells(FOLDER / f"{book}.ipynb", monkeypatch, root)
    said = capsys.readouterr().out
    given = {name: value for name, value in names.items() if name.isupper()}
    if book == "5-severity":
        given = {"poi_step": names["exercises"].poi_step}
    assert given
    for name, value in given.items():
        unit = {"MM": " mm", "HU": " HU", "KERNEL": " pixels", "SMALL": " pixels", "LARGE": " pixels"}
        assert f"{name} = {value:g}{unit.get(name.split('_')[-1], '')}" in said


def test_what_is_no_answer_gets_words_and_an_unknown_exercise_an_error(exercises):
    _, table = exercises
    assert table.check("5.1", None).message == "5.1: no answer yet."
    assert "one number; this is a list" in table.check("5.1", [1, 2]).message
    with pytest.raises(ValueError, match=r"no exercise '5\.9'; there are 5\.1, 5\.2, .* 5\.5$"):
        table.check("5.9", 1)


def test_a_missing_table_and_a_table_without_reports_say_what_to_do(root):
    with pytest.raises(FileNotFoundError, match="make study"):
        Exercises("nobody", root=root)
    table_of_biomarkers().drop(columns="report").to_csv(root / "silent.csv", index=False)
    silent = Exercises("demo", "silent.csv", root)
    assert silent.check("5.1", TASKS["5.1"](silent).expected).right
    with pytest.raises(ValueError, match="add a column `report`"):
        silent.check("6.1", 0.5)
    with pytest.raises(FileNotFoundError, match=r"scans of this run are not here.*make study"):
        _ = Exercises("nobody", "silent.csv", root).example


def test_reports_are_read_whatever_is_known_of_status(root):
    table = table_of_biomarkers()
    table.assign(status="severe").to_csv(root / "all_severe.csv", index=False)
    severe, known = Exercises("demo", "all_severe.csv", root), Exercises("demo", "table.csv", root)
    assert severe.counts == known.counts
    assert severe.check("6.1", TASKS["6.1"](known).expected).right


def test_kappa_of_one_case_too_many_is_told(exercises):
    _, table = exercises
    up_up, up_down, down_up, down_down = table.counts.values()
    right, more = (two_by_two_kappa(n, up_down, down_up, 1) for n in (up_up + down_down - 1, up_up + down_down))
    assert table.check("6.3", right).right
    checked = table.check("6.3", more)
    assert checked.right == (f"{more:.4g}" == f"{right:.4g}") or "one case more" in checked.message


def two_by_two_kappa(up_up, up_down, down_up, down_down):
    n = up_up + up_down + down_up + down_down
    observed = (up_up + down_down) / n
    chance = ((up_up + up_down) * (up_up + down_up) + (down_up + down_down) * (up_down + down_down)) / n**2
    return (observed - chance) / (1 - chance)


def test_an_undefined_answer_is_said_to_be(root):
    table = table_of_biomarkers().assign(report="The infection has expanded.")
    table.to_csv(root / "expanding.csv", index=False)  # no report without a phrase: no change to take for an error
    assert "this run has no answer" in Exercises("demo", "expanding.csv", root).check("6.4", 1.0).message


def test_no_answer_is_typed():
    """What is right comes from the run or the paper's list: the code names no number of two or more decimals."""
    source = json.dumps([cell.source for book in BOOKS for cell in cells(FOLDER / f"{book}.ipynb")])
    assert not any(character.isdigit() and f"0.{character}" in source for character in "0123456789")
