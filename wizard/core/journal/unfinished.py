"""The last run that did not come to its end: what it did, what is in doubt, what it never began.

Pure: read from the journal's entries. A run writes at its beginning what it is going to do; every
side effect writes before and after itself. What lies between the two is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.core.facts import StageRef
from wizard.core.journal import record
from wizard.core.journal.record import Entry

PROOF = "proof"

_WORDS = {
    record.TERRAFORM_APPLY: "deploying the infrastructure",
    record.TERRAFORM_DESTROY: "removing the infrastructure",
    record.TOKEN_STORE: "storing the token",
    record.TOKEN_DELETE: "deleting the token",
    record.ROLE_CREATE: "creating the CloudWatch role",
    record.ROLE_SET: "setting the CloudWatch role",
    record.POLICY_PUT: "letting log delivery write to a log group",
    record.ROLE_DELETE: "deleting the CloudWatch role again",
    record.LOGS_KEEP: "leaving log data where it is",
    record.LOGS_DELETE: "deleting log data",
    record.STAGE_SWITCH: "switching access logging on",
    record.STAGE_RESTORE: "putting a stage's logging back",
    record.POLICY_RESTORE: "putting a log group's policy back",
    record.REDRIVE: "replaying undelivered events",
    record.STATE_BUCKET: "making the bucket for the state",
    record.STATE_MOVE: "moving Terraform's state",
    record.INSTALLATION_MAKE: "making an id for this installation",
    record.INSTALLATION_CLAIM: "claiming the name for this installation",
    record.INSTALLATION_RELEASE: "giving the name back",
    record.INSTALLATION_LOST: "another installation took it over",
    PROOF: "following one request to the node",
}
# A run that ends makes earlier ones of these flows a matter of the past.
_SETTLES = {"install": ("install", "stages"), "uninstall": ("install", "stages", "uninstall")}

Step = tuple[str, str]  # action, subject


@dataclass(frozen=True)
class Unfinished:
    """A run that was killed, stopped or failed.

    Attributes:
        began: ISO 8601, UTC.
        why: the words it failed with; empty when it was killed or stopped.
        done, failed, in_doubt, not_begun: its steps in words, in their order.
    """

    flow: str
    began: str
    why: str
    done: tuple[str, ...]
    failed: tuple[str, ...]
    in_doubt: tuple[str, ...]
    not_begun: tuple[str, ...]
    left: tuple[Step, ...] = ()  # what is not done, for whoever goes on

    @property
    def headline(self) -> str:
        """`The install of 2026-11-27 06:40 UTC did not come to its end: 3 done, 1 in doubt, …`."""
        when = self.began[:16].replace("T", " ")
        counts = (
            (len(self.done), "done"),
            (len(self.failed), "failed"),
            (len(self.in_doubt), "in doubt"),
            (len(self.not_begun), "not begun"),
        )
        told = ", ".join(f"{number} {word}" for number, word in counts if number)
        return (
            f"The {self.flow} of {when} UTC did not come to its end: {told or 'nothing was begun'}"
        )

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """State and step, for every step."""
        return tuple(
            (state, step)
            for state, steps in (
                ("done", self.done),
                ("failed", self.failed),
                ("in doubt", self.in_doubt),
                ("not begun", self.not_begun),
            )
            for step in steps
        )


def step_words(action: str, subject: str, api_name: str = "") -> str:
    """A step for the reader; `api_name` where its subject is a stage."""
    if api_name and "/" in subject:
        return f"{_WORDS.get(action, action)}: {StageRef.parse(subject).label(api_name)}"
    return f"{_WORDS.get(action, action)} ({subject})" if subject else _WORDS.get(action, action)


def intention(steps: Iterable[Step], api_names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a run is going to do, as its first entry keeps it.

    Args:
        api_names: the names of the APIs of its stages, by the stages' references.
    """
    return {"steps": [list(step) for step in steps], "api_names": dict(api_names or {})}


def unfinished_run(entries: Iterable[Entry]) -> Unfinished | None:
    """The latest run that still waits to be gone on with; None when all came to their ends."""
    everything = list(entries)
    waiting: dict[str, Entry] = {}
    for entry in everything:
        if entry.action != record.RUN:
            continue
        if entry.step == "begin":
            waiting[entry.subject] = entry
        elif entry.step == "done":
            for flow in _SETTLES.get(entry.subject, (entry.subject,)):
                waiting.pop(flow, None)
    if not waiting:
        return None
    first = max(waiting.values(), key=lambda e: e.seq)
    return _describe(first, [e for e in everything if e.seq >= first.seq])


def _describe(first: Entry, since: list[Entry]) -> Unfinished:
    steps: dict[Step, str] = {}
    intended = first.after.get("steps")
    for step in intended if isinstance(intended, list) else ():
        if isinstance(step, list) and len(step) == 2:
            steps[str(step[0]), str(step[1])] = "not begun"
    why = ""
    for entry in since:
        if entry.action == record.RUN:
            if entry.run == first.run and entry.step == "failed":
                why = entry.detail
            continue
        steps[entry.action, entry.subject] = {"begin": "in doubt", "done": "done"}.get(
            entry.step, "failed"
        )

    noted = first.after.get("api_names")
    names = {str(k): str(v) for k, v in noted.items()} if isinstance(noted, dict) else {}

    def told(state: str) -> tuple[str, ...]:
        return tuple(
            step_words(*step, names.get(step[1], ""))
            for step, found in steps.items()
            if found == state
        )

    return Unfinished(
        first.subject,
        first.at,
        why,
        told("done"),
        told("failed"),
        told("in doubt"),
        told("not begun"),
        tuple(step for step, found in steps.items() if found != "done"),
    )
