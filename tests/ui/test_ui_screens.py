"""Each screen does its job, at 80x24 and at 120x36, on scripted services."""

from __future__ import annotations

import dataclasses
import unicodedata

import pytest

from tests.ui.acting import SIZES, wizard
from tests.ui.scenes import CHOSEN, settle, until
from tests.ui.script import TOKEN, Script, deploy_error
from tests.ui.scripted_account import HOSTILE
from wizard.core.answers import Answers
from wizard.core.errors import WizardError
from wizard.core.report import State
from wizard.core.secret import Secret
from wizard.core.text import clean
from wizard.ui.screens.dialogs import AskCode, Confirm, Details, HelpDialog, TypedConfirm
from wizard.ui.views import Existing
from wizard.ui.widgets.picklist import PickList
from wizard.ui.widgets.rows import Rows
from wizard.ui.widgets.stage_table import StageTable

READY = Answers(stages=CHOSEN)


# Welcome and AWS


@SIZES
async def test_the_first_screen_says_what_happens_and_what_it_costs(size: tuple[int, int]) -> None:
    async with wizard(size=size) as w:
        for words in (
            "What happens",
            "/month before traffic",
            "Nothing changes before you press Deploy",
        ):
            assert words in w.text
        assert "✓ Terraform" in w.text
        assert "! Permissions" in w.text
        assert "Review prints the exact policy" in w.text


async def test_account_and_region_stand_on_every_screen() -> None:
    async with wizard() as w:
        for step in ("aws", "stages", "logs", "wallarm", "node", "options", "review"):
            w.app.go(step)
            await settle(w.pilot)
            top = w.text.splitlines()[0]
            assert "123456789012" in top, step
            assert "us-east-1" in top, step


async def test_back_quit_and_next_stand_in_the_same_place_on_every_screen() -> None:
    async with wizard(answers=READY, token=True) as w:
        places = set()
        for step in ("welcome", "aws", "stages", "logs", "wallarm", "node", "options", "review"):
            w.app.go(step)
            await settle(w.pilot)
            bar = w.text.splitlines()[22]
            places.add((bar.index("Back"), bar.index("Quit")))
            assert w.app.screen.query_one("#next").region.right == 79
        assert len(places) == 1


async def test_a_failed_check_can_be_run_again() -> None:
    error = WizardError("WAG-E-TEST-001", "The checks broke", next_step="Try again.")
    async with wizard(script=Script(fail={"preflight": error})) as w:
        assert "The checks broke" in w.text
        assert "Try again." in w.text
        await w.press("r")
        assert "The checks broke" not in w.text
        assert "✓ Terraform" in w.text


async def test_an_existing_deployment_opens_home_instead() -> None:
    existing = (Existing("api-gw-discovery", "123456789012", "us-east-1", 52, 0.0),)
    async with wizard(script=Script(existing=existing)) as w:
        assert "What would you like to do?" in w.text
        assert "api-gw-discovery in us-east-1 is deployed" in w.text
        await w.press("ctrl+n")
        assert "Which further stages should Wallarm learn from?" in w.text


async def test_picking_a_profile_takes_its_region_and_asks_aws_again() -> None:
    async with wizard("aws") as w:
        before = w.backend.calls.count("identity")
        await w.press("down", "down", "space")
        assert w.answers.profile == "acme-staging"
        assert w.answers.region == "eu-central-1"
        assert w.backend.calls.count("identity") == before + 1
        assert "eu-central-1" in w.text.splitlines()[0]


async def test_an_expired_sso_login_is_explained_and_can_be_renewed_here() -> None:
    error = WizardError("WAG-E-AWS-005", "The SSO login has ended", next_step="Log in.")
    answers = Answers(profile="acme-prod")
    async with wizard("aws", script=Script(fail={"identity": error}), answers=answers) as w:
        assert "The SSO login has ended" in w.text
        assert "log in to AWS first" in w.text
        await w.press("l")
        assert "sso_login" in w.backend.calls
        assert "✓ Account" in w.text


async def test_an_mfa_code_is_asked_for_in_a_dialog() -> None:
    async with wizard("aws", script=Script(mfa=True)) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, AskCode))
        await w.press("1", "2", "3", "enter")
        assert isinstance(w.app.screen, AskCode), "three digits are no code"
        await w.press("4", "5", "6", "enter")
        await until(w.pilot, lambda: w.app.state.identity.value is not None)
        assert "mfa 123456" in w.backend.calls


async def test_quitting_while_mfa_is_asked_does_not_hang() -> None:
    async with wizard("aws", script=Script(mfa=True)) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, AskCode))
        w.app.leave()


# Stages


@SIZES
async def test_selecting_a_stage_shows_what_would_change(size: tuple[int, int]) -> None:
    async with wizard("stages", size=size) as w:
        await w.press("space")
        assert len(w.answers.stages) == 1
        assert "[x]" in w.text
        assert "Will change" in w.text
        assert "/aws/apigateway/wallarm-api-discovery-" in w.text


async def test_the_filter_narrows_as_one_types_and_select_all_takes_what_is_shown() -> None:
    async with wizard("stages") as w:
        await w.press("slash")
        await w.type("orders")
        shown = [r.name for r in w.app.state.book.shown]
        assert shown
        assert all("orders" in name for name in shown)
        await w.press("enter", "a")
        assert len(w.answers.stages) == len([r for r in w.app.state.book.shown if r.selectable])
        await w.press("a")
        assert w.answers.stages == ()


async def test_what_is_selected_stays_selected_when_the_filter_hides_it() -> None:
    async with wizard("stages") as w:
        await w.press("space")
        chosen = w.answers.stages
        await w.press("slash")
        await w.type("zzz")
        assert "no stage matches the filter" in w.text
        assert w.answers.stages == chosen


async def test_a_stage_that_aws_manages_cannot_be_selected_and_says_why() -> None:
    async with wizard("stages") as w:
        index = next(i for i, r in enumerate(w.app.state.book.shown) if not r.selectable)
        w.app.screen.query_one(StageTable).go(index)
        await w.press("space")
        assert w.answers.stages == ()
        assert "managed by AWS" in w.text.lower().replace("aws", "AWS")


async def test_the_details_show_format_diff_and_the_owners_snippet() -> None:
    async with wizard("stages", size=(120, 36)) as w:
        index = next(
            i for i, r in enumerate(w.app.state.book.shown)
            if "stack" in r.note and r.logging == "off"
        )  # fmt: skip
        w.app.screen.query_one(StageTable).go(index)
        await w.press("d")
        assert isinstance(w.app.screen, Details)
        assert "$context.requestId" in w.text
        await w.press("end", "c")


async def test_what_could_not_be_read_is_one_row_not_an_error() -> None:
    async with wizard("stages", script=Script()) as w:
        assert "1 could not be read" in w.text
        await w.press("slash")
        await w.type("legacy")
        assert "AccessDenied" in w.text


async def test_sorting_keeps_all_rows() -> None:
    async with wizard("stages") as w:
        before = {r.ref for r in w.app.state.book.shown}
        for _ in range(4):
            await w.press("s")
            assert {r.ref for r in w.app.state.book.shown} == before


# Logs, Wallarm, Node, Options


async def test_an_existing_log_group_is_picked_from_the_account() -> None:
    async with wizard("logs", answers=READY) as w:
        await w.press("down")
        assert "choose a log group" in w.text
        picker = w.app.screen.query_one("#groups", PickList)
        picker.filter.focus()
        await w.type("shared-access")
        await w.press("enter")
        assert w.answers.api_gateway_log_group_name == "shared-access-logs"


async def test_a_log_group_without_subscription_filters_is_refused_with_the_reason() -> None:
    async with wizard("logs", answers=READY) as w:
        await w.press("down")
        w.app.screen.query_one("#groups", PickList).filter.focus()
        await w.type("archive")
        assert "INFREQUENT_ACCESS has no subscription filters" in w.text
        await w.press("enter")
        assert w.answers.api_gateway_log_group_name == ""


@SIZES
async def test_the_token_is_masked_and_never_on_the_screen(size: tuple[int, int]) -> None:
    async with wizard("wallarm", size=size, answers=READY) as w:
        w.app.screen.query_one("#token").focus()
        w.app.post_message(_paste(f"  {TOKEN[:32]}\n{TOKEN[32:]}  \n"))
        await settle(w.pilot)
        assert w.app.state.token == Secret(TOKEN)
        assert TOKEN[:12] not in w.text
        assert "could not check" in w.text
        await w.press("ctrl+c")
        assert TOKEN not in str(w.app.clipboard)


async def test_reveal_shows_the_token_on_demand_only() -> None:
    async with wizard("wallarm", answers=READY, token=True) as w:
        assert TOKEN[:12] not in w.text
        await w.pilot.click("#token-reveal")
        await settle(w.pilot)
        assert TOKEN[:12] in w.text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (State.DONE, "✓ valid"),
        (State.FAILED, "✗ refused"),
        (State.UNCHECKED, "? could not check"),
    ],
)
async def test_valid_refused_and_could_not_check_are_three_things(state: State, words: str) -> None:
    script = Script(hostile=False, token_state=state)
    async with wizard("wallarm", answers=READY, token=True, script=script) as w:
        await w.press("ctrl+k")
        assert words in w.text


async def test_a_short_token_is_told_how_short_it_is() -> None:
    async with wizard("wallarm", answers=READY) as w:
        w.app.screen.query_one("#token").focus()
        await w.type("abc")
        assert "must have 64 characters; this one has 3" in w.text
        await w.press("ctrl+n")
        assert w.app.state.at == "wallarm"


async def test_an_existing_vpc_needs_its_subnets() -> None:
    async with wizard("node", answers=READY, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#network").focus()
        await w.press("down")
        w.app.screen.query_one("#vpcs ItemRows", Rows).focus()
        await w.press("space")
        assert w.answers.vpc_id == "vpc-0a1b2c3d4e5f60718"
        assert w.app.step_problem("node")
        for name in ("#private", "#public"):
            w.app.screen.query_one(f"{name} ItemRows", Rows).focus()
            await w.press("space", "down", "space")
        assert len(w.answers.public_subnet_ids) == 2
        assert w.app.step_problem("node") == ""


async def test_https_takes_a_zone_and_a_record() -> None:
    async with wizard("node", answers=READY, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#secure").focus()
        await w.press("down")
        w.app.screen.query_one("#zones ItemRows", Rows).focus()
        await w.press("space")
        assert w.app.step_problem("node") == "enter the DNS record"
        w.app.screen.query_one("#node_dns_name").focus()
        await w.type("wallarm-node")
        assert (w.answers.r53_domain_name, w.answers.node_dns_name) == (
            "acme.example", "wallarm-node",
        )  # fmt: skip


async def test_a_broken_prefix_shows_its_rule_and_is_not_lost_by_going_back_and_forth() -> None:
    async with wizard("options", answers=READY, token=True) as w:
        field = w.app.screen.query_one("#name_prefix")
        field.value = "Bad_Prefix"  # type: ignore[attr-defined]
        await settle(w.pilot)
        assert "must be 2 to 38 characters" in " ".join(w.text.split())
        assert w.answers.name_prefix == "api-gw-discovery"
        await w.press("escape")
        await w.press("ctrl+n")
        assert w.app.state.at == "options"
        assert "Bad_Prefix" in w.text
        assert "✗ must be" in w.text


# Everywhere


async def test_every_answer_is_saved_as_it_is_given_and_the_token_never() -> None:
    async with wizard("options", answers=READY, token=True) as w:
        await w.type("x")
        await until(w.pilot, lambda: bool(w.backend.saved_answers))
        saved = w.backend.saved_answers[-1]
        assert saved.name_prefix == "api-gw-discoveryx"
        assert TOKEN not in saved.to_json()


async def test_going_back_loses_no_answer() -> None:
    async with wizard("stages", token=True) as w:
        await w.press("space")
        await w.press("ctrl+n", "down", "up", "ctrl+n", "ctrl+n")
        assert w.app.state.at == "node"
        before = dataclasses.replace(w.answers)
        await w.press("escape", "escape", "escape")
        assert w.app.state.at == "stages"
        assert w.answers == before


@SIZES
@pytest.mark.parametrize(
    "step", ["welcome", "aws", "stages", "logs", "wallarm", "node", "options", "review"]
)
async def test_help_is_one_key_away_on_every_screen(step: str, size: tuple[int, int]) -> None:
    async with wizard(step, size=size, answers=READY, token=True) as w:
        await w.press("f1")
        assert isinstance(w.app.screen, HelpDialog)
        assert "ctrl+n" in w.text
        await w.press("escape")
        assert not isinstance(w.app.screen, HelpDialog)


async def test_below_80x24_a_note_asks_politely_and_nothing_is_lost() -> None:
    async with wizard("stages", size=(70, 20), answers=READY) as w:
        assert "This terminal is 70 x 20" in w.text
        await w.pilot.resize_terminal(80, 24)
        await settle(w.pilot)
        assert "Which stages" in w.text
        assert w.answers == READY


def harmful(text: str) -> list[str]:
    """The signs of a screen that could steer a terminal or turn text round."""
    kinds = ("Cc", "Cf")
    return [c for c in text if c not in "\n\u200d" and unicodedata.category(c) in kinds]


@SIZES
async def test_hostile_names_stay_text_on_every_screen(size: tuple[int, int]) -> None:
    answers = Answers(
        stages=tuple(f"{n:04x}b2c3d4/{'$default' if n % 5 == 2 else 'prod'}" for n in range(3, 9)),
        existing_logging="switch",
    )
    async with wizard("stages", script=Script(), answers=answers, token=True, size=size) as w:
        table = w.app.screen.query_one(StageTable)
        for name in HOSTILE:
            shown = clean(name)[:20]
            names = [r.name[:20] for r in w.app.state.book.shown]
            table.go(names.index(shown))
            await w.pilot.pause()
            assert shown in w.text
            assert not harmful(w.text), name
        await w.press("d")
        assert isinstance(w.app.screen, Details)
        assert not harmful(w.text)
        await w.press("escape")
        w.app.state.wants["network"] = "existing"
        w.app.state.drafts.update(node_group=HOSTILE[0], name_prefix=HOSTILE[2], tags=HOSTILE[7])
        for step in ("welcome", "aws", "stages", "logs", "wallarm", "node", "options"):
            w.app.go(step)
            await settle(w.pilot)
            assert not harmful(w.text), step
            if step in ("aws", "wallarm"):
                assert "[/foo]" in w.text, "markup is shown as it was written"
        w.app.state.wants["network"] = "new"
        w.app.state.drafts.clear()
        w.app.go("review")
        await settle(w.pilot)
        assert not harmful(w.text)
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.state.at == "proof" and bool(w.app.state.run.ended))
        for step in ("deploy", "logging", "proof"):
            w.app.go(step)
            await settle(w.pilot)
            assert not harmful(w.text), step


async def test_a_bug_in_the_backend_is_shown_and_does_not_end_the_app() -> None:
    async with wizard("aws") as w:

        def broken(*_: object) -> None:
            raise ZeroDivisionError("a bug")

        w.backend.identity = broken  # type: ignore[method-assign]
        await w.press("r")
        assert "Something unexpected happened" in w.text
        assert "ZeroDivisionError" in w.text
        assert "Traceback" not in w.text


async def test_quit_asks_only_when_something_would_be_lost() -> None:
    async with wizard("stages") as w:
        await w.press("ctrl+q")
        assert w.app._exit
    async with wizard("stages", token=True) as w:
        w.app.state.token_typed = True
        await w.press("ctrl+q")
        assert isinstance(w.app.screen, Confirm)
        assert "The Wallarm token is not" in w.text
        await w.press("escape")
        assert not w.app._exit


# Review, deploy, logging, proof


@SIZES
async def test_the_review_says_what_where_and_that_nothing_was_changed(
    size: tuple[int, int],
) -> None:
    async with wizard("review", size=size, answers=READY, token=True) as w:
        assert "Nothing was changed" in w.text
        assert "until here." in w.text
        assert "Deploy 39 resources" in w.text
        assert "orders / prod" in w.text
        assert "deploy" not in w.backend.calls


async def test_what_is_destroyed_stands_out_and_is_asked_about_once_more() -> None:
    script = Script(hostile=False, destroys=True)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        assert "2 to destroy" in w.text
        assert "DESTROY" in w.text
        assert "REPLACE" in w.text
        await w.press("ctrl+n")
        assert isinstance(w.app.screen, Confirm)
        await w.press("enter")
        assert "deploy" not in w.backend.calls, "the harmless answer has the focus"
        await w.press("ctrl+n", "tab", "enter")
        assert "deploy" in w.backend.calls


async def test_the_review_names_the_step_that_is_not_finished() -> None:
    async with wizard("review", answers=Answers()) as w:
        assert "Stages: select at least one stage" in w.text
        await w.press("ctrl+n")
        assert "deploy" not in w.backend.calls


@SIZES
async def test_from_review_to_the_proof_without_another_key(size: tuple[int, int]) -> None:
    async with wizard("review", size=size, answers=READY, token=True) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.state.at == "proof", 15)
        await settle(w.pilot)
        assert "A request travels from your API to the node in 1.3s." in w.text
        assert "12:04:31.220" in w.text
        await w.press("ctrl+n")
        assert w.app.return_value == 0


async def test_a_failure_says_what_why_and_next_and_retry_goes_on() -> None:
    script = Script(hostile=False, fail={"deploy": deploy_error()})
    async with wizard("review", answers=READY, token=True, script=script, size=(120, 36)) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.state.run.ended))
        await settle(w.pilot)
        for words in ("AWS refused to create the load balancer", "AccessDenied", "then Retry",
                      "Support bundle", "Undo", "Problems (1)"):  # fmt: skip
            assert words in w.text
        await w.press("t")
        await until(w.pilot, lambda: "proof" in w.app.state.run.done)
        assert w.backend.calls.count("deploy") == 2


async def test_stopping_asks_first_and_then_stops_gracefully() -> None:
    import threading

    script = Script(hostile=False, hold=threading.Event())
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.pilot.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.state.run.progress
                                          and w.app.state.run.progress.running))  # fmt: skip
        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("enter")
        await w.pilot.pause()
        assert "cancel" not in w.backend.calls, "Keep going has the focus"
        await w.pilot.press("c")
        await w.pilot.pause()
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: bool(w.app.state.run.ended))
        assert "cancel" in w.backend.calls
        assert "harder" not in w.backend.calls
        assert "Terraform was stopped" in w.text


async def test_while_it_settles_the_number_is_told_and_only_a_typed_word_stops_it_at_once() -> None:
    import threading

    script = Script(hostile=False, hold=threading.Event(), settles=False)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.pilot.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.state.run.progress
                                          and w.app.state.run.progress.running))  # fmt: skip
        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: "cancel" in w.backend.calls)
        await until(w.pilot, lambda: "2 resources still settling" in w.text)

        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, TypedConfirm))
        assert "2 resources still settling" in w.text
        await w.pilot.press(*"yes", "enter")
        await until(w.pilot, lambda: not isinstance(w.app.screen, TypedConfirm))
        assert "harder" not in w.backend.calls

        await w.pilot.press("c")
        await until(w.pilot, lambda: isinstance(w.app.screen, TypedConfirm))
        await w.pilot.press(*"kill", "enter")
        await until(w.pilot, lambda: "harder" in w.backend.calls)
        await until(w.pilot, lambda: bool(w.app.state.run.ended))


async def test_quitting_during_the_deployment_asks_and_ends_with_130() -> None:
    import threading

    script = Script(hostile=False, hold=threading.Event())
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.pilot.press("ctrl+n")
        await until(w.pilot, lambda: w.app.state.run.busy)
        await w.pilot.press("ctrl+q")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: w.app._exit)
    assert w.app.return_value == 130


async def test_one_stage_can_be_put_back() -> None:
    script = Script(hostile=False, failing_stage=2)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: w.app.state.at == "logging" and bool(w.app.state.run.ended))
        await settle(w.pilot)
        assert "1 failed" in w.text
        assert "ConflictException" in w.text
        await w.press("u", "tab", "enter")
        assert "undo_stage" in w.backend.calls
        assert "1 of 3 stages switched on, 1 put back, 1 failed" in w.text
        assert int(w.app.state.run.exit_code) == 1


async def test_a_stage_that_failed_is_not_left_behind_and_is_tried_again_alone() -> None:
    script = Script(hostile=False, failing_stage=2)
    async with wizard("review", answers=READY, token=True, script=script) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.state.run.ended))
        await settle(w.pilot)
        assert w.app.state.at == "logging"
        await w.press("u", "tab", "enter")
        assert w.app.state.at == "logging"
        assert "modification. Please try again later." in " ".join(w.text.split())
        await w.press("t")
        await until(w.pilot, lambda: w.app.state.at == "proof" and not w.app.state.run.busy)
        assert w.backend.tried == [(), (READY.stages[2],)]
        assert w.backend.calls.count("prove") == 2
        assert int(w.app.state.run.exit_code) == 0
        w.app.go("logging")
        await settle(w.pilot)
        assert "2 of 3 stages switched on, 1 put back" in w.text
        assert "Retry" not in w.text


def _paste(text: str) -> object:
    from textual.events import Paste

    return Paste(text)


async def test_undo_takes_away_what_was_made_and_back_plans_anew() -> None:
    script = Script(hostile=False, fail={"deploy": deploy_error()})
    async with wizard("review", answers=READY, token=True, script=script, size=(120, 36)) as w:
        await w.press("ctrl+n")
        await until(w.pilot, lambda: bool(w.app.state.run.ended))
        await settle(w.pilot)
        await w.pilot.click("#undo")
        await until(w.pilot, lambda: isinstance(w.app.screen, Confirm))
        await w.press("tab", "enter")
        await until(w.pilot, lambda: "undo" in w.app.state.run.done and not w.app.state.run.busy)
        await settle(w.pilot)
        assert "What was made is taken away" in w.text
        await w.press("escape")
        assert w.app.state.at == "review"
        assert w.backend.calls.count("review") == 2
        assert "Deploy 39 resources" in w.text
