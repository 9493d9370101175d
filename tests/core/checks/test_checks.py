"""The checklist is sound: causes exist, nothing waits for itself, what is skipped says why."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter

import pytest

from wizard.core.checks.checklist import BY_ID, CHECKS
from wizard.core.checks.model import (
    SECTIONS,
    Check,
    Finding,
    Report,
    Result,
    Verdict,
    blocker,
    failed,
    passed,
    selected,
    unchecked,
    warned,
)


def check(check_id: str, *causes: str, node_only: bool = False) -> Check:
    """A check that hangs on others."""
    return Check(
        check_id, SECTIONS[0], f"Is {check_id} well?", ("sts.GetCallerIdentity",), "Fix it.",
        causes, "", node_only,
    )  # fmt: skip


def result(check_id: str, finding: Finding, because: str = "") -> Result:
    """A check with its finding."""
    return Result(check(check_id), finding, because)


def test_every_id_is_unique_and_well_formed() -> None:
    assert len(BY_ID) == len(CHECKS)
    assert all(re.fullmatch(r"WAG-(LOC|LOG|NOD|API)-\d{3}", name) for name in BY_ID)


def test_the_prefix_of_an_id_tells_its_section() -> None:
    prefixes = {"LOC": "local", "LOG": "logs", "NOD": "node", "API": "discovery"}
    assert all(prefixes[c.check_id[4:7]] == c.section.key for c in CHECKS)


def test_every_cause_is_a_check_and_none_waits_for_itself() -> None:
    assert {cause for c in CHECKS for cause in c.depends_on} <= set(BY_ID)
    order = list(TopologicalSorter({c.check_id: c.depends_on for c in CHECKS}).static_order())
    assert set(order) == set(BY_ID)


def test_with_a_node_of_ones_own_every_check_still_hangs_on_something() -> None:
    """A cause that is not asked does not block: another one must be there."""
    wrong = [
        c.check_id
        for c in CHECKS
        if not c.node_only and c.depends_on and all(BY_ID[d].node_only for d in c.depends_on)
    ]
    assert wrong == []


def test_causes_stand_before_what_hangs_on_them_in_a_section() -> None:
    """So the first failure is a cause, and a skipped check names the nearest one."""
    place = {c.check_id: n for n, c in enumerate(CHECKS)}
    for one in CHECKS:
        near = [d for d in one.depends_on if BY_ID[d].section is one.section]
        assert all(place[d] < place[one.check_id] for d in near), one.check_id
        assert near == sorted(near, key=place.__getitem__), one.check_id


def test_every_check_says_where_it_looks() -> None:
    for one in CHECKS:
        assert one.looks_at, one.check_id


def test_a_slow_check_runs_only_by_name_or_when_asked_for() -> None:
    def ids(**how: object) -> set[str]:
        return {c.check_id for c in selected(CHECKS, with_node=True, **how)}  # type: ignore[arg-type]

    assert "WAG-LOC-007" not in ids()
    assert "WAG-LOC-007" not in ids(only=("local",))
    assert "WAG-LOC-007" in ids(only=("wag-loc-007",))
    assert {"WAG-LOC-007", "WAG-LOC-008"} <= ids(deep=True)
    assert "WAG-LOC-007" not in ids(deep=True, skip=("local",))


def test_what_failed_or_may_settle_is_looked_at_again() -> None:
    report = Report((
        result("A", passed()), result("B", failed("x")), result("C", warned("old")),
        result("D", warned("none yet", settles=True)), result("E", unchecked("denied")),
        result("F", unchecked("no word yet", settles=True)),
    ))  # fmt: skip
    assert [r.check.check_id for r in report.unsettled] == ["B", "D", "F"]


def test_every_question_and_hint_is_a_sentence() -> None:
    assert all(c.question.endswith("?") for c in CHECKS)
    assert all(c.hint.endswith(".") for c in CHECKS)


def test_a_failed_cause_is_named_by_what_hangs_on_it() -> None:
    found = {"A": result("A", failed("broken"))}
    assert blocker(check("B", "A"), found) == "A"


def test_a_skipped_cause_passes_the_first_cause_on() -> None:
    found = {"B": result("B", Finding(Verdict.SKIPPED), because="A")}
    assert blocker(check("C", "B"), found) == "A"


@pytest.mark.parametrize("finding", [passed(), warned("old"), unchecked("denied")])
def test_only_a_failure_blocks_what_hangs_on_it(finding: Finding) -> None:
    assert blocker(check("B", "A"), {"A": result("A", finding)}) == ""


def test_a_cause_that_was_left_out_does_not_block() -> None:
    assert blocker(check("B", "A"), {}) == ""


def test_only_one_check_brings_its_causes() -> None:
    checks = (check("A"), check("B", "A"), check("C", "B"), check("D"))
    names = [c.check_id for c in selected(checks, ("c",), (), with_node=True)]
    assert names == ["A", "B", "C"]


def test_only_a_section_is_that_section_and_its_causes() -> None:
    chosen = selected(CHECKS, ("discovery",), (), with_node=True)
    assert {c.check_id for c in CHECKS if c.section.key == "discovery"} <= {
        c.check_id for c in chosen
    }
    assert "WAG-LOG-014" not in {c.check_id for c in chosen}


def test_skip_wins_over_only() -> None:
    chosen = selected(CHECKS, ("logs",), ("WAG-LOG-013",), with_node=True)
    assert "WAG-LOG-013" not in {c.check_id for c in chosen}


def test_a_node_of_ones_own_is_not_asked_about_ours() -> None:
    assert not any(c.node_only for c in selected(CHECKS, (), (), with_node=False))


@pytest.mark.parametrize(("only", "skip"), [(("WAG-LOG-999",), ()), ((), ("nodes",))])
def test_an_unknown_name_is_told_and_not_taken_for_nothing_to_do(
    only: tuple[str, ...], skip: tuple[str, ...]
) -> None:
    from wizard.core.errors import UsageError

    with pytest.raises(UsageError) as caught:
        selected(CHECKS, only, skip, with_node=True)
    assert (only + skip)[0] in str(caught.value)


def test_the_root_cause_is_the_first_failure_in_the_order_of_the_checklist() -> None:
    report = Report(
        (
            result("A", warned("old")),
            result("B", failed("first")),
            result("C", failed("second")),
        )
    )
    assert report.root_cause is not None
    assert report.root_cause.check.check_id == "B"
    assert Report((result("A", passed()),)).root_cause is None
