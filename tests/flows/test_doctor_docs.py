"""What the data of the checklist promises is kept: lookers, repairs and documentation agree."""

from __future__ import annotations

from wizard.core.checks import report as checklist_text
from wizard.core.checks.checklist import CHECKS
from wizard.flows.doctor import repair
from wizard.services.checks.examination import CHECK_FUNCTIONS


def test_every_check_has_a_function_that_looks_and_no_function_is_idle() -> None:
    assert set(CHECK_FUNCTIONS) == {check.check_id for check in CHECKS}
    assert len(set(CHECK_FUNCTIONS.values())) == len(CHECK_FUNCTIONS)


def test_every_fix_that_is_offered_has_a_repair() -> None:
    assert {check.fix for check in CHECKS if check.fix} == set(repair.FIXES)


def test_the_list_names_every_check_and_what_can_be_mended() -> None:
    lines = checklist_text.listing().splitlines()
    for check in CHECKS:
        (line,) = [line for line in lines if check.check_id in line]
        assert check.question in line
        assert ("fix" in line.partition("?")[2]) == bool(check.fix)
