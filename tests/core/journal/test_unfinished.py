"""A run that did not end: what is done, what is in doubt, and what was never begun."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.journal import record
from wizard.core.journal.record import Entry
from wizard.core.journal.unfinished import PROOF, intention, unfinished_run

STEPS = [
    (record.TOKEN_STORE, "/token"), (record.TERRAFORM_APPLY, "it"),
    (record.STAGE_SWITCH, "a/prod"), (record.STAGE_SWITCH, "b/prod"), (PROOF, ""),
]  # fmt: skip


class Book:
    """Entries as a run writes them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, action: str, subject: str, step: str, run: str = "1", **more: Any) -> Book:
        number = len(self.entries) + 1
        self.entries.append(
            Entry(number, f"2026-11-27T06:{number:02}:00.000+00:00", run, "install", action,
                  subject, step, **more)
        )  # fmt: skip
        return self

    def begin(self, flow: str = "install", run: str = "1") -> Book:
        return self.write(record.RUN, flow, "begin", run, after=intention(STEPS))

    def effect(self, action: str, subject: str, end: str = "done") -> Book:
        return self.write(action, subject, "begin").write(action, subject, end)


def test_stages_are_told_by_the_names_of_their_apis_whether_begun_or_not() -> None:
    names = {"a/prod": "orders", "b/prod": "payments"}
    book = Book().write(record.RUN, "install", "begin", after=intention(STEPS, names))
    found = unfinished_run(book.effect(record.STAGE_SWITCH, "a/prod").entries)
    assert found is not None
    assert found.done == ("switching access logging on: orders / prod (a/prod)",)
    assert "switching access logging on: payments / prod (b/prod)" in found.not_begun
    assert found.left[-2:] == ((record.STAGE_SWITCH, "b/prod"), (PROOF, ""))


def test_a_run_that_was_killed_is_told_step_by_step() -> None:
    book = Book().begin().effect(record.TOKEN_STORE, "/token").effect(record.TERRAFORM_APPLY, "it")
    book.write(record.STAGE_SWITCH, "a/prod", "begin")
    found = unfinished_run(book.entries)
    assert found is not None
    assert found.done == ("storing the token (/token)", "deploying the infrastructure (it)")
    assert found.in_doubt == ("switching access logging on (a/prod)",)
    assert found.not_begun == (
        "switching access logging on (b/prod)", "following one request to the node",
    )  # fmt: skip
    assert found.failed == ()
    assert found.why == ""
    assert found.left == tuple(STEPS[2:])
    assert found.headline == (
        "The install of 2026-11-27 06:01 UTC did not come to its end: "
        "2 done, 1 in doubt, 2 not begun"
    )


def test_killed_between_two_steps_nothing_is_in_doubt_and_the_rest_is_known() -> None:
    found = unfinished_run(Book().begin().effect(record.TERRAFORM_APPLY, "it").entries)
    assert found is not None
    assert found.in_doubt == ()
    assert len(found.not_begun) == 4


def test_a_failure_is_told_with_its_words() -> None:
    book = Book().begin().effect(record.TERRAFORM_APPLY, "it", "failed")
    book.write(record.RUN, "install", "failed", detail="The account's quota is used up")
    found = unfinished_run(book.entries)
    assert found is not None
    assert found.failed == ("deploying the infrastructure (it)",)
    assert found.why == "The account's quota is used up"


@pytest.mark.parametrize("flow", ["install", "uninstall"])
def test_a_later_run_that_ends_settles_it(flow: str) -> None:
    book = Book().begin().begin(flow, "2").write(record.RUN, flow, "done", "2")
    assert unfinished_run(book.entries) is None


def test_work_on_single_stages_does_not_settle_an_install() -> None:
    book = Book().begin().begin("stages", "2").effect(record.STAGE_SWITCH, "a/prod")
    book.write(record.RUN, "stages", "done", "2")
    found = unfinished_run(book.entries)
    assert found is not None
    assert found.flow == "install"
    assert found.done == ("switching access logging on (a/prod)",)  # done since, by whichever run


def test_a_journal_of_an_older_version_knows_no_intentions_and_is_read_all_the_same() -> None:
    book = Book().write(record.RUN, "uninstall", "begin")
    book.write(record.TERRAFORM_DESTROY, "it", "begin")
    found = unfinished_run(book.entries)
    assert found is not None
    assert found.in_doubt == ("removing the infrastructure (it)",)
    assert found.not_begun == ()


def test_a_run_that_ended_well_is_nothing_to_tell() -> None:
    assert unfinished_run([]) is None
    assert unfinished_run(Book().begin().write(record.RUN, "install", "done").entries) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([record.RUN, record.STAGE_SWITCH, record.TERRAFORM_APPLY, "other"]),
            st.sampled_from(["install", "stages", "a/prod"]),
            st.sampled_from(["begin", "done", "failed", "?"]),
            st.sampled_from([{}, {"steps": 3}, {"steps": [1, ["a"]]}, intention(STEPS)]),
        )
    )
)
def test_no_journal_makes_it_fail_and_every_step_is_told_once(written: Any) -> None:
    book = Book()
    for action, subject, step, after in written:
        book.write(action, subject, step, after=after)
    found = unfinished_run(book.entries)
    if found is not None:
        told = [step for _, step in found.lines]
        assert len(told) == len(set(told))


def test_why_a_run_stopped_is_what_that_run_says_of_itself() -> None:
    book = Book().begin(run="1")
    book.write(record.RUN, "status", "failed", run="2", detail="of another")
    found = unfinished_run(book.entries)
    assert found is not None
    assert found.why == ""
    book.write(record.RUN, "install", "failed", run="1", detail="the disk is full")
    found = unfinished_run(book.entries)
    assert found is not None
    assert found.why == "the disk is full"
