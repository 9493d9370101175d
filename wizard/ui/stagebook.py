"""The stages as the table needs them: rows made once, filtered and sorted as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from wizard.core import access_log
from wizard.core.access_log import LoggingState
from wizard.core.facts import ApiType, Problem, Stage
from wizard.core.owner import owner
from wizard.core.text import clean

OURS = "/aws/apigateway/wallarm-api-discovery-"
SORTS = ("name", "type", "logging", "selected")
_KIND = {ApiType.REST: "REST", ApiType.HTTP: "HTTP", ApiType.WEBSOCKET: "WS"}
MAX_NAME = 200


@dataclass(frozen=True)
class StageRow:
    """One row: harmless texts, and the stage behind them (None for what could not be read)."""

    ref: str
    name: str
    kind: str
    stage: str
    logging: str
    note: str
    reason: str
    haystack: str
    source: Stage | None

    @property
    def selectable(self) -> bool:
        """Whether the stage can be chosen at all."""
        return not self.reason


def logging_state(stage: Stage) -> LoggingState:
    """How a stage logs now; a group whose name we give counts as the connector's."""
    log = stage.settings.access_log
    ours = access_log.log_group_name(log.destination_arn).startswith(OURS)
    return access_log.compare(log, log.destination_arn if ours else "", stage.api.api_type)


def logging_today(stage: Stage) -> str:
    """The same in one or two words."""
    return logging_state(stage).value


def make_row(stage: Stage) -> StageRow:
    """The row of a stage."""
    reason = "" if stage.changeable else "managed by AWS: it cannot be changed"
    notes = []
    if reason:
        notes.append("managed by AWS")
    if stage.api.api_type is ApiType.WEBSOCKET:
        notes.append("no paths: see d")
    if stage.has_canary:
        notes.append("canary")
    if logging_state(stage) is LoggingState.OTHER:
        notes.append("has a log")
    who = owner(stage)
    if who is not None:
        notes.append(str(who))
    name = clean(stage.api.name, MAX_NAME) or stage.api.api_id
    stage_name = clean(stage.name, MAX_NAME)
    logging = "–" if reason else logging_today(stage)
    note = clean(", ".join(notes), MAX_NAME)
    kind = _KIND[stage.api.api_type]
    haystack = f"{name} {stage.api.api_id} {kind} {stage_name} {logging} {note}".lower()
    return StageRow(str(stage.ref), name, kind, stage_name, logging, note, reason, haystack, stage)


def problem_row(problem: Problem) -> StageRow:
    """The row of what could not be read."""
    subject, message = clean(problem.subject, MAX_NAME), clean(problem.message, MAX_NAME)
    return StageRow(
        "", subject, "?", "", "–", message, message, f"{subject} {message}".lower(), None
    )


class StageBook:
    """All rows of a Region, and which of them the filter shows."""

    def __init__(self) -> None:
        self.rows: list[StageRow] = []
        self.by_ref: dict[str, StageRow] = {}
        self.shown: Sequence[StageRow] = self.rows
        self.filter = ""
        self.sort = SORTS[0]
        self._ordered: list[StageRow] = []
        self._order_of: tuple[str, int, int] = ("", 0, 0)
        self._changes = 0

    def clear(self) -> None:
        """Forget the rows; filter and order stay."""
        self._changes += 1
        self.rows = []
        self.by_ref = {}
        self.shown = self.rows

    def add(self, stages: Iterable[Stage], selected: frozenset[str]) -> None:
        """Add the rows of one batch; a stage that is there already is replaced."""
        self._changes += 1
        for stage in stages:
            row = make_row(stage)
            if row.ref in self.by_ref:
                self.rows = [r for r in self.rows if r.ref != row.ref]
            self.by_ref[row.ref] = row
            self.rows.append(row)
        self.apply(selected)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Add rows for what could not be read."""
        self._changes += 1
        self.rows.extend(problem_row(p) for p in problems)

    def apply(self, selected: frozenset[str]) -> None:
        """Filter and sort again. Typing in the filter sorts nothing: the order is kept."""
        wanted = (self.sort, len(self.rows), self._changes)
        if self.sort == "selected" or wanted != self._order_of:
            self._ordered = sorted(self.rows, key=_order(self.sort, selected))
            self._order_of = wanted
        words = self.filter.lower().split()
        self.shown = [r for r in self._ordered if all(w in r.haystack for w in words)]


def _order(sort: str, selected: frozenset[str]) -> Callable[[StageRow], tuple[object, ...]]:
    if sort == "type":
        return lambda r: (r.kind, r.name.lower(), r.stage)
    if sort == "logging":
        return lambda r: (r.logging, r.name.lower(), r.stage)
    if sort == "selected":
        return lambda r: (r.ref not in selected, r.name.lower(), r.stage)
    return lambda r: (r.name.lower(), r.stage)
