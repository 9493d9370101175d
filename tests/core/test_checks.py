"""The checklist is sound: causes exist, nothing waits for itself, what is skipped says why."""

from __future__ import annotations

import re
from graphlib import TopologicalSorter

import pytest

from wizard.core.checks import (
    CHECKS,
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

BY_ID = {check.check_id: check for check in CHECKS}


def check(check_id: str, *causes: str, node_only: bool = False) -> Check:
    """A check that hangs on others."""
    return Check(check_id, SECTIONS[0], f"Is {check_id} well?", "Mend it.", causes, "", node_only)


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


def test_a_check_that_is_always_asked_never_waits_for_one_of_the_node_only() -> None:
    """Otherwise a bring-your-own node would leave it without its cause."""
    wrong = [
        c.check_id
        for c in CHECKS
        if not c.node_only and any(BY_ID[cause].node_only for cause in c.depends_on)
    ]
    assert wrong == []


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
    assert "WAG-NOD-001" not in {c.check_id for c in chosen}


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
