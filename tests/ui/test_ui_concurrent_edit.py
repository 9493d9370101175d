"""Somebody edits a stage between review and change: what the screens say, and the way on.

What the stage and the flow say is their own; only AWS and Terraform are scripted.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from tests.ui.acting import SIZES, Session, wizard
from tests.ui.scenes import CHOSEN, settle, until
from tests.ui.script import Script
from tests.ui.scripted_account import OUR_GROUP, stages
from tests.ui.scripted_run import ScriptedInstall
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import StageReport, State
from wizard.core.facts import AccessLog, Stage, StageSettings
from wizard.core.stages.change import StageChange, plan_change
from wizard.flows.stages.switch import ask_changed
from wizard.services.aws import stages as live_stages
from wizard.services.aws.items import LiveStage
from wizard.ui.screens.dialogs import Confirm

READY = Answers(region="us-east-1", stages=CHOSEN, proof="skip")


class Edited:
    """An account in which one stage is no longer as it was shown."""

    def __init__(self, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
        self.product = session.product
        wanted = READY.stage_refs[1]
        known = next(s for s in stages(Script(hostile=False), "us-east-1") if s.ref == wanted)
        self.shown: Stage = replace(known, settings=StageSettings())
        self.live = StageSettings(AccessLog(), "ERROR")
        self.reviewed = plan_change(self.shown, OUR_GROUP)
        monkeypatch.setattr(live_stages, "read_stage", lambda *_: LiveStage(self.live))
        monkeypatch.setattr(live_stages, "_write", lambda *arguments: arguments[-1])
        self.made: list[StageChange] = []
        whole = ScriptedInstall.switch_stages

        def switch_stages(
            job: ScriptedInstall, review: Any, outputs: Any, only: Collection[str] = ()
        ) -> tuple[StageReport, ...]:
            reports = whole(job, review, outputs) if not only else ()
            return (*reports, self.switch_stage(again=bool(only)))

        monkeypatch.setattr(ScriptedInstall, "switch_stages", switch_stages)

    def switch_stage(self, *, again: bool) -> StageReport:
        change = self.reviewed
        if again:
            now = plan_change(replace(self.shown, settings=self.live), OUR_GROUP)
            (change,) = ask_changed(self.product.context, (change,), (now,))
        report = self._switch(change)
        self.product.tell(report)
        return report

    def _switch(self, change: StageChange) -> StageReport:
        try:
            live_stages.apply_change(None, change)  # type: ignore[arg-type]
        except WizardError as error:
            return StageReport(change.ref, change.api_name, State.FAILED, str(error))
        self.made.append(change)
        return StageReport(change.ref, change.api_name, State.DONE, "now logs to ours")


def flat(session: Session) -> str:
    return " ".join(session.text.split())


def boxed(session: Session) -> str:
    """The words of a dialog, without its frame."""
    return " ".join(" ".join(re.findall("│(.*)│", session.text)).split())


@SIZES
async def test_the_screen_says_what_happened_why_and_the_next_step(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(hostile=False)
    async with wizard("review", answers=READY, token=True, script=script, size=size) as w:
        edited = Edited(w, monkeypatch)
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
        await settle(w.pilot)
        assert w.app.session.at == "logging", "a stage that failed is not left behind"
        assert "2 of 3 stages switched on, 1 failed. The others are not affected." in flat(w)
        assert "was changed by somebody else in the meantime; it is left as it is" in flat(w)
        assert "log level: OFF expected, ERROR found" in flat(w)
        assert "Try again: the new difference is shown before anything is changed." in flat(w)
        assert "Retry 1 stage" in w.text
        assert edited.made == []
        assert int(w.app.deployment_run.now.exit_code) == 1


async def retried(w: Session) -> None:
    """The run, and Retry up to its question."""
    await w.press("ctrl+n")
    await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
    await settle(w.pilot)
    await w.pilot.press("t")
    await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))


@SIZES
async def test_retry_shows_the_new_difference_and_changes_it_only_with_a_yes(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(hostile=False)
    async with wizard("review", answers=READY, token=True, script=script, size=size) as w:
        edited = Edited(w, monkeypatch)
        await retried(w)
        assert "was changed by somebody else since it was shown" in boxed(w)
        for words in ("access log: off", "errors only", "errors and info", "Change it like this?"):
            assert words in boxed(w), words
        assert edited.made == []
        await w.pilot.press("tab", "enter")
        await until(
            w.pilot,
            lambda: bool(w.app.deployment_run.now.ended) and not w.app.deployment_run.now.busy,
        )
        await settle(w.pilot)
        assert [change.before for change in edited.made] == [edited.live], "theirs comes back"
        assert "3 of 3 stages switched on" in flat(w)
        assert int(w.app.deployment_run.now.exit_code) == 0


async def test_the_harmless_answer_has_the_focus_and_leaves_the_stage_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with wizard("review", answers=READY, token=True, script=Script(hostile=False)) as w:
        edited = Edited(w, monkeypatch)
        await retried(w)
        await w.pilot.press("enter")
        await until(
            w.pilot,
            lambda: bool(w.app.deployment_run.now.ended) and not w.app.deployment_run.now.busy,
        )
        await settle(w.pilot)
        assert edited.made == []
        assert "1 failed" in w.text
        assert "Retry 1 stage" in w.text, "as often as one likes"
