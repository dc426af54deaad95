"""The sign of per cent, which a paper may print once for a number and its interval, or only in the head of a column."""

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
