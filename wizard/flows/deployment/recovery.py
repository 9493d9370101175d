"""What an interrupted run left behind, dealt with before anything new begins.

A Terraform that outlived its wizard is followed to its end; a state that could not be stored is put
back when the user agrees; what is in doubt is said, and looked at again by the run that follows.
"""

from __future__ import annotations

from pathlib import Path

from wizard.core.errors import WizardError
from wizard.core.events import Phase, State
from wizard.core.journal.recovery import Treatment, treat_damaged_state
from wizard.core.text import count, duration
from wizard.flows.deployment import locks
from wizard.flows.deployment.apply import follow_terraform
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.move_state import settle_move
from wizard.services.terraform.errors import TerraformError


def settle_interrupted_run(deployment: Deployment) -> None:
    """Bring a deployment into a state from which a run can begin. The lock must be held.

    Raises WizardError while a state that Terraform could not store waits and nobody agreed to put
    it back.
    """
    if deployment.workspace.module is None:
        settle_move(deployment)
        # Nothing was ever run from here; what a colleague's Terraform left is in the bucket.
        locks.settle_terraform_lock(deployment)
        _note_unfinished_run(deployment)
        return
    _await_left_terraform(deployment)  # it may be moving the state
    settle_move(deployment)
    deployment.workspace.sweep()
    locks.settle_terraform_lock(deployment)
    locks.settle_local_lock(deployment)
    _restore_state(deployment)
    _put_state_back(deployment)
    _note_unfinished_run(deployment)


def _await_left_terraform(deployment: Deployment) -> None:
    terraform = deployment.terraform
    context = deployment.context
    found = terraform.left_running()
    if found is None:
        if ended := terraform.end_left_providers():
            left = f"{count(ended, 'provider')} that a killed Terraform had left behind"
            context.note(left, subject="ended")
        return
    since = duration(max(0.0, deployment.clock() - found.started))
    with context.phase(Phase.DEPLOY, "Waiting for the Terraform that an earlier run left running"):
        context.note(f"terraform {found.command} (process {found.pid}) has run for {since}")
        complete = terraform.follow(found, follow_terraform(deployment))
    context.note(
        "it finished; what it did is in the state"
        if complete
        else "it ended early; what is missing is planned now",
        State.DONE if complete else State.WARNING,
    )


def _restore_state(deployment: Deployment) -> None:
    """Offer the copy of the last run in place of a state that is damaged or gone.

    Raises what `check_state` raises where nobody agrees, or there is no copy.
    """
    workspace = deployment.workspace
    try:
        workspace.check_state()
    except WizardError as error:
        kept = workspace.state.kept_facts()
        treatment = treat_damaged_state(local=workspace.state_is_local, copy=kept is not None)
        if kept is None or treatment is not Treatment.ASK:
            raise
        facts, age = kept
        question = (
            f"{error.what}. {error.why} A copy from {duration(age)} ago holds "
            f"{count(facts.resources, 'resource')}. Put it in place? What is there now is kept, "
            "and what the copy lacks is looked for in the account."
        )
        if not deployment.context.ask(question):
            raise
        aside = workspace.state.restore()
        deployment.state_restored = True
        deployment.context.note(
            f"from the copy of {duration(age)} ago, {count(facts.resources, 'resource')}"
            + (f"; the damaged one is {aside}" if aside else ""),
            State.WARNING,
            "state put back",
        )


def _put_state_back(deployment: Deployment) -> None:
    waiting = deployment.workspace.unsaved.files
    if not waiting:
        return
    names = ", ".join(path.name for path in waiting)
    question = (
        f"Terraform could not store its state in an earlier run and left {names}. "
        "Put it back? Terraform refuses it if it is older than what is there."
    )
    if not deployment.context.ask(question):
        deployment.workspace.unsaved.check()
    terraform = deployment.terraform
    terraform.init()  # the module may be another version's by now
    for path in waiting:
        try:
            terraform.push_state(path)
        except TerraformError as error:
            _set_aside(deployment, path, error)
        else:
            deployment.context.note("put back", subject=path.name)


def _set_aside(deployment: Deployment, path: Path, error: TerraformError) -> None:
    """Offer to rename a record that Terraform refuses. Only a person can know that it is obsolete.

    Raises WizardError WAG-E-WS-024 when nobody says so.
    """
    question = (
        f"Terraform refuses {path}: {error.why} If what is stored now is the newer record, this "
        "one can be set aside: it is renamed, not deleted, and what it knows more is looked for "
        "in the account. Set it aside?"
    )
    if not deployment.context.ask_person(question):
        raise WizardError(
            "WAG-E-WS-024",
            "Terraform refuses the record that an earlier run left",
            why=f"{path}: {error.why}",
            next_step="Compare it with the state. If what is stored is newer, run the same command "
            "in a terminal and agree to set it aside, or rename that file.",
        ) from error
    aside = deployment.workspace.unsaved.set_aside(path)
    deployment.state_restored = True
    deployment.context.note(f"set aside as {aside}", State.WARNING, path.name)


_STATES = {
    "done": State.DONE,
    "failed": State.FAILED,
    "in doubt": State.WARNING,
    "not begun": State.TODO,
}
_WAYS = {
    "install": "This run goes on from there. To take away what was made: wallarm-apigw uninstall. "
    "To leave it as it is: do not agree below; nothing is changed until then.",
    "uninstall": "What it made goes with the rest.",
}


def _note_unfinished_run(deployment: Deployment) -> None:
    """An earlier run that did not end: what is done, in doubt, not begun, and what can be done."""
    found = deployment.journal.unfinished
    if found is None:
        return
    note = deployment.context.note
    note(found.headline, State.WARNING, "unfinished")
    for state, step in found.lines:
        note(step, _STATES[state], state)
    if found.in_doubt:
        note("Each is compared with the account now.", State.WARNING, "in doubt")
    if way := _WAYS.get(deployment.flow):
        note(way, State.TODO, "unfinished")
