"""What cloudsplaining and parliament say of the policies is known, explained, and not out of date.

scanned.json is their last word on every policy that can be printed and every role that is made; the
scanners live in an environment of their own (`make policy-scan`).
"""

from __future__ import annotations

import pytest

from tests.policy import scan

FINDINGS = scan.saved()["findings"]
AGAIN = "run `make policy-scan`"


def test_the_scan_is_of_the_policies_as_they_are_now() -> None:
    assert scan.saved()["policies"] == scan.digest(), AGAIN
    assert scan.saved()["count"] == len(list(scan.policies()))


@pytest.mark.parametrize("found", FINDINGS, ids=lambda f: f"{f['purpose']}: {f['text'][:60]}")
def test_every_finding_has_a_reason(found: dict[str, str]) -> None:
    assert scan.reason(found["purpose"], found["tool"], found["text"])


@pytest.mark.parametrize("known", scan.REASONS, ids=lambda r: f"{r[1]}: {r[2][:60]}")
def test_no_reason_is_for_something_that_is_not_found(known: tuple[str, str, str, str]) -> None:
    purpose, tool, start, _why = known
    assert [
        f
        for f in FINDINGS
        if purpose in ("", f["purpose"]) and tool == f["tool"] and f["text"].startswith(start)
    ]


@pytest.mark.parametrize("purpose", ["discover", "deploy", "uninstall", "doctor", "role"])
def test_cloudsplaining_finds_no_way_up_and_no_credentials(purpose: str) -> None:
    mine = [f["text"] for f in FINDINGS if f["purpose"].startswith(purpose)]
    assert not [text for text in mine if text.startswith("privilege escalation")]
    assert not [text for text in mine if text.lower().startswith("credentials")]
    assert not [text for text in mine if text.startswith("data exfiltration")]


@pytest.mark.parametrize("purpose", ["discover", "doctor"])
def test_looking_has_no_finding_at_all(purpose: str) -> None:
    serious = [f["text"] for f in FINDINGS if f["purpose"] == purpose]
    assert [text for text in serious if not text.startswith("RESOURCE_MISMATCH")] == []
