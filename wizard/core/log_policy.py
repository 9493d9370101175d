"""CloudWatch Logs resource policies: does one let log delivery write to a group, and ours in it.

Pure. HTTP APIs write access logs through log delivery (`delivery.logs.amazonaws.com`), which needs
a resource policy that covers the log group. The statement is the one of the CloudWatch Logs guide
("Enable logging from AWS services").
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

PRINCIPAL = "delivery.logs.amazonaws.com"
ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
MAX_BYTES = 5120  # quota on one policy document
SID_PREFIX = "WallarmApigw"


def statement(group_arn: str, account_id: str, region: str, partition: str) -> dict[str, Any]:
    """Our statement for one log group; its Sid is stable, so it can be found again."""
    return {
        "Sid": sid(group_arn),
        "Effect": "Allow",
        "Principal": {"Service": PRINCIPAL},
        "Action": list(ACTIONS),
        "Resource": f"{group_arn}:log-stream:*",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": account_id},
            "ArnLike": {"aws:SourceArn": f"arn:{partition}:logs:{region}:{account_id}:*"},
        },
    }


def sid(group_arn: str) -> str:
    """`WallarmApigw` and eight hex digits of the group's ARN."""
    return SID_PREFIX + hashlib.sha256(group_arn.encode()).hexdigest()[:8]


def allows(document: str, group_arn: str, account_id: str) -> bool:
    """Whether a policy lets log delivery write to the group.

    A condition other than on the source account or ARN counts as "no": then ours is added, which
    does no harm.
    """
    needed = set(ACTIONS)
    for item in _statements(document):
        if item.get("Effect") == "Allow" and _applies(item, group_arn, account_id):
            granted = _texts(item.get("Action"))
            needed -= {a for a in needed if any(fnmatchcase(a, pattern) for pattern in granted)}
    return not needed


def with_statement(document: str, ours: dict[str, Any]) -> str:
    """The document with our statement added, or put in place of an older one of ours."""
    data = _loaded(document)
    others = [s for s in _statements(document) if s.get("Sid") != ours["Sid"]]
    data["Statement"] = [*others, ours]
    return json.dumps(data, separators=(",", ":"))


def without_statement(document: str, group_arn: str) -> str:
    """The document without our statement for the group; empty when nothing else is left."""
    others = [s for s in _statements(document) if s.get("Sid") != sid(group_arn)]
    if not others:
        return ""
    return json.dumps({**_loaded(document), "Statement": others}, separators=(",", ":"))


def has_statement(document: str, group_arn: str) -> bool:
    """Whether our statement for the group is in the document."""
    return any(s.get("Sid") == sid(group_arn) for s in _statements(document))


def same_document(one: str, other: str) -> bool:
    """Whether two documents mean the same, however they are written."""
    return _loaded(one) == _loaded(other)


def fits(document: str) -> bool:
    """Whether a document is within the quota."""
    return len(document.encode()) <= MAX_BYTES


def _loaded(document: str) -> dict[str, Any]:
    try:
        data = json.loads(document) if document else None
    except ValueError:
        data = None
    return data if isinstance(data, dict) else {"Version": "2012-10-17", "Statement": []}


def _statements(document: str) -> list[dict[str, Any]]:
    found = _loaded(document).get("Statement", [])
    items = found if isinstance(found, list) else [found]
    return [item for item in items if isinstance(item, dict)]


def _applies(item: dict[str, Any], group_arn: str, account_id: str) -> bool:
    principal = item.get("Principal")
    services = _texts(principal.get("Service")) if isinstance(principal, dict) else ()
    if PRINCIPAL not in services and principal != "*":
        return False
    stream = f"{group_arn}:log-stream:any"
    if not any(fnmatchcase(stream, pattern) for pattern in _texts(item.get("Resource"))):
        return False
    conditions = item.get("Condition") or {}
    if not isinstance(conditions, dict):
        return False
    return all(
        _passes(wanted, account_id) for wanted in conditions.values() if isinstance(wanted, dict)
    )


def _passes(wanted: dict[str, Any], account_id: str) -> bool:
    for key, value in wanted.items():
        values = _texts(value)
        if key.lower() == "aws:sourceaccount" and account_id not in values:
            return False
        if key.lower() == "aws:sourcearn" and not any(f":{account_id}:" in v for v in values):
            return False
        if key.lower() not in ("aws:sourceaccount", "aws:sourcearn"):
            return False
    return True


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(str(v) for v in value) if isinstance(value, Iterable) else ()
