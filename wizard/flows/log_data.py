"""Log data of a deployment: what a removal keeps, what it deletes, and what API Gateway left.

A log group that the deployment made holds what somebody may want to read afterwards, so a removal
keeps it unless somebody says otherwise, and a later one can still delete it.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass

from wizard.core.cost import storage
from wizard.core.facts import LogGroup, StageRef
from wizard.core.journal import record
from wizard.core.journal.record import Entry, settings_from_dict
from wizard.core.stages.change import same_level
from wizard.flows.deployment.model import Deployment
from wizard.services.aws import log_groups
from wizard.services.aws.errors import explain, is_not_found
from wizard.services.terraform.client import PlanResult

DELETE = "wallarm-apigw uninstall --delete-logs"
EXECUTION_LOGS = "API-Gateway-Execution-Logs_"
CANARY = "/Canary"


@dataclass(frozen=True)
class LogData:
    """A log group that the deployment made. `address` is empty where Terraform has let it go."""

    name: str
    address: str = ""
    group: LogGroup | None = None

    @property
    def left(self) -> str:
        """What stays when it is kept, with its monthly cost."""
        return f"{self.name}: log data{_size(self.group)}; `{DELETE}` removes it"


def find_log_data(deployment: Deployment, plan: PlanResult | None) -> tuple[LogData, ...]:
    """Log groups that this plan deletes, and those that an earlier removal kept."""
    session = deployment.session
    planned = _planned(deployment, plan) if plan is not None else {}
    out = [
        LogData(name, at, log_groups.find_log_group(session, name)) for name, at in planned.items()
    ]
    kept = sorted(deployment.journal.record.kept_logs - planned.keys())
    out += [LogData(name, "", log_groups.find_log_group(session, name)) for name in kept]
    return tuple(one for one in out if one.address or one.group is not None)


def keep_log_data(deployment: Deployment, data: Iterable[LogData]) -> None:
    """Have Terraform let these log groups go; they stay as they are."""
    held = [one for one in data if one.address]
    with ExitStack() as effects:
        for one in held:
            effects.enter_context(deployment.journal.effect(record.LOGS_KEEP, one.name))
        deployment.terraform.forget(tuple(one.address for one in held))


def delete_log_data(deployment: Deployment, data: Iterable[LogData]) -> None:
    """Delete log groups that an earlier removal kept. One that is gone is no error."""
    from botocore.exceptions import BotoCoreError, ClientError

    for one in data:
        if one.address:
            continue
        with deployment.journal.effect(record.LOGS_DELETE, one.name):
            try:
                deployment.session.client("logs").delete_log_group(logGroupName=one.name)
            except (BotoCoreError, ClientError) as error:
                if not is_not_found(error):
                    raise explain(error, f"Deleting the log group {one.name}") from error


def made_by_api_gateway(deployment: Deployment) -> tuple[str, ...]:
    """What API Gateway wrote on account of this deployment and that stays, with its monthly cost.

    Execution logs of stages whose level was raised, and the access logs of canaries.
    """
    session = deployment.session
    wanted = set(_execution_logs(deployment.journal.entries))
    out: list[str] = []
    if wanted:
        out += [
            f"{group.name}: errors and info that API Gateway logged, with what it logged there "
            f"before{_size(group)}"
            for group in log_groups.list_log_groups(session, EXECUTION_LOGS)
            if group.name in wanted
        ]
    places = {str(e.after.get("log_group", "")) for e in _switches(deployment.journal.entries)}
    for place in sorted(places - {""}):
        canary = log_groups.find_log_group(session, place + CANARY)
        if canary is not None:
            out.append(f"{canary.name}: access logs of a canary{_size(canary)}")
    return tuple(out)


def _planned(deployment: Deployment, plan: PlanResult) -> dict[str, str]:
    """Names of the log groups that a plan deletes, with their addresses."""
    return {
        str(change["change"]["before"]["name"]): str(change["address"])
        for change in deployment.terraform.show_plan_json(plan).get("resource_changes", ())
        if change["type"] == "aws_cloudwatch_log_group"
        and change["change"]["actions"] == ["delete"]
    }


def _switches(entries: Iterable[Entry]) -> Iterable[Entry]:
    """Changes that took effect on stages that log to the connector's own group."""
    done = (e for e in entries if e.action == record.STAGE_SWITCH and e.step == "done")
    return (e for e in done if e.after.get("mode") == "ours")


def _execution_logs(entries: Iterable[Entry]) -> Iterable[str]:
    for entry in _switches(entries):
        before, after = settings_from_dict(entry.before), settings_from_dict(entry.after)
        if not same_level(before.logging_level, after.logging_level):
            ref = StageRef.parse(entry.subject)
            yield f"{EXECUTION_LOGS}{ref.api_id}/{ref.stage}"


def _size(group: LogGroup | None) -> str:
    if group is None:
        return ""
    days = group.retention_days
    ends = f"expires after {days} days" if days else "never expires"
    return f" ({storage(group.stored_bytes)}; {ends})"
