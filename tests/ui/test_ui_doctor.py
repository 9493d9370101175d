"""The checklist's screen: logs in place, pages of the console, copy and export; scripted."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from tests.ui.acting import SIZES, Session, deployed, wizard
from tests.ui.scenes import settle, until
from tests.ui.script import Script
from wizard.core.checks.model import Result
from wizard.core.errors import WizardError
from wizard.ui import terminal
from wizard.ui.screens import doctor_text
from wizard.ui.screens.dialogs import Agree, AskFile, Confirm, Details
from wizard.ui.screens.doctor import Doctor
from wizard.ui.widgets.log_pane import LogRows, unfolded
from wizard.ui.widgets.tree import TreeRows


async def look_again(w: Session) -> None:
    """What the screen does by itself every two seconds."""
    w.app.screen._follow()  # type: ignore[attr-defined]
    await settle(w.pilot)


@SIZES
async def test_the_four_logs_take_turns_with_the_evidence(size: tuple[int, int]) -> None:
    async with wizard("doctor", size=size) as w:
        for words in ("node registration done", '"received": 12', "5f0c1e2d",
                      "Nothing in api-gw-discovery-node in the last 15 minutes"):  # fmt: skip
            await w.press("l")
            await look_again(w)
            assert words in w.text
            assert "✗ WAG-LOG-005" in w.text, "the failure stays in sight"
        await w.press("l")
        assert "logs.DescribeSubscriptionFilters" in w.text
        assert w.product.calls.count("logs") == 1


async def test_a_log_goes_on_while_it_is_looked_at_and_no_line_comes_twice() -> None:
    async with wizard("doctor", size=(120, 36)) as w:
        await w.press("l")
        await look_again(w)
        w.product.followers[0].say("ERROR a new line")
        await look_again(w)
        await look_again(w)
        assert w.text.count("a new line") == 1
        assert w.text.count("node registration done") == 1
        await w.press("l", "l", "l", "l", "l")
        await look_again(w)
        assert w.text.count("node registration done") == 1, "still there when it is come back to"


@SIZES
async def test_a_log_is_searched_and_escape_leaves_the_field_then_the_search_then_the_screen(
    size: tuple[int, int],
) -> None:
    async with wizard("doctor", size=size) as w:
        await w.press("l")
        await look_again(w)
        await w.press("slash")
        await w.type("REGISTR")
        assert "node registration done" in w.text
        assert "listening on :5050" not in w.text
        assert "1 of 3 lines" in w.text
        await w.press("escape")
        assert w.app.focused is not None
        assert w.app.focused.id == "tail"
        assert "listening on :5050" not in w.text, "the search is still there"
        await w.press("escape")
        assert "listening on :5050" in w.text
        await w.press("slash")
        await w.type("zzz")
        assert "No line has that." in w.text
        await w.press("escape", "escape", "escape")
        assert w.app.session.at == "home"


@pytest.mark.parametrize(
    ("size", "keys"), [((80, 24), "/ find  p pause  w whole"), ((160, 45), "/ p w")]
)
async def test_a_logs_own_keys_stand_above_it_also_where_there_is_little_room(
    size: tuple[int, int], keys: str
) -> None:
    async with wizard("doctor", size=size) as w:
        await w.press("l")
        assert keys in w.text


async def test_a_paused_log_stands_still_and_tells_how_much_waits() -> None:
    async with wizard("doctor", size=(120, 36)) as w:
        await w.press("l")
        await look_again(w)
        await w.press("p")
        w.product.followers[0].say("ERROR one", "ERROR two")
        await look_again(w)
        assert "ERROR one" not in w.text
        assert "paused, 2 new: p goes on" in w.text
        await w.press("p")
        assert "ERROR one" in w.text
        assert "paused" not in w.text


async def test_a_log_has_the_whole_screen_until_escape_and_its_lines_are_copied() -> None:
    async with wizard("doctor") as w:
        await w.press("l")
        await look_again(w)
        await w.press("w")
        assert "WAG-LOG-005" not in w.text
        assert w.text.count("INFO") == 3
        await w.press("f", "t", "e")  # keys of the checklist, which nobody sees
        assert w.product.calls.count("fix_preview") == 0
        assert w.product.calls.count("diagnose") == 1
        await w.press("y")
        assert w.app.clipboard.splitlines()[-1].endswith("INFO listening on :5050")
        await w.press("escape")
        assert "WAG-LOG-005" in w.text
        assert w.app.session.at == "doctor"


@SIZES
async def test_a_line_of_json_takes_one_row_and_enter_unfolds_its_fields(
    size: tuple[int, int],
) -> None:
    async with wizard("doctor", size=size) as w:
        await w.press("l", "l", "l", "w")
        await look_again(w)
        assert w.text.count("▸") == 2
        await w.press("home", "enter")
        assert w.text.count("▾") == 1
        assert '"httpMethod": "GET",' in w.text
        assert '"responseLatency": "31"' in w.text
        await w.press("enter")
        assert '"httpMethod": "GET",' not in w.text


async def test_the_end_of_a_log_is_followed_and_a_line_that_is_read_stays_under_the_cursor() -> (
    None
):
    async with wizard("doctor") as w:
        await w.press("l")
        await look_again(w)
        tail = w.app.screen.query_one(LogRows)
        w.product.followers[0].say(*(f"line {n}" for n in range(40)))
        await look_again(w)
        assert tail.shown[tail.cursor].text == "line 39"
        await w.press("up", "up")
        w.product.followers[0].say("line 40")
        await look_again(w)
        assert tail.shown[tail.cursor].text == "line 37"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("nothing of it", ()),
        ("{not json", ()),
        ('{"a":1,"b":{"c":null}}', ("{", '  "a": 1,', '  "b": {', '    "c": null', "  }", "}")),
        ('[INFO] {"a":1} rest', ("[INFO]", "{", '  "a": 1', "}", "rest")),
        ('{"a":"\\u202e\\u001b[2J"}', ("{", '  "a": "\\u001b[2J"', "}")),
    ],
)
def test_json_is_unfolded_a_field_a_line_and_stays_harmless(
    text: str, parts: tuple[str, ...]
) -> None:
    assert unfolded(text) == parts


async def test_a_log_that_cannot_be_read_says_why() -> None:
    async with wizard("doctor") as w:
        w.product.followers[0].problem = "FilterLogEvents: AccessDeniedException: no [/identity]"
        await w.press("l")
        await look_again(w)
        assert "AccessDeniedException: no [/identity]" in w.text


async def test_where_no_log_can_be_found_the_reason_stands_in_its_place() -> None:
    error = WizardError("WAG-E-AWS-001", "The credentials ended", next_step="Log in again.")
    async with wizard("doctor", script=Script(hostile=False, fail={"logs": error})) as w:
        await w.press("l")
        assert "The credentials ended. Log in again." in w.text


@SIZES
async def test_hostile_log_lines_stay_text(size: tuple[int, int]) -> None:
    async with wizard("doctor", script=Script(), size=size) as w:
        await w.press("l", "l")
        await look_again(w)
        w.product.followers[1].say("x [/foo] [bold red]not \x1b[2J\u202e red")
        await look_again(w)
        assert "x [/foo] [bold red]not" in w.text
        for sign in ("\x1b", "\x07", "\u202e"):
            assert sign not in w.text


async def test_the_page_of_the_console_is_opened_or_its_address_handed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(terminal, "open_page", lambda url, env: opened.append(url) or False)
    async with wizard("doctor") as w:
        await w.press("o")
        (url,) = opened
        assert url.endswith("about=WAG-LOG-005")
        assert w.app.clipboard == url
        assert w.told == [f"Sent to the terminal's clipboard: {url}"]


@pytest.mark.parametrize(
    ("env", "platform", "program"),
    [
        ({}, "linux", ""),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "10.0.0.1 22"}, "linux", ""),
        ({"SSH_TTY": "/dev/pts/1"}, "darwin", ""),
        ({}, "darwin", "/usr/bin/open"),
        ({"DISPLAY": ":0", "PATH": "/nowhere"}, "linux", ""),
    ],
)
def test_a_browser_is_only_opened_where_the_person_sits(
    env: dict[str, str], platform: str, program: str
) -> None:
    assert terminal.opener(env, platform) == program


async def test_the_report_is_copied_as_the_command_prints_it() -> None:
    async with wizard("doctor") as w:
        await w.press("y")
        lines = w.app.clipboard.splitlines()
        assert lines[0].startswith("wallarm-apigw 1.0.0: api-gw-discovery in 123456789012")
        assert any(line.startswith("Root cause: WAG-LOG-005") for line in lines)


@pytest.mark.parametrize(
    ("name", "read"),
    [("r.txt", lambda t: "Root cause: WAG-LOG-005" in t),
     ("r.json", lambda t: json.loads(t)["root_cause"] == "WAG-LOG-005"),
     ("r.XML", lambda t: ElementTree.fromstring(t).tag == "testsuites")],
)  # fmt: skip
async def test_the_ending_of_the_files_name_says_in_which_format_the_report_is_exported(
    name: str, read: object
) -> None:
    async with wizard("doctor") as w:
        await w.press("e")
        assert isinstance(w.app.screen, AskFile)
        w.app.screen.query_one("#file").value = name  # type: ignore[attr-defined]
        await w.press("enter")
        assert w.product.exported[0] == name
        assert read(w.product.exported[1])  # type: ignore[operator]
        assert w.told == [f"Written to /home/jane/{name}"]


@SIZES
async def test_a_support_bundle_is_shown_and_written_only_when_a_person_agrees(
    size: tuple[int, int],
) -> None:
    async with wizard("doctor", script=Script(), size=size) as w:
        for answer, written in (("enter", False), ("tab", True)):
            await w.press("e")
            w.app.screen.query_one("#file").value = "b.zip"  # type: ignore[attr-defined]
            await w.press("enter")
            await until(w.pilot, lambda: isinstance(w.app.screen, Agree))
            await settle(w.pilot)
            assert "Write 2 redacted files to b.zip?" in w.text
            assert "WAG-LOG-005 x [/foo] [bold red]not bold[/]" in w.text
            w.app.screen.query_one("#keep").focus()
            await w.press(answer, *(["enter"] if written else []))
            assert ("write_bundle" in w.product.calls) is written
        assert w.product.bundle[1]["versions.txt"] == "wallarm-apigw 1.0.0\n"
        assert w.told == ["Written to /home/jane/b.zip"]


async def test_nothing_is_exported_when_the_question_is_left() -> None:
    async with wizard("doctor") as w:
        await w.press("e", "escape")
        assert "export" not in w.product.calls


@SIZES
async def test_enter_shows_a_check_whole_with_what_to_do(size: tuple[int, int]) -> None:
    async with wizard("doctor", size=size) as w:
        await w.press("enter")
        assert isinstance(w.app.screen, Details)
        text = " ".join(w.text.split())
        for words in ("[/found]", "Let the wizard put the subscription filter back",
                      "WAG-LOG-001, WAG-LOG-002", "console.aws.amazon.com"):  # fmt: skip
            assert words in text
        await w.press("c")
        assert w.app.clipboard.startswith("WAG-LOG-005  Does a subscription filter")


async def test_a_section_in_which_nothing_failed_is_not_called_by_the_complaint() -> None:
    async with wizard("doctor", size=(120, 60)) as w:
        assert "Logs do not reach the forwarder" in w.text
        assert "The node can be reached" in w.text
        await w.press("f")
        await w.pilot.press("tab", "enter")
        await until(w.pilot, lambda: w.product.calls.count("diagnose") == 2)
        await settle(w.pilot)
        assert "Logs reach the forwarder" in w.text


async def test_the_slow_check_waits_until_it_is_asked_for() -> None:
    async with wizard("doctor", size=(120, 36)) as w:
        w.app.screen.query_one(TreeRows).go(0)
        await w.press("enter")
        assert "t: run it" in w.text
        assert "WAG-LOC-007" not in findings(w)
        w.app.screen.query_one(TreeRows).go(7)
        await w.press("t")
        assert "WAG-LOC-007" in findings(w)


async def test_in_a_wide_terminal_the_evidence_stands_beside_the_tree() -> None:
    async with wizard("doctor", size=(160, 44)) as w:
        tree, side = w.app.screen.query_one("#tree").region, w.app.screen.query_one("#side").region
        assert side.x >= tree.right
        assert side.y == tree.y
        (line,) = [line for line in w.text.splitlines() if "Evidence" in line and "[" in line]
        assert "This machine" in line


def test_the_tally_names_what_is_wrong_and_does_not_count_out_what_is_well() -> None:
    assert doctor_text.tally([]) == "All 0 passed"


def findings(w: Session) -> dict[str, Result]:
    assert isinstance(w.app.screen, Doctor)
    return w.app.screen.findings


@SIZES
async def test_the_doctor_shows_the_first_failure_with_its_evidence(size: tuple[int, int]) -> None:
    async with wizard("doctor", script=deployed(), size=size) as w:
        assert "1 failed, 1 skipped" in w.text
        assert "✗ WAG-LOG-005" in w.text
        assert "because of WAG-LOG-005" in w.text
        assert "none [/found]" in w.text, "evidence is text, not markup"
        assert "f: fix it" in w.text


async def test_a_repair_is_previewed_and_asked_for_then_everything_is_looked_at_again() -> None:
    async with wizard("doctor", script=deployed()) as w:
        await w.press("f")
        assert isinstance(w.app.screen, Confirm)
        assert "Put the subscription filter" in w.text
        assert "fix" not in w.product.calls
        await w.press("tab", "enter")
        await until(w.pilot, lambda: w.product.calls.count("diagnose") == 2)
        await settle(w.pilot)
        assert "Nothing is broken." in w.text


async def test_one_check_can_be_run_alone() -> None:
    async with wizard("doctor", script=deployed()) as w:
        before = dict(findings(w))
        await w.press("t")
        assert w.product.calls.count("diagnose") == 2
        assert len(findings(w)) == len(before)


async def test_sections_open_and_close() -> None:
    async with wizard("doctor", script=deployed()) as w:
        w.app.screen.query_one(TreeRows).go(0)
        await w.press("enter")
        assert "WAG-LOC-001" in w.text
        await w.press("enter")
        assert "WAG-LOC-001" not in w.text


async def test_there_is_no_fix_where_nothing_is_broken() -> None:
    async with wizard("doctor", script=deployed()) as w:
        w.app.screen.query_one(TreeRows).go(0)
        await w.press("f")
        assert "fix_preview" not in w.product.calls
