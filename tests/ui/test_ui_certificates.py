"""HTTPS between forwarder and node: a certificate made for it, or one picked from a list."""

from __future__ import annotations

from tests.ui.acting import SIZES, Session, wizard
from tests.ui.scenes import settle
from tests.ui.script import Script
from tests.ui.scripted_account import HOSTILE, certificates
from tests.ui.test_ui_screens import READY
from wizard.core.errors import WizardError
from wizard.core.facts import Certificate
from wizard.ui.screens import node_certificates
from wizard.ui.session import Loaded
from wizard.ui.widgets.fields import Choices
from wizard.ui.widgets.picklist import PickList
from wizard.ui.widgets.rows import Rows

WILD, IMPORTED, OTHER, PRIVATE, STRANGE = certificates("us-east-1")
NAMED = READY.with_(r53_domain_name="acme.example", node_dns_name="wallarm-node")


def rows(w: Session) -> list[str]:
    return [item.title for item in w.app.screen.query_one("#certificates", PickList).items]


async def go_to_the_list(w: Session) -> None:
    w.app.screen.query_one("#certificates ItemRows", Rows).focus()
    await settle(w.pilot)


@SIZES
async def test_the_list_holds_those_for_the_nodes_name_and_a_new_one_is_the_default(
    size: tuple[int, int],
) -> None:
    async with wizard("node", answers=NAMED, token=True, size=size) as w:
        await go_to_the_list(w)
        assert rows(w) == ["make one for me", "wallarm-node.acme.example", "*.acme.example +1"]
        assert "● make one for me" in w.text
        assert "*.acme.example +1" in w.text
        assert "expires 2027-03-01" in w.text
        assert "expires 2027-01-02, imported" in w.text
        assert "Certificate for wallarm-node.acme.example" in w.text
        await w.press("down", "down", "space")
        assert w.answers.certificate_arn == WILD.arn
        assert w.problem("node") == ""
        await w.press("up", "up", "space")
        assert w.answers.certificate_arn == ""


async def test_the_list_follows_zone_and_record_as_they_are_given() -> None:
    async with wizard("node", answers=READY, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#secure").focus()
        await w.press("down")
        await go_to_the_list(w)
        assert rows(w) == ["make one for me"]
        assert "yours are listed once zone and record are known" in w.text
        w.app.screen.query_one("#zones ItemRows", Rows).focus()
        await w.press("space")
        w.app.screen.query_one("#node_dns_name").focus()
        await w.type("a")
        assert rows(w) == ["make one for me", "*.acme.example +1"]
        await w.type(".node")
        await go_to_the_list(w)
        assert rows(w) == ["make one for me"]
        assert "none of yours is for a.node.acme.example" in w.text
        assert w.product.calls.count("certificates") == 1, "AWS is asked once"


async def test_a_picked_one_that_is_not_for_the_new_name_stays_and_says_why() -> None:
    answers = NAMED.with_(certificate_arn=IMPORTED.arn)
    async with wizard("node", answers=answers, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#node_dns_name").focus()
        await w.type("x")
        await go_to_the_list(w)
        assert w.answers.certificate_arn == IMPORTED.arn
        assert "wallarm-node.acme.example   not for wallarm-nodex.acme.example" in w.text
        assert w.problem("node") == "pick another certificate"
        await w.press("ctrl+n")
        assert w.app.session.at == "node"
        await go_to_the_list(w)
        await w.press("home", "space")
        assert w.problem("node") == ""
        assert w.answers.certificate_arn == ""


async def test_one_that_the_account_does_not_have_any_more_is_not_dropped_in_silence() -> None:
    gone = WILD.arn.replace("11111111", "99999999")
    async with wizard(
        "node", answers=NAMED.with_(certificate_arn=gone), token=True, size=(120, 36)
    ) as w:
        await go_to_the_list(w)
        assert "99999999-aaaa" in w.text
        assert "not among your valid certificates here" in w.text
        assert w.problem("node") == "pick another certificate"


@SIZES
async def test_no_right_to_list_them_costs_the_list_and_not_the_step(
    size: tuple[int, int],
) -> None:
    denied = WizardError(
        "WAG-E-AWS-007",
        "Reading the certificates failed: acm:ListCertificates is not allowed",
        why="AccessDeniedException: User jane is not authorized to perform: acm:ListCertificates",
        next_step="Give this principal the permission.",
    )
    script = Script(hostile=False, fail={"certificates": denied})
    answers = NAMED.with_(certificate_arn=WILD.arn)
    async with wizard("node", answers=answers, token=True, size=size, script=script) as w:
        await go_to_the_list(w)
        assert rows(w) == ["make one for me", "11111111-aaaa"], "the given one stays picked"
        assert w.problem("node") == ""
        w.app.screen.query_one("#certificates-failure").scroll_visible(animate=False)
        await settle(w.pilot)
        assert "acm:ListCertificates is not allowed" in " ".join(w.text.split())
        await w.press("ctrl+n")
        assert w.app.session.at == "review", "nothing else needs a person"


def test_while_they_are_read_it_says_so_and_the_step_can_be_left() -> None:
    answers, mine = NAMED.with_(certificate_arn=WILD.arn), Loaded[tuple[Certificate, ...]]()
    mine.begin(0.0)
    assert node_certificates.title(answers, mine) == "Certificate   reading yours"
    assert [row.value for row in node_certificates.items(answers, mine)] == ["", WILD.arn]
    assert node_certificates.problem(answers, mine) == ""
    mine.value = ()
    assert node_certificates.title(answers, mine) == (
        "Certificate   none of yours is for wallarm-node.acme.example"
    )
    assert node_certificates.problem(answers, mine) == "pick another certificate"


@SIZES
async def test_strange_names_are_shown_as_they_are(size: tuple[int, int]) -> None:
    async with wizard("node", answers=NAMED, token=True, size=size, script=Script()) as w:
        await go_to_the_list(w)
        await w.press("end", "space")
        assert w.answers.certificate_arn == STRANGE.arn
        assert HOSTILE[0][:12] in w.text


@SIZES
async def test_who_makes_the_record_is_asked_where_a_certificate_is_made(
    size: tuple[int, int],
) -> None:
    async with wizard("node", answers=NAMED, token=True, size=size) as w:
        w.app.screen.query_one("#record").focus()
        await settle(w.pilot)
        assert "DNS record that proves it to ACM" in w.text
        assert "● make it" in w.text
        await w.press("down")
        assert w.answers.certificate_validation_record is False
        assert "● it is there" in w.text
        assert "here or in another Region" in " ".join(w.text.split())
        await w.press("up")
        assert w.answers == NAMED


async def test_it_is_not_asked_where_it_does_not_matter() -> None:
    async with wizard("node", answers=READY, token=True, size=(120, 36)) as w:

        def shown() -> bool:
            both = {w.app.screen.query_one(name).display for name in ("#record", "#record-title")}
            assert len(both) == 1, "the question and its title"
            return both.pop()

        assert not shown(), "HTTP"
        w.app.screen.query_one("#secure").focus()
        await w.press("down")
        assert not shown(), "no name yet, so no record"
        w.app.session.answer(r53_domain_name="acme.example", node_dns_name="wallarm-node")
        await settle(w.pilot)
        assert shown()
        w.app.session.answer(certificate_arn=IMPORTED.arn)
        await settle(w.pilot)
        assert not shown(), "a given certificate needs none"
        w.app.session.answer(certificate_arn="", certificate_validation_record=False)
        await settle(w.pilot)
        assert shown()
        assert w.app.screen.query_one("#record", Choices).value == node_certificates.THERE


async def test_the_answer_outlives_http_and_back() -> None:
    answers = NAMED.with_(certificate_validation_record=False)
    async with wizard("node", answers=answers, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#secure").focus()
        await w.press("up", "down")
        assert w.answers == answers


def test_one_of_yours_that_is_proved_by_the_same_record_is_named() -> None:
    mine = Loaded[tuple[Certificate, ...]]()
    host, arn = NAMED.node_host, WILD.arn
    for names, kind, says in (
        ((host,), "AMAZON_ISSUED", f"{host} of yours has it"),
        ((f"*.{host}",), "AMAZON_ISSUED", f"*.{host} of yours has it"),
        ((host,), "IMPORTED", "another certificate of this name has it"),
        (("*.acme.example",), "AMAZON_ISSUED", "another certificate of this name has it"),
    ):
        mine.value = (Certificate(arn, names, kind=kind),)
        make, there = node_certificates.record_choices(NAMED, mine)
        assert there.help.startswith(says)
        assert (make.value, there.value) == (node_certificates.MAKE, node_certificates.THERE)


async def test_http_puts_the_certificate_aside_and_https_brings_it_back() -> None:
    answers = NAMED.with_(certificate_arn=WILD.arn)
    async with wizard("node", answers=answers, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#secure").focus()
        await w.press("up")
        assert w.answers.certificate_arn == ""
        assert not w.app.screen.query_one("#certificates").display
        await w.press("down")
        assert w.answers == answers
        assert w.app.screen.query_one("#certificates", PickList).values == (WILD.arn,)


async def test_an_existing_node_needs_no_certificate() -> None:
    answers = NAMED.with_(certificate_arn=WILD.arn)
    async with wizard("node", answers=answers, token=True, size=(120, 36)) as w:
        w.app.screen.query_one("#where").focus()
        await w.press("down")
        w.app.screen.query_one("#node_url").focus()
        await w.type("node.example.com")
        assert w.problem("node") == ""


async def test_another_region_has_other_certificates() -> None:
    async with wizard("node", answers=NAMED, token=True, size=(120, 36)) as w:
        assert w.app.account.certificates.value
        w.app.session.answer(certificate_arn=WILD.arn, region="eu-west-1")
        assert w.app.account.certificates.value is None
        assert "a load balancer takes only" in w.problem("node")


@SIZES
async def test_the_review_says_which_certificate_is_used_and_that_it_stays(
    size: tuple[int, int],
) -> None:
    answers = NAMED.with_(certificate_arn=STRANGE.arn)
    async with wizard("review", answers=answers, token=True, size=size) as w:
        w.app.screen.query_one("#tree").focus()
        await w.press("end")
        assert f"Certificate {HOSTILE[0][:12]}" in w.text
        assert "yours, expires 2027-03-01; it stays" in w.text
