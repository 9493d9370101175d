"""The same report as text, one-liners, JSON and JUnit XML."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from wizard import report_text
from wizard.commands_doctor import exit_code
from wizard.core.checks import (
    BY_ID,
    Finding,
    Report,
    Result,
    Verdict,
    failed,
    passed,
    unchecked,
    warned,
)
from wizard.core.errors import ExitCode

HOSTILE = "orders [/red] \x1b[31m<b>&\u202e"


def result(check_id: str, finding: Finding, because: str = "") -> Result:
    """A finding of a real check."""
    return Result(BY_ID[check_id], finding, because, 0.25)


BROKEN = Report(
    (
        result("WAG-LOC-001", passed("arn:aws:iam::123456789012:user/jane")),
        result("WAG-LOG-005", failed(f"none points at {HOSTILE}")),
        result("WAG-LOG-006", Finding(Verdict.SKIPPED, "because of"), "WAG-LOG-005"),
        result("WAG-NOD-001", unchecked("not permitted to look")),
        result("WAG-API-005", warned("3 undelivered batches wait")),
    )
)
WELL = Report((result("WAG-LOC-001", passed("jane")), result("WAG-NOD-001", unchecked("denied"))))

TEXT = """\
[ok] This machine and these credentials  (1 of 1)
   [ok] WAG-LOC-001  Do the credentials work?
[XX] Logs do not reach the forwarder  (0 of 2)
   [XX] WAG-LOG-005  Does a subscription filter send the log group to the forwarder?
       none points at orders [/red]  [31m<b>&
   [--] WAG-LOG-006  Does the filter pattern let access-log events through?  because of WAG-LOG-005
[??] The node cannot be reached  (0 of 1)
   [??] WAG-NOD-001  Does the ECS cluster have a container instance?
       Not checked: not permitted to look
[!!] API Discovery shows nothing  (0 of 1)
   [!!] WAG-API-005  Is no event waiting undelivered?
       3 undelivered batches wait

Root cause: WAG-LOG-005  Does a subscription filter send the log group to the forwarder? \
No: none points at orders [/red]  [31m<b>&
Next: Let the wizard put the subscription filter back. \
Run `wallarm-apigw doctor --fix`."""


def test_the_text_names_section_check_evidence_cause_and_next_step() -> None:
    assert report_text.as_text(BROKEN, unicode=False) == TEXT


def test_short_is_only_what_is_not_well() -> None:
    lines = report_text.as_short(BROKEN, unicode=False).splitlines()
    assert [line.split()[1] for line in lines] == ["WAG-LOG-005", "WAG-API-005"]
    assert report_text.as_short(WELL, unicode=False) == "1 passed, 1 not checked"


def test_json_keeps_every_verdict_apart() -> None:
    data = json.loads(report_text.as_json(BROKEN))
    assert data["root_cause"] == "WAG-LOG-005"
    assert {c["id"]: c["verdict"] for c in data["checks"]} == {
        "WAG-LOC-001": "pass",
        "WAG-LOG-005": "failed",
        "WAG-LOG-006": "skipped",
        "WAG-NOD-001": "not checked",
        "WAG-API-005": "warning",
    }
    assert data["checks"][2]["because"] == "WAG-LOG-005"


def test_junit_is_well_formed_whatever_aws_says() -> None:
    suite = ElementTree.fromstring(report_text.as_junit(BROKEN))
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "1", "2")
    (failure,) = suite.iter("failure")
    assert "orders [/red]" in str(failure.get("message"))


@pytest.mark.parametrize(
    ("report", "fail_on", "expected"),
    [
        (BROKEN, "error", ExitCode.FAILED),
        (WELL, "error", ExitCode.DONE),
        (Report((result("WAG-API-005", warned("3")),)), "error", ExitCode.DONE),
        (Report((result("WAG-API-005", warned("3")),)), "warning", ExitCode.FAILED),
        (Report((result("WAG-NOD-001", unchecked("denied")),)), "error", ExitCode.UNCHECKED),
    ],
)
def test_the_exit_code_tells_failed_from_could_not_look(
    report: Report, fail_on: str, expected: ExitCode
) -> None:
    assert exit_code(report, fail_on) is expected
