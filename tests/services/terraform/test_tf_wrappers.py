"""What stands in for Terraform on PATH changes neither what is done nor how it is stopped."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.lived_in.wrappers import WRAPPERS, write_wrapper
from wizard.core.errors import WizardError
from wizard.core.terraform.events import ApplyComplete, ApplyStart, Event, LogLine
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.workspace import Workspace

EVERY = pytest.mark.parametrize("wrapper", WRAPPERS)
HEARD = "Interrupt received"


@pytest.fixture
def wrapped(opened, workspace: Workspace, tmp_path: Path, terraform_path: str, wrapper: str):
    def make(**variables: object) -> Terraform:
        opened(**variables)
        program = write_wrapper(wrapper, tmp_path / "bin" / "terraform", terraform_path)
        return open_terraform(workspace, terraform=str(program))

    return make


@EVERY
def test_a_plan_an_apply_and_a_removal_come_through(wrapped, workspace: Workspace) -> None:
    terraform = wrapped(seconds=[0, 0])
    plan = terraform.plan()
    assert plan.has_changes
    assert terraform.apply(plan).summary.add == 3
    assert terraform.output()["count"] == 2
    assert terraform.show_state_json()["values"]
    assert not terraform.plan().has_changes
    removal = terraform.plan(destroy=True)
    assert removal.has_changes
    assert terraform.apply(removal).summary.remove == 3
    assert workspace.check_state() == 0


@EVERY
def test_an_apply_that_fails_is_a_failure_whatever_the_exit_code(wrapped) -> None:
    terraform = wrapped(fail=True)
    with pytest.raises(TerraformError) as caught:
        terraform.apply(terraform.plan())
    assert "exit status 3" in caught.value.why
    assert not caught.value.in_doubt
    assert "terraform_data.step[0]" in terraform.state_list()


def at_start(_: Terraform, event: Event) -> bool:
    return isinstance(event, ApplyStart)


def after_the_first(_: Terraform, event: Event) -> bool:
    return isinstance(event, ApplyComplete)


@EVERY
@pytest.mark.parametrize("moment", [at_start, after_the_first])
def test_a_stop_reaches_terraform_itself_and_once(
    wrapped, workspace: Workspace, wrapper: str, moment
) -> None:
    if wrapper == "a CI action" and moment is after_the_first:
        pytest.skip("it hands nothing on before the end: there is no such moment to be seen")
    terraform = wrapped(seconds=[0, 8])
    plan = terraform.plan()
    heard: list[Event] = []

    def listen(event: Event) -> None:
        heard.append(event)
        if moment(terraform, event):
            terraform.interrupt()
            terraform.interrupt()

    if wrapper == "a CI action":
        threading.Timer(2.0, terraform.interrupt).start()
    started = time.monotonic()
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan, listen)
    assert time.monotonic() - started < 7, "it was waited for, not stopped"
    assert caught.value.interrupted
    assert sum(isinstance(e, LogLine) and HEARD in e.text for e in heard) == 1
    assert not any(isinstance(e, LogLine) and "Two interrupts" in e.text for e in heard)
    assert terraform.left_running() is None
    assert not caught.value.in_doubt
    done = {e.address for e in heard if isinstance(e, ApplyComplete)}
    assert done <= set(terraform.state_list())


@EVERY
def test_a_stop_that_is_asked_for_while_the_wrapper_only_begins_starts_nothing(
    wrapped, workspace: Workspace, wrapper: str
) -> None:
    terraform = wrapped(seconds=[5 if wrapper == "a CI action" else 20])
    plan = terraform.plan()
    started: list[Event] = []

    def ask_at_once() -> None:
        while not terraform.working:
            time.sleep(0.001)
        terraform.interrupt()

    threading.Thread(target=ask_at_once).start()
    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan, started.append)
    assert caught.value.interrupted
    # Terraform can lose an interrupt while it reads the plan; it is sent again where the lines that
    # follow show that. This one hands no line on.
    assert wrapper == "a CI action" or workspace.check_state() <= 1
    with pytest.raises(TerraformError) as again:
        terraform.plan()
    assert again.value.interrupted


def test_after_a_stop_an_apply_that_was_already_done_is_told_and_nothing_follows(
    opened, workspace: Workspace
) -> None:
    terraform = opened(seconds=[0])
    plan = terraform.plan()

    def listen(event: Event) -> None:
        if isinstance(event, ApplyComplete) and event.address == "terraform_data.last":
            terraform.runner.stop()

    with pytest.raises(TerraformError) as caught:
        terraform.apply(plan, listen)
    assert (caught.value.code, caught.value.interrupted) == ("WAG-E-TF-015", True)
    assert "was done" in caught.value.what
    assert "recorded" in caught.value.next_step
    assert not caught.value.in_doubt


def program(tmp_path: Path, body: str) -> str:
    path = tmp_path / "bin" / "terraform"
    path.parent.mkdir(exist_ok=True)
    answer = '{"terraform_version":"1.9.0","platform":"linux_amd64"}'
    text = f"#!/bin/sh\nif [ $1 = version ]; then echo '{answer}'; exit; fi\n{body}\n"
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_a_wrapper_that_swallows_everything_is_found_out_at_the_plan(
    opened, workspace: Workspace, tmp_path: Path, terraform_path: str
) -> None:
    opened()
    silent = program(tmp_path, f'"{terraform_path}" "$@" >/dev/null 2>&1; exit 0')
    terraform = open_terraform(workspace, terraform=silent)
    with pytest.raises(TerraformError) as caught:
        terraform.plan()
    assert caught.value.code == "WAG-E-TF-023"
    assert silent in caught.value.why
    assert "--terraform" in caught.value.next_step
    assert not any(workspace.plans.iterdir())


def test_outputs_that_did_not_come_through_are_never_printed(
    opened, workspace: Workspace, tmp_path: Path
) -> None:
    terraform = opened()
    terraform.apply(terraform.plan())
    loud = program(tmp_path, 'echo \'"password": "hunter2"\'')
    with pytest.raises(TerraformError) as caught:
        open_terraform(workspace, terraform=loud).output()
    assert caught.value.code == "WAG-E-TF-023"
    assert "hunter2" not in str(caught.value)


def test_an_apply_that_claims_to_be_done_is_held_against_the_state(
    opened, workspace: Workspace, tmp_path: Path
) -> None:
    plan = opened().plan()
    line = '{"type":"change_summary","changes":{"add":2,"change":0,"remove":0,"operation":"apply"}}'
    liar = open_terraform(workspace, terraform=program(tmp_path, f"echo '{line}'"))
    with pytest.raises(TerraformError) as caught:
        liar.apply(plan)
    assert (caught.value.code, caught.value.in_doubt) == ("WAG-E-TF-024", True)
    assert "terraform_data.step[0]" in caught.value.why


@pytest.mark.parametrize(
    "body",
    ["echo Terraform v1.5.7", "echo 'no version set' >&2; exit 0", "exit 0"],
)
def test_a_script_that_does_not_answer_as_terraform_is_named_with_what_it_is(
    workspace: Workspace, tmp_path: Path, body: str
) -> None:
    path = tmp_path / "terraform"
    path.write_text(f"#!/bin/bash\n{body}\n")
    path.chmod(0o755)
    with pytest.raises(WizardError) as caught:
        open_terraform(workspace, terraform=str(path))
    assert caught.value.code == "WAG-E-TF-002"
    assert str(path) in caught.value.what
    assert "script (/bin/bash)" in caught.value.why
