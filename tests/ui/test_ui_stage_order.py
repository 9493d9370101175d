"""The list of stages does only what changed: sorting, filtering and selecting stay quick."""

from __future__ import annotations

import json
import random

import pytest

from tests.ui.acting import wizard
from tests.ui.scripted import Script
from tests.ui.scripted_account import stages
from wizard.core.answers import rules
from wizard.core.facts import AccessLog, Api, ApiType, Stage, StageRef, StageSettings
from wizard.core.stages import log_format
from wizard.ui.stage_list import SORTS, StageBook, StageRow, make_row


def _rows(apis: int = 60) -> list[StageRow]:
    rows = [make_row(s) for s in stages(Script(apis=apis, stages_per_api=3), "us-east-1")]
    random.Random(7).shuffle(rows)
    return rows


def _slowly(rows: list[StageRow], sort: str, words: str, on: frozenset[str]) -> list[str]:
    """What the list shows, said in the simplest way."""
    first = {
        "type": lambda r: r.kind,
        "logging": lambda r: r.logging,
        "selected": lambda r: r.ref not in on,
    }.get(sort, lambda r: "")
    found = sorted(rows, key=lambda r: (first(r), r.name.lower(), r.stage))
    return [r.ref for r in found if all(w in r.haystack for w in words.lower().split())]


@pytest.mark.parametrize("sort", SORTS)
def test_whatever_came_in_which_order_the_list_shows_the_same(sort: str) -> None:
    rows = _rows()
    on = frozenset(r.ref for r in rows[::3])
    book = StageBook()
    book.sort = sort
    for start in range(0, len(rows), 40):
        book.add(rows[start : start + 40])
        book.apply(on)
    for words in ("", "p", "pr", "pro", "prod", "prod r", "prod re", "prod", "od", "OD rest", ""):
        book.filter = words
        book.apply(on)
        assert [r.ref for r in book.shown] == _slowly(rows, sort, words, on), words
    for other in (*SORTS, sort):
        book.sort = other
        book.apply(on)
        assert [r.ref for r in book.shown] == _slowly(rows, other, "", on), other
    book.keep({r.ref for r in rows[::2]})
    book.apply(on)
    assert [r.ref for r in book.shown] == _slowly(rows[::2], sort, "", on)


class _Counted(str):
    """A text that counts how often it is searched."""

    __slots__ = ()
    searched = 0

    def __contains__(self, word: object) -> bool:
        _Counted.searched += 1
        return super().__contains__(str(word))


def test_a_longer_filter_searches_only_what_the_shorter_one_has_left() -> None:
    book = StageBook()
    rows = _rows()
    for row in rows:
        object.__setattr__(row, "haystack", _Counted(row.haystack))
    book.add(rows)
    book.filter = "pro"
    book.apply(frozenset())
    assert _Counted.searched == len(rows)
    left, _Counted.searched = len(book.shown), 0
    assert 0 < left < len(rows)
    book.filter = "prod"
    book.apply(frozenset())
    assert _Counted.searched == left


async def test_a_selection_is_gone_through_once_not_for_every_screen_and_line() -> None:
    seen = []
    parse = StageRef.parse
    async with wizard("stages", script=Script(hostile=False, apis=300)) as w:
        w.app.session.seen.update(("aws", "stages", "logs", "wallarm", "node", "options"))
        rules._stages.cache_clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(StageRef, "parse", lambda text: seen.append(text) or parse(text))
            await w.press("a", "d", "escape", "s", "ctrl+n")
        assert len(w.answers.stages) > 300
        missed = rules._stages.cache_info().misses
    assert missed <= 2, "once with all of them, once while there was none"
    assert not seen, "well-formed ones are told by one pattern"


def test_a_stage_in_the_older_format_is_shown_as_on_with_the_words_in_its_note() -> None:
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/apigateway/wallarm-api-discovery-1"
    older = json.dumps(dict(log_format.FIELDS))
    settings = StageSettings(AccessLog(arn, older))
    row = make_row(Stage(Api("a1b2c3", "orders", ApiType.REST), "prod", settings))
    assert (row.logging, row.note) == ("connected", "older format")
