"""Home and what it offers: an unfinished run, adding, removing, settings; on scripted services."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import pytest
from textual.events import Paste

from tests.ui.acting import HERE, SIZES, deployed, wizard
from tests.ui.scenes import CHOSEN, settle, until
from tests.ui.script import Script, deploy_error
from tests.ui.scripted import OUTPUTS, ScriptedDeployments
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.facts import StageRef
from wizard.core.journal.unfinished import Unfinished
from wizard.core.known_deployment import KnownDeployment
from wizard.core.stages.lines import LastEvent
from wizard.flows.context import Options
from wizard.flows.status import Status
from wizard.ui.app import WizardApp
from wizard.ui.run import summary
from wizard.ui.screens.dialogs import AskToken, Confirm, Details
from wizard.ui.screens.home_text import status_lines
from wizard.ui.screens.unfinished import UnfinishedRun


@SIZES
async def test_home_says_how_the_deployment_does_and_what_can_be_done(
    size: tuple[int, int],
) -> None:
    async with wizard(script=deployed(), size=size) as w:
        assert "api-gw-discovery in us-east-1 is deployed" in w.text
        assert "52 resources" in w.text
        assert "3 connected, 1 changed by somebody else" in w.text
        for action in ("Add stages", "Remove stages", "Rotate token", "Change settings",
                       "Troubleshoot", "Uninstall", "Deploy another"):  # fmt: skip
            assert action in w.text


@pytest.mark.parametrize(
    ("waiting", "hours", "said"),
    [
        (0, 0, "18,204 in the last hour, 0 undelivered"),
        (0, 6, "18,204 in the last hour, 0 undelivered"),
        (3, 0, "18,204 in the last hour, 3 undelivered"),
        (3, 1, "18,204 in the last hour, 3 undelivered, replayed every hour"),
        (3, 6, "18,204 in the last hour, 3 undelivered, replayed every 6 hours"),
    ],
)
def test_what_waits_for_a_replay_is_told_with_its_schedule(
    waiting: int, hours: int, said: str
) -> None:
    seen = Status(
        "123456789012", "us-east-1", "api", OUTPUTS, (), 52, 18_204, waiting, 118.7, None, "", "",
        "", (), replay_hours=hours,
    )  # fmt: skip
    assert {line.title: line.text for line in status_lines(seen)}["Events"] == said


@SIZES
async def test_each_connected_stage_has_its_last_event_its_malformed_share_and_its_drift(
    size: tuple[int, int],
) -> None:
    async with wizard(script=deployed(), size=size) as w:
        rows = {
            label: next(line for line in w.text.splitlines() if label in line)
            for label in ("orders / prod", "payments / prod", "payments / staging")
        }
        for label, words in (
            ("orders / prod", ("3h 00m ago", "0 %", "as it was set")),
            ("payments / prod", ("none in 7 days", "20 %")),
            ("payments / staging", ("AccessDenied", "not told", "somebody")),
        ):
            for word in words:
                assert word in rows[label], (label, word)
        await w.press("down", "down", "enter")
        assert isinstance(w.app.screen, Details)
        assert "AccessDenied: no logs:FilterLogEvents" in w.text, "nothing stays cut"
        assert "somebody changed its logging since" in w.text


async def test_what_takes_longer_is_said_to_be_read_still_and_a_failure_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go = threading.Event()
    whole = ScriptedDeployments.last_events

    def last_events(flow: ScriptedDeployments, answers: Answers) -> dict[StageRef, LastEvent]:
        assert go.wait(60)
        return whole(flow, answers)

    monkeypatch.setattr(ScriptedDeployments, "last_events", last_events)
    script = dataclasses.replace(deployed())
    script.fail["last_events"] = WizardError("WAG-E-TEST-001", "CloudWatch does not answer")
    async with wizard(script=script) as w:
        await until(w.pilot, lambda: "still reading" in w.text and "20 %" in w.text)
        go.set()
        await until(w.pilot, lambda: "not read: Clou" in w.text)
        await w.press("r")
        await until(w.pilot, lambda: "none in 7 days" in w.text)


@pytest.mark.parametrize(
    ("key", "at"),
    [("a", "stages"), ("x", "remove"), ("s", "aws"), ("d", "doctor"), ("u", "uninstall"),
     ("n", "aws")],
)  # fmt: skip
async def test_an_action_of_home_is_one_letter_away(key: str, at: str) -> None:
    async with wizard(script=deployed()) as w:
        await w.press(key)
        assert w.app.session.at == at


async def test_the_actions_are_buttons_that_say_what_they_do_and_enter_does_it() -> None:
    async with wizard(script=deployed()) as w:
        await w.press("tab", "tab")
        assert "Their logging is put back as it was" in w.text
        await w.press("enter")
        assert w.app.session.at == "remove"


NEW_TOKEN = "Zz9" * 21 + "A"


async def test_the_token_is_rotated_from_home_masked_and_never_shown() -> None:
    async with wizard(script=deployed()) as w:
        await w.press("t")
        assert isinstance(w.app.screen, AskToken)
        await w.press(*"short", "enter")
        assert "must have 64 characters; this one has 5" in w.text
        assert "rotate_token" not in w.product.calls
        w.app.post_message(Paste(f"export WALLARM_API_TOKEN={NEW_TOKEN}\n"))
        await settle(w.pilot)
        assert NEW_TOKEN[:9] not in w.text
        await w.press("enter")
        await until(w.pilot, lambda: "ECS replaces the node's tasks" in w.text)
        assert w.product.rotated is not None
        assert w.product.rotated.reveal() == NEW_TOKEN
        assert NEW_TOKEN[:9] not in w.text
        assert not any(NEW_TOKEN in line for line in w.app.deployment_run.now.lines)


async def test_a_token_that_the_cloud_refuses_is_not_stored() -> None:
    script = dataclasses.replace(deployed(), token_state=State.FAILED)
    async with wizard(script=script) as w:
        await w.press("t")
        w.app.post_message(Paste(NEW_TOKEN))
        await settle(w.pilot)
        await w.press("enter")
        await until(w.pilot, lambda: "not stored" in w.text)
        assert "rotate_token" not in w.product.calls


async def test_a_rotation_that_fails_says_why_and_escape_rotates_nothing() -> None:
    script = deployed()
    script.fail["rotate_token"] = WizardError("WAG-E-TEST-001", "SSM refused", why="AccessDenied")
    async with wizard(script=script) as w:
        await w.press("t", "escape")
        assert "rotate_token" not in w.product.calls
        await w.press("t")
        w.app.post_message(Paste(NEW_TOKEN))
        await settle(w.pilot)
        await w.press("enter")
        await until(w.pilot, lambda: "SSM refused" in w.text)
        assert "AccessDenied" in w.text


async def test_the_status_is_that_of_the_deployment_that_was_picked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    whole = ScriptedDeployments.status

    def status(flow: ScriptedDeployments, answers: Answers) -> Status:
        asked.append(answers.name_prefix)
        return whole(flow, answers)

    monkeypatch.setattr(ScriptedDeployments, "status", status)
    other = dataclasses.replace(HERE[0], name_prefix="second")
    async with wizard(script=Script(hostile=False, existing=(*HERE, other))) as w:
        await until(w.pilot, lambda: w.app.session.at == "home" and "52 resources" in w.text)
        w.app.screen.query_one("#existing ItemRows").focus()
        await w.press("down", "space")
        await until(w.pilot, lambda: asked[-1] == "second" and "52 resources" in w.text)
        assert "second in us-east-1 is deployed" in w.text
        assert asked == [HERE[0].name_prefix, "second"]


def begun(flow: str = "install", **more: object) -> Script:
    """A deployment whose last run was killed between two stages."""
    left = (("stage.switch", "b/prod"), ("proof", ""))
    found = Unfinished(
        flow, "2026-11-27T06:40:00+00:00", "", ("deploying the infrastructure (it)",), (),
        ("switching access logging on (a [/x])",), ("switching access logging on (b/prod)",), left,
    )  # fmt: skip
    here = dataclasses.replace(HERE[0], unfinished=dataclasses.replace(found, **more))  # type: ignore[arg-type]
    return Script(hostile=False, existing=(here,))


@SIZES
async def test_a_run_that_did_not_end_is_shown_on_start_step_by_step(
    size: tuple[int, int],
) -> None:
    async with wizard(script=begun(), size=size) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, UnfinishedRun))
        for words in ("install of 2026-11-27 06:40 UTC did not",
                      "deploying the infrastructure",
                      "in doubt", "a [/x]", "not begun", "Go on", "Take it away",
                      "Leave it"):  # fmt: skip
            assert words in w.text, words
        await w.press("escape")
        assert w.app.session.at == "home"
        assert w.product.calls.count("deploy") == 0


async def test_a_run_that_a_colleague_went_on_with_is_not_told_as_unfinished() -> None:
    script = dataclasses.replace(begun(), settled_since=True)
    async with wizard(script=script, size=(120, 36)) as w:
        await until(w.pilot, lambda: "unfinished" in w.product.calls and "52 resources" in w.text)
        assert w.app.session.at == "home"
        assert not isinstance(w.app.screen, UnfinishedRun)


async def test_where_the_account_cannot_be_asked_this_computers_record_counts() -> None:
    script = dataclasses.replace(begun(), fail={"unfinished": deploy_error()})
    async with wizard(script=script, size=(120, 36)) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, UnfinishedRun))


async def test_answers_in_the_bucket_that_cannot_be_read_are_said() -> None:
    newer = WizardError(
        "WAG-E-VERSION-001", "s3://team/answers.json was written by a newer version"
    )
    script = Script(hostile=False, existing=HERE, fail={"answers_of": newer})
    async with wizard(script=script, size=(120, 36)) as w:
        await until(w.pilot, lambda: "was written by a newer version" in " ".join(w.told))


@pytest.mark.parametrize(
    ("flow", "keys", "at"),
    [
        ("install", ("enter",), "review"),
        ("install", ("tab", "enter"), "uninstall"),
        ("install", ("tab", "tab", "enter"), "home"),
        ("stages", ("enter",), "stages"),
        ("stages", ("tab", "enter"), "remove"),
        ("uninstall", ("enter",), "uninstall"),
        ("uninstall", ("tab", "enter"), "home"),
    ],
)
async def test_one_goes_on_takes_it_away_or_leaves_it(
    flow: str, keys: tuple[str, ...], at: str
) -> None:
    async with wizard(script=begun(flow), size=(120, 36)) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, UnfinishedRun))
        await w.press(*keys)
        await until(w.pilot, lambda: w.app.session.at == at)
        if at == "stages":
            assert w.answers.stages == ("b/prod",)
        assert "deploy" not in w.product.calls
        assert "uninstall" not in w.product.calls


@SIZES
async def test_adding_a_stage_touches_nothing_else(size: tuple[int, int]) -> None:
    async with wizard(script=deployed(), size=size) as w:
        await w.press("ctrl+n")
        assert "Which further stages" in w.text
        assert w.answers.stages == ()
        await w.press("slash")
        await w.type("customers")
        await w.press("enter", "space", "ctrl+n")
        assert w.app.session.at == "review"
        assert "Change 1 stage" in w.text
        await w.press("ctrl+n")
        await until(
            w.pilot, lambda: w.app.session.at == "proof" and bool(w.app.deployment_run.now.ended)
        )
        assert "add_stages" in w.product.calls
        assert "deploy" not in w.product.calls
        assert not w.product.saved_answers, "the saved answers belong to the whole deployment"


async def test_a_connected_stage_is_not_taken_off_where_stages_are_added() -> None:
    async with wizard(script=deployed()) as w:
        await w.press("ctrl+n", "slash")
        await w.type("orders")
        await w.press("enter", "space")
        assert w.answers.stages == ()
        assert w.told == ["It is connected. Home, Remove stages takes it off."]


async def test_back_from_adding_leads_home() -> None:
    async with wizard(script=deployed()) as w:
        await w.press("ctrl+n", "escape")
        assert w.app.session.at == "home"
        assert w.app.session.mode == "install"


async def test_settings_go_through_the_steps_and_keep_the_stored_token() -> None:
    async with wizard(script=deployed()) as w:
        await w.press("s")
        assert w.app.session.at == "aws"
        assert w.problem("wallarm") == ""


@SIZES
async def test_removing_a_stage_shows_what_changes_and_says_what_became_of_it(
    size: tuple[int, int],
) -> None:
    async with wizard("remove", script=deployed(), size=size) as w:
        assert "orders / prod" in w.text
        assert "somebody changed its logging since" in w.text
        await w.press("space")
        assert "Review 1 stage" in w.text
        await w.press("ctrl+n")
        await until(w.pilot, lambda: "Put 1 stage back" in w.text)
        assert "access log → off" in w.text
        assert "remove_stages" not in w.product.calls, "it is only shown"
        await w.press("enter")
        for words in ("access log: /aws/apigateway/wallarm", "level: errors and info → off",
                      "Format now", "wallarm_log"):  # fmt: skip
            assert words in w.text, words
        await w.press("escape", "escape")
        assert "Review 1 stage" in w.text, "back to the choice"
        await w.press("ctrl+n")
        await until(w.pilot, lambda: "Put 1 stage back" in w.text)
        await w.press("ctrl+n")
        await until(w.pilot, lambda: not w.app.deployment_run.now.busy)
        assert "1 of 1 stage put back" in w.text
        assert "as before" in w.text
        await w.press("ctrl+n")
        assert w.app.session.at == "home"


async def test_a_stage_that_somebody_changed_is_asked_about_and_left_alone_by_default() -> None:
    async with wizard("remove", script=deployed()) as w:
        await w.press("down", "down", "space", "ctrl+n")
        await until(w.pilot, lambda: "you are asked" in w.text)
        await w.pilot.press("ctrl+n")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        assert "Somebody changed payments / staging" in w.text
        assert "/ops/logs" in w.text
        await w.pilot.press("enter")
        await until(w.pilot, lambda: not w.app.deployment_run.now.busy)
        await settle(w.pilot)
        assert "0 of 1 stage put back" in w.text
        await w.press("enter")
        assert "left as it is" in w.text


async def test_nothing_is_removed_without_a_selection() -> None:
    async with wizard("remove", script=deployed()) as w:
        await w.press("ctrl+n")
        assert not isinstance(w.app.screen, Confirm)
        assert "review_remove" not in w.product.calls


@SIZES
async def test_hostile_text_stays_text_on_every_screen_of_home(size: tuple[int, int]) -> None:
    async with wizard("home", script=Script(existing=HERE), size=size) as w:
        for step in ("home", "remove", "doctor", "uninstall"):
            w.app.go(step)
            await settle(w.pilot)
            for sign in ("\x1b", "\x07", "\u202e"):
                assert sign not in w.text, step
        assert "x [/foo] [bold red]not" in w.text
        await w.press("end", "enter")
        assert isinstance(w.app.screen, Details)
        assert "nnnnnnnn" in w.text


async def test_what_was_done_stays_in_the_terminal_when_the_screens_are_gone() -> None:
    async with wizard("uninstall", script=deployed()) as w:
        await w.press("ctrl+n")
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("enter")
        await until(w.pilot, lambda: w.app.deployment_run.now.removed is not None
                    and not w.app.deployment_run.now.busy)  # fmt: skip
        text = summary(w.app.deployment_run.now)
    assert "39 resources destroyed." in text
    assert "Left: 0001b2c3d4/staging" in text


async def test_a_failed_change_of_settings_never_offers_to_destroy_the_deployment() -> None:
    script = Script(hostile=False, existing=HERE, fail={"deploy": deploy_error()})
    async with wizard("review", script=script, answers=Answers(stages=CHOSEN), token=True) as w:
        w.app.session.mode = "settings"
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.deployment_run.now.error is not None)
        await settle(w.pilot)
        assert "Retry" in w.text
        assert "Undo" not in w.text


async def test_a_question_of_a_flow_is_put_to_a_person_and_leaving_it_is_a_no() -> None:
    async with wizard("home", script=deployed()) as w:
        for keys, expected in ((("escape",), False), (("enter",), False), (("tab", "enter"), True)):
            asked = asyncio.ensure_future(
                asyncio.to_thread(
                    w.product.context.ask_person, "Terraform's state is locked. Remove the lock?"
                )
            )
            await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
            assert "A decision is needed" in w.text
            assert "Remove the lock?" in w.text
            await w.press(*keys)
            assert await asyncio.wait_for(asked, 20) is expected


async def test_a_question_that_comes_when_the_screens_are_gone_is_answered_no() -> None:
    async with wizard("home", script=deployed()) as w:
        pass
    assert (
        await asyncio.wait_for(
            asyncio.to_thread(w.product.context.ask_person, "Remove the lock?"), 20
        )
        is False
    )


ELSEWHERE = (
    KnownDeployment("payments-team", "123456789012", "us-east-1", None, 0.0, bucket="team-state"),
)


async def test_a_deployment_that_only_a_colleague_has_is_found_and_leads_home() -> None:
    async with wizard(script=Script(hostile=False, elsewhere=ELSEWHERE)) as w:
        await until(w.pilot, lambda: w.app.session.at == "home")
    async with wizard(script=Script(hostile=False, existing=HERE, elsewhere=ELSEWHERE)) as w:
        await until(w.pilot, lambda: "s3://team-state" in w.text)
        assert w.app.session.at == "home"
        assert "api-gw-discovery in us-east-1 is deployed" in w.text


THERE = (KnownDeployment("edge", "123456789012", "us-east-1", None, 0.0, remote=True),)


@SIZES
async def test_a_deployment_whose_state_is_elsewhere_is_opened_with_what_is_possible(
    size: tuple[int, int],
) -> None:
    async with wizard(script=Script(hostile=False, elsewhere=THERE), size=size) as w:
        await until(w.pilot, lambda: w.app.session.at == "home" and "3 connected" in w.text)
        assert "edge in us-east-1 was deployed from another computer." in w.text
        assert "not here, but on the computer it was installed from" in w.text
        assert "state_bucket=NAME" in w.text
        assert "Not possible from here: its state is not here" in w.text
        for action in ("Troubleshoot", "Deploy another"):
            assert action in w.text, "nothing is below the fold"
        await w.press("a", "x", "t", "s", "u")
        assert w.app.session.at == "home", "what cannot be done is not begun"
        assert w.told == ["Not possible: its state is not here."]
        await w.press("ctrl+n")
        assert w.app.session.at == "doctor"
        assert "review_add" not in w.product.calls


async def test_one_goes_from_a_deployment_within_reach_to_one_that_is_not_and_back() -> None:
    script = Script(hostile=False, existing=HERE, elsewhere=THERE)
    async with wizard(script=script, size=(120, 36)) as w:
        await until(w.pilot, lambda: "state on another computer" in w.text)
        assert "api-gw-discovery in us-east-1 is deployed" in w.text, "the one within reach"
        assert "Not possible" not in w.text
        picker = w.app.screen.query_one("#existing")
        await w.press("shift+tab", "down", "space")
        await until(w.pilot, lambda: "Not possible" in w.text)
        assert picker.display
        assert "edge in us-east-1 was deployed from another computer." in w.text
        await w.press("up", "space")
        await until(w.pilot, lambda: "Not possible" not in w.text)
        assert "api-gw-discovery in us-east-1 is deployed" in w.text


def test_answers_that_name_their_account_are_about_no_other_ones_deployment() -> None:
    """Targets of a fleet have one name in many accounts; their folders lie on one computer."""

    def known(account: str) -> KnownDeployment:
        return KnownDeployment("api-gw-discovery", account, "us-east-1", 20, 0.0)

    app = WizardApp(Options(env={}), Answers(account_id="222222222222"), unicode=True)
    app.account.here.end((known("111111111111"), known("222222222222")))
    assert app.account.deployment == known("222222222222")
    app.account.here.end((known("111111111111"),))
    assert app.account.deployment is None
    app.session.answers = Answers()
    assert app.account.deployment == known("111111111111")


async def test_whoever_goes_on_with_an_install_is_not_told_to_take_another_name() -> None:
    async with wizard(script=begun(), size=(120, 36)) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, UnfinishedRun))
        await w.press("enter")
        await until(w.pilot, lambda: w.app.session.at == "review")
        await w.press("escape")
        await until(w.pilot, lambda: w.app.session.at == "options")
        assert "How should things be named" in w.text
        assert "take another prefix" not in w.text
