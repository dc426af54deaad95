"""What a paper may leave out beside a number: the sign of per cent, an interval's level, that a kappa is weighted."""

import pytest
import yaml

from study.claims import audit
from study.claims.paper import PaperError


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        ("share", {"share": "85.0 %", "count": "51", "total": "60", "low": "73.9", "high": "91.9"}),  # Wilson's
        ("difference", {"difference": "20.0 %", "counts": ["24", "16"], "totals": ["40", "40"], "low": "-1.5",
                        "high": "41.5"}),
        ("share", {"share": "0.5 %", "total": "600", "count": "3", "low": "0.1", "high": "1.5"}),  # exact
    ],
)  # fmt: skip
def test_the_sign_of_per_cent_may_be_printed_once(tmp_path, rule, given):
    for sign in ("", " %"):
        relation = {"rule": rule, "where": "Results", **given}
        relation |= {end: given[end] + sign for end in ("low", "high")}
        (tmp_path / "list.yaml").write_text(yaml.safe_dump({"relations": [relation]}))
        assert [check.holds and not check.loosely for check in audit.audit(tmp_path / "list.yaml")] == [True]


def test_a_number_in_per_cent_without_its_sign_is_refused(tmp_path):
    path = tmp_path / "list.yaml"
    for published, wrong in (("92.41", True), ("92.41 %", False), ("0.92", False), ("1.20", False)):
        claim = {"id": "a", "quantity": "sensitivity", "published": published}
        path.write_text(yaml.safe_dump({"Results": [claim]}))
        if wrong:
            with pytest.raises(PaperError, match=r"no share is above 1; where it is in per cent, write `92.41 %`"):
                audit.audit(path)
        else:
            assert [check.holds for check in audit.audit(path)] == [published != "1.20"]
    relation = {"rule": "roc", "where": "Results", "sensitivity": "85", "specificity": "80 %", "auc": "0.88"}
    path.write_text(yaml.safe_dump({"relations": [relation]}))
    with pytest.raises(PaperError, match="`sensitivity` is '85'"):
        audit.audit(path)


def test_an_interval_of_another_level_is_named_in_a_finding_and_in_a_remark(tmp_path):
    relations = [
        {"rule": "odds_ratio", "estimate": "2.00", "low": "1.20", "high": "3.33", "p": "0.0005"},  # 99 %
        {"rule": "difference", "difference": "20.0 %", "counts": ["24", "16"], "totals": ["40", "40"], "low": "2.0",
         "high": "38.0"},
    ]  # fmt: skip
    path = tmp_path / "list.yaml"
    path.write_text(yaml.safe_dump({"relations": [{"where": "Results", **one} for one in relations]}))
    finding, remark = audit.audit(path)
    assert not finding.holds and "an interval of 99 % (`level`), not of 95 %" in finding.fits
    assert remark.holds and remark.loosely and "or it is an interval of 90 %" in remark.words
    known = [
        {"where": "Results", **one, "level": level} for one, level in zip(relations, ("99 %", "90 %"), strict=True)
    ]
    path.write_text(yaml.safe_dump({"relations": known}))
    assert [check.holds and not check.loosely for check in audit.audit(path)] == [True, True]


def test_a_kappa_of_several_categories_may_be_weighted(tmp_path):
    path, given = tmp_path / "list.yaml", {"rule": "agreement", "where": "T", "n": "100", "observed": "0.79"}
    for categories, weighted in (("3", True), ("2", False)):
        relation = {**given, "kappa": "0.84", "categories": categories}
        path.write_text(yaml.safe_dump({"relations": [relation]}))
        (check,) = audit.audit(path)
        assert not check.holds and ("a weighted kappa (`weights`)" in check.fits) == weighted
    path.write_text(yaml.safe_dump({"relations": [{**given, "kappa": "0.84", "weights": "quadratic"}]}))
    assert [check.holds for check in audit.audit(path)] == [True]
