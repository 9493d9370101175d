"""Evidence for "API Discovery shows nothing"."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import requests
from botocore.exceptions import ClientError

from wizard.core.checks import Finding, failed, passed, unchecked, warned
from wizard.core.text import clean, count
from wizard.core.tfvars import token_parameter_name
from wizard.services.evidence.forwarder import function
from wizard.services.evidence.logs import recent_events
from wizard.services.evidence.scene import Scene, absent, words
from wizard.services.wallarm import (
    REFUSED,
    VALID,
    TokenVerdict,
    base_url,
    check_token,
    open_session,
)

TIMEOUT = (5.0, 10.0)
_CANNOT_READ = "only a token that may read the Wallarm account can tell"


def environment(scene: Scene) -> Finding:
    """WAG-API-001."""
    found = (function(scene).get("Environment") or {}).get("Variables", {})
    for name, wanted in wanted_environment(scene).items():
        if found.get(name) != wanted:
            return failed(f"{name} is {found.get(name, 'not set')}, it should be {wanted}", name)
    return passed(", ".join(wanted_environment(scene)))


def wanted_environment(scene: Scene) -> dict[str, str]:
    """The three variables of the forwarder as this deployment needs them."""
    return {
        "X_WALLARM_APPLICATION_ID": str(scene.answers.x_wallarm_application_id),
        "X_NODE_URL": scene.outputs.node_url,
        "X_NODE_SCHEME": scene.outputs.node_scheme,
    }


def token_stored(scene: Scene) -> Finding:
    """WAG-API-002: only that it is there; the value is never read."""
    name = scene.record.token_parameter or token_parameter_name(scene.answers)
    found = scene.aws("ssm").describe_parameters(
        ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [name]}]
    )["Parameters"]
    if not found:
        return failed(f"ssm.DescribeParameters does not list {name}", name)
    if found[0].get("Type") != "SecureString":
        return failed(f"{name} is a {found[0].get('Type')}, not a SecureString", name)
    return passed(f"{name}, version {found[0].get('Version', 1)}")


def cloud_reachable(scene: Scene) -> Finding:
    """WAG-API-003."""
    host = scene.answers.wallarm_api_host
    with open_session(scene.env) as session:
        try:
            status = session.get(
                base_url(host, scene.env), timeout=TIMEOUT, allow_redirects=False
            ).status_code
        except requests.RequestException as error:
            return failed(f"{host}: {type(error).__name__}: {clean(str(error), 200)}")
    return passed(f"{host} answers ({status})")


def token_accepted(scene: Scene) -> Finding:
    """WAG-API-004: asked with the token of this run, if there is one."""
    verdict = _verdict(scene)
    if verdict is None:
        return unchecked("no token in WALLARM_API_TOKEN or --token-file; it is not read from SSM")
    if verdict.state == VALID:
        return passed("the Wallarm API accepts it")
    if verdict.state == REFUSED:
        return failed(verdict.detail or "the Wallarm API refuses it")
    return unchecked(verdict.detail or "a deployment token may not be asked about")


def node_active(scene: Scene) -> Finding:
    """WAG-API-007. Path and fields follow Wallarm's public Go client; unverified."""
    verdict = _verdict(scene)
    if verdict is None or verdict.client_id is None:
        return unchecked(_CANNOT_READ)
    nodes, problem = _cloud(scene, "/v2/node", {"filter[clientid][]": str(verdict.client_id)})
    if not isinstance(nodes, list):
        return unchecked(problem or "the answer is not a list of nodes")
    active = [node for node in nodes if isinstance(node, dict) and node.get("active")]
    if not active:
        return failed(f"the Wallarm Cloud lists {count(len(nodes), 'node')}, none of them active")
    return passed(count(len(active), "active node"))


def discovery_enabled(scene: Scene) -> Finding:
    """WAG-API-008. Path and field are unverified."""
    verdict = _verdict(scene)
    if verdict is None or verdict.client_id is None:
        return unchecked(_CANNOT_READ)
    config, problem = _cloud(scene, f"/v1/clients/{verdict.client_id}/apid/config", {})
    if not isinstance(config, dict) or not isinstance(config.get("enabled"), bool):
        return unchecked(problem or "the answer does not say whether it is enabled")
    if not config["enabled"]:
        return failed(f"API Discovery is disabled for Wallarm account {verdict.client_id}")
    return passed("enabled")


def _cloud(scene: Scene, path: str, params: dict[str, str]) -> tuple[object, str]:
    """The body of the Wallarm API's answer, or None and why there is none."""
    if scene.token is None:
        return None, _CANNOT_READ
    host = scene.answers.wallarm_api_host
    with open_session(scene.env) as session:
        try:
            answer = session.get(
                base_url(host, scene.env) + path,
                params=params,
                headers={"X-WallarmApi-Token": scene.token.reveal()},
                timeout=TIMEOUT,
                allow_redirects=False,
            )
            if not answer.ok:
                return None, f"{host} answered {answer.status_code}"
            data = answer.json()
        except (requests.RequestException, ValueError) as error:
            return None, f"{host}: {type(error).__name__}"
    return (data.get("body") if isinstance(data, dict) else None), ""


def _verdict(scene: Scene) -> TokenVerdict | None:
    token = scene.token
    if token is None:
        return None
    host, env = scene.answers.wallarm_api_host, scene.env
    verdict: TokenVerdict = scene.once("token", lambda: check_token(host, token, env))
    return verdict


def nothing_undelivered(scene: Scene) -> Finding:
    """WAG-API-005."""
    bucket = scene.outputs.undelivered_bucket
    if not bucket:
        return unchecked("this deployment keeps no undelivered events")
    try:
        found = scene.aws("s3").list_objects_v2(Bucket=bucket, MaxKeys=100)
    except ClientError as error:
        if absent(error):
            return failed(words(error))
        raise
    waiting = found.get("KeyCount", len(found.get("Contents", [])))
    if waiting:
        more = " or more" if found.get("IsTruncated") else ""
        return warned(f"{waiting}{more} undelivered batches wait in {bucket}")
    return passed("none is waiting")


def traffic_counts(scene: Scene) -> Finding:
    """WAG-API-006."""
    lines = [line for event in recent_events(scene) if (line := _line(event["message"]))]
    if not lines:
        return unchecked("no access-log line of the last hour could be read")
    counted = [line for line in lines if _counts(line)]
    if not counted:
        statuses = Counter(str(line.get("status", "-")) for line in lines).most_common(3)
        seen = ", ".join(f"{number} × {status}" for status, number in statuses)
        return warned(f"none of {count(len(lines), 'request')} counts ({seen})")
    return passed(f"{len(counted)} of {count(len(lines), 'request')} count")


def _line(message: str) -> dict[str, Any] | None:
    try:
        data = json.loads(message)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _counts(line: dict[str, Any]) -> bool:
    method = str(line.get("httpMethod", "")).upper()
    return str(line.get("status", "")).startswith("2") and method not in ("OPTIONS", "HEAD", "")
