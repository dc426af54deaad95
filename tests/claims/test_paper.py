"""The file of printed numbers: what a broken or hostile one is told, and the commands that read it."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers.project import ROOT
from study.__main__ import app
from study.claims import audit, audit_rules, paper
from study.files import write_json
from study.run import Run, value

EXAMPLE = Path(paper.__file__).with_name("audit_example.yaml")
NUMBER = "{id: a, quantity: q, published: '1'}"


def relation(text):
    return f"A:\n- {{id: n, quantity: patients, published: '54', unit: patients}}\nrelations:\n- {text}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A:\n- {id: a, quantity: q, published: 0.8220}", "put it in quotes"),
        ("A:\n- {id: a, quantity: q, published: '1', value: null}", "without a `reason`"),
        ("A:\n- {id: a, quantity: q, published: '1', value: auc}", "write notebook:name"),
        ("A:\n- {id: a, quantity: q, published: '1', units: HU}", "unknown field `units`; did you mean `unit`?"),
        ("A:\n- {id: a, quantity: q}", "line 2, A, a: no field `published`"),
        ("A:\n- {id: 1a, quantity: q, published: '1'}", "begin with a letter"),
        ("A:\n- {id: a, quantity: q, published: about 3}", "not a number"),
        ("A:\n- {id: a, quantity: q, published: '" + "9" * 400 + "'}", "not a number"),
        ("A:\n- {id: a, quantity: q, published: soon, unit: date}", "write a date"),
        ("A:\n- {id: a, quantity: q, published: '1', interval: ['1']}", "two quoted numbers"),
        ("A:\n- {id: a, quantity: q, published: '1', n: true}", "is True, true or false"),
        (f"A:\n- {NUMBER}\n- {NUMBER}", "the id a is used twice"),
        ("A:\n- {id: a, id: b, quantity: q, published: '1'}", "`id` is given twice"),
        ("A: [1]", "expected `{field: value, ...}`"),
        ("A: 1", "expected a list"),
        ("- a", "expected sections"),
        ("", "expected sections"),
        ("A: []", "lists no numbers"),
        ("A: [", "not readable as YAML"),
        ("A: &a [*a]", "expected"),
        ("? [1]\n: 2", "not readable as YAML"),
        ("A: " + "[" * 5000, "not readable as YAML"),
        ("A: !!python/object/apply:os.system ['true']", "not readable as YAML"),
        ("A:\n- {id: a, quantity: *x, published: '1'}", "not readable as YAML"),
        (relation("{rule: shares, total: n}"), "no rule `shares`; did you mean `share`?"),
        (relation("{total: n}"), "expected `{rule: name"),
        (relation("12"), "expected `{rule: name"),
        (relation("{rule: share, total: n}"), "`share` is missing"),
        (relation("{rule: share, total: n, share: '0.5', counts: '3'}"), "no argument `counts`; did you mean `count`?"),
        (relation("{rule: share, total: n, share: 0.5}"), "a number; write an id, or a printed number in quotes"),
        (relation("{rule: share, total: m, share: '0.5'}"), "`m', neither an id".replace("`m'", "'m'")),
        (relation("{rule: share, total: n.low, share: '0.5'}"), "only a number with an interval"),
        (relation("{rule: share, total: '54', share: '0.5'}"), "`where` is missing"),
        (relation("{rule: sum, total: n, parts: n}"), "write a list"),
        (relation("{rule: t_test, p: '0.1', groups: [{n: n}]}"), "`{n: , mean: , sd: }`"),
        ("relations: 1", "expected a list"),
    ],
)  # fmt: skip
def test_a_faulty_file_says_what_is_wrong_and_where(tmp_path, text, said):
    (tmp_path / "tables.yaml").write_text(text)
    with pytest.raises(paper.PaperError, match=re.escape(said)):
        paper.read_paper(tmp_path / "tables.yaml")
    answer = CliRunner().invoke(app, ["audit", str(tmp_path / "tables.yaml")])
    assert answer.exit_code == 2 and "Traceback" not in answer.output and isinstance(answer.exception, SystemExit)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{rule: share, total: '0', share: '0.5', where: T}", "`total` is 0; it must be a whole number"),
        ("{rule: agreement, n: '999999999', kappa: '0.5', where: T}", "at most 5000"),
        ("{rule: agreement, n: '5000', error: '0.5', where: T}", "tables to try"),
        ("{rule: odds_ratio, estimate: '-2', low: '-3', high: '-1', where: T}", "above 0"),
        ("{rule: t_test, p: '0.1', where: T, groups: [{n: n, mean: '1', sd: '1'}]}", "compares two groups"),
        ("{rule: chi_square, p: '0.1', where: T, counts: ['1'], totals: ['2', '3']}", "one of each"),
        (
            "{rule: roc, where: T, sensitivity: '0.5', specificity: '0.5', auc: '0.5', cut_off: best}",
            "write youden or any",
        ),
        ("{rule: nested, where: T, smaller: '1', larger: '2', added: '1.5'}", "must be a whole number"),
    ],
)
def test_a_relation_that_cannot_be_computed_is_named_with_its_line(tmp_path, text, said):
    (tmp_path / "tables.yaml").write_text(relation(text))
    with pytest.raises(paper.PaperError, match=re.escape(said)) as caught:
        audit.audit(paper.read_paper(tmp_path / "tables.yaml"))
    assert str(caught.value).startswith("line 4, ")


def test_all_faults_are_listed_at_once_and_short(tmp_path):
    bomb = "x: &a [1,1,1,1,1,1,1,1,1], " + ", ".join(
        f"x{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '*a'] * 9)}]" for i in range(30)
    )
    text = f"reasons:\n- {{{bomb}}}\nA:\n- {{id: a, quantity: q, published: *a29}}\n- {{id: b, published: '1'}}\n"
    (tmp_path / "c.yaml").write_text(text + relation("{rule: nothing}").partition("\n")[2].partition("\n")[2])
    with pytest.raises(paper.PaperError) as caught:
        paper.read_paper(tmp_path / "c.yaml")
    said = str(caught.value)
    assert "A, a: `published`" in said and "A, b: no field `quantity`" in said and "no rule `nothing`" in said
    assert len(said) < 10_000


def test_a_faulty_number_is_no_fault_of_what_names_it(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "A:\n  - {id: n, quantity: all, published: 240, unit: patients}\nrelations:\n"
        "  - {rule: sum, where: A, total: n, parts: ['112', '128']}\n"
    )
    with pytest.raises(paper.PaperError) as said:
        paper.read_paper(tmp_path / "a.yaml")
    assert len(str(said.value).splitlines()) == 1 and "put it in quotes" in str(said.value)


def test_files_that_are_none(tmp_path):
    (tmp_path / "latin.yaml").write_bytes("A: é".encode("latin-1"))
    for path, said in [("none.yaml", "no such file"), ("latin.yaml", "not readable"), (".", "cannot be read")]:
        with pytest.raises(paper.PaperError, match=said):
            paper.read_paper(tmp_path / path)


def test_the_example_has_the_two_errors_that_it_names(tmp_path):
    answer = CliRunner().invoke(app, ["audit", str(EXAMPLE), "--out", str(tmp_path / "audit.csv")])
    assert answer.exit_code == 1 and "2 findings" in answer.output
    table = pd.read_csv(tmp_path / "audit.csv")
    assert list(table.columns) == audit.COLUMNS
    assert list(table["rule"]) == ["same", "share"] and "65" in table["what would fit"][1]
    mended = EXAMPLE.read_text().replace('"28"', '"26"').replace('"68"', '"65"')
    (tmp_path / "mended.yaml").write_text(mended)
    answer = CliRunner().invoke(app, ["audit", str(tmp_path / "mended.yaml")])
    assert answer.exit_code == 0 and "0 findings" in answer.output
    assert {check.rule for check in audit.audit(paper.read_paper(EXAMPLE))} >= set(audit_rules.RULES) - {"pooled"}


def test_the_method_that_fits_is_named_where_the_file_names_none(tmp_path):
    (tmp_path / "sex.yaml").write_text(
        'relations:\n  - {rule: chi_square, where: Table 1, counts: ["63", "24"], totals: ["150", "90"], p: "0.024"}\n'
    )
    answer = CliRunner().invoke(app, ["audit", str(tmp_path / "sex.yaml")])
    assert answer.exit_code == 0 and "holds: Table 1: chi square: " in answer.output
    assert "Yates 0.02" in answer.output and "Pearson" not in answer.output


def test_the_second_paper_of_the_documentation_has_the_one_finding_that_it_names(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "audit.md").read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "TABLES.yaml").write_text(text, encoding="utf-8")
    checks = audit.audit(paper.read_paper(tmp_path / "TABLES.yaml"))
    (found,) = [check for check in checks if not check.holds]
    assert found.rule == "agreement" and len(checks) > 10


def test_a_file_sends_nothing_to_the_terminal_nor_a_formula_to_a_spreadsheet(tmp_path):
    text = 'A:\n- {id: a, quantity: "=cmd()\\e[2J men", published: "105", unit: "%"}'
    (tmp_path / "hostile.yaml").write_text(text)
    answer = CliRunner().invoke(app, ["audit", str(tmp_path / "hostile.yaml"), "--out", str(tmp_path / "a.csv")])
    assert answer.exit_code == 1 and "\x1b" not in answer.output
    assert not pd.read_csv(tmp_path / "a.csv")["printed"].str.startswith("=").any()


# ---- study verify


@pytest.fixture
def run(tmp_path, monkeypatch):
    (tmp_path / "Snakefile").touch()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    return Run("r", tmp_path)


def assert_findings_once_and_by_weight(printed):
    """The findings of `study audit`, in its order and each once, with every claim that they accuse below."""
    checks = audit.audit(paper.read_paper())
    findings = audit.findings(checks)
    head, *lines = printed[printed.index("10 findings") :].splitlines()
    assert head == f"10 findings of the audit ({audit.counted(findings)}):"
    expected = [f"{row[0]}: {row[-2]}; would fit: {row[-1]}" for row in findings.itertuples(index=False)]
    assert [line for line in lines if not line.startswith(("  ", "study:"))] == expected
    weights = [line.partition(":")[0] for line in expected]
    assert weights == ["contradiction"] * 3 + ["another reading"] * 2 + ["wording of a unit"] * 5
    for check in checks:
        for one in check.cited if not check.holds else ():
            assert lines.count(f"  {one.where}: {one.name}: printed {one.text}") == 1
    assert "  Table 4: kappa, change of density: printed 0.4643" in lines


def test_verify_fails_where_a_claim_differs_or_is_accused(run, monkeypatch):
    answer = CliRunner().invoke(app, ["verify", "r"])
    assert answer.exit_code == 2 and "study run r" in answer.output
    run.record("6-progression", [value("kappa_volume_whole", 0.1, 0.05, 0.15, 142)])
    answer = CliRunner().invoke(app, ["verify", "r"])
    assert "differs: 0.1" not in answer.output and "no claim about patients was tested" in answer.output
    write_json(run.cohort / "cohort.json", {"tier": "restricted"})
    run.record("6-progression", [value("kappa_volume_whole", 0.1, 0.05, 0.15, 142)])
    answer = CliRunner().invoke(app, ["verify", "r"])
    assert answer.exit_code == 1 and "0.8220, differs: 0.1" in answer.output and "  contradiction\n" in answer.output
    assert_findings_once_and_by_weight(answer.output)
    text = "Table 4:\n- {id: k, quantity: kappa, published: '0.8220', value: '6-progression:kappa_volume_whole'}"
    (run.root / "one.yaml").write_text(text)
    monkeypatch.setattr(paper, "read_paper", lambda read=paper.read_paper: read(run.root / "one.yaml"))
    assert CliRunner().invoke(app, ["verify", "r"]).exit_code == 1
    run.record("6-progression", [value("kappa_volume_whole", 0.82204)])
    answer = CliRunner().invoke(app, ["verify", "r"])
    assert answer.exit_code == 0 and "verdict (claims: 1):\n    1  reproduced" in answer.output
    assert "arithmetic (claims: 1):\n    1  consistent" in answer.output
    write_json(run.cohort / "cohort.json", {"tier": "synthetic"})
    run.record("6-progression", [value("kappa_volume_whole", 0.82204)])
    answer = CliRunner().invoke(app, ["verify", "r"])
    assert answer.exit_code == 0 and "no claim about patients was tested" in answer.output
    assert CliRunner().invoke(app, ["verify", "../r"]).exit_code == 2
