"""Whose deployment it is, in a table: by id, by state, by what the account says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.installation import Installation, Marks, Standing, judge_ownership
from wizard.core.tfvars import DEPLOYMENT_TAG, INSTALLATION_TAG

MINE, OTHER = "1111111111111111", "2222222222222222"
FREE, OURS, UNMARKED, GONE, THEIRS, NOBODYS = Standing

TABLE = [
    # own, state, claim, forwarder, taken over → standing
    ("", False, None, None, None, FREE),
    (MINE, False, None, None, None, FREE),
    (MINE, True, None, None, None, GONE),
    ("", True, None, None, None, GONE),
    (MINE, False, MINE, None, None, OURS),  # the name is claimed, nothing is made yet
    (MINE, True, MINE, None, None, GONE),
    (MINE, True, MINE, MINE, None, OURS),
    (MINE, False, MINE, MINE, None, OURS),
    (MINE, True, None, MINE, None, OURS),
    (MINE, True, OTHER, MINE, None, THEIRS),  # taken over by somebody, not yet marked
    (MINE, True, OTHER, OTHER, None, THEIRS),
    (MINE, True, MINE, OTHER, None, THEIRS),
    (MINE, False, OTHER, None, None, THEIRS),  # lost the race
    (MINE, True, OTHER, None, None, THEIRS),
    ("", False, OTHER, OTHER, None, THEIRS),
    ("", False, None, OTHER, None, THEIRS),
    ("", True, None, OTHER, None, THEIRS),  # our older one was replaced by theirs
    ("", True, OTHER, "", None, THEIRS),
    ("", True, None, "", None, UNMARKED),  # an earlier version's, and ours
    (MINE, True, None, "", None, UNMARKED),
    (MINE, True, MINE, "", None, UNMARKED),  # claimed, not yet marked
    ("", False, None, "", None, NOBODYS),
    (MINE, False, None, "", None, NOBODYS),
    # somebody has only looked at a take-over
    (MINE, False, OTHER, OTHER, OTHER, THEIRS),
    (MINE, True, OTHER, OTHER, OTHER, THEIRS),
    (MINE, False, None, OTHER, OTHER, THEIRS),
    (MINE, False, None, "", "", NOBODYS),
    (MINE, True, None, "", "", NOBODYS),
    # while it is taken over, both ids are ours
    (MINE, False, MINE, OTHER, OTHER, OURS),
    (MINE, True, MINE, OTHER, OTHER, OURS),
    (MINE, True, MINE, MINE, OTHER, OURS),
    (MINE, False, MINE, "", "", OURS),
    (MINE, False, "3333333333333333", OTHER, OTHER, THEIRS),
    (MINE, True, MINE, "3333333333333333", OTHER, THEIRS),
]


@pytest.mark.parametrize(("own", "state", "claim", "forwarder", "over", "standing"), TABLE)
def test_whose_it_is(
    own: str,
    state: bool,
    claim: str | None,
    forwarder: str | None,
    over: str | None,
    standing: Standing,
) -> None:
    claimed = Installation(claim) if claim is not None else None
    found = judge_ownership(own, state=state, claim=claimed, forwarder=forwarder, taken_over=over)
    assert found is standing


@given(
    own=st.sampled_from(["", MINE]),
    state=st.booleans(),
    claim=st.sampled_from([None, MINE, OTHER]),
    forwarder=st.sampled_from([None, "", MINE, OTHER]),
)
def test_what_carries_another_id_is_never_ours(
    own: str, state: bool, claim: str | None, forwarder: str | None
) -> None:
    claimed = Installation(claim) if claim is not None else None
    found = judge_ownership(own, state=state, claim=claimed, forwarder=forwarder)
    if OTHER in (claim, forwarder) or (own == "" and MINE in (claim, forwarder)):
        assert found is THEIRS


@pytest.mark.parametrize(
    ("tags", "installations", "covered"),
    [
        ({DEPLOYMENT_TAG: "it", INSTALLATION_TAG: MINE}, (MINE,), True),
        ({DEPLOYMENT_TAG: "it", INSTALLATION_TAG: OTHER}, (MINE,), False),
        ({DEPLOYMENT_TAG: "it"}, (MINE,), False),
        ({DEPLOYMENT_TAG: "it"}, (MINE, ""), True),
        ({DEPLOYMENT_TAG: "it"}, ("",), True),
        ({DEPLOYMENT_TAG: "it", INSTALLATION_TAG: OTHER}, ("",), False),
        ({DEPLOYMENT_TAG: "other", INSTALLATION_TAG: MINE}, (MINE,), False),
        ({INSTALLATION_TAG: MINE}, (MINE,), False),
        ({}, ("",), False),
    ],
)
def test_only_what_carries_both_marks_counts(
    tags: dict[str, str], installations: tuple[str, ...], covered: bool
) -> None:
    assert Marks("it", installations).cover(tags) is covered


@given(st.builds(Installation, st.text(max_size=20), st.text(max_size=40), st.text(max_size=30)))
def test_the_parameter_says_what_was_written(one: Installation) -> None:
    assert Installation.parse(one.to_json()) == one


@given(st.text())
def test_a_parameter_that_somebody_wrote_otherwise_is_nobodys_of_ours(text: str) -> None:
    found = Installation.parse(text)
    assert found.id != MINE


def test_it_says_who_made_it_and_when() -> None:
    made = Installation(MINE, "jane on desk", "2026-11-27T06:40:12+00:00")
    assert str(made) == f"{MINE}, made by jane on desk, 2026-11-27 06:40 UTC"
    assert str(replace(made, id="")).startswith("an installation without an id, made by jane")
