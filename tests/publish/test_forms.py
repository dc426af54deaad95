"""Checklists, data sheet and model card: what counts as answered, pointers that must lead somewhere, safe text."""

import csv
import json
import re

import nbformat
import pytest
from markdown_it import MarkdownIt

from helpers.project import ROOT
from study.files import write_json
from study.publish import crate, document
from study.publish.forms import answers, pointers
from study.run import Run, value

STATEMENTS = answers.read_form("statements")
KINDS = ("taken_over", "table", "without_reports", "without_observers", "without_truth", "without_masks",
         "without_motion", "synthetic", "patients")  # fmt: skip
# Published numbers: CLAIM 2024 has 44 items; TRIPOD+AI 27 in 52 parts; STARD-AI 40 in 48 parts.
PARTS = {
    "claim_2024": {},
    "tripod_ai": {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc", 23: "ab",
                  27: "abc"},
    "stard_ai": {15: "abcd", 16: "abc", 17: "ab", 26: "ab", 40: "ab"},
}  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """A run of a small project: one notebook that was run, one that was not."""
    cells = [
        nbformat.v4.new_markdown_cell("# 5. Severity"),
        nbformat.v4.new_code_cell('folder.record("5-severity", [])'),
    ]
    for name, cell in zip(("head", "last"), cells, strict=True):
        cell.id = name
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "5-severity.ipynb")
    later = nbformat.v4.new_code_cell('style.save(figure, folder.figures, "Figure_9")')
    nbformat.write(nbformat.v4.new_notebook(cells=[later]), tmp_path / "notebooks" / "6-progression.ipynb")
    (tmp_path / "README.md").write_text("# A study\n\n## Limits\n")
    made = Run("made", tmp_path)
    write_json(made.cohort / "cohort.json", {"tier": "synthetic", "source": "<b>us</b> | you", "licence": ""})
    made.figures.mkdir(parents=True)
    (made.figures / "Table_2.md").write_text("| a |\n")
    made.record("5-severity", [
        value("auc_poi", 0.93081, 0.8944, 0.9553, 531), value("n_scans", 531), value("p_value_x", 1e-9),
        value("median", -652.4, n=531, unit="HU"), value("lost", None),
        value("bias", -0.00004, n=531),
    ])  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("pointer", "words", "content"),
    [
        ("value 5-severity/auc_poi", "auc_poi = 0.9308 [0.8944, 0.9553], n = 531", "0.9308 [0.8944, 0.9553]"),
        ("value 5-severity/n_scans", "n_scans = 531", "531"),
        ("value 5-severity/p_value_x", "p_value_x = <0.001", "<0.001"),
        ("value 5-severity/median", "median = -652 HU, n = 531", "-652 HU"),
        ("value 5-severity/bias", "bias = 0.000, n = 531", "0.000"),
        ("n 5-severity/median", "n of median = 531", "531"),
        ("cell 5-severity/last", "notebook 5: Severity", "Severity"),
        ("table Table_2", "Table 2", ""),
        ("run cohort/cohort.json#tier", "cohort/cohort.json: tier = synthetic", "synthetic"),
        ("file README.md#limits", "README.md: Limits", ""),
    ],
)
def test_a_pointer_leads_to_what_it_names(run, pointer, words, content):
    found = pointers.follow(pointer, run)
    assert (found.words, found.content) == (words, content)
    assert found.path.is_file()


def test_a_number_leads_to_itself_and_a_cell_to_itself_where_there_is_a_page(run):
    assert pointers.follow("value 5-severity/auc_poi", run).anchor == ""
    (run.folder / "notebooks").mkdir()
    (run.folder / "notebooks" / "5-severity.ipynb").touch()
    number, cell = (pointers.follow(one, run) for one in ("value 5-severity/auc_poi", "cell 5-severity/last"))
    assert number.path == cell.path == run.figures / "notebooks" / "5-severity.html"
    assert (number.anchor, cell.anchor) == ("value-auc_poi", "cell-last")


@pytest.mark.parametrize(
    ("pointer", "error", "said"),
    [
        ("value 6-progression/kappa", pointers.Absent, "notebook 6-progression was not run"),
        ("value 5-severity/lost", pointers.Absent, "undefined in this run"),
        ("figure Figure_9", pointers.Absent, "notebook 6-progression made no Figure 9"),
        ("run models/lung.json#threshold", pointers.Absent, "models/lung.json is not in this run"),
        ("run cohort/cohort.json#licence", pointers.Absent, "does not state its licence"),
        ("value 5-severity/auc_pio", pointers.Broken, "recorded no auc_pio"),
        ("value 9-other/x", pointers.Broken, "no notebook 9-other"),
        ("cell 5-severity/first", pointers.Broken, "no cell first"),
        ("figure Figure_99", pointers.Broken, "no notebook makes Figure_99"),
        ("run cohort/cohort.json#tear", pointers.Broken, "no entry tear"),
        ("file README.md#limit", pointers.Broken, "no heading limit"),
        ("file LICENCE", pointers.Broken, "no file LICENCE"),
        ("table", pointers.Broken, "a pointer begins with"),
        ("picture Figure_1", pointers.Broken, "a pointer begins with"),
    ],
)
def test_what_was_not_made_and_what_cannot_be_are_told_apart(run, pointer, error, said):
    with pytest.raises(error, match=said):
        pointers.follow(pointer, run)


def filled(run, *items, **statements):
    """Statuses and answers of items, each the names of its statements."""
    listed = [{"item": n, "section": "s", "asks": "a", "by": by} for n, by in enumerate(items, 1)]
    return answers.fill({"items": listed}, statements, run)


def test_an_item_is_answered_only_where_nothing_of_it_is_missing(run):
    found = filled(
        run, ["said"], ["said", "none"], ["none"], ["said", "gap"], ["gap", "none"], ["later"], ["wrong", "gap"],
        said={"says": "AUC {value 5-severity/auc_poi}.", "see": ["table Table_2"]},
        none={"not_applicable": "no trial"}, gap={"missing": "theirs"},
        later={"says": "{value 6-progression/kappa}"}, wrong={"says": "x", "see": ["file nowhere"]},
    )  # fmt: skip
    assert [a.status for a in found] == [
        "answered", "answered", "not applicable", "missing", "missing", "missing", "broken",
    ]  # fmt: skip
    assert found[0].words == "AUC 0.9308 [0.8944, 0.9553]." and [s.words for s in found[0].see] == ["Table 2"]
    assert found[3].words == "AUC 0.9308 [0.8944, 0.9553]. Missing: theirs [gap]"
    assert found[5].words == "Not in this run: notebook 6-progression was not run. [later]"
    assert found[4].words == "Missing: theirs [gap] Not applicable: no trial"
    assert answers.count(found).to_dict() == {"answered": 2, "not applicable": 1, "missing": 3, "broken": 1}


def test_a_licence_that_was_not_given_says_where_to_give_it(run):
    (found,) = filled(run, ["data_sources"], data_sources=STATEMENTS["data_sources"]["patients"])
    assert found.status == "missing"
    assert found.words == (
        "cohort/cohort.json does not state its licence; add a line 'licence: ...' to parameters/made.yaml, "
        "beside tier and source. [data_sources]"
    )


def test_synthetic_scans_and_patients_are_answered_differently(run):
    ethics = {"synthetic": {"not_applicable": "nobody"}, "patients": {"missing": "name the committee"}}
    assert filled(run, ["ethics"], ethics=ethics)[0].status == "not applicable"
    write_json(run.cohort / "cohort.json", {"tier": "restricted"})
    assert filled(run, ["ethics"], ethics=ethics)[0].words == "name the committee [ethics]"


def test_a_table_without_cts_has_an_answer_of_its_own(run):
    flow = {"says": "From scan to table.", "table": {"says": "From the table on."}}
    assert filled(run, ["flow"], flow=flow)[0].words == "From the table on."
    run.variants_csv.write_text("scan_id\n")
    assert filled(run, ["flow"], flow=flow)[0].words == "From scan to table."


def test_a_number_that_is_undefined_is_said_to_be_so_and_the_others_stand(run):
    says = "AUC {value 5-severity/auc_poi}, lost {value 5-severity/lost}."
    some = {"says": says, "see": ["value 5-severity/lost", "table Table_2"]}
    (answer,) = filled(run, ["some"], some=some)
    assert (answer.status, answer.words) == ("answered", "AUC 0.9308 [0.8944, 0.9553], lost undefined.")
    assert [found.words for found in answer.see] == ["Table 2"]
    (answer,) = filled(run, ["none"], none={"says": "Lost: {value 5-severity/lost}.", "see": []})
    assert answer.status == "missing" and "undefined" in answer.words


def record_patients(run, **progression):
    """A run of six patients of which five have a known age and sex, without masks; every cohort has these numbers."""
    write_json(run.cohort / "cohort.json", {"tier": "restricted", "source": "us", "licence": "none"})
    run.variants_csv.write_text("scan_id\n")
    run.record("1-cohort", [
        value("age_mean_all", 58.4, n=5, unit="years"), value("n_male_all", 2, n=5), value("n_patients", 6, n=6),
        value("n_multiple_all", 3, n=6), value("n_minors", 0),
    ])  # fmt: skip
    run.record("3-segment", [
        value("n_observed", 0), value("n_segmented", 11), value("truth_dice_infection_mean", None, n=0)
    ])  # fmt: skip
    run.record("5-severity", [value("n_without_infection", 0), value("n_scans", 10)])
    run.record("6-progression", [value(name, number) for name, number in progression.items()])


@pytest.mark.parametrize("n_without_report", [5, 4])
def test_what_a_cohort_does_not_have_does_not_apply(run, n_without_report):
    record_patients(run, n_pairs=5, n_without_report=n_without_report)
    of_reports = ["objectives_progression", "missing_reports", "truth_of_change", "agreement", "analysed_progression",
                  "accuracy_methods_progression", "robustness_progression", "cross_tabulation_progression",
                  "indeterminate_reports", "failures_reports"]  # fmt: skip
    of_masks = ["subset", "subset_choice", "truth_of_infection", "observer_agreement", "segmentation", "failures",
                "motion_shown", "annotation_tools", "accuracy_methods_segmentation"]  # fmt: skip
    found = filled(run, *[[name] for name in [*of_masks, *of_reports]], **STATEMENTS)
    by_name = {name: one.status for name, one in zip([*of_masks, *of_reports], found, strict=True)}
    assert {by_name[name] for name in of_masks} == {"not applicable"}
    assert ({by_name[name] for name in of_reports} == {"not applicable"}) == (n_without_report == 5)
    assert ("not applicable" in {by_name[name] for name in of_reports}) == (n_without_report == 5)


def test_what_masks_of_patients_tell_is_in_the_model_card(run):
    record_patients(run)
    of_masks = ("card_cohort", "bias_of_measurement")
    assert {filled(run, [name], **STATEMENTS)[0].status for name in of_masks} == {"not applicable"}
    run.record("3-segment", [value("n_observed", 0), value("truth_dice_infection_mean", 0.553, n=8),
                             value("truth_dice_infection_median", 0.61, n=8)])  # fmt: skip
    run.record("4-biomarkers", [value("poi_bias", -0.00625, n=8), value("poi_error_sd", 0.01, n=8)])
    bare = {name: {kind: {**one, "see": []} if "says" in one else one for kind, one in STATEMENTS[name].items()}
            for name in of_masks}  # fmt: skip
    card, bias = (filled(run, [name], **bare)[0].words for name in of_masks)
    assert "masks that the scan table names: 0.553" in card and "over 8 scans" in card
    assert "Against the masks" in bias and "-0.006" in bias


def test_a_run_states_of_patients_only_what_it_can_know(run):
    record_patients(run, n_pairs=5, n_without_report=5)
    names = ("characteristics", "eligibility", "sheet_relations", "missing_data", "design", "sheet_confidential")
    bare = {name: {**one, "see": []} for name, one in STATEMENTS.items()}
    said = {name: filled(run, [name], **bare)[0].words for name in names}
    assert "of the 5 patients of known age; 2 of 5 with known sex are men" in said["characteristics"]
    assert said["eligibility"].endswith("or of unknown age: the age of 5 of 6 included patients is known.")
    assert "3 of 6 included patients have more than one" in said["sheet_relations"]
    assert (
        "the age of 5 and the sex of 5 is known, and Table 1 has these; of 11 scans measured the status of 10"
        in said["missing_data"]
    )
    assert "a scan without a date is in no pair" in said["missing_data"].lower()
    assert said["design"].endswith("is for the authors to state. [design]")
    assert "reports where the table has any" in said["sheet_confidential"]


def own(run, text):
    path = answers.own_statements(run)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return answers.read_statements(run)


def test_authors_state_what_only_they_can(run):
    assert answers.read_statements(run) == STATEMENTS
    statements = own(run, "ethics: {says: 'Approved, no. 7.'}\nfunding: {not_applicable: none was given}\n")
    found = answers.fill(answers.read_form("stard_ai"), statements, run)
    assert {a.number: (a.status, a.words) for a in found if a.number in ("6", "38")} == {
        "6": ("answered", "Approved, no. 7."), "38": ("not applicable", "none was given"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ethic: {says: x}", "no form has a statement `ethic`; did you mean `ethics`?"),
        ("ethics: approved", "`ethics` is 'approved'; write {says: words}"),
        ("ethics: {says: ''}", "write {says: words}"),
        ("ethics: {says: x, missing: y}", "write {says: words}"),
        ("ethics: {says: x, see: Table 2}", "write {says: words}"),
        ("- ethics", "expected lines of"),
        ("a: [1", "not readable as YAML"),
    ],
)
def test_a_wrong_statement_is_named_with_its_remedy(run, text, said):
    with pytest.raises(ValueError, match=re.escape(said)) as raised:
        own(run, text)
    assert "made.statements.yaml" in str(raised.value)


@pytest.mark.parametrize("name", answers.CHECKLISTS)
def test_a_checklist_has_the_published_items(name):
    form = answers.read_form(name)
    last = {"claim_2024": 44, "tripod_ai": 27, "stard_ai": 40}[name]
    expected = [f"{n}{part}" for n in range(1, last + 1) for part in PARTS[name].get(n, [""])]
    assert [str(item["item"]) for item in form["items"]] == expected
    assert len(expected) == {"claim_2024": 44, "tripod_ai": 52, "stard_ai": 48}[name]


def test_every_statement_is_used_and_says_one_thing():
    used = {name for form in answers.FORMS for item in answers.read_form(form)["items"] for name in item["by"]}
    assert used == set(STATEMENTS)
    for name, statement in STATEMENTS.items():
        for special in KINDS:
            kinds = [special, "synthetic" if special == "synthetic" else "patients"]
            state = next((statement[kind] for kind in kinds if kind in statement), statement)
            assert len({"says", "not_applicable", "missing"} & set(state)) == 1, (name, kinds)
            assert set(state) <= {"says", "see", "not_applicable", "missing", *KINDS[:-2]}, (name, kinds)


def test_intervals_in_an_answer_are_over_patients_and_it_says_so():
    """Where Table 2's interval over scans stands (the cut-off has no other), the answer says that too."""
    preview = json.loads((ROOT / "figures" / "preview" / "values.json").read_text(encoding="utf-8"))
    recorded = {f"{nb}/{row['name']}": row for nb, rows in preview["values"].items() for row in rows}
    over_patients = re.compile(r"(clustered|anew|gee)_|calibration_slope_")
    seen = set()
    for name, statement in STATEMENTS.items():
        says = statement.get("says", "")
        for value_name in re.findall(r"\{value ([^}]+)\}", says):
            if recorded[value_name]["ci_low"] is None:
                continue
            seen.add(name)
            if over_patients.search(value_name):
                assert "/confidence} % intervals over patients" in says, name
            else:
                assert f"{{value {value_name}}} (interval over scans)" in says, (name, value_name)
    assert seen == {"accuracy", "calibration", "agreement", "odds", "cutoffs"}


def test_performance_is_given_with_calibration():
    form = answers.read_form("tripod_ai")
    assert "calibration" in next(item["by"] for item in form["items"] if item["item"] == "23a")


def test_what_the_demo_leaves_to_its_authors_is_what_the_documentation_names():
    left = {name for name, one in STATEMENTS.items() if "missing" in one.get("synthetic", one)}
    assert left == {"funding", "interests", "repository"}
    text = " ".join((ROOT / "docs" / "submit.md").read_text(encoding="utf-8").split())
    assert "everything is answered except funding, interests and the address (repository, DOI)" in text
    for form, numbers in (("claim_2024", {"43"}), ("tripod_ai", {"18f"}), ("stard_ai", {"40a"})):
        items = answers.read_form(form)["items"]
        assert {str(item["item"]) for item in items if "repository" in item["by"]} == numbers
    assert "repository-code" not in (ROOT / "CITATION.cff").read_text(encoding="utf-8")  # else it is to be stated


def test_no_pointer_of_the_forms_leads_nowhere():
    """As far as can be checked without a run: cells, files, and that some notebook makes each table and figure."""
    nothing = Run("never-made", ROOT)
    states = [
        s for statement in STATEMENTS.values() for s in (*(statement.get(kind) for kind in KINDS), statement) if s
    ]
    found = {p for s in states for p in [*s.get("see", []), *re.findall(r"\{([^}]+)\}", s.get("says", ""))]}
    assert len(found) > 150
    carried = crate.list_files(nothing)  # so that a link of a checklist also leads somewhere in the crate of a run
    for pointer in sorted(found):
        if pointer.startswith("file "):
            assert pointer.removeprefix("file ").partition("#")[0] in carried, pointer
        try:
            pointers.follow(pointer, nothing)
        except pointers.Absent:
            assert pointer.split()[0] in ("value", "percent", "n", "figure", "table", "run", "card")


def test_a_run_of_nothing_gets_all_documents_and_says_what_is_missing(tmp_path):
    linked = ("README.md", "CITATION.cff", "LICENSE", "CHANGELOG.md", "requirements.lock",
              "docs", "notebooks", "parameters", "study")  # fmt: skip
    for name in linked:
        (tmp_path / name).symlink_to(ROOT / name)
    run = Run("empty", tmp_path)
    answers.write(run)
    written = {path.name for path in run.figures.iterdir()}
    assert written == {f"checklist_{n}.{k}" for n in answers.CHECKLISTS for k in ("csv", "md")} | {"data_sheet.md"}
    for name in answers.CHECKLISTS:
        with open(run.figures / f"checklist_{name}.csv", encoding="utf-8", newline="") as opened:
            rows = list(csv.DictReader(opened))
        statuses = {row["item"]: row["status"] for row in rows}
        assert set(statuses.values()) == {"answered", "not applicable", "missing"}
        assert all(row["answer"] for row in rows)
    assert "notebook 5-severity was not run" in (run.figures / "checklist_stard_ai.md").read_text()


def test_text_of_a_user_stays_text(run):
    hostile = "<script>x</script> | `a` [b](javascript:x) *c*\n# d"
    found = filled(run, ["us"], us={"says": "From {run cohort/cohort.json#source}."})
    assert found[0].words == "From <b>us</b> | you."
    table = document.table(("a", "b"), [(document.escaped(hostile), document.escaped(found[0].words))])
    written = document.write(run, "x", "# T\n", f"{table}\n{document.escaped(hostile)}").read_text()
    shown = MarkdownIt("commonmark").enable("table").render(written)
    assert "<script>" not in shown and "<b>" not in shown and "href" not in shown and "<em>" not in shown
    assert shown.count("<td>") == 2 and "&lt;script&gt;x&lt;/script&gt; | `a` [b](javascript:x) *c* # d" in shown
    assert written.startswith("# T")


def test_links_stay_in_the_folder_that_is_handed_on(run):
    assert document.link("a_b", run.root / "README.md", run, "limits") == r"[a\_b](<README.html#limits>)"
    assert document.link("a", run.figures / "notebooks" / "x.html", run, "b") == "[a](<notebooks/x.html#b>)"
    assert document.link("a", run.root / "study" / "run.py", run) == document.link("a", None, run) == "a"
    answers.write(run)
    for called in answers.documents(run).values():
        links = document.LINK.findall((run.figures / f"{called}.md").read_text())
        assert links and not [to for _, _, to, bare in links if (to or bare).startswith((".", "/"))]
