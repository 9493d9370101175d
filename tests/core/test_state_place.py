"""From which bucket a computer carries on, in a table."""

from __future__ import annotations

import pytest

from wizard.core.state_place import Kept, choose_bucket

MINE, THEIRS = "1111111111111111", "2222222222222222"
OLD, LIVE, OLDER = Kept("a", MINE), Kept("b", THEIRS), Kept("c")

TABLE = [
    # kept, claim, own, new → bucket
    ((), None, "", True, ""),
    ((), THEIRS, "", True, ""),
    ((OLDER,), None, "", True, "c"),  # an earlier version's: nobody claimed its name
    ((OLD, LIVE), None, "", True, "a"),
    ((OLD, LIVE), None, MINE, False, ""),  # removed from here: nothing leads elsewhere
    ((OLD, LIVE), THEIRS, "", True, "b"),
    ((OLD, LIVE), THEIRS, MINE, False, "b"),
    ((OLD, OLDER), THEIRS, "", True, ""),  # theirs is on their computer
    ((OLD, LIVE), MINE, MINE, True, ""),  # being made right here
    ((OLD, LIVE), MINE, "", False, "a"),
    ((OLDER,), MINE, "", True, ""),
]


@pytest.mark.parametrize(("kept", "claim", "own", "new", "bucket"), TABLE)
def test_where_a_computer_carries_on(
    kept: tuple[Kept, ...], claim: str | None, own: str, new: bool, bucket: str
) -> None:
    assert choose_bucket(kept, claim=claim, own=own, new=new) == bucket
