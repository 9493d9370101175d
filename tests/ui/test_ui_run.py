"""From the review to the proof: what is shown, asked and stopped on the way."""

from __future__ import annotations

from tests.ui.acting import READY, SIZES, Session, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import Script, deploy_error
from wizard.core.answers.model import Answers
from wizard.ui.run import summary
from wizard.ui.screens.dialogs import Confirm, TypedConfirm


def terraform_works(w: Session) -> bool:
    progress = w.app.deployment_run.now.progress
    return bool(progress and progress.running)


@SIZES
async def test_the_review_says_what_where_and_that_nothing_was_changed(
    size: tuple[int, int],
) -> None:
    async with wizard("review", size=size, answers=READY, token=True) as w:
        assert "Nothing was changed" in w.text
        assert "until here." in w.text
        assert "Deploy 39 resources" in w.text
        assert "orders / prod" in w.text
        assert "deploy" not in w.product.calls


async def test_what_is_destroyed_stands_out_and_is_asked_about_once_more() -> None:
    script = Script(hostile=False, destroys=True)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        assert "2 to destroy" in w.text
        assert "DESTROY" in w.text
        assert "REPLACE" in w.text
        await w.press("ctrl+n")
        assert isinstance(w.app.screen, Confirm)
        await w.press("enter")
        assert "deploy" not in w.product.calls, "the harmless answer has the focus"
        await w.press("ctrl+n", "tab", "enter")
        assert "deploy" in w.product.calls


async def test_the_review_names_the_step_that_is_not_finished() -> None:
    async with wizard("review", answers=Answers()) as w:
        assert "Stages: select at least one stage" in w.text
        await w.press("ctrl+n")
        assert "deploy" not in w.product.calls


@SIZES
async def test_from_review_to_the_proof_without_another_key(size: tuple[int, int]) -> None:
    async with wizard("review", size=size, answers=READY, token=True) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.session.at == "proof", 15)
        await settle(w.pilot)
        assert (
            "A request travels from your API to the node in 1.3s, and is understood by it."
            in w.text
        )
        assert "12:04:31.220" in w.text
        await until(w.pilot, lambda: not w.app.advancing)
        await w.press("ctrl+n")
        assert w.app.session.at == "home"
        assert "api-gw-discovery in us-east-1 is deployed" in w.text
        assert not w.app._exit
        await w.press("ctrl+q")
        assert w.app.return_value == 0


async def test_home_lets_go_of_the_run_and_what_comes_next_does_not_unmake_its_end() -> None:
    async with wizard("review", answers=READY, token=True) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.session.at == "proof" and not w.app.advancing, 15)
        run = w.app.deployment_run
        assert run._install is not None, "while the proof can be tried again it is held"
        await w.press("ctrl+n")
        await until(w.pilot, lambda: run._install is None)
        # Further stages are begun and left: what the program ends with is the run that was done.
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.session.at == "stages")
        assert "travels from your API" in summary(run.latest)
        await w.press("ctrl+q")
        assert w.app.return_value == 0


async def test_next_is_swallowed_while_the_screens_go_on_by_themselves() -> None:
    async with wizard("review", answers=READY, token=True) as w:
        w.app.follow_seconds = 3600.0  # the screens go on when this test says so
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended) and w.app.advancing)
        for screen in ("deploy", "logging", "proof"):
            await w.press("ctrl+n", "ctrl+n")
            assert w.app.session.at == screen
            w.app._follow(screen)
        await settle(w.pilot)
        assert w.app.session.at == "proof", "the last part stays until a key of its own"
        await w.press("ctrl+n")
        assert w.app.session.at == "home"
        assert not w.app._exit


async def test_without_a_proof_the_last_part_stays_and_next_leads_home() -> None:
    answers = READY.with_(proof="skip")
    async with wizard("review", answers=answers, token=True) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.session.at == "logging" and not w.app.advancing)
        await settle(w.pilot)
        assert "Next: Home" in w.text
        await w.press("ctrl+n")
        assert w.app.session.at == "home"
        assert not w.app._exit


async def test_a_failure_says_what_why_and_next_and_retry_goes_on() -> None:
    script = Script(hostile=False, fail={"deploy": deploy_error()})
    async with wizard("review", answers=READY, token=True, script=script, size=(120, 36)) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
        await settle(w.pilot)
        for words in ("AWS refused to create the load balancer", "AccessDenied", "then Retry",
                      "Support bundle", "Undo", "Problems (1)"):  # fmt: skip
            assert words in w.text
        await w.press("t")
        await until(w.pilot, lambda: "proof" in w.app.deployment_run.now.done)
        assert w.product.calls.count("deploy") == 2


async def test_stopping_asks_first_and_then_stops_gracefully() -> None:
    import threading

    script = Script(hostile=False, hold=threading.Event())
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.pilot.press("ctrl+n")
        await until(w.pilot, lambda: terraform_works(w))
        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("enter")
        await w.pilot.pause()
        assert "cancel" not in w.product.calls, "Keep going has the focus"
        await w.pilot.press("c")
        await w.pilot.pause()
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
        assert "cancel" in w.product.calls
        assert "harder" not in w.product.calls
        assert "Terraform was stopped" in w.text


async def test_while_it_settles_the_number_is_told_and_only_a_typed_word_stops_it_at_once() -> None:
    import threading

    script = Script(hostile=False, hold=threading.Event(), settles=False)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.pilot.press("ctrl+n")
        await until(w.pilot, lambda: terraform_works(w))
        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: "cancel" in w.product.calls)
        await until(w.pilot, lambda: "2 resources still settling" in w.text)

        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, TypedConfirm))
        assert "2 resources still settling" in w.text
        await w.pilot.press(*"yes", "enter")
        await until(w.pilot, lambda: not isinstance(w.app.screen, TypedConfirm))
        assert "harder" not in w.product.calls

        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, TypedConfirm))
        await w.pilot.press(*"kill", "enter")
        await until(w.pilot, lambda: "harder" in w.product.calls)
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))


async def test_quitting_during_the_deployment_asks_and_ends_with_130() -> None:
    import threading

    script = Script(hostile=False, hold=threading.Event())
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.pilot.press("ctrl+n")
        await until(w.pilot, lambda: w.app.deployment_run.now.busy)
        await w.pilot.press("ctrl+q")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: w.app._exit)
    assert w.app.return_value == 130


async def test_one_stage_can_be_put_back() -> None:
    script = Script(hostile=False, failing_stage=2)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.press("ctrl+n")
        await until(
            w.pilot, lambda: w.app.session.at == "logging" and bool(w.app.deployment_run.now.ended)
        )
        await settle(w.pilot)
        assert "1 failed" in w.text
        assert "ConflictException" in w.text
        await w.press("u", "tab", "enter")
        assert "undo_stage" in w.product.calls
        assert "1 of 3 stages switched on, 1 put back, 1 failed" in w.text
        assert int(w.app.deployment_run.now.exit_code) == 1


async def test_a_stage_that_failed_is_not_left_behind_and_is_tried_again_alone() -> None:
    script = Script(hostile=False, failing_stage=2)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
        await settle(w.pilot)
        assert w.app.session.at == "logging"
        await w.press("u", "tab", "enter")
        assert w.app.session.at == "logging"
        assert "modification. Please try again later." in " ".join(w.text.split())
        await w.press("t")
        await until(
            w.pilot, lambda: w.app.session.at == "proof" and not w.app.deployment_run.now.busy
        )
        assert w.product.tried == [(), (READY.stages[2],)]
        assert w.product.calls.count("prove") == 2
        assert int(w.app.deployment_run.now.exit_code) == 0
        w.app.go("logging")
        await settle(w.pilot)
        assert "2 of 3 stages switched on, 1 put back" in w.text
        assert "Retry" not in w.text


async def test_undo_takes_away_what_was_made_and_back_plans_anew() -> None:
    script = Script(hostile=False, fail={"deploy": deploy_error()})
    async with wizard("review", answers=READY, token=True, script=script, size=(120, 36)) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.deployment_run.now.ended))
        await settle(w.pilot)
        await w.pilot.click("#undo")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.press("tab", "enter")
        await until(
            w.pilot,
            lambda: "undo" in w.app.deployment_run.now.done and not w.app.deployment_run.now.busy,
        )
        await settle(w.pilot)
        assert "What was made is taken away" in w.text
        await w.press("escape")
        assert w.app.session.at == "review"
        assert w.product.calls.count("review") == 2
        assert "Deploy 39 resources" in w.text


async def test_a_part_that_ends_while_one_leaves_opens_no_screen() -> None:
    async with wizard("review", answers=READY, token=True) as w:
        w.app.session.at = "deploy"
    w.app._follow("deploy")  # as its timer does, when the screens are gone already
    assert w.app.session.at == "deploy"
