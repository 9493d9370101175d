"""What follows from what an interrupted run left, in tables."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wizard.core.journal.record import (
    STAGE_SWITCH,
    STATE_MOVE,
    TERRAFORM_APPLY,
    TERRAFORM_DESTROY,
    TOKEN_STORE,
    Entry,
)
from wizard.core.journal.recovery import (
    UNSURE,
    Adoptable,
    Creation,
    LockHolder,
    OpenMove,
    Treatment,
    adoptable,
    doubt,
    open_move,
    planned_creations,
    record_of_intention,
    to_take_over,
    treat_damaged_state,
    treat_run_lock,
    treat_state_lock,
    was_ever_interrupted,
)

HERE = LockHolder("/home/jane/w", "desk", "jane")


@pytest.mark.parametrize(
    ("held", "treatment"),
    [
        (None, Treatment.NOTHING),
        (HERE, Treatment.REMOVE),
        (LockHolder("/home/jane/other", "desk", "jane"), Treatment.ASK),
        (LockHolder("/home/jane/w", "laptop", "jane"), Treatment.ASK),
        (LockHolder("/home/jane/w", "desk", "carl"), Treatment.ASK),
    ],
)
def test_only_a_lock_that_this_very_workspace_left_goes_unasked(
    held: LockHolder | None, treatment: Treatment
) -> None:
    assert treat_run_lock(held, HERE) is treatment


@pytest.mark.parametrize(
    ("noted", "held", "treatment"),
    [
        (False, False, Treatment.NOTHING),
        (False, True, Treatment.NOTHING),
        (True, False, Treatment.ASK),
        (True, True, Treatment.REFUSE),
    ],
)
def test_a_living_terraforms_lock_is_never_taken(
    noted: bool, held: bool, treatment: Treatment
) -> None:
    assert treat_state_lock(noted=noted, held=held) is treatment


@pytest.mark.parametrize(
    ("local", "copy", "treatment"),
    [
        (True, True, Treatment.ASK),
        (True, False, Treatment.REFUSE),
        (False, True, Treatment.REFUSE),
        (False, False, Treatment.REFUSE),
    ],
)
def test_a_copy_takes_a_states_place_only_where_both_are_here(
    local: bool, copy: bool, treatment: Treatment
) -> None:
    assert treat_damaged_state(local=local, copy=copy) is treatment


def entries(*steps: str) -> list[Entry]:
    """`+apply` begins, `.apply` is done, `!apply` failed."""
    actions = {
        "apply": TERRAFORM_APPLY,
        "destroy": TERRAFORM_DESTROY,
        "stage": STAGE_SWITCH,
        "token": TOKEN_STORE,
    }
    ends = {"+": "begin", ".": "done", "!": "failed"}
    return [
        Entry(n, "2026-11-27T06:40:00+00:00", "run", "install", actions[s[1:]], "it", ends[s[0]])
        for n, s in enumerate(steps, 1)
    ]


@pytest.mark.parametrize(
    ("steps", "ever"),
    [
        ((), False),
        (("+apply", ".apply"), False),
        (("+apply",), True),
        (("+apply", "!apply"), True),
        (("+apply", "+apply", ".apply"), True),
        (("+apply", "!apply", "+apply", ".apply"), True),
        (("+destroy",), True),
        (("+apply", ".apply", "+destroy", ".destroy"), False),
        (("+apply", ".apply", "+destroy"), True),
        (("+stage", "+token"), False),
        (("+apply", ".apply", "+stage"), False),
        (("+apply", "+stage", ".stage"), True),
    ],
)
def test_orphans_are_looked_for_once_a_run_of_terraform_did_not_end_well(
    steps: tuple[str, ...], ever: bool
) -> None:
    assert was_ever_interrupted(entries(*steps), state_restored=False) is ever
    assert was_ever_interrupted(entries(*steps), state_restored=True) is True


def run(*steps: tuple[str, str]) -> list[Entry]:
    """Each step as in `entries`, with the addresses that it was going to make."""
    out = []
    for entry, (_, makes) in zip(entries(*(step for step, _ in steps)), steps, strict=True):
        changes = [("create", address) for address in makes]
        after = record_of_intention(changes, "id") if entry.step == "begin" else {}
        if makes == "?":  # a failure after which nobody knows
            after = {UNSURE: True}
        elif makes.startswith("="):  # AWS said that these were there already
            after = {UNSURE: list(makes[1:])}
        out.append(replace(entry, after=after))
    return out


@pytest.mark.parametrize(
    ("steps", "addresses"),
    [
        ((), ""),
        ((("+apply", "a"),), "a"),
        ((("+apply", "ab"), (".apply", "")), ""),
        ((("+apply", "ab"), ("!apply", "")), ""),  # failed: it wrote what it made
        ((("+apply", "ab"), ("!apply", "?")), "ab"),  # AWS's answer was lost
        ((("+apply", "ab"), ("!apply", "=b")), "b"),
        ((("+apply", "ab"), ("!apply", "=bc")), "b"),  # of its own alone
        ((("+apply", "a"), ("+apply", "b"), ("!apply", "=b")), "ab"),
        ((("+apply", "ab"), ("!apply", "=b"), ("+apply", "b"), (".apply", "")), ""),
        ((("!apply", "=b"),), ""),
        ((("+apply", "a"), ("+apply", "b")), "ab"),  # killed twice
        ((("+apply", "a"), ("+apply", "b"), (".apply", "")), ""),
        ((("+apply", "a"), ("+apply", "b"), ("!apply", "")), "a"),
        ((("+apply", "a"), ("+destroy", "")), "a"),
        ((("+apply", "a"), ("+destroy", ""), (".destroy", "")), ""),
        ((("+apply", "a"), (".apply", ""), ("+destroy", "")), ""),
        ((("+apply", "a"), ("+stage", "b"), (".stage", "")), "a"),
        ((("+apply", "a"), (".apply", ""), ("+apply", "b")), "b"),
        ((("+apply", "a"), ("!apply", ""), ("+apply", "b"), ("!apply", "?")), "b"),
    ],
)
def test_only_what_an_interrupted_run_was_making_may_be_taken_over(
    steps: tuple[tuple[str, str], ...], addresses: str
) -> None:
    found = adoptable(run(*steps))
    assert found.addresses == set(addresses)
    assert found.anything is False
    assert bool(found) is bool(addresses)
    assert [found.covers(a) for a in "abc"] == [a in addresses for a in "abc"]


@pytest.mark.parametrize(
    ("retry", "interrupted", "there", "written"),
    [
        (False, False, (), {}),
        (True, False, (), {UNSURE: True}),
        (False, True, (), {UNSURE: True}),
        (False, False, ("a",), {UNSURE: ["a"]}),
        (True, False, ("a",), {UNSURE: True}),
        (False, True, ("a",), {UNSURE: True}),
    ],
)
def test_what_a_failed_run_says_about_what_it_may_have_made(
    retry: bool, interrupted: bool, there: tuple[str, ...], written: dict[str, Any]
) -> None:
    assert doubt(retry=retry, interrupted=interrupted, there=there) == written


@pytest.mark.parametrize("why", [{"state_restored": True}, {"taking_over": True}])
def test_of_an_older_copy_or_a_foreign_state_anything_with_our_mark_may_be_missing(
    why: dict[str, bool],
) -> None:
    found = adoptable(entries("+apply", ".apply"), **why)
    assert found
    assert found.covers("aws_vpc.any")


def test_a_run_of_an_earlier_version_wrote_no_intent_so_nothing_of_it_is_taken_over() -> None:
    assert not adoptable(entries("+apply"))


def test_what_is_made_anew_is_part_of_the_intent_and_what_is_changed_is_not() -> None:
    changes = [("create", "a"), ("update", "b"), ("replace", "c"), ("delete", "d"), ("no-op", "e")]
    assert record_of_intention(changes, "1234") == {"installation": "1234", "makes": ["a", "c"]}


def planned(address: str, *actions: str, mode: str = "managed", **after: Any) -> dict[str, Any]:
    change = {"actions": list(actions), "after": after or None}
    return {"address": address, "type": "aws_vpc", "mode": mode, "change": change}


def test_only_what_a_plan_would_make_may_be_there_already() -> None:
    plan = {
        "resource_changes": [
            planned("aws_vpc.a", "create", name="a"),
            planned("aws_vpc.b", "delete", "create", name="b"),
            planned("aws_vpc.c", "create", "delete", name="c"),
            planned("aws_vpc.d", "no-op", name="d"),
            planned("aws_vpc.e", "update", name="e"),
            planned("aws_vpc.f", "delete"),
            planned("data.aws_vpc.g", "create", mode="data", name="g"),
            planned("aws_vpc.h", "create"),
        ]
    }
    assert planned_creations(plan) == (
        Creation("aws_vpc.a", "aws_vpc", {"name": "a"}),
        Creation("aws_vpc.h", "aws_vpc", {}),
    )
    assert planned_creations({}) == ()


def test_what_terraform_refused_once_is_not_tried_again_in_the_same_run() -> None:
    both = Adoptable(addresses=frozenset("ab"))
    assert to_take_over({"a": "1", "b": "2"}, both, {"a"}) == {"b": "2"}
    assert to_take_over({"a": "1"}, both, ()) == {"a": "1"}


def test_what_is_there_but_nobody_here_was_making_is_left_alone() -> None:
    assert to_take_over({"a": "1", "c": "3"}, Adoptable(addresses=frozenset("a")), ()) == {"a": "1"}
    assert to_take_over({"a": "1"}, Adoptable(), ()) == {}
    assert to_take_over({"c": "3"}, Adoptable(anything=True), ()) == {"c": "3"}


@pytest.mark.parametrize(
    ("source", "target", "current", "treatment"),
    [
        ("", "bucket", "bucket", Treatment.FINISH),
        ("", "bucket", "", Treatment.UNDO),
        ("old", "new", "new", Treatment.FINISH),
        ("old", "new", "old", Treatment.UNDO),
        ("old", "new", "a third one", Treatment.UNDO),
        ("old", "", "", Treatment.FINISH),
    ],
)
def test_a_move_is_finished_where_its_one_deciding_write_was_made(
    source: str, target: str, current: str, treatment: Treatment
) -> None:
    assert OpenMove(source, target).treat(current) is treatment


def test_the_open_move_is_found_among_other_unfinished_work() -> None:
    other = Entry(1, "", "r", "install", TOKEN_STORE, "/token", "begin")
    move = Entry(
        2, "", "r", "move", STATE_MOVE, "it", "begin", {"bucket": "old"}, {"bucket": "new"}
    )
    home = Entry(2, "", "r", "move", STATE_MOVE, "it", "begin", {}, {"bucket": "new"})
    assert open_move([other]) is None
    assert open_move([]) is None
    assert open_move([other, move]) == OpenMove("old", "new")
    assert open_move([home, other]) == OpenMove("", "new")
