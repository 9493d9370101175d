"""What is deployed and how it does, in one look. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.answers.model import EDGE, Answers
from wizard.core.cost import HOURS, estimate
from wizard.core.errors import WizardError
from wizard.core.facts import ApiType, Identity, StageRef
from wizard.core.installation import Standing
from wizard.core.journal.record import (
    INSTALLATION_RELEASE,
    TERRAFORM_APPLY,
    TERRAFORM_DESTROY,
    Entry,
    Record,
    StageRecord,
)
from wizard.core.journal.recovery import open_move
from wizard.core.journal.unfinished import Unfinished
from wizard.core.node.counters import EDGE_COUNTERS, NodeCounters
from wizard.core.stages.change import drift, same_log
from wizard.core.stages.lines import BATCHES, LastEvent, LineCounts, count_by_stage, count_lines
from wizard.core.stages.log_format import LoggingState, is_older
from wizard.core.terraform.plans import listed
from wizard.core.text import clean
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context
from wizard.flows.deployment import remote
from wizard.flows.deployment.find import find_in_account, found_deployments
from wizard.flows.deployment.locks import who_locks_state, who_works
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import identify, open_session, read_deployment
from wizard.flows.deployment.ownership import Ownership, describe_standing, read_ownership
from wizard.services.aws import traffic
from wizard.services.aws.errors import is_not_found
from wizard.services.aws.forwarder import ask_probe
from wizard.services.aws.session import Session
from wizard.services.aws.stages import read_settings
from wizard.services.threads import ReadingPool

HOUR = 3600.0
WORKERS = 8
_MOST_EVENTS = 10_000
_MOST_BATCHES = 1_000


@dataclass(frozen=True)
class StageStatus:
    """One connected stage: `same` when its logging is still what was set.

    `lines` is what the forwarder could read of its lines in the last hour; None where it does not
    say, or got none.
    """

    ref: StageRef
    mode: str
    log_group: str
    same: bool | None
    note: str = ""
    last_event: LastEvent | None = None  # None where it was not asked for
    since: str = ""  # when it was connected (ISO 8601, UTC), where that is known
    api_name: str = ""
    lines: LineCounts | None = None

    @property
    def label(self) -> str:
        """Which stage, for a reader."""
        return self.ref.label(self.api_name)


@dataclass(frozen=True)
class Status:
    """A deployment at a glance. A number is None where it could not be read; `notes` says why.

    Attributes:
        cost_per_month: dollars, estimated, before traffic; `cost_so_far` the same since `since`.
        since: when it was deployed first (ISO 8601, UTC); empty where the journal does not know.
        node_tag: tag of the node's image; empty for a node of one's own.
        terraform: version that wrote the state.
        forwarder: version of the forwarder; empty for one of another maker.
        node: what the node has counted since it started, read by the forwarder; nothing is sent to
            the node for it.
        lines: what the forwarder could read of the last hour's log lines, as far back as is read;
            None where it does not say.
        elsewhere: one line on where its state is, when that is not within reach from here; what is
            told then is what AWS alone knows.
        standing: why it is not this computer's any more, or gone; else empty.
        node_place: `edge`, `own` or `ecs`; empty where only AWS tells, which does not know.
        replay_hours: hours between replays by themselves; 0 where nothing replays, or is known.
    """

    account_id: str
    region: str
    name_prefix: str
    outputs: Outputs
    stages: tuple[StageStatus, ...]
    resources: int
    events_last_hour: int | None
    undelivered: int | None
    cost_per_month: float
    cost_so_far: float | None
    since: str
    node_tag: str
    terraform: str
    unfinished: tuple[str, ...]
    notes: tuple[str, ...] = ()
    elsewhere: str = ""
    forwarder: str = ""
    node: NodeCounters = NodeCounters()
    lines: LineCounts | None = None
    standing: str = ""
    node_place: str = ""
    replay_hours: int = 0

    @property
    def replayed(self) -> str:
        """How often what waits is replayed by itself, in words; empty where nothing replays."""
        hours = self.replay_hours
        every = "hour" if hours == 1 else f"{hours} hours"
        return f"replayed every {every}" if hours else ""

    @property
    def node_versions(self) -> str:
        """The versions that run, as the nodes tell them; else the tag that was asked for."""
        return ", ".join(self.node.versions) or self.node_tag

    @property
    def drifted(self) -> tuple[StageStatus, ...]:
        """Stages whose logging somebody changed."""
        return tuple(s for s in self.stages if s.same is False)


def read_status(context: Context, answers: Answers, *, with_events: bool = False) -> Status:
    """Look at a deployment. Raises WizardError when there is none.

    Args:
        with_events: also look for the last log line of each stage, which may take its time.
    """
    session = open_session(context, answers)
    identity = identify(session, answers)
    deployment = read_deployment(context, answers, session, identity, "status")
    owned = read_ownership(deployment)
    not_ours = owned.standing in (Standing.THEIRS, Standing.NOBODYS)
    if deployment.nothing_done_here or (not_ours and not deployment.workspace.check_state()):
        seen = remote.find_remote(context, session, identity, answers)
        if seen is not None:
            found = _status_of_remote(session, identity, seen)
            return _with_events(session, found, seen.record) if with_events else found
    try:
        outputs = deployment.outputs()
    except WizardError as error:
        raise _with_unfinished(error, deployment, owned) from error
    held = deployment.journal.record
    facts = deployment.store.facts() if deployment.store else None
    facts = facts or deployment.workspace.state.facts()
    monthly = estimate(answers).total
    since = deployed_since(deployment.journal.entries)
    counted = _count(session, identity, outputs, held)
    if answers.place == EDGE:
        counted = replace(counted, node=NodeCounters(error=EDGE_COUNTERS))
    elif answers.deploys_node:
        counted = replace(counted, node=replace(counted.node, wanted=answers.node_count))
    found = Status(
        account_id=identity.account_id,
        region=identity.region,
        name_prefix=answers.name_prefix,
        outputs=outputs,
        stages=counted.with_lines(_stages(session, held.stages.values())),
        resources=deployment.workspace.check_state(),
        events_last_hour=counted.events,
        undelivered=counted.undelivered,
        cost_per_month=monthly,
        cost_so_far=cost_since(since, monthly, deployment.clock()),
        since=since,
        node_tag=answers.node_tag if answers.deploys_node else "",
        terraform=facts.terraform if facts else "",
        unfinished=(*unfinished_lines(deployment), *_lingering(outputs, held)),
        notes=counted.notes,
        forwarder=counted.forwarder,
        node=counted.node,
        lines=counted.lines,
        standing=describe_standing(owned, answers.name_prefix, identity.region),
        node_place=answers.place,
        replay_hours=answers.undelivered_replay_hours,
    )
    return _with_events(session, found, held) if with_events else found


def _with_events(session: Session, found: Status, held: Record) -> Status:
    """The same with the last log line of each stage."""
    events = last_events(session, held.stages.values())
    since = {ref: one.since for ref, one in held.stages.items()}
    return replace(
        found,
        stages=tuple(
            replace(s, last_event=events.get(s.ref), since=since.get(s.ref, ""))
            for s in found.stages
        ),
    )


def _status_of_remote(
    session: Session, identity: Identity, seen: remote.RemoteDeployment
) -> Status:
    """What can be told of a deployment whose state is on another computer."""
    counted = _count(session, identity, seen.outputs, seen.record)
    return Status(
        account_id=identity.account_id,
        region=identity.region,
        name_prefix=seen.answers.name_prefix,
        outputs=seen.outputs,
        stages=counted.with_lines(
            StageStatus(
                held.ref,
                held.mode,
                held.log_group,
                None,
                _format_note(held),
                api_name=held.api_name,
            )
            for held in seen.record.stages.values()
        ),
        resources=seen.resources,
        events_last_hour=counted.events,
        undelivered=counted.undelivered,
        cost_per_month=estimate(seen.answers).total,
        cost_so_far=None,
        since="",
        node_tag="",
        terraform="",
        unfinished=(),
        notes=(*seen.notes, *counted.notes, remote.NEXT_STEP),
        elsewhere=seen.where,
        forwarder=counted.forwarder,
        node=counted.node,
        lines=counted.lines,
    )


def _format_note(held: StageRecord) -> str:
    """What is to be said of the format of a stage whose state is on another computer."""
    if is_older(held.before.access_log.format, ApiType(held.api_type)):
        return LoggingState.OLDER.value
    if same_log(held.before.access_log, held.after.access_log):
        return ""
    return "its log format lacks fields that the node needs"


@dataclass(frozen=True)
class _Counted:
    events: int | None
    undelivered: int | None
    notes: tuple[str, ...]
    forwarder: str
    node: NodeCounters
    lines: LineCounts | None
    by_stage: Mapping[StageRef, LineCounts]

    def with_lines(self, stages: Iterable[StageStatus]) -> tuple[StageStatus, ...]:
        return tuple(replace(one, lines=self.by_stage.get(one.ref)) for one in stages)


def _count(session: Session, identity: Identity, outputs: Outputs, held: Record) -> _Counted:
    notes: list[str] = []
    groups = tuple(filter(None, (outputs.api_gateway_log_group, *held.kept_log_groups)))
    events = _number(lambda: _events(session.client("logs"), groups, notes), notes)
    waiting = _number(lambda: _waiting(session.client("s3"), outputs, identity, notes), notes)
    forwarder, node = _node(session, outputs)
    lines, by_stage = _lines(session, outputs, notes)
    return _Counted(events, waiting, tuple(notes), forwarder, node, lines, by_stage)


def _lines(
    session: Session, outputs: Outputs, notes: list[str]
) -> tuple[LineCounts | None, dict[StageRef, LineCounts]]:
    """What the forwarder says of the lines it got in the last hour, together and by stage."""
    try:
        pages = (
            session.client("logs")
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=outputs.lambda_log_group,
                startTime=int((time.time() - HOUR) * 1000),
                filterPattern=BATCHES,
                PaginationConfig={"MaxItems": _MOST_BATCHES},
            )
        )
        said = [e["message"] for page in pages for e in page.get("events", [])]
    except (ClientError, BotoCoreError) as error:
        if not is_not_found(error):  # a forwarder that never ran has no log yet
            notes.append(str(error))
        return None, {}
    found = count_lines(said)
    return found if found.received else None, count_by_stage(said)


def _node(session: Session, outputs: Outputs) -> tuple[str, NodeCounters]:
    """(version of the forwarder, what the node has counted)."""
    try:
        functions = session.client("lambda")
        answer = ask_probe(functions, outputs.lambda_function_name, counters_only=True)
    except (ClientError, BotoCoreError) as error:
        return "", NodeCounters(error=clean(str(error), 200))
    if not answer.known:
        return "", NodeCounters(error=answer.error)
    return answer.version, answer.counters


def unfinished_lines(deployment: Deployment) -> tuple[str, ...]:
    """What is not at its end, in lines: a run at work, or one that was cut short."""
    if works := who_works(deployment):
        return (f"at work: {works}",)
    locked = who_locks_state(deployment)
    lines = list(told_unfinished(deployment.journal.unfinished))
    if move := open_move(deployment.journal.record.unfinished):
        where = f"the bucket {move.target}" if move.target else "a computer"
        lines.append(
            f"Terraform's state was on its way to {where}: the next run finishes or undoes that"
        )
    return (*lines, f"Terraform's state is locked: {locked}") if locked else tuple(lines)


def told_unfinished(found: Unfinished | None) -> tuple[str, ...]:
    """An unfinished run in lines; empty where there is none."""
    if found is None:
        return ()
    return (found.headline, *(f"{state}: {step}" for state, step in found.lines))


def _with_unfinished(error: WizardError, deployment: Deployment, owned: Ownership) -> WizardError:
    """A deployment that never got ready has no status, but what was begun is known, and who has
    the name."""
    if error.code == "WAG-E-DEPLOY-002" and owned.standing is Standing.THEIRS:
        region = deployment.identity.region
        return WizardError(
            error.code,
            error.what,
            why=f"The name is taken in {region}: it is {owned.owner}. Nothing that it made answers "
            "yet: it is being installed, or was begun and not finished, from there.",
            next_step="Look again in a while, or work from there. `wallarm-apigw install` names "
            "the ways on.",
        )
    lines = unfinished_lines(deployment)
    if error.code != "WAG-E-DEPLOY-002":
        return error
    removed = removal_of(deployment.journal.entries)
    if removed and not lines:
        return WizardError(
            error.code,
            error.what,
            why=removed,
            next_step="`wallarm-apigw install` deploys it anew.",
        )
    if not lines:
        others = _others(deployment)
        return WizardError(
            error.code,
            error.what,
            why=error.why,
            next_step=f"{others} {error.next_step}".strip(),
        )
    return WizardError(
        error.code,
        error.what,
        why="\n".join(lines),
        next_step="`wallarm-apigw install` goes on from there; `wallarm-apigw uninstall` takes "
        "away what was made.",
    )


def _others(deployment: Deployment) -> str:
    """The deployments that there are under other names, in a sentence; empty where none is."""
    context, identity = deployment.context, deployment.identity
    here = [
        one
        for one in found_deployments(context.options)
        if one.resources != 0 or one.unfinished is not None
    ]
    names = {f"{one.name_prefix} in {one.region}" for one in here}
    place = (identity.account_id, identity.region)
    known = [one.name_prefix for one in here if (one.account_id, one.region) == place]
    seen = find_in_account(deployment.session, identity, known)
    names |= {f"{one.name_prefix} in {one.region}" for one in seen.found}
    names.discard(f"{deployment.answers.name_prefix} in {identity.region}")
    if not names:
        return ""
    return f"There are: {listed(sorted(names))}; name one with --name-prefix."


def removal_of(entries: Sequence[Entry]) -> str:
    """When and by whom it was removed, in a sentence; empty where the last word is another one."""
    said = ""
    for entry in entries:
        if entry.action == TERRAFORM_APPLY:
            said = ""
        elif entry.step == "done" and entry.action in (TERRAFORM_DESTROY, INSTALLATION_RELEASE):
            by = clean(str(entry.after.get("by", "")), 120)
            said = f"It was removed on {entry.at[:16].replace('T', ' ')} UTC"
            said += f" by {by}." if by else "."
    return said


def deployed_since(entries: Sequence[Entry]) -> str:
    """When the first apply after the last removal ended; empty when there was none."""
    since = ""
    for entry in entries:
        if entry.step != "done":
            continue
        if entry.action == TERRAFORM_DESTROY:
            since = ""
        elif entry.action == TERRAFORM_APPLY and not since:
            since = entry.at
    return since


def cost_since(since: str, monthly: float, now: float) -> float | None:
    """Dollars for the time from `since` (ISO 8601) to `now` (epoch seconds), before traffic."""
    if not since:
        return None
    began = datetime.fromisoformat(since.replace("Z", "+00:00")).timestamp()
    return monthly * max(0.0, now - began) / 3600 / HOURS


def _stages(session: Session, held: Iterable[StageRecord]) -> tuple[StageStatus, ...]:
    session.client("apigateway"), session.client("apigatewayv2")  # made before the threads are
    with ReadingPool(WORKERS, thread_name_prefix="status") as pool:
        return tuple(pool.map(lambda one: _stage(session, one), held))


def read_last_events(context: Context, answers: Answers) -> dict[StageRef, LastEvent]:
    """When each connected stage wrote its last log line. Changes nothing.

    It may take longer than `read_status`: a log group is looked through from now back. Raises
    WizardError where there is no deployment, or AWS does not say who we are.
    """
    session = open_session(context, answers)
    identity = identify(session, answers)
    deployment = read_deployment(context, answers, session, identity, "status")
    held = deployment.journal.record
    if deployment.nothing_done_here or not held.stages:
        seen = remote.find_remote(context, session, identity, answers)
        held = seen.record if seen is not None else held
    return last_events(session, held.stages.values())


def last_events(session: Session, held: Iterable[StageRecord]) -> dict[StageRef, LastEvent]:
    """The same for these stages."""
    return traffic.read_last_events(session, {one.ref: one.after.access_log for one in held})


def _lingering(outputs: Outputs, held: Record) -> tuple[str, ...]:
    """Log groups that are read although no connected stage logs there any more."""
    needed = {outputs.api_gateway_log_group, *held.kept_log_groups}
    return tuple(
        f"still subscribed to {group}, which no connected stage uses: `wallarm-apigw install` ends "
        "it"
        for group in sorted(set(outputs.api_gateway_log_groups) - needed)
    )


def _stage(session: Any, held: StageRecord) -> StageStatus:
    try:
        live = read_settings(session, held.ref, ApiType(held.api_type))
    except WizardError as error:
        return StageStatus(
            held.ref, held.mode, held.log_group, None, error.what, api_name=held.api_name
        )
    note = drift(held.before, held.wrote(live) or held.after, live)
    if not note and is_older(live.access_log.format, ApiType(held.api_type)):
        note = (
            f"{LoggingState.OLDER.value}: `wallarm-apigw install` moves it to the format of today"
        )
        return StageStatus(held.ref, held.mode, held.log_group, True, note, api_name=held.api_name)
    if note:
        note = f"changed by somebody else: {note}; `stages add {held.ref}` connects it again"
    return StageStatus(held.ref, held.mode, held.log_group, not note, note, api_name=held.api_name)


def _events(logs: Any, groups: tuple[str, ...], notes: list[str]) -> int:
    total = 0
    for group in groups:
        before = total
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int((time.time() - HOUR) * 1000),
            PaginationConfig={"MaxItems": _MOST_EVENTS},
        )
        total += sum(len(page.get("events", [])) for page in pages)
        if total - before >= _MOST_EVENTS:
            notes.append(f"{group} has {_MOST_EVENTS:,} events or more in the last hour")
    return total


def _waiting(s3: Any, outputs: Outputs, identity: Identity, notes: list[str]) -> int:
    if not outputs.undelivered_bucket:
        return 0
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=outputs.undelivered_bucket,
        ExpectedBucketOwner=identity.account_id,
        PaginationConfig={"MaxItems": _MOST_EVENTS},
    )
    total = sum(len(page.get("Contents", ())) for page in pages)
    if total >= _MOST_EVENTS:
        notes.append(f"{_MOST_EVENTS:,} undelivered batches or more")
    return total


def _number(look: Callable[[], int], notes: list[str]) -> int | None:
    try:
        return look()
    except (ClientError, BotoCoreError) as error:
        notes.append(str(error))
        return None
