"""What a recording keeps, so that two of the same life are the same; and how it is read back."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.policy.identify import Call
from tests.policy.mapping import needed

RECORDED = Path(__file__).with_name("recorded.json")
# Phase, caller, call, status: see `tests.policy.recorder.Recorder.calls`.
Calls = Iterable[tuple[str, str, Call, int]]
# Answers that hold what AWS makes up.
MADE_UP = (
    "vpc_id", "public_subnet_ids", "private_subnet_ids", "wallarm_api_token_kms_key_arn",
    "certificate_arn",
)  # fmt: skip
SUBNETS = ("public_subnet_ids", "private_subnet_ids")


def even_all(value: Any) -> Any:
    """A text, or each of several, without what AWS makes up."""
    return [_even(item) for item in value] if isinstance(value, list | tuple) else _even(value)


def numbered(lives: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of a life, one after another, without what AWS makes up.

    Subnets are numbered as they come: no grant names one, and another one is another answer.
    """
    found: dict[str, str] = {}
    out = []
    for answers in lives:
        kept = {k: even_all(v) if k in MADE_UP else v for k, v in answers.items()}
        for key in SUBNETS:
            if answers.get(key):
                kept[key] = [found.setdefault(s, f"subnet-{len(found):08}") for s in answers[key]]
        out.append(kept)
    return out


def roles(calls: Calls) -> dict[str, dict[str, Any]]:
    """The policies of every role that was made: `trust`, `policy`, and AWS's own in `attached`."""
    out: dict[str, dict[str, Any]] = {}
    inline: dict[str, dict[str, Any]] = {}  # a role may have several; what they say counts together
    for _phase, _caller, call, status in calls:
        if call.service != "iam" or status >= 300 or not call.name("RoleName"):
            continue
        role = out.setdefault(call.name("RoleName"), {"attached": []})
        if call.operation == "CreateRole":
            role["trust"] = json.loads(call.document)
        if call.operation == "PutRolePolicy":
            own = inline.setdefault(call.name("RoleName"), {})
            own[call.name("PolicyName")] = json.loads(_even(call.document))
            statements = [s for name in sorted(own) for s in own[name]["Statement"]]
            role["policy"] = {**own[call.name("PolicyName")], "Statement": statements}
        if call.operation == "AttachRolePolicy" and call.name("PolicyArn") not in role["attached"]:
            role["attached"].append(call.name("PolicyArn"))
    return out


def unique(calls: Calls, account: str, region: str) -> Iterator[dict[str, Any]]:
    """Each step's distinct calls, without what differs from run to run."""
    seen = set()
    for phase, caller, call, _status in calls:
        steady = _steady(call)
        # What a call needs decides whether it is worth a line of its own.
        key = (phase, caller, call.service, call.operation, needed(steady, account, region))
        if key in seen:
            continue
        seen.add(key)
        step, _, number = phase.partition(" ")
        which = {"update": int(number)} if number else {}
        yield {"phase": step, **which, "by": caller, **_brief(steady, account, region)}


def _brief(call: Call, account: str, region: str) -> dict[str, Any]:
    """The call without the names that make no difference to what it needs."""
    full = needed(call, account, region)
    for name in list(call.names):
        less = {k: v for k, v in call.names.items() if k != name}
        if needed(dataclasses.replace(call, names=less), account, region) == full:
            call = dataclasses.replace(call, names=less)
    if needed(dataclasses.replace(call, path=""), account, region) == full:
        call = dataclasses.replace(call, path="")
    out: dict[str, Any] = {"service": call.service, "operation": call.operation}
    if call.names:
        out["names"] = dict(call.names)
    if call.path:
        out["path"] = call.path
    return {**out, "tagged": True} if call.tagged else out


def _steady(call: Call) -> Call:
    if call.service.startswith("apigateway"):
        if call.operation.startswith("Get"):  # one of a kind says it all
            path = re.sub(r"(apis/)[a-z0-9]{10}(/stages/)?.*", r"\g<1>0000000000\2", call.path)
            path += "0" if path.endswith("/stages/") else ""
            path = re.sub(r"0{10}$", "0000000000/stages", path)
            return Call(call.service, call.operation, {}, path, "", False)
        return Call(call.service, call.operation, call.names, call.path, "", call.tagged)
    names = {
        name: (_even(values[0]),) if name != "patchPathName" else values
        for name, values in call.names.items()
        if not re.search(r"(Token|CallerReference|RequestId|AccessKeyId|AMIId|ImageId)$", name)
    }
    path = _even(call.path) if call.path.strip("/") else ""
    return Call(call.service, call.operation, names, path, "", call.tagged)


def _even(text: str) -> str:
    """Without what AWS makes up: ids and suffixes."""
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{14,}", "0" * 8, text)
    text = re.sub(r"(?<=[-/])(?!\d{12}/)(?=[a-z]*\d)[0-9a-z]{8,32}\b", "0" * 8, text)
    text = re.sub(r"\bZ[0-9A-Z]{8,32}\b", "Z00000000", text)
    return re.sub(r"T\d\d[.:]\d\d[.:]\d\d[^/]*", "T", text)


def save(everything: dict[str, Any]) -> None:
    """Write recorded.json, one call a line."""
    out = []
    for mode, saved in sorted(everything.items()):
        rest = {k: v for k, v in saved.items() if k != "calls"}
        lines = [json.dumps(c, sort_keys=True, ensure_ascii=False) for c in saved["calls"]]
        head = json.dumps(rest, indent=1, sort_keys=True, ensure_ascii=False)[:-2]
        calls = ",\n  ".join(lines)
        out.append(f' {json.dumps(mode)}: {head},\n "calls": [\n  {calls}\n ]}}')
    RECORDED.write_text("{\n" + ",\n".join(out) + "\n}\n", encoding="utf-8")


def read_call(saved: dict[str, Any]) -> Call:
    """A call of recorded.json."""
    names = {name: tuple(values) for name, values in saved.get("names", {}).items()}
    return Call(
        saved["service"], saved["operation"], names, saved.get("path", ""), "",
        saved.get("tagged", False),
    )  # fmt: skip


def load() -> dict[str, Any]:
    """What was recorded: by mode, `answers` and `calls`."""
    data: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return data
