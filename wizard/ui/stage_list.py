"""The stages as the table needs them: rows made once, filtered and sorted as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter, not_
from typing import TYPE_CHECKING, Any

from wizard.core.facts import Api, ApiType, Problem, Stage
from wizard.core.text import clean

if TYPE_CHECKING:
    from wizard.core.stages.log_format import LoggingState
    from wizard.services.aws.discovery import ApiOrder

SELECTED = "selected"
SORTS = ("name", "type", "logging", SELECTED)
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
    key: str  # what rows are ordered by, whatever comes first: API and stage
    source: Stage | None

    @property
    def api_id(self) -> str:
        """Which API it is of."""
        return self.ref.partition("/")[0]

    @property
    def selectable(self) -> bool:
        """Whether the stage can be chosen at all."""
        return not self.reason


def logging_state(stage: Stage) -> LoggingState:
    """How a stage logs now; a group whose name we give counts as the connector's."""
    from wizard.core.stages import log_format  # not before the first screen
    from wizard.core.tfvars import OUR_LOG_GROUPS

    log = stage.settings.access_log
    ours = log_format.log_group_name(log.destination_arn).startswith(OUR_LOG_GROUPS)
    return log_format.compare(log, log.destination_arn if ours else "", stage.api.api_type)


def logging_today(stage: Stage) -> str:
    """The same in one or two words."""
    return logging_state(stage).value


def make_row(stage: Stage) -> StageRow:
    """The row of a stage."""
    from wizard.core.stages.owner import owner

    reason = "" if stage.changeable else "managed by AWS: it cannot be changed"
    notes = []
    if reason:
        notes.append("managed by AWS")
    if stage.api.api_type is ApiType.WEBSOCKET:
        notes.append("no paths: see d")
    if stage.has_canary:
        notes.append("canary")
    logs, _, further = logging_state(stage).value.partition(", ")
    notes += [further] if further else []  # no room for it in the column
    who = owner(stage)
    if who is not None:
        notes.append(f'stack "{who.name}"' if "stack" in str(who) and who.name else str(who))
    name = clean(stage.api.name, MAX_NAME) or stage.api.api_id
    stage_name = clean(stage.name, MAX_NAME)
    logging = "–" if reason else logs
    note = clean(", ".join(notes), MAX_NAME)
    kind = _KIND[stage.api.api_type]
    tool = who.tool.value if who is not None else ""
    haystack = f"{name} {stage.api.api_id} {kind} {stage_name} {logging} {note} {tool}".lower()
    key = f"{name.lower()}\0{stage_name}"
    return StageRow(
        str(stage.ref), name, kind, stage_name, logging, note, reason, haystack, key, stage
    )


def problem_row(problem: Problem) -> StageRow:
    """The row of what could not be read."""
    subject, message = clean(problem.subject, MAX_NAME), clean(problem.message, MAX_NAME)
    haystack, key = f"{subject} {message}".lower(), f"{subject.lower()}\0"
    return StageRow("", subject, "?", "", "–", message, message, haystack, key, None)


class StageBook:
    """All rows of a Region, and which of them the filter shows.

    Rows are added as they come and shown by `apply`: a caller that gets many batches adds them all
    and applies now and then, because that is what costs time.
    """

    def __init__(self) -> None:
        self.by_ref: dict[str, StageRow] = {}
        self.problems: list[StageRow] = []
        self.shown: Sequence[StageRow] = ()
        self.filter = ""
        self.sort = SORTS[0]
        self.top: ApiOrder = ("", "")  # the API in the first row of the screen
        self._by_name: list[StageRow] = []
        self._ordered: list[StageRow] = []
        self._order = ""
        self._narrowed = ""  # the filter that `shown` was made with
        self._new: list[StageRow] = []
        self._stale = False
        self._apis: dict[str, set[str]] = {}  # the ids of the APIs of one name

    def __len__(self) -> int:
        return len(self.by_ref) + len(self.problems)

    @property
    def waits(self) -> bool:
        """Whether rows came that are not shown yet."""
        return self._stale or bool(self._new)

    def is_ambiguous(self, row: StageRow) -> bool:
        """Whether another API that was read has the same name."""
        return len(self._apis.get(row.name, ())) > 1

    def scrolled(self, row: int) -> None:
        """This row is the first on the screen."""
        from wizard.services.aws.discovery import api_order  # not before the first screen

        source = self.shown[row].source if 0 < row < len(self.shown) else None
        self.top = api_order(source.api) if source else ("", "")

    def priority(self, api: Api) -> Any:
        """Which API is to be read next, the least first; asked from other threads."""
        from wizard.services.aws.discovery import reading_order

        # Only by name it is known where an API will stand before it is read.
        return reading_order(api, self.filter, self.top if self.sort == SORTS[0] else ("", ""))

    def clear(self) -> None:
        """Forget the rows; filter and order stay."""
        self.by_ref, self.problems, self._by_name, self._new = {}, [], [], []
        self._ordered, self._order, self._stale = [], "", False
        self.shown, self._apis = (), {}

    def add(self, rows: Iterable[StageRow]) -> None:
        """Add the rows of one batch; a stage that is there already is replaced."""
        for row in rows:
            self._stale = self._stale or row.ref in self.by_ref
            self.by_ref[row.ref] = row
            self._new.append(row)
            self._apis.setdefault(row.name, set()).add(row.api_id)

    def keep(self, refs: Set[str]) -> None:
        """Forget the stages that are not among these: they are gone since the last time."""
        gone = [ref for ref in self.by_ref if ref not in refs]
        for ref in gone:
            del self.by_ref[ref]
        if gone:
            self._apis = {}
            for row in self.by_ref.values():
                self._apis.setdefault(row.name, set()).add(row.api_id)
        self._stale = self._stale or bool(gone)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Add rows for what could not be read."""
        rows = [problem_row(p) for p in problems]
        self.problems.extend(rows)
        self._new.extend(rows)

    def apply(self, selected: frozenset[str]) -> None:
        """Filter and sort again, and do only what changed: typing in the filter sorts nothing, and
        a longer filter goes through what the shorter one has left.
        """
        came = self.waits
        if came:
            self._take_in()
        ordered = came or self.sort == SELECTED or self.sort != self._order
        if ordered:
            self._ordered = _in_order(self._by_name, self.sort, selected)
            self._order = self.sort
        text = self.filter.lower()
        among = self._ordered if ordered or not text.startswith(self._narrowed) else self.shown
        self.shown, self._narrowed = _matching(among, text.split()), text

    def _take_in(self) -> None:
        if self._stale:
            self._by_name = [*self.by_ref.values(), *self.problems]
        else:
            self._by_name.extend(self._new)
        # New rows stand behind sorted ones, which Python's sort takes in one pass.
        self._by_name.sort(key=attrgetter("key"))
        self._new, self._stale = [], False


def _in_order(rows: list[StageRow], sort: str, selected: frozenset[str]) -> list[StageRow]:
    """Rows that are in the order of their names, in another one: equals stay as they were."""
    if sort == "type":
        return sorted(rows, key=attrgetter("kind"))
    if sort == "logging":
        return sorted(rows, key=attrgetter("logging"))
    if sort == SELECTED:
        chosen = [row.ref in selected for row in rows]
        return [*compress(rows, chosen), *compress(rows, map(not_, chosen))]
    return rows


def _matching(rows: Sequence[StageRow], words: list[str]) -> Sequence[StageRow]:
    if not words:
        return rows[:]
    if len(words) == 1:
        word = words[0]
        return [r for r in rows if word in r.haystack]
    return [r for r in rows if all(w in r.haystack for w in words)]
