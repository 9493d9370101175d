"""What is typed wrongly, pasted carelessly or set aside: nothing is lost, nothing is in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.events import Paste
from textual.widgets import Input

from tests.ui.acting import SIZES, Session, wizard
from tests.ui.scenes import CHOSEN, settle, until
from tests.ui.script import TOKEN
from wizard.core.answers.model import Answers
from wizard.core.secret import Secret
from wizard.ui.unanswered import LABELS
from wizard.ui.widgets.fields import Field
from wizard.ui.widgets.rows import Rows

READY = Answers(stages=CHOSEN)
# Every text field by its step: something wrong, and what is said then.
FIELDS = {
    "logs": {"log_retention_days": ("8", "8 is not, 7 is")},
    "wallarm": {
        "wallarm_api_host": ("https://api.wallarm.com/", "without https://"),
        "token": ("abc", "must have 64 characters; this one has 3"),
        "node_group": ("two words", "letters, digits, dot, dash"),
        "x_wallarm_application_id": ("0", "must be -1 (default application)"),
    },
    "node": {
        "node_count": ("17", "must be between 1 and 16"),
        "node_tag": ("0.20.1", "must be 0.21.0 or newer"),
        "node_dns_name": ("wallarm node!", "a record name"),
    },
    "options": {
        "name_prefix": ("x" * 39, "is 39 characters long; at most 38"),
        "tags": ("aws:team=x", "names may not start with aws:"),
        "permissions_boundary": ("boundary", "must be the ARN of an IAM policy"),
        "state_bucket": ("A", "a bucket name of 3 to 63"),
    },
}


async def shown(w: Session, words: str) -> None:
    """Wait until these words stand on the screen, wherever their lines end."""
    wanted = " ".join(words.split())
    await until(w.pilot, lambda: wanted in " ".join(w.text.split()))


@SIZES
@pytest.mark.parametrize("step", FIELDS)
async def test_a_rule_stands_beside_its_field_before_and_after_it_is_broken(
    step: str, size: tuple[int, int]
) -> None:
    async with wizard("welcome", size=size, answers=READY) as w:
        w.app.session.choices.cloud, w.app.session.choices.secure = "custom", "https"
        w.app.go(step)
        await settle(w.pilot)
        before = w.answers
        for key, (text, said) in FIELDS[step].items():
            field = w.app.screen.query_one(f"#field-{key}", Field)
            field.input.focus()
            assert field.rule
            await shown(w, field.rule)
            field.input.value = text
            await shown(w, said)
        assert w.answers == before, "what is wrong is no answer"
        await w.press("ctrl+n")
        assert w.app.session.at == step
        first = next(iter(FIELDS[step]))
        assert w.app.screen.focused is w.app.screen.query_one(f"#{first}"), "Next leads there"
        assert LABELS[first].lower() in w.told[-1].lower()
        w.app.go("welcome")
        await settle(w.pilot)
        w.app.go(step)
        await settle(w.pilot)
        for key, (text, _) in FIELDS[step].items():
            assert w.app.screen.query_one(f"#{key}", Input).value == text, "nothing typed is lost"


@pytest.mark.parametrize(
    ("step", "key", "pasted", "meant"),
    [
        ("wallarm", "node_group", "  my-group \n", "my-group"),
        ("wallarm", "token", f" {TOKEN[:20]}\r\n{TOKEN[20:]}\n", TOKEN),
        ("options", "tags", " team=security,\n owner=jane \n", "team=security, owner=jane"),
        ("options", "permissions_boundary", "\tarn:aws:iam::aws:policy/ReadOnlyAccess\n\n",
         "arn:aws:iam::aws:policy/ReadOnlyAccess"),
    ],
    ids=["group", "token", "tags", "arn"],
)  # fmt: skip
async def test_pasted_spaces_and_line_breaks_are_taken_off(
    step: str, key: str, pasted: str, meant: str
) -> None:
    async with wizard(step, answers=READY) as w:
        box = w.app.screen.query_one(f"#{key}", Input)
        box.value = ""
        box.focus()
        await settle(w.pilot)
        w.app.post_message(Paste(pasted))
        await settle(w.pilot)
        assert box.value == meant


async def test_a_pasted_token_replaces_the_one_before() -> None:
    async with wizard("wallarm", answers=READY, token=True) as w:
        w.app.screen.query_one("#token").focus()
        w.app.post_message(Paste(TOKEN[::-1] + "\n"))
        await settle(w.pilot)
        assert w.app.session.token == Secret(TOKEN[::-1])


async def test_a_field_that_is_not_asked_any_more_stops_nobody() -> None:
    async with wizard("node", answers=READY, token=True, every=True) as w:
        await w.press("down", "tab")
        await w.type("http:")
        await w.press("ctrl+n")
        assert w.app.session.at == "node"
        assert w.told[-1] == "Node address: see the field."
        w.app.screen.query_one("#where").focus()
        await w.press("up", "ctrl+n")
        assert w.app.session.at == "options"
        await w.press("escape", "escape")
        w.app.screen.query_one("#where").focus()
        await w.press("down")
        assert w.app.screen.query_one("#node_url", Input).value == "http:"


async def test_a_choice_that_is_made_again_brings_its_answers_back() -> None:
    async with wizard("node", answers=READY, token=True, size=(120, 45)) as w:
        w.app.screen.query_one("#network").focus()
        await w.press("down")
        assert w.problem("node") == "pick a VPC"
        w.app.screen.query_one("#vpcs ItemRows", Rows).focus()
        await w.press("space")
        for name in ("#private", "#public"):
            w.app.screen.query_one(f"{name} ItemRows", Rows).focus()
            await w.press("space", "down", "space")
        w.app.screen.query_one("#secure").focus()
        await w.press("down")
        assert w.problem("node") == "pick a hosted zone"
        w.app.screen.query_one("#zones ItemRows", Rows).focus()
        await w.press("space")
        w.app.screen.query_one("#node_dns_name").focus()
        await w.type("wallarm-node")
        chosen = w.answers
        for name, there, back in (("#network", "up", "down"), ("#secure", "up", "down"),
                                  ("#where", "down", "up")):  # fmt: skip
            w.app.screen.query_one(name).focus()
            await w.press(there)
            await w.press(back)
            asked = replace(chosen, node_place=w.answers.node_place)  # by now somebody chose it
            assert w.answers == asked, name
        assert w.answers.node_place == "ecs"


async def test_an_address_with_its_scheme_is_understood() -> None:
    async with wizard("node", answers=READY, token=True) as w:
        await w.press("down", "tab")
        w.app.post_message(Paste(" http://node.acme.internal:8080/\n"))
        await settle(w.pilot)
        assert (w.answers.node_url, w.answers.node_scheme) == ("node.acme.internal:8080", "http")
        assert w.app.screen.query_one("#node_url", Input).value == "node.acme.internal:8080"
        assert w.problem("node") == ""
