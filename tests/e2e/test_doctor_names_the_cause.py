"""Breaks a healthy deployment in one way at a time; the doctor must name that cause, first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.doctor_breakages import BREAKAGES, Breakage
from tests.e2e.doctor_patient import Patient, healthy, not_well
from wizard.core.checks import Verdict
from wizard.core.secret import Secret
from wizard.flows import diagnose

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def patient(deployed: Deployed) -> Iterator[Patient]:
    """A healthy deployment."""
    with healthy(deployed) as it:
        yield it


def test_a_healthy_deployment_shows_no_failure_and_no_warning_within_seconds(
    patient: Patient,
) -> None:
    began = time.monotonic()
    token = Secret(patient.deployed.box.token)
    report = diagnose.run(patient.context, patient.deployed.answers, token=token)
    seconds = time.monotonic() - began
    print(f"{len(report.results)} checks in {seconds:.1f} s")
    rest = {r.check.check_id: r.verdict for r in report.results if r.verdict is not Verdict.PASS}
    assert rest == {"WAG-LOC-006": Verdict.UNCHECKED}, report  # IAM does not simulate root
    assert seconds < 15


@pytest.mark.parametrize("breakage", BREAKAGES, ids=str)
def test_the_first_finding_names_the_cause_and_its_fix_heals(
    patient: Patient, breakage: Breakage
) -> None:
    undo = breakage.break_it(patient)
    broken = True
    try:
        report = patient.look()
        found = next(r for r in report.results if r.verdict in (Verdict.FAIL, Verdict.WARN))
        assert (found.check.check_id, found.verdict.value) == (
            breakage.check_id,
            breakage.verdict,
        ), not_well(report)
        for words in breakage.words:
            assert words.format(**asdict(patient.outputs)) in found.finding.evidence
        assert bool(found.check.fix and breakage.verdict == "failed") == breakage.fixable
        if breakage.fixable:
            assert patient.mend(found)
            broken = False
            assert not_well(patient.look()) == []
    finally:
        if broken:
            undo()


def test_after_every_breakage_and_repair_the_deployment_is_healthy(patient: Patient) -> None:
    assert not_well(patient.look()) == []


def test_after_every_repair_terraform_has_nothing_to_change(patient: Patient) -> None:
    assert patient.deployed.in_plan() == []
