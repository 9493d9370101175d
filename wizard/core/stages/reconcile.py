"""What has to be done so that exactly the chosen stages are connected, and what is only told.

Between two runs APIs are added, and an owner's deployment puts a stage's old logging back. What is
missing is connected; what an owner took away is put back once, and the next time it is reported
instead of fought over: somebody meant it, or their template has to say it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from wizard.core.facts import Inventory, Problem, Stage, StageRef
from wizard.core.journal.record import STAGE_RESTORE, STAGE_SWITCH, Entry, StageRecord
from wizard.core.stages.change import drift
from wizard.core.stages.rules import Rule, chosen_by

FLOW = "reconcile"  # under this name its changes stand in the journal
# A stage that somebody changed after it was put back so often is left to them.
MOST_TIMES_PUT_BACK = 1


class Step(Enum):
    """What becomes of a stage."""

    CONNECT = "connect"  # chosen, and not connected yet
    PUT_BACK = "put back"  # connected, and taken away by somebody since
    REPORT = "report"  # taken away again after it was put back
    GONE = "gone"  # connected, and not in the account any more
    UNREAD = "not read"  # connected or named, and nobody can say what it has now
    KEEP = "keep"  # as it should be
    REFUSED = "refused"  # chosen, and cannot be changed


@dataclass(frozen=True)
class StagePlan:
    """One stage and what becomes of it. `why` is for the reader: the rule, or what was changed."""

    ref: StageRef
    step: Step
    api_name: str = ""
    why: str = ""


@dataclass(frozen=True)
class Reconciliation:
    """All stages that rules, answers or the record name, each once, in the inventory's order.

    `unread` is what could not be read: a rule might choose a stage of it.
    """

    stages: tuple[StagePlan, ...] = ()
    unread: tuple[Problem, ...] = ()

    def of(self, *steps: Step) -> tuple[StagePlan, ...]:
        """Those with one of these steps."""
        return tuple(one for one in self.stages if one.step in steps)

    @property
    def to_do(self) -> tuple[str, ...]:
        """References of the stages that a run would change."""
        return tuple(str(one.ref) for one in self.of(Step.CONNECT, Step.PUT_BACK))

    @property
    def quiet(self) -> bool:
        """Whether there is nothing to do and nothing to tell."""
        return not self.unread and all(one.step is Step.KEEP for one in self.stages)

    def refused(self, reasons: Mapping[StageRef, str]) -> Reconciliation:
        """The same, where looking closer showed that some cannot be changed, and why."""
        return replace(
            self,
            stages=tuple(
                replace(one, step=Step.REFUSED, why=f"{one.why}; {reasons[one.ref]}")
                if one.ref in reasons
                else one
                for one in self.stages
            ),
        )


def reconcile(
    inventory: Inventory,
    rules: Collection[Rule],
    picked: Collection[str],
    connected: Mapping[StageRef, StageRecord],
    put_back: Mapping[StageRef, int],
) -> Reconciliation:
    """Compare what should be connected with what is.

    Args:
        rules: choose stages by what they are.
        picked: stages chosen by name, `<api id>/<stage>`.
        connected: the journal's record of each connected stage.
        put_back: how often each connected stage was put back after somebody changed it.
    Stages that nobody chose and that are not connected are not mentioned: they are not ours.
    """
    found: list[StagePlan] = []
    for stage in inventory.stages:
        one = _step(stage, rules, picked, connected.get(stage.ref), put_back.get(stage.ref, 0))
        if one is not None:
            found.append(one)
    there = {stage.ref for stage in inventory.stages}
    wanted = dict.fromkeys((*connected, *map(StageRef.parse, picked)))
    found += [_absent(ref, inventory, ref in connected) for ref in wanted if ref not in there]
    return Reconciliation(tuple(found), inventory.problems)


def _absent(ref: StageRef, inventory: Inventory, connected: bool) -> StagePlan:
    """A stage that is connected or named, and was not found. What could not be read is not gone."""
    problem = inventory.unread(ref)
    if problem is not None:
        why = f"{problem.subject} could not be read: {problem.message}"
        return StagePlan(ref, Step.UNREAD, why=why)
    if connected:
        return StagePlan(ref, Step.GONE, why="the account has no such stage any more")
    return StagePlan(ref, Step.REFUSED, why="chosen by name; the account has no such stage")


def times_put_back(entries: Iterable[Entry]) -> dict[StageRef, int]:
    """How often a reconciling run switched a stage on that was connected already, from the journal.

    What a person connects or puts back begins anew: then somebody has decided.
    """
    times: dict[StageRef, int] = {}
    for entry in entries:
        if entry.step != "done" or entry.action not in (STAGE_SWITCH, STAGE_RESTORE):
            continue
        ref = StageRef.parse(entry.subject)
        if entry.action == STAGE_RESTORE:
            times.pop(ref, None)
        elif entry.flow == FLOW and ref in times:
            times[ref] += 1
        else:
            times[ref] = 0
    return {ref: number for ref, number in times.items() if number}


def _step(
    stage: Stage,
    rules: Collection[Rule],
    picked: Collection[str],
    held: StageRecord | None,
    times: int,
) -> StagePlan | None:
    name = stage.api.name
    if held is not None:
        ours = held.wrote(stage.settings) or held.after
        changed = drift(held.before, ours, stage.settings)
        if not changed:
            return StagePlan(stage.ref, Step.KEEP, name)
        if times >= MOST_TIMES_PUT_BACK:
            return StagePlan(stage.ref, Step.REPORT, name, changed)
        return StagePlan(stage.ref, Step.PUT_BACK, name, changed)
    rule = chosen_by(rules, stage)
    named = str(stage.ref) in picked
    if rule is None and not named:
        return None
    why = "chosen by name" if named else f"chosen by `{rule.text}`" if rule else ""
    if not stage.changeable:
        return StagePlan(stage.ref, Step.REFUSED, name, f"{why}; AWS manages it")
    if stage.managed and not named:
        said = f"{why}; AWS manages it, and no rule tries such a stage: name it in `stages`"
        return StagePlan(stage.ref, Step.REFUSED, name, said)
    return StagePlan(stage.ref, Step.CONNECT, name, why)
