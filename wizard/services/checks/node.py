"""Evidence for "the node cannot be reached"."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.answers.model import EDGE
from wizard.core.checks.model import Finding, Verdict, failed, passed, unchecked, warned
from wizard.core.events import State
from wizard.core.node.counters import EDGE_COUNTERS, NodeCounters
from wizard.core.node.readiness import REGISTERED, log_line_meaning
from wizard.core.node.verdicts import Standing, judge_pairing, judge_understanding, judge_version
from wizard.core.text import clean, count
from wizard.services.aws.forwarder import ProbeAnswer, api_host, ask_probe
from wizard.services.checks.examination import Examination, absent, check, error_words, log_events

_MOST_STREAMS = 10


@check("WAG-NOD-001")
def container_instances(exam: Examination) -> Finding:
    """WAG-NOD-001."""
    cluster = exam.outputs.ecs_cluster
    found = exam.aws("ecs").describe_clusters(clusters=[cluster])["clusters"]
    if not found or found[0].get("status") == "INACTIVE":
        return failed(f"ecs.DescribeClusters does not know {cluster}")
    number = found[0].get("registeredContainerInstancesCount", 0)
    if not number and exam.simulated:
        return unchecked("the local AWS runs no EC2 instances")
    if not number:
        return failed(f"cluster {cluster} has no registered container instance")
    return passed(count(number, "container instance"))


@check("WAG-NOD-002")
def tasks_running(exam: Examination) -> Finding:
    """WAG-NOD-002."""
    outputs = exam.outputs
    found = exam.aws("ecs").describe_services(
        cluster=outputs.ecs_cluster, services=[outputs.ecs_service]
    )["services"]
    if not found or found[0].get("status") == "INACTIVE":
        return failed(f"ecs.DescribeServices does not know {outputs.ecs_service}")
    service = found[0]
    running, wanted = service.get("runningCount", 0), service.get("desiredCount", 0)
    if running >= wanted > 0:
        return passed(f"{running} of {wanted} running")
    if wanted == 0:
        return failed("the service wants 0 tasks: it was scaled to nothing")
    return failed(f"{running} of {wanted} running; {_why_not(exam, service)}")


@check("WAG-NOD-003")
def registered(exam: Examination) -> Finding:
    """WAG-NOD-003: what the newest containers said last about their registration."""
    group = exam.outputs.node_log_group
    try:
        streams = exam.aws("logs").describe_log_streams(
            logGroupName=group, orderBy="LastEventTime", descending=True, limit=_MOST_STREAMS
        )["logStreams"]
        newest = [s["logStreamName"] for s in streams[: max(1, exam.answers.node_count)]]
        said = (
            {
                event["logStreamName"]: event["message"]
                for event in log_events(
                    exam, group, filterPattern="registration", logStreamNames=newest
                )
                if REGISTERED in event["message"] or log_line_meaning(event["message"])
            }
            if newest
            else {}
        )
    except ClientError as error:
        if absent(error):
            return failed(error_words(error))
        raise
    for line in said.values():
        cause = log_line_meaning(line)
        if cause:
            return failed(f"{clean(line, 200)}: {cause}")
    if said:
        return passed(clean(next(iter(said.values())), 160))
    if exam.simulated:
        return unchecked("the stand-in node writes no log")
    return unchecked(f"{group} holds no word about the registration yet", settles=True)


@check("WAG-NOD-010")
def node_answers(exam: Examination) -> Finding:
    """WAG-NOD-010: the forwarder itself tries, because nothing else is inside the VPC."""
    found = _probe(exam)
    if found.error:
        return failed(found.error) if found.failed else unchecked(found.error)
    if not found.reachable:
        return failed(f"{found.url}: {found.problem}")
    if found.status == 503 and _counters(exam).total("errors", "DroppedOnOverload"):
        text = "the node counts messages that it dropped on overload"
        return failed(f"{found.url} answered 503: {text}")
    if found.status in (502, 503, 504):
        return failed(f"{found.url} answered {found.status}: no node behind it takes requests")
    return passed(f"{found.url} answered {found.status} in {found.latency_ms} ms")


@check("WAG-NOD-013")
def node_understands(exam: Examination) -> Finding:
    """WAG-NOD-013: by the node's own counters since its start."""
    found = _standing(judge_understanding(_counters(exam)))
    if found.verdict not in (Verdict.FAIL, Verdict.WARN):
        return found
    spoken = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in _probe(exam).dialect.items())
    return replace(found, evidence=f"{found.evidence} The forwarder speaks: {spoken}.")


@check("WAG-NOD-014")
def node_version_known(exam: Examination) -> Finding:
    """WAG-NOD-014: as each replica tells; else the image tag of the answers."""
    counters = _counters(exam)
    versions = counters.versions
    if not versions and not exam.answers.deploys_node:
        return unchecked(counters.problem or "no replica told its version")
    judged = [judge_version(version) for version in versions or (exam.answers.node_tag,)]
    state, text = max(judged, key=lambda one: _WORSE.index(one[0]))
    if not versions:
        text = f"image tag {text} ({counters.problem or 'no replica told its version'})"
    return _finding(state, text)


@check("WAG-NOD-015")
def messages_paired(exam: Examination) -> Finding:
    """WAG-NOD-015: by the node's own counters since its start."""
    return _standing(judge_pairing(_counters(exam)))


_WORSE = (State.DONE, State.UNCHECKED, State.WARNING, State.FAILED)


def _probe(exam: Examination) -> ProbeAnswer:
    """One probe for all checks that need one."""
    name = exam.outputs.lambda_function_name
    held = next(iter(exam.record.stages), None)  # a node may take no other host than the APIs'
    host = api_host(held, exam.identity) if held else ""
    answer: ProbeAnswer = exam.once("probe", lambda: ask_probe(exam.aws("lambda"), name, host=host))
    return answer


def _counters(exam: Examination) -> NodeCounters:
    if exam.answers.place == EDGE:
        return NodeCounters(error=EDGE_COUNTERS)
    found = _probe(exam)
    wanted = exam.answers.node_count if exam.answers.deploys_node else 0
    if not found.known:
        return NodeCounters(error=found.error)
    return replace(found.counters, wanted=wanted)


def _standing(found: Standing) -> Finding:
    return _finding(found.state, found.text, settles=found.settles)


def _finding(state: State, text: str, *, settles: bool = False) -> Finding:
    if state is State.DONE:
        return passed(text)
    if state is State.WARNING:
        return warned(text, settles=settles)
    if state is State.FAILED:
        return failed(text)
    return unchecked(text, settles=settles)


def _why_not(exam: Examination, service: dict[str, Any]) -> str:
    events = service.get("events", [])
    text = clean(events[0].get("message", ""), 200) if events else "no service event"
    arns = (
        exam.aws("ecs")
        .list_tasks(cluster=exam.outputs.ecs_cluster, desiredStatus="STOPPED")
        .get("taskArns", [])
    )
    if arns:
        tasks = (
            exam.aws("ecs")
            .describe_tasks(cluster=exam.outputs.ecs_cluster, tasks=arns[:1])
            .get("tasks", [])
        )
        if tasks:
            text += f"; last task stopped: {clean(tasks[0].get('stoppedReason', ''), 200)}"
            for container in tasks[0].get("containers", []):
                if container.get("reason") or container.get("exitCode"):
                    code = container.get("exitCode", "none")
                    text += f" (exit code {code}, {clean(container.get('reason', ''), 160)})"
    return text
