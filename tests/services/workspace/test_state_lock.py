"""A lock on a local state: who has it, since when, and whether a process still holds it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import FlowEvent, Note
from wizard.core.facts import Identity
from wizard.flows.context import Context, Options
from wizard.flows.deployment import locks, recovery
from wizard.flows.deployment.model import Deployment
from wizard.services.aws.session import Session
from wizard.services.workspace.state import is_locked, read_lock_note
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

NOTE = {
    "ID": "5ab1c0de-0000-4000-8000-000000000000",
    "Operation": "OperationTypeApply",
    "Who": "carl@laptop\x1b[31m",
    "Created": "2026-01-02T03:04:05.123456789Z",
}
STATE = {
    "version": 4, "serial": 3, "lineage": "a", "outputs": {},
    "resources": [{"mode": "managed", "type": "aws_vpc", "name": "one", "instances": [{}, {}, {}]}],
}  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., tuple[Deployment, list[str]]]:
    """A deployment whose module is installed, with a state; `agree` answers every question."""
    source = tmp_path / "module"
    source.mkdir()
    (source / "main.tf").write_text("")

    def make(*, agree: bool) -> tuple[Deployment, list[str]]:
        said: list[str] = []

        def hear(event: FlowEvent) -> None:
            if isinstance(event, Note):
                said.append(f"{event.subject}: {event.text}")

        options = Options(workspace=tmp_path / "w", env={"AWS_REGION": "eu-central-1"})
        answers = Answers(region="eu-central-1")
        identity = Identity("123456789012", "arn:aws:iam::123456789012:root", "eu-central-1")
        context = Context(options, hear, ask=lambda _: agree)
        session = Session(region="eu-central-1", env=options.env)
        place = WorkspaceId(identity.account_id, identity.region, answers.name_prefix)
        workspace = open_workspace(place, root=options.workspace)
        it = Deployment(context, answers, session, identity, "test", workspace)
        it.workspace.install_module(source)
        it.workspace.state.path.write_text(json.dumps(STATE))
        return it, said

    return make


def note(deployment: Deployment) -> Path:
    path = deployment.workspace.state.path.with_name(".terraform.tfstate.lock.info")
    path.write_text(json.dumps(NOTE))
    return path


def test_the_note_of_a_lock_is_read_without_its_control_characters(made) -> None:
    deployment, _ = made(agree=False)
    note(deployment)
    found = read_lock_note(deployment.workspace.state.path)
    assert found is not None
    assert (found.lock_id, found.operation) == (NOTE["ID"], "apply")
    assert "\x1b" not in found.who
    assert found.age(found.created + 60) == 60
    assert time.gmtime(found.created)[:6] == (2026, 1, 2, 3, 4, 5)


def test_a_note_cut_short_still_has_an_age(made) -> None:
    deployment, _ = made(agree=False)
    note(deployment).write_text('{"ID":"5a')
    found = read_lock_note(deployment.workspace.state.path)
    assert found is not None
    assert found.who == "somebody"
    assert found.age(time.time()) < 60


@pytest.mark.parametrize("agree", [True, False])
def test_a_dead_terraforms_lock_is_shown_and_goes_only_with_consent(made, agree: bool) -> None:
    deployment, said = made(agree=agree)
    path = note(deployment)
    locks.settle_local_lock(deployment)
    assert "apply by carl@laptop" in said[0]
    assert "no longer runs" in said[0]
    assert path.exists() is not agree


def test_a_living_terraforms_lock_is_never_taken_from_it(made) -> None:
    deployment, _ = made(agree=True)
    path = note(deployment)
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX); "
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(deployment.workspace.state.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(WizardError) as caught:
            locks.settle_local_lock(deployment)
    finally:
        holder.communicate("", timeout=10)
    assert caught.value.code == "WAG-E-WS-023"
    assert "carl@laptop" in caught.value.why
    assert path.exists()
    assert not is_locked(deployment.workspace.state.path)


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_state_is_replaced_by_its_copy_only_with_consent(made, damage: str) -> None:
    deployment, said = made(agree=False)
    workspace = deployment.workspace
    workspace.state.keep_copy()
    if damage == "cut":
        workspace.state.path.write_bytes(workspace.state.path.read_bytes()[:40])
    else:
        workspace.state.path.unlink()
    with pytest.raises(WizardError) as caught:
        recovery._restore_state(deployment)
    assert caught.value.code == ("WAG-E-WS-020" if damage == "cut" else "WAG-E-WS-021")
    assert said == []

    deployment.context._ask = lambda _: True
    recovery._restore_state(deployment)
    assert workspace.check_state() == 3
    assert "3 resources" in said[0]
    assert deployment.state_restored
    aside = list(workspace.state.path.parent.glob("*.damaged-*"))
    assert len(aside) == (damage == "cut")


def test_without_a_copy_the_damage_is_told_and_nothing_is_asked(made) -> None:
    deployment, _ = made(agree=True)
    deployment.workspace.state.path.write_text("{")
    with pytest.raises(WizardError) as caught:
        recovery._restore_state(deployment)
    assert caught.value.code == "WAG-E-WS-020"
    assert deployment.workspace.state.path.read_text() == "{"
