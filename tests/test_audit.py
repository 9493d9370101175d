"""A vulnerability stops the lint; an index without advisories is said and is no clean bill."""

from __future__ import annotations

from tests.audit import verdict

CLEAN = {"name": "rich", "version": "14.0", "vulns": []}
BAD = {"name": "urllib3", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.0"]}]}
UNKNOWN = {"name": "boto3", "skip_reason": "Dependency not found on PyPI"}


def test_a_known_vulnerability_is_named_with_what_mends_it() -> None:
    assert verdict({"dependencies": [CLEAN, BAD]}) == (
        False, ["urllib3 1.0: PYSEC-1, fixed in 2.0"]
    )  # fmt: skip


def test_a_clean_bill_needs_an_answer_for_every_package() -> None:
    assert verdict({"dependencies": [CLEAN]})[0] is True
    fine, said = verdict({"dependencies": [CLEAN, UNKNOWN]})
    assert fine is None
    assert "1 of 2" in said[0]


def test_no_answer_is_not_an_answer() -> None:
    assert verdict("no answer within 90s") == (
        None, ["Known vulnerabilities could not be checked: no answer within 90s"]
    )  # fmt: skip
