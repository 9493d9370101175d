"""The order in which APIs are read follows the eye: on the screen, below it, above it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wizard.core.facts import Api, ApiType
from wizard.core.reading_order import View, wanted

APIS = [Api(f"id-{c}", c * 3, ApiType.HTTP if c in "bdf" else ApiType.REST) for c in "abcdefgh"]
BY_NAME = dict(zip("abcdefgh", APIS, strict=True))


def order(view: View) -> str:
    return "".join(i[-1] for i in wanted(view, reversed(APIS)))


def seen(letters: str) -> tuple[Api, ...]:
    return tuple(BY_NAME[c] for c in letters)


def test_what_will_stand_on_the_screen_is_first_then_below_then_above_nearest_first() -> None:
    assert order(View(seen=seen("df"), above=True, below=True)) == "defghcba"


def test_a_list_that_was_not_moved_is_read_from_its_top() -> None:
    assert order(View(seen=seen("df"), below=True)) == "abcdefgh"


def test_at_the_end_of_the_list_everything_behind_it_is_on_the_screen() -> None:
    assert order(View(seen=seen("fg"), above=True)) == "fghedcba"


def test_by_type_the_neighbours_are_those_of_the_same_type() -> None:
    view = View(seen=seen("df"), above=True, below=True, by="type")
    assert order(view) == "dfaceghb"


def test_where_a_row_will_stand_is_not_known_by_logging_only_what_is_seen_is_first() -> None:
    assert order(View(seen=seen("gc"), above=True, below=True, by="logging")) == "gc"


def test_a_filter_leaves_only_what_matches_in_the_order_of_the_screen() -> None:
    view = View("ID", seen=seen("c"), above=True, below=True)
    assert order(view) == "cdefghba"
    assert order(View("fff id-")) == "f"
    assert order(View("nothing")) == ""


def test_nobody_looks_at_anything_nothing_is_first() -> None:
    assert order(View()) == ""


@given(
    st.lists(st.sampled_from(APIS), max_size=4),
    st.booleans(),
    st.booleans(),
    st.sampled_from(("name", "type", "logging", "selected")),
    st.sampled_from(("", "a", "id")),
)
def test_whatever_is_looked_at_no_api_is_named_twice(
    looked: list[Api], above: bool, below: bool, by: str, words: str
) -> None:
    found = wanted(View(words, tuple(looked), above, below, by), APIS)
    assert len(found) == len(set(found))
    assert set(found) <= {api.api_id for api in APIS}
