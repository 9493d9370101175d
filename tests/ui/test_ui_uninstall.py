"""Taking it away: shown, asked, done, gone on with; and what becomes of the log data."""

from __future__ import annotations

from tests.ui.acting import HERE, SIZES, deployed, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import Script
from wizard.core.errors import WizardError
from wizard.ui.screens.dialogs import Confirm, Details


@SIZES
async def test_taking_it_away_is_shown_then_asked_then_done(size: tuple[int, int]) -> None:
    async with wizard("uninstall", script=deployed(), size=size) as w:
        for words in ("access log → off", "to destroy", "Destroy 39 resources", "Stays"):
            assert words in w.text
        await w.press("ctrl+n")
        assert isinstance(w.app.screen, Confirm)
        await w.press("enter")
        assert "uninstall" not in w.product.calls, "the harmless answer has the focus"
        await w.press("ctrl+n")
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: w.app.deployment_run.now.removed is not None
                    and not w.app.deployment_run.now.busy)  # fmt: skip
        await settle(w.pilot)
        assert "3 left, see below" in w.text
        await w.press("ctrl+n")
        assert not w.app._exit, "Next never ends the program"
        assert "Ctrl+Q quits" in w.text
        await w.press("ctrl+q")
    assert w.app.return_value == 0


async def test_what_stays_can_be_read_whole() -> None:
    async with wizard("uninstall", script=deployed()) as w:
        await w.press("end", "enter")
        assert isinstance(w.app.screen, Details)
        assert "other APIs may rely on it" in w.text


async def test_a_removal_that_fails_goes_on_from_there() -> None:
    error = WizardError("WAG-E-TF-021", "AWS refused", why="DependencyViolation", next_step="Wait.")
    script = Script(hostile=False, existing=HERE, fail={"uninstall": error})
    async with wizard("uninstall", script=script) as w:
        await w.press("ctrl+n")
        await w.press("tab", "enter")
        await until(w.pilot, lambda: w.app.deployment_run.now.error is not None)
        await settle(w.pilot)
        assert "DependencyViolation" in w.text
        assert "Go on removing" in w.text
        await w.press("ctrl+n")
        assert w.product.calls.count("review_uninstall") == 2
        assert "Destroy 39 resources" in w.text


async def test_log_data_stays_unless_a_person_says_otherwise() -> None:
    async with wizard("uninstall", script=deployed()) as w:
        assert "2 log groups kept" in w.text
        assert "$0.03/GB a month" in w.text
        await w.press("ctrl+n")
        assert "except the log data" in " ".join(w.text.split())
        await w.press("tab", "enter")
        await until(w.pilot, lambda: w.product.deleted_logs is False)


async def test_log_data_goes_when_a_person_says_so() -> None:
    async with wizard("uninstall", script=deployed()) as w:
        await w.press("l")
        assert "2 log groups deleted with all data" in w.text
        await w.press("l", "l", "ctrl+n")
        assert "the log groups with their data" in " ".join(w.text.split())
        await w.press("tab", "enter")
        await until(w.pilot, lambda: w.product.deleted_logs is True)


async def test_log_data_that_an_earlier_removal_kept_can_still_be_deleted() -> None:
    script = Script(hostile=False, existing=HERE, removed_before=True)
    async with wizard("uninstall", script=script) as w:
        assert "2 log groups kept" in w.text
        await w.press("ctrl+n")
        assert not isinstance(w.app.screen, Confirm), "there is nothing to take away"
        await w.press("l", "ctrl+n")
        assert isinstance(w.app.screen, Confirm)
        assert "Take away what is left?" in w.text
        await w.press("tab", "enter")
        await until(w.pilot, lambda: w.product.deleted_logs is True)
