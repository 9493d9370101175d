"""Locks that a dead run or a dead Terraform left: shown with owner and age, removed by consent.

Whether somebody on another computer is still at work only a person can know, so `--yes` is no
answer there.
"""

from __future__ import annotations

import socket
from datetime import datetime, timezone

from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.journal.recovery import (
    LockHolder,
    Treatment,
    treat_run_lock,
    treat_state_lock,
)
from wizard.core.text import clean, duration
from wizard.flows.deployment.model import Deployment
from wizard.services.lock import is_held, read_owner, user_name
from wizard.services.workspace.s3_state import Held, StateStore
from wizard.services.workspace.state import is_locked, read_lock_note


def who_works(deployment: Deployment) -> str:
    """Who works on it right now, and since when; empty where nobody does.

    A lock in the bucket that a run of this very folder left is a dead one's: nobody works.
    """
    lock = deployment.workspace.root / "lock"
    if is_held(lock):
        return str(read_owner(lock) or "another process")
    held = deployment.store.holder() if deployment.store is not None else None
    if held is None or _whose_lock(deployment, held) is Treatment.REMOVE:
        return ""
    return f"{held.owner} ({deployment.store.place if deployment.store is not None else ''})"


def who_locks_state(deployment: Deployment) -> str:
    """Which Terraform holds the state, outside a run of ours; empty where none does."""
    store, workspace = deployment.store, deployment.workspace
    if store is not None:
        found = store.terraform_lock()
        if found is None:
            return ""
        what = clean(found.operation, 40) or "a command"
        return f"{what} by {clean(found.who, 80) or 'somebody'}, {_age(found.created)}"
    if workspace.state_is_local and is_locked(workspace.state.path):
        note = read_lock_note(workspace.state.path)
        return f"{note.operation} by {note.who}" if note else "a Terraform"
    return ""


def _whose_lock(deployment: Deployment, held: Held) -> Treatment:
    return treat_run_lock(
        LockHolder(held.folder, held.owner.host, held.owner.user),
        LockHolder(str(deployment.workspace.root), socket.gethostname(), user_name()),
    )


def settle_run_lock(deployment: Deployment, store: StateStore) -> None:
    """Deal with the lock of a run that died; of another computer's only with a person's word."""
    held = store.holder()
    if held is None:
        return
    context = deployment.context
    if _whose_lock(deployment, held) is Treatment.REMOVE:
        store.break_lock(held)
        context.note("the lock of an interrupted run of this computer is removed")
        return
    question = (
        f"The deployment is locked by {held.owner}. If that run no longer exists, its lock "
        "can be removed; if it does, both would change the same things. Remove the lock?"
    )
    whose = f"{held.owner.user}@{held.owner.host}"
    if whose == deployment.dead_run or context.may_unlock(held.id, question):
        store.break_lock(held)
        deployment.dead_run = whose
        context.note(f"removed the lock of {held.owner}", State.WARNING)


def settle_terraform_lock(deployment: Deployment) -> None:
    """Deal with a lock that a killed Terraform left in the bucket; never without a person's word.

    Raises WizardError WAG-E-STATE-011 when nobody agreed to remove it.
    """
    store = deployment.store
    found = store.terraform_lock() if store is not None else None
    if store is None or found is None:
        return
    context = deployment.context
    who = f"{clean(found.who, 80) or 'somebody'}, {_age(found.created)}"
    question = (
        f"Terraform's state is locked ({clean(found.operation, 40)}) by {who}. If that "
        "Terraform no longer runs, its lock can be removed; if it does, both would damage the "
        "state. Remove the lock?"
    )
    # Terraform says user@host: whose run somebody called dead, its Terraform is dead, too.
    agreed = bool(deployment.dead_run) and found.who == deployment.dead_run
    if not agreed and not context.may_unlock(found.lock_id, question):
        raise WizardError(
            "WAG-E-STATE-011",
            "Terraform's state of this deployment is locked",
            why=f"{clean(found.operation, 40)} by {who}; lock {found.lock_id} in {store.place}.",
            next_step="Wait for it to end. If that Terraform no longer exists, run the same "
            f"command again with --unlock {found.lock_id}",
        )
    terraform = deployment.terraform
    terraform.init()
    terraform.force_unlock(found.lock_id)
    context.note(f"removed Terraform's lock of {who}", State.WARNING)


def settle_local_lock(deployment: Deployment) -> None:
    """Deal with the lock of a Terraform that was started by hand, or that died.

    The kernel frees a dead one's lock; its note stays and is removed when the user agrees. Raises
    WizardError WAG-E-WS-023 while somebody holds it: that cannot be taken from them.
    """
    workspace = deployment.workspace
    found = read_lock_note(workspace.state.path) if workspace.state_is_local else None
    if found is None:
        return
    who = f"{found.operation} by {found.who}, for {duration(found.age(deployment.clock()))}"
    treatment = treat_state_lock(noted=True, held=is_locked(workspace.state.path))
    if treatment is Treatment.REFUSE:
        raise WizardError(
            "WAG-E-WS-023",
            "Another Terraform is working on this deployment",
            why=f"The state is locked: {who}; lock {found.lock_id} in {workspace.state.path}.",
            next_step="Wait for it to end, or end it; then run the same command again.",
        )
    context = deployment.context
    context.note(f"{who}; that Terraform no longer runs", State.WARNING, "lock left behind")
    question = f"A Terraform that no longer runs left its lock ({who}). Remove it?"
    if context.may_unlock(found.lock_id, question) or context.ask(question):
        found.path.unlink(missing_ok=True)
        context.note("removed", subject="lock left behind")


def _age(created: str) -> str:
    try:
        at = datetime.strptime(created[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return "since an unknown time"
    return f"for {duration(max(0.0, (datetime.now(timezone.utc) - at).total_seconds()))}"
