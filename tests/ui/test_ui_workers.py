"""What comes back from threads: only what is still asked for, and never a crash."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.ui.acting import READY, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import Script
from tests.ui.scripted_account import ScriptedAccount, ScriptedChecks
from tests.ui.scripted_run import ScriptedInstall
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.core.secret import Secret
from wizard.flows.install import Review
from wizard.flows.preflight import FirstCheck


async def test_what_was_asked_about_another_region_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held, whole = threading.Event(), ScriptedAccount.identity

    def slow_in_the_old_region(account: ScriptedAccount, answers: Answers) -> Identity:
        if answers.region == "us-east-1":
            held.wait(30)
        return whole(account, answers)

    async with wizard("options", answers=READY) as w:
        monkeypatch.setattr(ScriptedAccount, "identity", slow_in_the_old_region)
        account = w.app.account
        account.identify()
        w.app.session.answer(region="eu-west-1")
        assert account.identity.value is None
        account.identify()
        await until(w.pilot, lambda: account.identity.value is not None)
        held.set()
        await settle(w.pilot)
        assert account.identity.value is not None
        assert account.identity.value.region == "eu-west-1"


async def test_a_bug_behind_a_list_is_an_error_of_that_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(ScriptedAccount, "log_groups", broken)
    async with wizard("options", answers=READY) as w:
        w.app.account.read_log_groups()
        await until(w.pilot, lambda: not w.app.account.log_groups.busy)
        error = w.app.account.log_groups.error
        assert error is not None
        assert error.code == "WAG-E-UI-001"
        assert "ZeroDivisionError" in error.why


async def test_what_the_cloud_says_of_an_older_token_is_not_shown_for_a_newer_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held, asked = threading.Event(), []

    def slow_at_first(checks: ScriptedChecks, answers: Answers, token: Secret) -> FirstCheck:
        asked.append(token)
        if len(asked) == 1:
            held.wait(30)
            raise WizardError("WAG-E-WALLARM-001", "The old token is refused")
        return checks_of(checks, answers, token)

    checks_of: Callable[..., FirstCheck] = ScriptedChecks.check_token
    monkeypatch.setattr(ScriptedChecks, "check_token", slow_at_first)
    old, new = "A" * 64, "B" * 64
    async with wizard("options", answers=READY) as w:
        w.app.session.token = Secret(old)
        w.app.go("wallarm")
        await until(w.pilot, lambda: len(asked) == 1)
        w.app.screen.query_one("#token").value = new  # type: ignore[attr-defined]
        await until(w.pilot, lambda: isinstance(w.app.session.checked.token, FirstCheck))
        held.set()
        await settle(w.pilot)
        assert isinstance(w.app.session.checked.token, FirstCheck)
        assert "could not check" in w.text
        assert "refused" not in w.text


async def test_what_is_deployed_is_what_was_reviewed_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held, begun, deployed = threading.Event(), [], []
    whole = ScriptedInstall.review

    def slow_at_first(job: ScriptedInstall) -> Review:
        begun.append(job.answers.name_prefix)
        if len(begun) == 1:
            held.wait(30)
        return whole(job)

    def deploy(job: ScriptedInstall, review: Review) -> None:
        deployed.append((job.answers.name_prefix, review.answers.name_prefix))
        raise WizardError("WAG-E-TF-021", "no")

    monkeypatch.setattr(ScriptedInstall, "review", slow_at_first)
    monkeypatch.setattr(ScriptedInstall, "deploy", deploy)
    async with wizard("options", answers=READY, script=Script(hostile=False)) as w:
        run, session = w.app.deployment_run, w.app.session
        run.work_out()
        await until(w.pilot, lambda: begun == ["api-gw-discovery"])
        session.answer(name_prefix="another")
        run.work_out()
        await w.pilot.pause()
        assert len(begun) == 1, "one review at a time works in the deployment's folder"
        held.set()
        await until(w.pilot, lambda: run.review.value is not None)
        assert begun == ["api-gw-discovery", "another"]
        run.start()
        await until(w.pilot, lambda: bool(run.now.ended))
        assert deployed == [("another", "another")]
