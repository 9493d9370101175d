"""How the node that was deployed is doing: targets of the load balancer, tasks, its own log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizard.core.node.readiness import REGISTERED, NodeSight, log_line_meaning
from wizard.core.tfvars import Outputs
from wizard.services.aws.errors import explained, is_not_found

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

_NEWEST_STREAMS = 10
_PAGES = 5


def look_at_node(session: Session, outputs: Outputs, wanted: int) -> NodeSight:
    """One look. Raises WizardError where AWS refuses to tell of the targets.

    What only explains (tasks, log) and cannot be read is left out.

    Args:
        wanted: how many nodes there are to be; so many containers are the newest ones.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    with explained("Reading the health of the node's targets", session.login_profile):
        answer: Any = session.client("elbv2").describe_target_health(
            TargetGroupArn=outputs.target_group_arn
        )
    targets = tuple(
        (health.get("State", ""), f"{health.get('Reason', '')} {health.get('Description', '')}")
        for item in answer["TargetHealthDescriptions"]
        if (health := item.get("TargetHealth", {})).get("State") != "draining"
    )
    states: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    pulled, stopped = 0, ""
    try:
        states, pulled, stopped = _tasks(session.client("ecs"), outputs)
        said = _registrations(session.client("logs"), outputs.node_log_group, max(1, wanted))
    except (BotoCoreError, ClientError):
        pass
    return NodeSight(targets, said, states, pulled, stopped)


def _tasks(client: Any, outputs: Outputs) -> tuple[tuple[str, ...], int, str]:
    where = {"cluster": outputs.ecs_cluster}
    found: dict[str, list[Any]] = {}
    for status in ("RUNNING", "STOPPED"):
        arns = client.list_tasks(
            **where, serviceName=outputs.ecs_service, desiredStatus=status
        ).get("taskArns", [])
        some = client.describe_tasks(**where, tasks=arns[:20]).get("tasks", []) if arns else []
        found[status] = sorted(some, key=lambda task: str(task.get("createdAt", "")))
    running = found["RUNNING"]
    last = found["STOPPED"][-1] if found["STOPPED"] else {}
    reasons = [str(last.get("stoppedReason", ""))]
    reasons += [str(c.get("reason", "")) for c in last.get("containers", [])]
    pulled = sum(bool(task.get("pullStoppedAt")) for task in running)
    states = tuple(str(task.get("lastStatus", "")) for task in running)
    return states, pulled, " ".join(filter(None, reasons))


def _registrations(client: Any, group: str, newest: int) -> tuple[str, ...]:
    from botocore.exceptions import ClientError

    try:
        streams = client.describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=_NEWEST_STREAMS
        )["logStreams"]
    except ClientError as error:
        if is_not_found(error):
            return ()
        raise
    names = [stream["logStreamName"] for stream in streams[:newest]]
    last: dict[str, str] = {}
    more: dict[str, Any] = {}
    for _ in range(_PAGES if names else 0):
        answer = client.filter_log_events(
            logGroupName=group, logStreamNames=names, filterPattern="registration", **more
        )
        for event in sorted(answer.get("events", []), key=lambda e: int(e["timestamp"])):
            if REGISTERED in event["message"] or log_line_meaning(event["message"]):
                last[event["logStreamName"]] = event["message"]
        if not answer.get("nextToken"):
            break
        more = {"nextToken": answer["nextToken"]}
    return tuple(last.values())
