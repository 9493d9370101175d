"""From the review to the proof: what is shown, asked and stopped on the way."""

from __future__ import annotations

import pytest

from tests.ui.acting import READY, SIZES, Session, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import Script, deploy_error
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.stages.change import diff_lines
from wizard.ui.run import summary
from wizard.ui.screens.dialogs import Confirm, Details, TypedConfirm
from wizard.ui.widgets.tree import TreeRows


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


@SIZES
@pytest.mark.parametrize("hostile", [False, True], ids=["plain", "hostile"])
async def test_a_resource_opens_its_planned_attributes(
    size: tuple[int, int], hostile: bool
) -> None:
    script = Script(hostile=hostile)
    async with wizard("review", size=size, answers=READY, token=True, script=script) as w:
        tree = w.app.screen.query_one(TreeRows)
        first = next(n for n, line in enumerate(tree.lines) if line.key == "Network")
        tree.go(first)
        await w.press("enter", "down", "enter")
        assert isinstance(w.app.screen, Details)
        assert "aws_vpc.this" in w.text
        assert "internal" in w.text
        assert "(known after apply)" in w.text
        assert "1 attribute as now" in w.text
        assert "read_attributes" in w.product.calls
        for sign in ("\x1b", "\u202e"):
            assert sign not in w.text
        await w.press("escape")
        assert "39 to add" in w.text, "the summary is back"


async def test_a_plan_that_cannot_be_shown_says_so_and_the_review_stays() -> None:
    error = WizardError("WAG-E-TF-010", "Terraform did not show the plan", next_step="Plan again.")
    script = Script(hostile=False, destroys=True, fail={"read_attributes": error})
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.press("home", "enter")
        assert any("did not show the plan" in told for told in w.told)
        assert w.app.session.at == "review"
        await w.press("enter")
        assert isinstance(w.app.screen, Details)


async def test_fields_that_are_added_to_a_format_are_listed_whole() -> None:
    ref = "0001b2c3d4/prod"  # keeps its log group and its own format
    async with wizard("review", answers=Answers(stages=(ref,)), token=True) as w:
        review = w.app.deployment_run.review.value
        assert review is not None
        (added,) = (d.after for d in diff_lines(review.changes[0]) if d.label == "format")
        assert len(added) > 80
        await w.press("right")
        assert added in " ".join(w.text.split())


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


@SIZES
async def test_after_the_proof_enter_leads_home(size: tuple[int, int]) -> None:
    async with wizard("review", size=size, answers=READY, token=True) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.session.at == "proof" and not w.app.advancing, 15)
        await settle(w.pilot)
        assert w.app.screen.focused is not None
        assert w.app.screen.focused.id == "next"
        await w.press("enter")
        await until(w.pilot, lambda: w.app.session.at == "home")


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
