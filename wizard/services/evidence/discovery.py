"""Evidence for "API Discovery shows nothing"."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import requests
from botocore.exceptions import ClientError

from wizard.core.checks import Finding, failed, passed, unchecked, warned
from wizard.core.text import count
from wizard.core.tfvars import token_parameter_name
from wizard.services.evidence.forwarder import function
from wizard.services.evidence.logs import recent_events
from wizard.services.evidence.scene import Scene, absent, words

CLOUD_VARIABLE = "WALLARM_APIGW_CLOUD_URL"
TIMEOUT = (5.0, 10.0)


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
    url = scene.env.get(CLOUD_VARIABLE) or f"https://{scene.answers.wallarm_api_host}"
    try:
        status = requests.get(url, timeout=TIMEOUT, allow_redirects=False).status_code
    except requests.RequestException as error:
        return failed(f"{scene.answers.wallarm_api_host}: {type(error).__name__}: {error}")
    return passed(f"{scene.answers.wallarm_api_host} answers ({status})")


def token_accepted(scene: Scene) -> Finding:
    """WAG-API-004: asked with the token of this run, if there is one."""
    verdict = scene.facts.get("token", "")
    if not verdict:
        return unchecked("no token in WALLARM_API_TOKEN or --token-file; it is not read from SSM")
    if verdict == "valid":
        return passed("the Wallarm API accepts it")
    if verdict == "refused":
        return failed(scene.facts.get("token_detail", "the Wallarm API refuses it"))
    return unchecked(scene.facts.get("token_detail", "a deployment token may not be asked about"))


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
