"""Which AWS operation an HTTP request asks for, read from the request itself and botocore's models.

Nothing is kept but the service, the operation's name and the names of what it acts on: values that
may be secret (a parameter's value, a function's environment) never leave this module.
"""

from __future__ import annotations

import functools
import io
import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session

# The name requests are signed for, where it is not the name of botocore's model.
_MODELS = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "tagging": "resourcegroupstaggingapi",
}
_SIGNED_FOR = re.compile(r"Credential=[^/]*/\d{8}/[^/]*/([a-z0-9-]+)/aws4_request")
_ACCESS_KEY = re.compile(r"Credential=([^/]*)/")
# What says which resource is meant, or which role is handed on. Nothing else is read.
_NAMING = re.compile(
    r"^(.*(Name|Names|Arn|ARN|Arns|Id|ID)|capacityProvider|capacityProviders|cluster|clusters|"
    r"family|logGroupIdentifier|namePrefix|policyScope|resource|service|services|taskDefinition|"
    r"tasks|Bucket|Key|Role|Rule|Type|cloudwatchRoleArn|(.*\.)?(Name|Arn|Id)(\.\d+)?|.*Id\.\d+|.*\.member\.\d+|"
    r"name|ResourceId\.\d+|ResourceType|.*\.ResourceType|.*ResourceId|prefix)$"
)
_LONGEST = 512
# The policies of roles are kept whole, because they are tested too; they hold no secrets.
_DOCUMENTS = {"CreateRole": "AssumeRolePolicyDocument", "PutRolePolicy": "PolicyDocument"}
# Superseded, and on the wire the same as what superseded them.
_DEPRECATED = frozenset(
    ("GetBucketLifecycle", "GetBucketNotification", "PutBucketLifecycle", "PutBucketNotification")
)


@dataclass(frozen=True)
class Call:
    """One request: the service it was signed for, the operation, and names of what it is about."""

    service: str
    operation: str
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    path: str = ""
    principal: str = ""
    tagged: bool = False
    document: str = ""

    def name(self, *keys: str) -> str:
        """The first of these parameters that was given; empty when none was."""
        return next((self.names[k][0] for k in keys if self.names.get(k)), "")


class UnknownRequestError(Exception):
    """The request fits no operation of its service."""


def identify(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Name the operation. Raises UnknownRequestError.

    Args:
        target: path and query string.
        headers: with lower-case names.
    """
    authorization = headers.get("authorization", "")
    signed = _SIGNED_FOR.search(authorization)
    if signed is None:
        raise UnknownRequestError(f"{method} {target.partition('?')[0]}: it is not signed")
    service = signed.group(1)
    key = _ACCESS_KEY.search(authorization)
    principal = key.group(1) if key else ""
    path, _, query = target.partition("?")
    model = _model_name(service, path)
    smithy = re.match(r"^/service/[^/]+/operation/(\w+)$", path)
    if headers.get("x-amz-target"):
        operation, given = headers["x-amz-target"].rpartition(".")[2], _json(body)
    elif smithy:
        operation, given = smithy.group(1), _cbor(body)
    else:
        operation, given = "", _json(body)
    if operation:
        return Call(model, operation, _named(_flat(given)), path, principal, _tagged(given))
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        form = urllib.parse.parse_qs(body.decode("utf-8"), keep_blank_values=True)
        if "Action" in form:
            operation = form["Action"][0]
            document = form.get(_DOCUMENTS.get(operation, ""), [""])[0]
            return Call(
                model, operation, _named(form.items()), path, principal, _tagged(form), document
            )
    operation, found = _by_path(model, method, path, query, headers)
    names = {**_named(_flat(given)), **{k: (v,) for k, v in found.items()}}
    return Call(model, operation, names, path, principal, _tagged(given))


def _model_name(service: str, path: str) -> str:
    if service == "apigateway" and path.startswith("/v2/"):
        return "apigatewayv2"
    return _MODELS.get(service, service)


def _json(body: bytes) -> dict[str, Any]:
    if not body.lstrip().startswith(b"{"):
        return {}
    try:
        data: dict[str, Any] = json.loads(body)
    except ValueError:
        return {}
    return data


def _cbor(body: bytes) -> dict[str, Any]:
    from botocore.parsers import RpcV2CBORParser

    parser: Any = RpcV2CBORParser()
    data: dict[str, Any] = parser.parse_data_item(io.BytesIO(body)) if body else {}
    return data


def _tagged(given: Mapping[str, Any]) -> bool:
    """Whether the request puts tags on what it makes."""
    return any(
        bool(value) and re.match(r"^(tags|Tags|TagSpecifications?)(\.|$)", name)
        for name, value in given.items()
        if not name.startswith("TagKeys")
    )


def _flat(data: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for name, value in data.items():
        values = value if isinstance(value, list) else [value]
        yield name, [v for v in values if isinstance(v, str)]
        if name == "patchOperations":
            yield "patchPathName", [v["path"] for v in values if isinstance(v, dict)]


def _named(pairs: Any) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(values)
        for name, values in pairs
        if values and _NAMING.match(name) and all(len(v) <= _LONGEST for v in values)
    }


@dataclass(frozen=True)
class _Route:
    operation: str
    method: str
    pattern: re.Pattern[str]
    query: Mapping[str, str]
    headers: frozenset[str]  # without them it is another operation: CopyObject is a PutObject
    weight: tuple[int, int]


@functools.cache
def _routes(model: str) -> tuple[_Route, ...]:
    service = botocore.session.get_session().get_service_model(model)
    found = []
    for name in service.operation_names:
        http = service.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        wanted = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        wanted = {k: v for k, v in wanted.items() if not v.startswith("{")}
        if name in _DEPRECATED:
            continue
        shape = service.operation_model(name).input_shape
        headers: set[str] = set()
        for member in shape.required_members if shape else ():
            place = shape.members[member].serialization
            if place.get("location") == "querystring":
                wanted.setdefault(str(place.get("name", member)), "")
            elif place.get("location") == "header":
                headers.add(str(place.get("name", member)).lower())
        pattern = "".join(
            f"(?P<{re.sub(r'[^A-Za-z0-9_]', '_', part[1:-1].rstrip('+'))}>"
            + (".+" if part.endswith("+}") else "[^/]+") + ")"
            if part.startswith("{") else re.escape(part)
            for part in re.split(r"(\{[^}]+\})", path.rstrip("/"))
        )  # fmt: skip
        literal = len(re.sub(r"\{[^}]+\}", "", path))
        compiled = re.compile(f"^{pattern}/?$")
        weight = (len(wanted), literal)
        found.append(_Route(name, http["method"], compiled, wanted, frozenset(headers), weight))
    return tuple(sorted(found, key=lambda r: r.weight, reverse=True))


def _by_path(
    model: str, method: str, path: str, query: str, headers: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    for route in _routes(model):
        if route.method != method or not route.headers <= headers.keys():
            continue
        if any(k not in given or (v and given[k] != v) for k, v in route.query.items()):
            continue
        match = route.pattern.match(path)
        if match:
            return route.operation, {
                k: urllib.parse.unquote(v) for k, v in match.groupdict().items() if v
            }
    raise UnknownRequestError(f"{model} has no operation for {method} {path}")
