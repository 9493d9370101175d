"""In which order the stages of APIs are read: what is on the screen first."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core.facts import Api, ApiType
from wizard.services.aws.discovery import ApiQueue, api_order, reading_order

APIS = [Api(f"id-{c}", c * 3, ApiType.REST) for c in "hgfedcba"]


def order(words: str = "", top: str = "") -> str:
    begins = api_order(next(a for a in APIS if a.name[0] == top)) if top else ("", "")
    return "".join(a.name[0] for a in sorted(APIS, key=lambda a: reading_order(a, words, begins)))


@pytest.mark.parametrize(
    ("words", "top", "expected"),
    [
        ("", "", "abcdefgh"),
        ("", "d", "defghabc"),
        ("", "a", "abcdefgh"),
        ("E", "", "eabcdfgh"),
        ("id-c", "d", "cdefghab"),
        ("id f", "", "fabcdegh"),
        ("id", "d", "defghabc"),
        ("nothing", "d", "defghabc"),
    ],
)
def test_what_matches_the_filter_then_the_screen_and_below_it_then_above(
    words: str, top: str, expected: str
) -> None:
    assert order(words, top) == expected


def test_equal_names_keep_the_order_of_the_table() -> None:
    twins = [Api("b", "Same", ApiType.HTTP), Api("a", "same", ApiType.REST)]
    assert [a.api_id for a in sorted(twins, key=reading_order)] == ["a", "b"]


def test_the_queue_asks_anew_before_each_api() -> None:
    looks_at = ["x"]

    def priority(api: Api) -> Any:
        return api.name[0] != looks_at[-1], api.name

    queue = ApiQueue(priority)
    queue.put(APIS)
    taken = []
    for name in "cgx":
        looks_at.append(name)
        api = queue.pop(lambda: False)
        assert api is not None
        taken.append(api.name[0])
    assert taken == ["c", "g", "a"]
    assert len(queue) == len(APIS) - 3
