"""Switches access logging on and off, stage by stage: each change recorded, verified, undoable.

One stage's failure never stops its neighbours; it is reported with its next step.
"""

from __future__ import annotations

from wizard.core import record
from wizard.core.access_log import log_group_name
from wizard.core.answers import Answers
from wizard.core.change import Mode, StageChange, plan_change
from wizard.core.errors import WizardError
from wizard.core.facts import ApiType, Stage, StageSettings
from wizard.core.record import StageRecord, settings_to_dict
from wizard.core.report import StageReport, State
from wizard.core.tfvars import Outputs
from wizard.flows.deployment import Deployment
from wizard.services.aws import account_role, resource_policy, stages
from wizard.services.aws.stages import Result
from wizard.services.journal import Effect

# Stands for the log group that the deployment will create; replaced by the real ARN before use.
FUTURE_NAME = "/aws/apigateway/wallarm-api-discovery-…"


def future_log_group(deployment: Deployment) -> str:
    """The ARN of the log group stages will log to, or a stand-in while it does not exist yet."""
    identity, answers = deployment.identity, deployment.answers
    base = f"arn:{identity.partition}:logs:{identity.region}:{identity.account_id}:log-group:"
    if answers.api_gateway_log_group_name:
        return base + answers.api_gateway_log_group_name
    known = deployment.known_outputs()
    return known.api_gateway_log_group_arn if known else base + FUTURE_NAME


def plan(
    chosen: tuple[Stage, ...], answers: Answers, log_group_arn: str
) -> tuple[tuple[StageChange, ...], tuple[tuple[Stage, str], ...]]:
    """The changes to make, and the stages left alone with the reason."""
    changes: list[StageChange] = []
    skipped: list[tuple[Stage, str]] = []
    for stage in chosen:
        change = plan_change(stage, log_group_arn, answers.existing_logging)
        if change.mode is Mode.SKIP:
            skipped.append((stage, change.reason))
        else:
            changes.append(change)
    return tuple(changes), tuple(skipped)


def kept_groups(changes: tuple[StageChange, ...]) -> tuple[str, ...]:
    """Log groups of stages that keep their own; the forwarder subscribes to each."""
    names = {c.log_group for c in changes if c.mode is Mode.KEEP and c.log_group}
    return tuple(sorted(names))


def warnings(changes: tuple[StageChange, ...]) -> tuple[str, ...]:
    """Every warning, with the stage it is about."""
    return tuple(f"{c.api_name} / {c.ref.stage}: {text}" for c in changes for text in c.warnings)


def apply(
    deployment: Deployment, changes: tuple[StageChange, ...], outputs: Outputs
) -> tuple[StageReport, ...]:
    """Make the reviewed changes. Prerequisites first: the account role, the log-group policies."""
    final = tuple(c.with_destination(outputs.api_gateway_log_group_arn) for c in changes)
    blocked = _prepare(deployment, final)
    reports = []
    for change in final:
        reason = blocked.get(change.api_type)
        report = (
            StageReport(change.ref, change.api_name, State.FAILED, str(reason))
            if reason
            else switch(deployment, change)
        )
        deployment.context.emit(report)
        reports.append(report)
    return tuple(reports)


def restore(
    deployment: Deployment, held: StageRecord, *, force: bool = False
) -> tuple[StageReport, Result | None]:
    """Put one stage's logging back as it was before this product touched it."""
    api_type = ApiType(held.api_type)
    result: Result | None = None
    try:
        with deployment.journal.effect(
            record.STAGE_RESTORE,
            str(held.ref),
            before=settings_to_dict(held.after),
            intended=settings_to_dict(held.before),
        ) as effect:
            outcome = stages.restore(
                deployment.session, held.ref, api_type, held.before, held.after, force=force
            )
            result = outcome.result
            effect.detail = outcome.result.value
            if outcome.result is Result.ASK:
                raise WizardError(
                    "WAG-E-STAGES-020",
                    outcome.note or outcome.result.value,
                    next_step="Look at the stage, then run the command again in a terminal.",
                )
        text = "as before" if result is not Result.GONE else "deleted since; nothing to put back"
        report = StageReport(held.ref, "", State.DONE, outcome.note or text)
    except WizardError as error:
        state = State.WARNING if result is Result.ASK else State.FAILED
        report = StageReport(held.ref, "", state, error.what if state is State.WARNING
                             else str(error))  # fmt: skip
    deployment.context.emit(report)
    return report, result


def switch(deployment: Deployment, change: StageChange) -> StageReport:
    """Make one change, recorded before and after; what was read back is what is recorded."""
    after = settings_to_dict(change.after) | {
        "api_type": change.api_type.value,
        "mode": change.mode.value,
        "log_group": change.log_group,
    }
    try:
        with deployment.journal.effect(
            record.STAGE_SWITCH,
            str(change.ref),
            before=settings_to_dict(change.before),
            intended=after,
        ) as effect:
            outcome = stages.apply(deployment.session, change)
            _note_result(effect, outcome.settings, after)
    except WizardError as error:
        return StageReport(change.ref, change.api_name, State.FAILED, str(error))
    place = log_group_name(change.after.access_log.destination_arn)
    if outcome.result is Result.UNCHANGED:
        return StageReport(change.ref, change.api_name, State.DONE, f"already logs to {place}")
    verb = "keeps logging" if change.mode is Mode.KEEP else "now logs"
    return StageReport(change.ref, change.api_name, State.DONE, f"{verb} to {place}")


def _note_result(effect: Effect, settings: StageSettings, after: dict[str, str]) -> None:
    """The journal holds what was read back, not what was asked for."""
    effect.after = after | settings_to_dict(settings)


def _prepare(
    deployment: Deployment, changes: tuple[StageChange, ...]
) -> dict[ApiType, WizardError]:
    """What API Gateway needs before it may write logs. Gives the API types that cannot go on."""
    blocked: dict[ApiType, WizardError] = {}
    types = {c.api_type for c in changes if c.changes_anything}
    if types & {ApiType.REST, ApiType.WEBSOCKET}:
        try:
            ensure_role(deployment)
        except WizardError as error:
            blocked |= {ApiType.REST: error, ApiType.WEBSOCKET: error}
    groups = {c.log_group for c in changes if c.api_type is ApiType.HTTP and c.changes_anything}
    for group in sorted(groups):
        try:
            _ensure_policy(deployment, group)
        except WizardError as error:
            blocked[ApiType.HTTP] = error
    return blocked


def ensure_role(deployment: Deployment) -> None:
    """Set the account's CloudWatch role, only if none is set; recorded, never reset."""
    session, journal = deployment.session, deployment.journal
    if account_role.read(session):
        return
    identity, answers = deployment.identity, deployment.answers
    with journal.effect(record.ROLE_CREATE, account_role.role_name(identity.region)) as effect:
        arn, created = account_role.create(
            session,
            identity,
            tags=answers.tags,
            permissions_boundary=answers.permissions_boundary,
        )
        effect.after = {"arn": arn, "created": created}
    with journal.effect(record.ROLE_SET, arn, before={"arn": ""}):
        account_role.put(
            session,
            arn,
            on_wait=lambda seconds, words: deployment.context.note(
                f"waiting {seconds:.0f} s, AWS says: {words}", State.RUNNING, "CloudWatch role"
            ),
        )
    deployment.context.note(
        f"{arn} lets API Gateway write logs in this account and Region; it stays when this "
        "product is removed, because other APIs may come to rely on it",
        subject="CloudWatch role",
    )


def _ensure_policy(deployment: Deployment, group: str) -> None:
    """Let log delivery write to the group of an HTTP API."""
    outcome = resource_policy.ensure(deployment.session, deployment.identity, group)
    if outcome.changed:
        deployment.journal.write(
            record.POLICY_PUT, group, "done", before=outcome.before, after=outcome.after
        )
