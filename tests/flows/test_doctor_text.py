"""The same report as text, one-liners, JSON and JUnit XML."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.cli.doctor import exit_code
from wizard.core.checks import report as report_text
from wizard.core.checks.checklist import BY_ID, CHECKS
from wizard.core.checks.model import (
    NODE,
    About,
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
from wizard.ui.screens.doctor_text import rows

HOSTILE = "orders [/red] \x1b[31m<b>&\u202e"


def result(check_id: str, finding: Finding, because: str = "") -> Result:
    """A finding of a real check."""
    return Result(BY_ID[check_id], finding, because, 0.25)


BROKEN = Report(
    (
        result("WAG-LOC-001", passed("arn:aws:iam::123456789012:user/jane")),
        replace(
            result("WAG-LOG-005", failed(f"none points at {HOSTILE}")),
            link="https://console.example/filters",
        ),
        result("WAG-LOG-006", Finding(Verdict.SKIPPED, "because of"), "WAG-LOG-005"),
        result("WAG-NOD-001", unchecked("not permitted to look")),
        result("WAG-API-005", warned("3 undelivered batches wait")),
    ),
    About("shop", "123456789012", "eu-west-1", "1.0.0", "2026-08-01T03:00:00Z"),
)
WELL = Report((result("WAG-LOC-001", passed("jane")), result("WAG-NOD-001", unchecked("denied"))))

TEXT = """\
wallarm-apigw 1.0.0: shop in 123456789012, eu-west-1, 2026-08-01T03:00:00Z
[ok] This machine and these credentials  (1 of 1)
   [ok] WAG-LOC-001  Do the credentials work?
[XX] Logs do not reach the forwarder  (0 of 2)
   [XX] WAG-LOG-005  Does a subscription filter send the log group to the forwarder?
       none points at orders [/red]  [31m<b>&
   [--] WAG-LOG-006  Does the filter pattern let access-log events through?  because of WAG-LOG-005
[??] From the forwarder to the node  (0 of 1)
   [??] WAG-NOD-001  Does the ECS cluster have a container instance?
       Not checked: not permitted to look
[!!] API Discovery can show endpoints  (0 of 1)
   [!!] WAG-API-005  Is every event delivered, none kept for a replay?
       3 undelivered batches wait

Root cause: WAG-LOG-005  Does a subscription filter send the log group to the forwarder? \
No: none points at orders [/red]  [31m<b>&
Next: Let the wizard put the subscription filter back. \
Run `wallarm-apigw doctor --fix`.
Look: https://console.example/filters
1 passed, 1 warning, 1 failed, 1 skipped, 1 not checked"""


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


# What Jenkins, GitLab and GitHub agree on: the elements, what each holds, and its attributes.
JUNIT = {
    "testsuites": ({"testsuite"}, set()),
    "testsuite": (
        {"properties", "testcase"},
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    ),
    "properties": ({"property"}, set()),
    "property": (set(), {"name", "value"}),
    "testcase": ({"failure", "skipped", "system-out"}, {"classname", "name", "time"}),
    "failure": (set(), {"message", "type"}),
    "skipped": (set(), {"message"}),
    "system-out": (set(), set()),
}


def junit(report: Report, **options: str) -> ElementTree.Element:
    """The suite, once its grammar is seen to be right."""
    root = ElementTree.fromstring(report_text.as_junit(report, **options))
    assert root.tag == "testsuites"
    for element in root.iter():
        children, attributes = JUNIT[element.tag]
        assert {child.tag for child in element} <= children
        assert set(element.attrib) <= attributes
    (suite,) = root
    assert suite.get("tests") == str(len(list(suite.iter("testcase"))))
    assert suite.get("failures") == str(len(list(suite.iter("failure"))))
    assert suite.get("skipped") == str(len(list(suite.iter("skipped"))))
    return suite


def test_junit_is_valid_and_keeps_failed_apart_from_not_looked_at() -> None:
    suite = junit(BROKEN)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("5", "1", "2")
    (failure,) = suite.iter("failure")
    assert "orders [/red]" in str(failure.get("message"))
    assert suite.get("timestamp") == "2026-08-01T03:00:00"


def test_junit_fails_for_what_the_exit_code_fails_for() -> None:
    assert junit(BROKEN).get("failures") == "1"
    assert junit(BROKEN, fail_on="warning").get("failures") == "2"


@given(st.text(), st.text())
def test_junit_can_be_read_whatever_aws_says(evidence: str, name: str) -> None:
    about = About(name, "", "eu-west-1", "1.0.0", "2026-08-01T03:00:00Z")
    for finding in (failed(evidence), warned(evidence), unchecked(evidence)):
        junit(Report((result("WAG-LOG-005", finding),), about))


@given(st.text())
def test_the_text_is_lines_a_terminal_obeys_nothing_in(evidence: str) -> None:
    report = Report((result("WAG-LOG-005", failed(evidence)),))
    text = report_text.as_text(report, unicode=False)
    assert len(text.split("\n")) == 7
    assert not any(unicodedata.category(c) == "Cc" for c in text.replace("\n", ""))


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


def test_of_what_was_asked_for_by_name_it_counts_whether_that_could_be_looked_at() -> None:
    """`--only` brings causes along; they are well, but nobody asked for them."""
    assert exit_code(WELL, "error", ("wag-nod-001",)) is ExitCode.UNCHECKED
    assert exit_code(WELL, "error", ("node",)) is ExitCode.UNCHECKED
    assert exit_code(WELL, "error", ("WAG-LOC-001",)) is ExitCode.DONE
    assert exit_code(BROKEN, "error", ("WAG-NOD-001",)) is ExitCode.FAILED


@pytest.mark.parametrize(
    ("verdict", "mark"), [(Verdict.SKIPPED, "[--]"), (Verdict.UNCHECKED, "[??]")]
)
def test_a_section_into_which_nobody_looked_claims_nothing(verdict: Verdict, mark: str) -> None:
    """Neither that it is well nor that it is broken, in the report and on the screen alike."""
    checks = tuple(c for c in CHECKS if c.section is NODE and not c.deep)
    found = {c.check_id: Result(c, Finding(verdict, "denied"), "WAG-LOC-001") for c in checks}
    text = report_text.as_text(Report(tuple(found.values())), unicode=False)
    assert f"{mark} From the forwarder to the node  (0 of {len(checks)})" in text
    lines, _ = rows(checks, found, busy=False, turned={})
    (head,) = (line for line in lines if line.key == NODE.key)
    assert (head.title, head.state) == (
        "From the forwarder to the node",
        report_text.STATES[verdict],
    )
    before, _ = rows(checks, {}, busy=True, turned={})
    (head,) = (line for line in before if line.key == NODE.key)
    assert head.title == "From the forwarder to the node", "not before anybody looked, either"


def test_a_section_with_something_seen_is_called_by_what_was_seen() -> None:
    assert NODE.name([Verdict.SKIPPED, Verdict.PASS]) == NODE.well
    assert NODE.name([Verdict.WARN, Verdict.UNCHECKED]) == NODE.well
    assert NODE.name([Verdict.PASS, Verdict.FAIL]) == NODE.title
