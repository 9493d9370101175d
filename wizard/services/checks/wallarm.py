"""Evidence for "API Discovery shows nothing"."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import requests
from botocore.exceptions import ClientError

from wizard.core.checks.model import Finding, failed, passed, unchecked, warned
from wizard.core.expectations import SPREAD_SECONDS, why_not_counted
from wizard.core.text import clean, count, json_object
from wizard.core.tfvars import token_parameter_name
from wizard.services.checks.examination import Examination, absent, check, error_words
from wizard.services.checks.forwarder import function
from wizard.services.checks.log_groups import recent_events
from wizard.services.http import open_session
from wizard.services.wallarm import (
    REFUSED,
    VALID,
    TokenVerdict,
    base_url,
    check_token,
    reason,
)

TIMEOUT = (5.0, 10.0)
_MOST_SETTINGS, _MOST_ENDPOINTS, _MOST_NODES = 6, 100, 1000
_CANNOT_READ = "only a token that may read the Wallarm account can tell"


@check("WAG-API-001")
def environment(exam: Examination) -> Finding:
    """WAG-API-001."""
    found = (function(exam).get("Environment") or {}).get("Variables", {})
    for name, wanted in wanted_environment(exam).items():
        if found.get(name) != wanted:
            return failed(f"{name} is {found.get(name, 'not set')}, it should be {wanted}", name)
    return passed(", ".join(wanted_environment(exam)))


def wanted_environment(exam: Examination) -> dict[str, str]:
    """The forwarder's variables as this deployment needs them."""
    metrics = exam.outputs.node_metrics
    return {
        **exam.answers.forwarder_environment,
        "X_WALLARM_APPLICATION_ID": str(exam.answers.x_wallarm_application_id),
        "X_NODE_URL": exam.outputs.node_url,
        "X_NODE_SCHEME": exam.outputs.node_scheme,
        **({"X_NODE_METRICS": metrics} if metrics else {}),
    }


@check("WAG-API-002")
def token_stored(exam: Examination) -> Finding:
    """WAG-API-002: only that it is there; the value is never read."""
    name = exam.record.token_parameter or token_parameter_name(exam.answers)
    found = exam.aws("ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
    )["Parameters"]
    if not found:
        return failed(f"ssm.DescribeParameters does not list {name}", name)
    if found[0].get("Type") != "SecureString":
        return failed(f"{name} is a {found[0].get('Type')}, not a SecureString", name)
    return passed(f"{name}, version {found[0].get('Version', 1)}")


@check("WAG-API-003")
def cloud_reachable(exam: Examination) -> Finding:
    """WAG-API-003."""
    host = exam.answers.wallarm_api_host
    with open_session(exam.env) as session:
        try:
            status = session.get(
                base_url(host, exam.env), timeout=TIMEOUT, allow_redirects=False
            ).status_code
        except requests.RequestException as error:
            said = f"{type(error).__name__}: {clean(str(error), 200)}"
            return failed(f"{host} cannot be reached from here: {reason(error)}. In full: {said}")
    return passed(f"{host} answers ({status})")


@check("WAG-API-004")
def token_accepted(exam: Examination) -> Finding:
    """WAG-API-004: asked with the token of this run, if there is one."""
    verdict = _verdict(exam)
    if verdict is None:
        return unchecked("no token in WALLARM_API_TOKEN or --token-file; it is not read from SSM")
    if verdict.state == VALID:
        return passed("the Wallarm API accepts it")
    if verdict.state == REFUSED:
        return failed(verdict.detail or "the Wallarm API refuses it")
    return unchecked(verdict.detail or "a deployment token may not be asked about")


@check("WAG-API-007")
def node_active(exam: Examination) -> Finding:
    """WAG-API-007. Path and fields follow Wallarm's public Go client; unverified.

    Any other active node of the account is not ours: only those of this node group count.
    """
    verdict = _verdict(exam)
    if verdict is None or verdict.client_id is None:
        return unchecked(_CANNOT_READ)
    asked = {"filter[clientid][]": str(verdict.client_id), "limit": str(_MOST_NODES)}
    body, problem = _cloud(exam, "/v2/node", asked)
    if not isinstance(body, list):
        return unchecked(problem or "the answer is not a list of nodes")
    nodes = _listed_nodes(body)
    group = exam.answers.node_group
    ours = [node for node in nodes if group in node.names]
    if not ours and len(body) >= _MOST_NODES:
        return unchecked(f"none of the first {_MOST_NODES:,} nodes listed is of group {group}")
    if not ours:
        others = count(len(nodes), "node")
        return failed(f"the Wallarm Cloud lists {others}, none of them of group {group}")
    active = [node for node in ours if node.active]
    if not active:
        return failed(f"the Wallarm Cloud lists group {group}, and none of it is active")
    return passed(f"group {group}: " + "; ".join(str(node) for node in active))


@dataclass(frozen=True)
class _Node:
    """What is kept of a node that the Wallarm Cloud lists. Its token and its secret are not."""

    names: frozenset[str]
    active: bool
    instances: int | None
    active_instances: int | None
    requests: int | None

    def __str__(self) -> str:
        parts = ["active"]
        if self.instances is not None and self.active_instances is not None:
            parts.append(f"{self.active_instances} of {count(self.instances, 'instance')} active")
        if self.requests is not None:
            parts.append(f"{count(self.requests, 'request')} counted")
        return ", ".join(parts)


def _listed_nodes(body: list[object]) -> list[_Node]:
    """The nodes of an answer that also holds their tokens and secrets."""
    nodes = []
    for row in body:
        if not isinstance(row, dict):
            continue
        counts = [row.get(name) for name in _COUNTS]
        numbers = [n if isinstance(n, int) and not isinstance(n, bool) else None for n in counts]
        names = frozenset(str(row[name]) for name in _NAMES if row.get(name))
        nodes.append(_Node(names, row.get("active") is True, *numbers))
    return nodes


# Where a node says its group, and how much it does (unverified).
_NAMES = ("hostname", "node_group", "group")
_COUNTS = ("instance_count", "active_instance_count", "requests_amount")


@check("WAG-API-008")
def discovery_enabled(exam: Examination) -> Finding:
    """WAG-API-008. Path and field are unverified."""
    verdict = _verdict(exam)
    if verdict is None or verdict.client_id is None:
        return unchecked(_CANNOT_READ)
    config, problem = _cloud(exam, f"/v1/clients/{verdict.client_id}/apid/config", {})
    if not isinstance(config, dict) or not isinstance(config.get("enabled"), bool):
        return unchecked(problem or "the answer does not say whether it is enabled")
    if not config["enabled"]:
        return failed(f"API Discovery is disabled for Wallarm account {verdict.client_id}")
    rest = [
        f"{clean(str(key), 40)} {clean(str(value), 40)}"
        for key, value in config.items()
        if key not in ("enabled", "clientid", "client_id") and isinstance(value, (int, float, str))
    ]
    return passed(", ".join(["enabled", *rest[:_MOST_SETTINGS]]))


@check("WAG-API-009")
def endpoints_listed(exam: Examination) -> Finding:
    """WAG-API-009. Path and fields are unverified."""
    verdict = _verdict(exam)
    if verdict is None or verdict.client_id is None:
        return unchecked(_CANNOT_READ)
    path = f"/v4/clients/{verdict.client_id}/rules/endpoints"
    listed, problem = _cloud(exam, path, {"limit": str(_MOST_ENDPOINTS)})
    if not isinstance(listed, list):
        return unchecked(problem or "the answer is not a list of endpoints")
    if listed:
        more = " or more" if len(listed) >= _MOST_ENDPOINTS else ""
        requests_seen = sum(
            item["requests"]
            for item in listed
            if isinstance(item, dict) and isinstance(item.get("requests"), int)
        )
        counted = f", {count(requests_seen, 'request')} counted" if requests_seen else ""
        return passed(f"{count(len(listed), 'endpoint')}{more} listed{counted}")
    if any(one.qualifies for one in _endpoints(exam)):
        return warned("the inventory is empty, though requests that count were seen", settles=True)
    return unchecked(
        "the inventory is empty; an endpoint shows after 2 requests over 5 minutes", settles=True
    )


def _cloud(exam: Examination, path: str, params: dict[str, str]) -> tuple[object, str]:
    """The body of the Wallarm API's answer, or None and why there is none."""
    if exam.token is None:
        return None, _CANNOT_READ
    host = exam.answers.wallarm_api_host
    with open_session(exam.env) as session:
        try:
            answer = session.get(
                base_url(host, exam.env) + path,
                params=params,
                headers={"X-WallarmApi-Token": exam.token.reveal()},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
            if not answer.ok:
                return None, f"{host} answered {answer.status_code}"
            data = answer.json()
        except (requests.RequestException, ValueError) as error:
            return None, f"{host}: {type(error).__name__}"
    return (data.get("body") if isinstance(data, dict) else None), ""


def _verdict(exam: Examination) -> TokenVerdict | None:
    token = exam.token
    if token is None:
        return None
    host, env = exam.answers.wallarm_api_host, exam.env
    verdict: TokenVerdict = exam.once("token", lambda: check_token(host, token, env))
    return verdict


@check("WAG-API-005")
def nothing_undelivered(exam: Examination) -> Finding:
    """WAG-API-005."""
    bucket = exam.outputs.undelivered_bucket
    if not bucket:
        return unchecked("this deployment keeps no undelivered events")
    try:
        found = exam.aws("s3").list_objects_v2(
            Bucket=bucket, MaxKeys=100, ExpectedBucketOwner=exam.identity.account_id
        )
    except ClientError as error:
        if absent(error):
            return failed(error_words(error))
        raise
    waiting = found.get("KeyCount", len(found.get("Contents", [])))
    if waiting:
        more = " or more" if found.get("IsTruncated") else ""
        return warned(f"{waiting}{more} undelivered batches wait in {bucket}")
    return passed("none is waiting")


@check("WAG-API-006")
def traffic_counts(exam: Examination) -> Finding:
    """WAG-API-006: by the rules of API Discovery, on the newest events only."""
    lines = [line for _, line in _lines(exam)]
    if not lines:
        return unchecked("no access-log line of the last hour could be read")
    reasons = Counter(reason for line in lines if (reason := _why_not(line)))
    counted = len(lines) - sum(reasons.values())
    if not counted:
        seen = ", ".join(f"{number} × {why}" for why, number in reasons.most_common(3))
        return warned(f"none of {count(len(lines), 'request')} counts ({seen})", settles=True)
    found = _endpoints(exam)
    often = sum(one.qualifies for one in found)
    return passed(
        f"{counted} of {count(len(lines), 'request')} count; asked again 5 minutes after the first "
        f"request: {often} of {count(len(found), 'endpoint')}"
    )


@dataclass
class _Endpoint:
    """When one endpoint was asked first and last, in epoch seconds, among the newest events."""

    first: float
    last: float

    @property
    def qualifies(self) -> bool:
        """Two or more requests, one of them 5 minutes after the first."""
        return self.last - self.first > SPREAD_SECONDS


def _endpoints(exam: Examination) -> list[_Endpoint]:
    found: dict[tuple[str, str, str], _Endpoint] = {}
    for at, line in _lines(exam):
        if _why_not(line):
            continue
        name = (_text(line, "domainName"), _text(line, "httpMethod"), _text(line, "path"))
        one = found.setdefault(name, _Endpoint(at, at))
        one.first, one.last = min(one.first, at), max(one.last, at)
    return list(found.values())


def _lines(exam: Examination) -> list[tuple[float, dict[str, Any]]]:
    """The newest access-log lines that can be read, with their times in epoch seconds."""
    return [
        (event["timestamp"] / 1000, line)
        for event in recent_events(exam)
        if (line := json_object(event["message"]))
    ]


def _why_not(line: dict[str, Any]) -> str:
    """Why API Discovery does not count a request; empty when it does."""
    method, status, host, path = (
        _text(line, key) for key in ("httpMethod", "status", "domainName", "path")
    )
    return clean(why_not_counted(method, status, host, path), 80)


def _text(line: dict[str, Any], key: str) -> str:
    """A field of a line; `-` is API Gateway's word for nothing. A stage that keeps its own format
    may have ours under `wallarm_<key>`."""
    value = str(line.get(f"wallarm_{key}", line.get(key, "")))
    return "" if value == "-" else value
