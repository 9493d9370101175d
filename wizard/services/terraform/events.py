"""One line of Terraform's output → one event of `core.terraform_events`, whatever the line is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from wizard.core.secret import without_logins
from wizard.core.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyProgress,
    ApplyStart,
    ChangeSummary,
    Diagnostic,
    DriftFound,
    Event,
    LogLine,
    Outputs,
    PlannedChange,
    Refresh,
    Version,
)

# A line of text that is no event is shown, not analysed: more than this of it helps nobody.
MAX_TEXT = 4096
_DECODER = json.JSONDecoder()
_MAX_TRIES = 100  # braces that begin nothing, before a text counts as text
# A time at the beginning of each line of a longer answer, and colours anywhere.
_BEFORE_LINES = re.compile(
    r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\s\]]*\]?[ \t]?|\x1b\[[0-9;]*m", re.MULTILINE
)
_SAME = ("noop", "no-op")


def parse_line(line: bytes | str) -> Event | None:
    """The event in a line of any length; None for an empty one.

    What is not JSON, or of a type this product does not know, becomes a `LogLine`: nothing that
    Terraform says is lost, and nothing it says raises.
    """
    text = line.decode("utf-8", errors="replace") if isinstance(line, bytes) else line
    text = text.strip()
    if not text:
        return None
    text = without_logins(text)
    data = find_object(text, lambda found: "@message" in found or "type" in found)
    if data is None:
        return LogLine(text[:MAX_TEXT])
    try:
        event = _event(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        event = None  # a field is missing or of another kind than documented: keep its text
    if event is not None:
        return event
    message = data.get("@message")
    if not isinstance(message, str) or not message:
        return LogLine(text[:MAX_TEXT])
    return LogLine(message[:MAX_TEXT], str(data.get("@level", "info")))


def find_object(
    text: str, wanted: Callable[[dict[str, Any]], bool] = lambda _: True
) -> dict[str, Any] | None:
    """The first JSON object in a text for which `wanted` holds, whatever stands around it.

    Wrappers print a line of their own first, put a time in front of each line, or colour them.
    """
    found = _first_object(text, wanted)
    if found is None and (bare := _BEFORE_LINES.sub("", text)) != text:
        found = _first_object(bare, wanted)
    return found


def _first_object(text: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    at, tries = text.find("{"), 0
    while at >= 0 and tries < _MAX_TRIES:
        try:
            data, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            at, tries = text.find("{", at + 1), tries + 1
            continue
        if isinstance(data, dict) and wanted(data):
            return data
        at, tries = text.find("{", end), tries + 1
    return None


def bare_lines(text: str) -> list[str]:
    """The lines of a text without colours, and without times that a wrapper put before them."""
    return [line.strip() for line in _BEFORE_LINES.sub("", text).splitlines()]


def _event(data: dict[str, Any]) -> Event | None:
    kind = data.get("type")
    if kind in ("apply_start", "apply_progress", "apply_complete", "apply_errored"):
        return _hook(kind, data["hook"])
    if kind in ("planned_change", "resource_drift"):
        change = data["change"]
        address, resource_type = _resource(change)
        if kind == "resource_drift":
            return DriftFound(address, resource_type, str(change["action"]))
        return PlannedChange(
            address,
            resource_type,
            str(change["action"]),
            str(change.get("reason", "")),
            str((change.get("previous_resource") or {}).get("addr", "")),
        )
    if kind in ("refresh_start", "refresh_complete"):
        return Refresh(*_resource(data["hook"]), done=kind == "refresh_complete")
    if kind == "change_summary":
        counts = data["changes"]
        return ChangeSummary(
            int(counts["add"]),
            int(counts["change"]),
            int(counts["remove"]),
            int(counts.get("import", 0)),
            str(counts["operation"]),
        )
    if kind == "diagnostic":
        return diagnostic(data["diagnostic"])
    if kind == "outputs":
        return _outputs(data["outputs"])
    if kind == "version":
        return Version(str(data.get("terraform", data.get("tofu", ""))), str(data.get("ui", "")))
    return None


def _hook(kind: str, hook: Mapping[str, Any]) -> Event:
    address, resource_type = _resource(hook)
    action = str(hook["action"])
    if kind == "apply_start":
        return ApplyStart(address, resource_type, action)
    elapsed = max(0.0, float(hook.get("elapsed_seconds", 0)))
    if kind == "apply_progress":
        return ApplyProgress(address, resource_type, action, elapsed)
    if kind == "apply_errored":
        return ApplyErrored(address, resource_type, action, elapsed)
    return ApplyComplete(address, resource_type, action, elapsed, str(hook.get("id_value", "")))


def _resource(holder: Mapping[str, Any]) -> tuple[str, str]:
    resource = holder["resource"]
    return str(resource["addr"]), str(resource["resource_type"])


def _outputs(raw: Mapping[str, Mapping[str, Any]]) -> Outputs:
    return Outputs(
        {name: item.get("value") for name, item in raw.items()},
        frozenset(name for name, item in raw.items() if item.get("sensitive")),
        frozenset(name for name, item in raw.items() if item.get("action", "noop") not in _SAME),
    )


def diagnostic(raw: Mapping[str, Any]) -> Diagnostic:
    """A diagnostic object, as in `-json` lines and in `validate -json`."""
    place = raw.get("range") or {}
    return Diagnostic(
        severity=str(raw.get("severity", "error")),
        summary=str(raw.get("summary", "")),
        detail=str(raw.get("detail", "")),
        address=str(raw.get("address", "")),
        filename=str(place.get("filename", "")),
        line=int((place.get("start") or {}).get("line", 0)),
    )
