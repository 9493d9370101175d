"""Each documented refusal of AWS is played; the product's words, what is left and the next step."""

from __future__ import annotations

import pytest

from tests.flows.account import World
from tests.refusing.__main__ import PAGE, fresh
from tests.refusing.entries import ENTRIES, Entry
from tests.refusing.front import RefusingAws

pytestmark = pytest.mark.xdist_group("refusing")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_what_aws_refuses_is_told_with_its_words_what_is_left_and_the_next_step(
    entry: Entry, world: World, aws: RefusingAws
) -> None:
    seen = entry.play(world, aws)
    for words in (*entry.says, entry.next_step):
        assert words in seen.words, seen.words
    assert seen.left == entry.left
    if not entry.repeat:  # nothing of that kind is answered with a repetition alone
        last = seen.words.rpartition("Next: ")[2].strip()
        assert not last.startswith(("Run the same command again", "Try again"))


def test_the_page_has_a_row_for_each() -> None:
    assert PAGE.read_text(encoding="utf-8") == fresh(), "run `python -m tests.refusing`"
    assert len({entry.name for entry in ENTRIES}) == len(ENTRIES)
