"""What `node-dialect` says and when it writes: only what a person, or `--adopt`, agreed to."""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wizard.cli import node as command
from wizard.cli.inputs import load_answers
from wizard.cli.options import parse
from wizard.core.answers.model import Answers
from wizard.core.events import State
from wizard.core.node.dialect import CANDIDATES, Dialect, Tried
from wizard.core.node.verdicts import Grasp
from wizard.flows import node
from wizard.services.aws.forwarder import ProbeAnswer


class Search:
    """A search whose node understands the candidates named."""

    def __init__(self, states: dict[str, State]) -> None:
        self.states = states
        self.answers = Answers(region="eu-central-1")
        self.tried: list[str] = []
        self.adopted: list[str] = []

    def look(self) -> ProbeAnswer:
        return ProbeAnswer(known=True, url="node:5050", dialect={"style": "two-messages"})

    def attempt(self, candidates: tuple[Dialect, ...]) -> tuple[Tried, ...]:
        self.tried += [one.name for one in candidates]
        return tuple(
            Tried(one, Grasp(self.states.get(one.name, State.FAILED), None, None, "said"), (200,))
            for one in candidates
        )

    def adopt(self, dialect: Dialect) -> None:
        self.adopted.append(dialect.name)


def run(monkeypatch: pytest.MonkeyPatch, search: Search, *names: str, **options: Any) -> int:
    @contextmanager
    def opened(*_: Any) -> Iterator[Search]:
        yield search

    monkeypatch.setattr(node, "open_search", opened)
    monkeypatch.setattr(command, "load_answers", lambda *_: search.answers)
    given = {"dialect": list(names), "list": False, "adopt": False, "yes": True, "json": False}
    return command.dialect(argparse.Namespace(**{**given, **options}))


def test_the_list_marks_what_takes_another_products_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.dialect(argparse.Namespace(list=True, dialect=[])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(CANDIDATES)
    assert sum("in the name of" in line for line in lines) == 6


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({"multipart": State.DONE}, 0),
        ({"multipart": State.WARNING}, 0),
        ({}, 1),
        ({"default": State.UNCHECKED, "multipart": State.UNCHECKED}, 3),
    ],
)
def test_the_exit_code_says_whether_one_was_understood(
    monkeypatch: pytest.MonkeyPatch, states: dict[str, State], code: int
) -> None:
    search = Search(states)
    assert run(monkeypatch, search, "default", "multipart") == code
    assert (search.tried, search.adopted) == (["default", "multipart"], [])


def test_yes_is_no_answer_to_whether_the_answers_are_to_be_changed_but_adopt_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    search = Search({"multipart": State.DONE})
    run(monkeypatch, search, "multipart")
    assert search.adopted == []
    assert '"forwarder_environment": {"X_NODE_STYLE": "multipart"}' in capsys.readouterr().err
    run(monkeypatch, search, "multipart", adopt=True)
    assert search.adopted == ["multipart"]


def test_what_the_answers_say_already_is_not_written_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search = Search({"default": State.DONE})
    assert run(monkeypatch, search, "default", adopt=True) == 0
    assert search.adopted == []


def test_a_dry_run_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Search({})
    assert run(monkeypatch, search, dry_run=True) == 0
    assert search.tried == []


def test_with_json_every_try_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, Search({"multipart": State.DONE}), "default", "multipart", json=True)
    (found,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert found["understood"] == "multipart"
    assert [one["state"] for one in found["tried"]] == ["failed", "done"]
    assert found["tried"][1]["forwarder_environment"] == {"X_NODE_STYLE": "multipart"}


def test_where_none_is_understood_a_bundle_that_lies_here_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as archive:
        code = '"X_NODE_URL X_NODE_SCHEME"\ndef lambda_handler(e, c): ...\n'
        archive.writestr("cw-resend-lambda/lambda_function.py", code)
    monkeypatch.setenv("XDG_DOWNLOAD_DIR", str(tmp_path))
    assert run(monkeypatch, Search({}), "default") == 1
    assert f"lambda_package={tmp_path / 'bundle.zip'}" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["multipart"], ["--adopt"], ["multipart", "--list"]])
def test_its_options_leave_the_answers_to_be_read_as_ever(words: list[str], tmp_path: Path) -> None:
    options = parse(["node-dialect", *words, "--workspace", str(tmp_path)], "1")
    env = {"HOME": str(tmp_path), "AWS_REGION": "eu-central-1"}
    assert load_answers(options, env, ask_aws=False).region == "eu-central-1"
