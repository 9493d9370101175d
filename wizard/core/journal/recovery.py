"""What follows from what an interrupted run left: decided here, carried out by the flows.

Pure: from the journal's entries, a plan as JSON, a state as JSON, and what was seen of locks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from wizard.core.journal.record import STATE_MOVE, TERRAFORM_APPLY, TERRAFORM_DESTROY, Entry

_RUNS_OF_TERRAFORM = (TERRAFORM_APPLY, TERRAFORM_DESTROY)


class Treatment(Enum):
    """What to do about something that was left behind."""

    NOTHING = "nothing"
    REMOVE = "remove"  # whoever left it is known to be dead
    ASK = "ask"
    REFUSE = "refuse"
    FINISH = "finish"
    UNDO = "undo"


@dataclass(frozen=True)
class LockHolder:
    """Whoever holds, or held, a lock: the workspace on their computer, that computer, the user."""

    folder: str
    host: str
    user: str


def treat_run_lock(held: LockHolder | None, here: LockHolder) -> Treatment:
    """The lock of a run in the bucket, while this very workspace is locked by us.

    Whoever locked from this folder of this computer is dead then. Of anybody else only a person
    can know.
    """
    if held is None:
        return Treatment.NOTHING
    return Treatment.REMOVE if held == here else Treatment.ASK


def treat_state_lock(*, noted: bool, held: bool) -> Treatment:
    """Terraform's lock beside a local state: `noted` in its file, `held` by a living process."""
    if not noted:
        return Treatment.NOTHING
    return Treatment.REFUSE if held else Treatment.ASK


def treat_damaged_state(*, local: bool, copy: bool) -> Treatment:
    """A state that is damaged or gone: a copy of it can take its place where it lies here."""
    return Treatment.ASK if local and copy else Treatment.REFUSE


@dataclass(frozen=True)
class OpenMove:
    """A move of the state whose end was never recorded; an empty bucket is a computer's folder."""

    source: str
    target: str

    def treat(self, current: str) -> Treatment:
        """Where the state counts now (`current`) tells whether the move was decided.

        It is decided by one write: the word in the old bucket on where it went, or, from a
        computer's folder, the folder's own note.
        """
        return Treatment.FINISH if current == self.target else Treatment.UNDO


def open_move(unfinished: Iterable[Entry]) -> OpenMove | None:
    """The move that a run began and that nobody ended; None where there is none."""
    for entry in unfinished:
        if entry.action == STATE_MOVE:
            source = str(entry.before.get("bucket", ""))
            return OpenMove(source, str(entry.after.get("bucket", "")))
    return None


@dataclass(frozen=True)
class Adoptable:
    """What may be there although the state does not know it, and may be taken into it.

    Attributes:
        anything: whatever carries our mark: the state is an older copy, or somebody else's.
        addresses: what interrupted runs of Terraform were making.
    """

    anything: bool = False
    addresses: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether it is worth a look."""
        return self.anything or bool(self.addresses)

    def covers(self, address: str) -> bool:
        """Whether this resource may be taken over."""
        return self.anything or address in self.addresses


def adoptable(
    entries: Iterable[Entry], *, state_restored: bool = False, taking_over: bool = False
) -> Adoptable:
    """What may be taken into the state.

    A run of Terraform that failed has written what it made; only of one that was cut short, or lost
    its way to AWS, the end is not known. It wrote down what it was going to make before it began.
    What AWS said was there already, it may have made itself: that answer was lost then.
    What came to its end after it, with a plan of its own, has settled it.
    """
    begun: Entry | None = None
    addresses: set[str] = set()
    for entry in entries:
        if entry.action not in _RUNS_OF_TERRAFORM:
            continue
        if entry.step == "done":
            begun = None
            addresses.clear()
            continue
        unsure = entry.after.get(UNSURE)
        if begun is not None and (entry.step == "begin" or unsure is True):
            addresses |= _creations(begun)
        elif begun is not None and isinstance(unsure, list):
            addresses |= _creations(begun) & {str(address) for address in unsure}
        begun = entry if entry.step == "begin" else None
    if begun is not None:
        addresses |= _creations(begun)
    return Adoptable(state_restored or taking_over, frozenset(addresses))


def record_of_intention(changes: Iterable[tuple[str, str]], installation: str) -> dict[str, Any]:
    """What a run of Terraform writes down before it begins.

    Args:
        changes: action and address of each, as planned.
    """
    makes = [address for action, address in changes if action in _MAKING]
    return {"installation": installation, _MAKES: makes}


_MAKES = "makes"
UNSURE = "unsure"
"""Key of a failure after which something may have been made that Terraform does not know: True for
anything it was making, else a list of addresses."""
_MAKING = ("create", "replace")


def doubt(*, retry: bool, interrupted: bool, there: Collection[str]) -> dict[str, Any]:
    """What a run of Terraform that failed writes down about what it may have made.

    Args:
        retry: AWS's answers may have been lost on their way.
        interrupted: it was asked to stop. What was in flight is called off in the middle of a
            request, and AWS may carry it out all the same.
        there: addresses of what AWS said was there already.
    """
    if retry or interrupted:
        return {UNSURE: True}
    return {UNSURE: list(there)} if there else {}


def _creations(begun: Entry) -> set[str]:
    found = begun.after.get(_MAKES)
    return {str(address) for address in found} if isinstance(found, list) else set()


def was_ever_interrupted(entries: Iterable[Entry], *, state_restored: bool) -> bool:
    """Whether any run of Terraform failed or was cut short, so that orphans are worth a look."""
    steps = _steps(entries)
    return state_restored or "failed" in steps or steps.count("begin") > steps.count("done")


def _steps(entries: Iterable[Entry]) -> list[str]:
    return [entry.step for entry in entries if entry.action in _RUNS_OF_TERRAFORM]


@dataclass(frozen=True)
class Creation:
    """Something that a plan would make: `values` are its attributes as far as they are known."""

    address: str
    resource_type: str
    values: Mapping[str, Any]


def planned_creations(plan: Mapping[str, Any]) -> tuple[Creation, ...]:
    """What a plan (`terraform show -json`) would make and what therefore may be there already.

    A replacement is none: what it makes anew is known to the state.
    """
    return tuple(
        Creation(str(c["address"]), str(c["type"]), c["change"].get("after") or {})
        for c in plan.get("resource_changes", ())
        if c["mode"] == "managed" and c["change"]["actions"] == ["create"]
    )


def to_take_over(
    found: Mapping[str, str], adoptable: Adoptable, refused: Collection[str]
) -> dict[str, str]:
    """Import ids by address: of what may be taken over, and Terraform did not refuse before."""
    return {
        address: id_
        for address, id_ in found.items()
        if adoptable.covers(address) and address not in refused
    }


_MADE_BY_AWS = re.compile(
    r":ec2:[^:]*:[^:]*:(?:instance|volume|network-interface|fleet|spot-instances-request)/"
    r"|:ecs:[^:]*:[^:]*:(?:task|container-instance)/"
)
# Every change of a task makes another revision; the older ones cost nothing and cannot be deleted
# by Terraform.
_REVISION = re.compile(r"(:task-definition/[^:]+):\d+$")


def known_names(state: Mapping[str, Any]) -> frozenset[str]:
    """Ids and ARNs of everything in a state, as `terraform show -json` prints it."""
    names: set[str] = set()
    rooms = [(state.get("values") or {}).get("root_module") or {}]
    while rooms:
        room = rooms.pop()
        rooms.extend(room.get("child_modules") or ())
        for resource in room.get("resources") or ():
            if resource.get("mode", "managed") != "managed":
                continue
            values = resource.get("values") or {}
            names.update(str(values[key]) for key in ("arn", "id") if values.get(key))
    return frozenset(names)


def orphans(tagged: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """The ARNs that nothing in the state accounts for.

    Args:
        tagged: ARNs of what carries the deployment's tag.
        known: see `known_names`.
    """
    families = {_REVISION.sub(r"\1", name) for name in known}
    return tuple(
        arn
        for arn in tagged
        if not _MADE_BY_AWS.search(arn)
        and arn not in known
        and arn.removesuffix(":*") not in known
        and re.split(r"[:/]", arn)[-1] not in known
        and _REVISION.sub(r"\1", arn) not in families
    )
