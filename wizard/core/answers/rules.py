"""The rules an answer must obey, in one place for file, environment, options and screens.

`problem(key, value)` judges one answer in words a reader can act on; `problems(answers)` judges the
whole, including rules that join several answers.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wizard.core.answers.model import ECS, EDGE, SCHEMA_VERSION, Answers
from wizard.core.errors import UsageError
from wizard.core.facts import StageRef
from wizard.core.stages.rules import parse_rule

MIN_NODE_VERSION = (0, 21, 0)
# Days that PutRetentionPolicy accepts (CloudWatch Logs API reference).
RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
TOKEN_PATTERN = r"^[A-Za-z0-9+/]{64}$"  # noqa: S105 - the shape of a token, not a token
MAX_TAGS = 40  # AWS allows 50 on a resource; the module and AWS need some for themselves

# What would be a pattern in a policy, a path or a shell is in no name of API Gateway's.
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}/(\$default|[A-Za-z0-9_.~-]{1,128})")

_FIELDS = {f.name: f for f in dataclasses.fields(Answers)}


@dataclass(frozen=True)
class Violation:
    """One broken rule: the keys concerned and a sentence that says what to write instead."""

    keys: tuple[str, ...]
    message: str


def problem(key: str, value: Any) -> str:
    """Why `value` cannot be the answer `key`, or an empty string when it can."""
    meta = _FIELDS[key].metadata
    if meta["choices"] and value not in meta["choices"]:
        return f"must be one of {', '.join(meta['choices'])}; got {_show(value)}"
    if meta["pattern"] and not re.fullmatch(meta["pattern"], str(value)):
        if key == "name_prefix" and len(str(value)) > 38:
            return f"is {len(str(value))} characters long; at most 38 are possible"
        return f"must be {meta['rule']}; got {_show(value)}"
    special = _SPECIAL.get(key)
    return special(value) if special else ""


def problems(answers: Answers) -> tuple[Violation, ...]:
    """Every broken rule of a set of answers; empty means it can be deployed."""
    found = [
        Violation((name,), f"{name} {text}")
        for name in _FIELDS
        if (text := problem(name, getattr(answers, name)))
    ]
    if bool(answers.r53_domain_name) != bool(answers.node_dns_name):
        found.append(
            Violation(
                ("r53_domain_name", "node_dns_name"),
                "r53_domain_name and node_dns_name go together: set both for HTTPS, or neither",
            )
        )
    found += [*_certificate(answers), *_place(answers)]
    if answers.vpc_id and answers.deploys_node:
        if not answers.private_subnet_ids or len(answers.public_subnet_ids) < 2:
            found.append(
                Violation(
                    ("private_subnet_ids", "public_subnet_ids"),
                    "an existing VPC needs at least one private subnet for the node and two public "
                    "subnets in different Availability Zones for the load balancer",
                )
            )
    elif not answers.vpc_id and (answers.private_subnet_ids or answers.public_subnet_ids):
        found.append(Violation(("vpc_id",), "subnets were given without vpc_id"))
    return tuple(found)


def _place(answers: Answers) -> list[Violation]:
    """What joins the place of the node with other answers."""
    place, url = answers.node_place, answers.node_url
    if place == ECS:
        text = "node_place is ecs, so a node is deployed: leave node_url empty"
        return [Violation(("node_place", "node_url"), text)] if url else []
    if place and not url:
        text = f"node_place is {place}: node_url must name that node"
        return [Violation(("node_url", "node_place"), text)]
    if place != EDGE:
        return []
    found = []
    if answers.node_scheme != "https":
        text = "a node of Security Edge takes https alone: node_scheme must be https"
        found.append(Violation(("node_scheme",), text))
    for key in ("vpc_id", "node_metrics"):
        if getattr(answers, key):
            why = "is outside of any VPC" if key == "vpc_id" else "shows no counters"
            found.append(Violation((key,), f"a node of Security Edge {why}: leave {key} empty"))
    return found


def _certificate(answers: Answers) -> list[Violation]:
    """What joins a certificate of the user's with other answers."""
    arn = answers.certificate_arn
    if not arn or not answers.deploys_node or problem("certificate_arn", arn):
        return []
    found, region = [], arn.split(":")[3]
    if not answers.node_host:
        found.append(
            "certificate_arn goes with r53_domain_name and node_dns_name: the forwarder looks for "
            "the node's name in the certificate"
        )
    if region != answers.region:
        found.append(
            f"certificate_arn is of {region}: a load balancer takes only certificates of its own "
            f"Region, {answers.region}"
        )
    return [Violation(("certificate_arn",), text) for text in found]


# `export WALLARM_API_TOKEN=`, `$env:NAME = `, `token: `, `X-WallarmApi-Token: `, `Bearer `
_BEFORE_TOKEN = re.compile(
    r"(?:(?:export|set|setx)\s+)?(?:\$env:)?[A-Za-z_][\w.-]*[\"']?\s*[=:]|Bearer\s"
)
_QUOTES = "\"'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u2039\u203a;,"


def bare_token(text: str) -> str:
    """What was copied or typed, without what came along with the token.

    Taken off: a name and `=` or `:` in front, quotes around it, spaces, line breaks and characters
    that nobody sees. What is left is judged by `token_problem`.
    """
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Cc") or c.isspace())
    before = None
    while text != before:
        before = text
        text = text.strip().strip(_QUOTES)
        found = _BEFORE_TOKEN.match(text)
        text = text[found.end() :] if found else text
        if text == before:
            text = "".join(text.split())  # which may bring a name and its colon together
    return text


def token_problem(token: str) -> str:
    """Why a text cannot be a Wallarm API token, without repeating any of it."""
    if not token:
        return "is empty"
    if len(token) != 64:
        return f"must have 64 characters; this one has {len(token)}"
    if not re.fullmatch(TOKEN_PATTERN, token):
        return "may contain only letters, digits, + and /"
    return ""


def node_version(tag: str) -> tuple[int, ...] | None:
    """The version an image tag names, or None for `latest` and other names."""
    match = re.fullmatch(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-.].*)?", tag)
    return tuple(int(part or 0) for part in match.groups()) if match else None


def _show(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= 60 else text[:57] + "…")


def _schema_version(value: int) -> str:
    if value == SCHEMA_VERSION:
        return ""
    return f"is {value}; this program reads version {SCHEMA_VERSION}"


def _application_id(value: int) -> str:
    if value == -1 or value > 0:
        return ""
    return f"must be -1 (default application) or positive; got {value}"


def _node_url(value: str) -> str:
    port = value.partition(":")[2]
    if port and (port.startswith("0") or int(port) > 65535):
        return f"must have a port from 1 to 65535; got {_show(value)}"
    return ""


def _node_count(value: int) -> str:
    return "" if 1 <= value <= 16 else f"must be between 1 and 16; got {value}"


def _replay_hours(value: int) -> str:
    return "" if 0 <= value <= 24 else f"must be 1 to 24 hours, or 0 for never; got {value}"


def _node_tag(value: str) -> str:
    version = node_version(value)
    if version is not None and version < MIN_NODE_VERSION:
        return f"must be 0.21.0 or newer for API Gateway traffic; got {value}"
    return ""


def _retention(value: int) -> str:
    if value in RETENTION_DAYS:
        return ""
    near = min(RETENTION_DAYS, key=lambda days: abs(days - value))
    return f"must be a number of days CloudWatch Logs offers; {value} is not, {near} is"


def _stage_rules(value: tuple[str, ...]) -> str:
    for text in value:
        try:
            parse_rule(text)
        except UsageError as error:
            return f"has {_show(text)}: {error.why}"
    return ""


@lru_cache(maxsize=2)  # the screens ask after every change, and there may be 20,000 of them
def _stages(value: tuple[str, ...]) -> str:
    if all(map(_STAGE.fullmatch, value)):
        return ""
    for text in value:
        try:
            StageRef.parse(text)
        except ValueError as error:
            return f"must be a list of <api id>/<stage>: {error}"
        if not _STAGE.fullmatch(text.strip()):
            return f"has a name that no stage of API Gateway can have: {_show(text)}"
    return ""


def _tags(value: dict[str, str]) -> str:
    if len(value) > MAX_TAGS:
        return f"may hold at most {MAX_TAGS} tags; got {len(value)}"
    for name, text in value.items():
        if not 1 <= len(name) <= 128 or len(text) > 256:
            return f"has a tag AWS refuses ({_show(name)}): names 1-128, values 0-256 characters"
        if name.lower().startswith("aws:"):
            return f"has the reserved tag name {_show(name)}; names may not start with aws:"
        if not re.fullmatch(r"[\w .:/=+\-@]*", name + text):
            return f"has a character AWS refuses in the tag {_show(name)}"
    return ""


# The module's other variables set these; see `terraform/variables.tf`.
_SET_ELSEWHERE = {
    "X_WALLARM_APPLICATION_ID": "x_wallarm_application_id",
    "X_NODE_URL": "node_url",
    "X_NODE_SCHEME": "node_scheme",
    "X_NODE_METRICS": "node_metrics",
    "X_NODE_CA_CERTIFICATE": "node_ca_certificate of the module",
    "X_INSTALLATION_ID": "installation_id of the module",
}


def _forwarder_environment(value: dict[str, str]) -> str:
    for name, text in value.items():
        if name in _SET_ELSEWHERE:
            return f"may not hold {name}: that is {_SET_ELSEWHERE[name]}"
        if not re.fullmatch(r"X_[A-Z0-9]+(_[A-Z0-9]+)*", name):
            return f"has a name that is none of the forwarder's: {_show(name)}; they begin with X_"
        if not re.fullmatch(r"[ -~]{1,256}", text):
            return f"has a value for {name} that is not 1 to 256 plain characters"
    return ""


def _boundary(value: str) -> str:
    if not value or re.fullmatch(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+", value):
        return ""
    return f"must be the ARN of an IAM policy; got {_show(value)}"


_SPECIAL: dict[str, Any] = {
    "schema_version": _schema_version,
    "x_wallarm_application_id": _application_id,
    "node_url": _node_url,
    "node_count": _node_count,
    "node_tag": _node_tag,
    "undelivered_replay_hours": _replay_hours,
    "log_retention_days": _retention,
    "stages": _stages,
    "stage_rules": _stage_rules,
    "tags": _tags,
    "forwarder_environment": _forwarder_environment,
    "node_metrics": _node_url,
    "permissions_boundary": _boundary,
}
