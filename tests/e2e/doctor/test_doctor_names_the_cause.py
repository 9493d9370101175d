"""Breaks a healthy deployment in one way at a time; the doctor must name that cause, first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import pytest

from tests.e2e.conftest import Deployed
from tests.e2e.doctor_breakages import BREAKAGES, Breakage
from tests.e2e.doctor_breaks import OTHER_GROUP
from tests.e2e.doctor_breaks_stages import rest_stage, stages_of
from tests.e2e.doctor_patient import Patient, healthy, not_well
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import Verdict
from wizard.core.secret import Secret
from wizard.flows.doctor import examine as diagnose

pytestmark = pytest.mark.e2e

READING = ("Describe", "Get", "List", "Filter", "Simulate")


@pytest.fixture(scope="module")
def patient(deployed: Deployed) -> Iterator[Patient]:
    """A healthy deployment."""
    with healthy(deployed) as it:
        yield it


def test_a_healthy_deployment_shows_no_failure_and_no_warning(patient: Patient) -> None:
    token = Secret(patient.deployed.box.token)
    report = diagnose.run(patient.context, patient.deployed.answers, token=token)
    rest = {r.check.check_id: r.verdict for r in report.results if r.verdict is not Verdict.PASS}
    assert rest == {"WAG-LOC-006": Verdict.UNCHECKED}, report  # IAM does not simulate root


def test_looking_only_reads_and_asks_nothing_that_the_checklist_does_not_name(
    patient: Patient,
) -> None:
    """The recording of every call of a whole run. The one that is no reading is the probe."""
    began, before = len(patient.aws.asked), patient.deployed.stage_images()
    token = Secret(patient.deployed.box.token)
    diagnose.run(patient.context, patient.deployed.answers, token=token)
    asked = set(patient.aws.asked[began:])
    assert len(asked) > 20
    changing = {name for name in asked if not name.partition(".")[2].startswith(READING)}
    assert changing == {"lambda.Invoke"}
    named = {place.partition(" ")[0] for check in CHECKS for place in check.looks_at}
    assert asked - named == set()
    assert patient.deployed.stage_images() == before


@pytest.mark.parametrize("breakage", BREAKAGES, ids=str)
def test_the_first_finding_names_the_cause_and_its_fix_heals(
    patient: Patient, breakage: Breakage
) -> None:
    held = dict(patient.aws.answers)
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
            preview = patient.mend(found)
            assert (" from " in preview) == (found.check.fix == "stage"), preview
            broken = False
            assert not_well(patient.look()) == []
    finally:
        if broken:
            undo()
        patient.aws.answers.clear()  # what was played is over, also where a repair healed it
        patient.aws.answers.update(held)


def test_what_an_owner_set_before_a_repair_is_what_a_removal_puts_back(patient: Patient) -> None:
    """And leaves the stage connected as the install did, whatever was repaired before."""
    held, client = stages_of(patient, "REST")[0], patient.client("apigateway")
    stage = {"restApiId": held.ref.api_id, "stageName": held.ref.stage}
    rest_stage(("replace", "/destinationArn", OTHER_GROUP[:-2]))(patient)
    patient.mend(next(r for r in patient.look().results if r.verdict is Verdict.FAIL))
    removed = patient.deployed.cli("stages", "remove", str(held.ref), "--yes")
    assert removed.returncode == 0, removed.stderr
    assert client.get_stage(**stage)["accessLogSettings"]["destinationArn"] == OTHER_GROUP[:-2]
    client.update_stage(**stage, patchOperations=[{"op": "remove", "path": "/accessLogSettings"}])
    added = patient.deployed.cli("stages", "add", str(held.ref), "--yes")
    assert added.returncode == 0, added.stderr
    assert patient.deployed.images[str(held.ref)].get("accessLogSettings") is None


def test_after_every_breakage_and_repair_the_deployment_is_healthy(patient: Patient) -> None:
    assert not_well(patient.look()) == []


def test_after_every_repair_terraform_has_nothing_to_change(patient: Patient) -> None:
    assert patient.deployed.in_plan() == []
