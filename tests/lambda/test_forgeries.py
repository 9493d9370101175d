"""No client, whatever it sends, changes a word that AWS wrote.

The same on a million lines: `python -m benchmarks.forgeries` (`make soak`).
"""

from __future__ import annotations

import json
import random
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks import forgeries, shapes
from benchmarks.forgeries import LAYOUTS, PIECES, RENDERINGS, TRUTH, WEBSOCKET
from benchmarks.invoking import forwarder

forwarder()
import parse  # noqa: E402 - the forwarder is not a package

SAMPLE = 20_000
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.sampled_from([forgeries.forged_block(layout) for layout in (*LAYOUTS, WEBSOCKET)]),
)


def test_a_sample_of_forged_lines_is_never_believed() -> None:
    chance = random.Random(18)
    layouts = (*LAYOUTS, WEBSOCKET)
    for _ in range(SAMPLE):
        layout = chance.choice(layouts)
        truth = forgeries.forgery(chance, layout)
        assert forgeries.believed(layout, truth, chance.choice(RENDERINGS)) == ""


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from((*LAYOUTS, WEBSOCKET)),
    st.sampled_from(RENDERINGS),
    st.tuples(*[HOSTILE] * len(forgeries.OF_CLIENTS)),
)
def test_whatever_clients_send_what_aws_wrote_stays_what_it_is(
    layout: str, rendering: forgeries.Rendering, texts: tuple[str, ...]
) -> None:
    truth = TRUTH | dict(zip(forgeries.OF_CLIENTS, texts, strict=True))
    assert forgeries.believed(layout, truth, rendering) == ""


@example(forgeries.OLDER_SPACED, ("null", "true", "false", "-", "null"))
@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(LAYOUTS),
    st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=30)] * len(forgeries.OF_CLIENTS)),
)
def test_where_json_can_be_read_it_says_the_same(layout: str, texts: tuple[str, ...]) -> None:
    """A line with its quotes escaped as JSON wants it, beside Python's own reader."""
    truth = TRUTH | dict(zip(forgeries.OF_CLIENTS, texts, strict=True))
    text = forgeries.line(layout, truth, forgeries.escaped)
    try:
        peer = json.loads(text)
    except ValueError:
        return  # a user's own format that is no JSON
    found = parse.read(text)
    if found.kind == parse.MALFORMED:
        assert layout in (forgeries.OLDER, forgeries.OLDER_SPACED)  # something like a key in it
        return
    for key, value in found.values.items():
        assert str(value) == peer.get(f"wallarm_{key}", peer.get(key))
    for key in parse.KEYS:
        told = peer.get(f"wallarm_{key}", peer.get(key))
        if key not in found.values and key not in ("domainName", *parse.OPTIONAL):
            assert told in ("-", "", None)


def test_most_forged_lines_are_read_all_the_same() -> None:
    """To give up every line would be no defence."""
    chance = random.Random(4)
    kinds = []
    for _ in range(2000):
        layout = chance.choice(LAYOUTS)
        text = forgeries.line(layout, forgeries.forgery(chance, layout), chance.choice(RENDERINGS))
        kinds.append(parse.read(text).kind)
    assert kinds.count(parse.HTTP) > len(kinds) / 3


def work(text: str) -> int:
    """How many instructions of Python's own machine it takes to read a line."""
    done = 0

    def each(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal done
        frame.f_trace_opcodes = True
        done += event == "opcode"
        return each

    sys.settrace(each)
    try:
        parse.read(text)
    finally:
        sys.settrace(None)
    return done


@pytest.mark.parametrize("name", shapes.shapes())
def test_a_longer_line_is_no_more_work(name: str) -> None:
    """The steps are counted here; the time of searches and patterns is in benchmarks/shapes.py.

    A quadratic one would be at a line of 1 MB for minutes.
    """
    make = shapes.shapes()[name]
    assert work(make(4_000)) == pytest.approx(work(make(1_000)), rel=0.1, abs=20)
    assert parse.read(make(shapes.MEGABYTE)).kind in (parse.HTTP, parse.MALFORMED)
