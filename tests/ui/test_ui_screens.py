"""Each screen does its job, at 80x24 and at 120x36, on scripted services."""

from __future__ import annotations

import re

import pytest

from tests.ui.acting import READY, SIZES, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import TOKEN, Script
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.events import State
from wizard.core.known_deployment import KnownDeployment
from wizard.core.secret import Secret
from wizard.services.aws.regions import RegionApis
from wizard.ui.screens.aws import describe_region
from wizard.ui.screens.dialogs import AskCode
from wizard.ui.widgets.picklist import PickList
from wizard.ui.widgets.rows import Rows


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
    existing = (KnownDeployment("api-gw-discovery", "123456789012", "us-east-1", 52, 0.0),)
    async with wizard(script=Script(existing=existing)) as w:
        assert "What would you like to do?" in w.text
        assert "api-gw-discovery in us-east-1 is deployed" in w.text
        await w.press("ctrl+n")
        assert "Which further stages should Wallarm learn from?" in w.text


async def test_picking_a_profile_takes_its_region_and_asks_aws_again() -> None:
    async with wizard("aws") as w:
        before = w.product.calls.count("identity")
        await w.press("down", "down", "space")
        assert w.answers.profile == "acme-staging"
        assert w.answers.region == "eu-central-1"
        assert w.product.calls.count("identity") == before + 1
        assert "eu-central-1" in w.text.splitlines()[0]


@SIZES
async def test_beside_each_region_stands_what_it_has_or_why_that_is_not_known(
    size: tuple[int, int],
) -> None:
    async with wizard("aws", size=size) as w:
        for words in ("no APIs", "12 APIs", "24 APIs, 1 connected", "Reading the APIs"):
            assert words in w.text, words
        assert re.search(r"counted \d+s ago", w.text)
        asked = w.product.calls.count("count_regions")
        w.app.screen.query_one("#regions ItemRows").focus()
        await w.press("down", "down", "space")
        assert w.answers.region == "us-west-1"
        assert w.product.calls.count("count_regions") == asked, "another Region changes no count"
        assert "24 APIs, 1 connected" in w.text
        await w.press("down")
        assert "us-west-2: Reading the APIs failed. AccessDenied: not authorized" in w.text
        await w.press("r")
        assert w.product.calls.count("count_regions") == asked + 1
        await w.press("shift+tab", "shift+tab", "down", "space")
        assert w.answers.profile
        assert w.product.calls.count("count_regions") == asked + 2, "another account has others"


async def test_counting_the_regions_holds_nothing_up() -> None:
    error = WizardError("WAG-E-TEST-001", "AWS does not list its Regions", why="Denied.")
    async with wizard("aws", script=Script(hostile=False, fail={"count_regions": error})) as w:
        assert "not counted: AWS does not list" in w.text
        w.app.screen.query_one("#regions ItemRows").focus()
        await w.press("down", "space")
        assert w.answers.region == "us-east-2"
        await w.press("ctrl+n")
        assert w.app.session.at == "stages"


async def test_an_expired_sso_login_is_explained_and_can_be_renewed_here() -> None:
    error = WizardError("WAG-E-AWS-005", "The SSO login has ended", next_step="Log in.")
    answers = Answers(profile="acme-prod")
    async with wizard("aws", script=Script(fail={"identity": error}), answers=answers) as w:
        assert "The SSO login has ended" in w.text
        assert "log in to AWS first" in w.text
        await w.press("l")
        assert "sso_login" in w.product.calls
        assert "✓ Account" in w.text


async def test_an_mfa_code_is_asked_for_in_a_dialog() -> None:
    async with wizard("aws", script=Script(mfa=True)) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, AskCode))
        await w.press("1", "2", "3", "enter")
        assert isinstance(w.app.screen, AskCode), "three digits are no code"
        await w.press("4", "5", "6", "enter")
        await until(w.pilot, lambda: w.app.account.identity.value is not None)
        assert "mfa 123456" in w.product.calls


async def test_quitting_while_mfa_is_asked_does_not_hang() -> None:
    async with wizard("aws", script=Script(mfa=True)) as w:
        await until(w.pilot, lambda: isinstance(w.app.screen, AskCode))
        w.app.leave()


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
        assert w.app.session.token == Secret(TOKEN)
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
        assert w.app.session.at == "wallarm"


async def test_an_existing_vpc_needs_its_subnets() -> None:
    async with wizard("node", answers=READY, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#network").focus()
        await w.press("down")
        w.app.screen.query_one("#vpcs ItemRows", Rows).focus()
        await w.press("space")
        assert w.answers.vpc_id == "vpc-0a1b2c3d4e5f60718"
        assert w.problem("node")
        for name in ("#private", "#public"):
            w.app.screen.query_one(f"{name} ItemRows", Rows).focus()
            await w.press("space", "down", "space")
        assert len(w.answers.public_subnet_ids) == 2
        assert w.problem("node") == ""


async def test_https_takes_a_zone_and_a_record() -> None:
    async with wizard("node", answers=READY, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#secure").focus()
        await w.press("down")
        w.app.screen.query_one("#zones ItemRows", Rows).focus()
        await w.press("space")
        assert w.problem("node") == "enter the DNS record"
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
        assert w.app.session.at == "options"
        assert "Bad_Prefix" in w.text
        assert "✗ must be" in w.text


def _paste(text: str) -> object:
    from textual.events import Paste

    return Paste(text)


@pytest.mark.parametrize(
    ("found", "busy", "counted", "words"),
    [
        (None, True, False, "counting"),
        (None, False, False, ""),
        (None, False, True, "not enabled"),
        (RegionApis("r", 0, connected=0), False, True, "no APIs"),
        (RegionApis("r", 1, connected=0), False, True, "1 API"),
        (RegionApis("r", 12, connected=3), True, False, "12 APIs, 3 connected"),
        (RegionApis("r", problem="refused"), False, True, "refused"),
        (RegionApis("r", 12, "refused"), False, True, "12 APIs; stages: refused"),
    ],
)
def test_a_region_is_told_in_a_few_words(
    found: RegionApis | None, busy: bool, counted: bool, words: str
) -> None:
    assert describe_region(found, busy=busy, counted=counted) == words
