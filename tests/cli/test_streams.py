"""Closed streams, small encodings, a full disk behind a pipe: nothing crashes, data stays whole."""

from __future__ import annotations

import ast
import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.typed import Typed
from wizard import cli
from wizard.cli.console import put, put_json

ODD = "Zahlungen – déjà 🚀 \udcff"
COMMAND = f"{shlex.quote(sys.executable)} -m wizard.cli"


def shell(line: str, tmp_path: Path, **env: str) -> subprocess.CompletedProcess[bytes]:
    """A command line as somebody types it, `wallarm-apigw` in it ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM", "LC_"))}
    return subprocess.run(
        ["bash", "-c", line.replace("wallarm-apigw", COMMAND)],
        env={**kept, "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true", **env},
        capture_output=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "wallarm-apigw answers <&-",
        "wallarm-apigw answers >&-",
        "wallarm-apigw answers 2>&-",
        "wallarm-apigw answers <&- >&- 2>&-",
        "wallarm-apigw --version >&-",
        "wallarm-apigw --help 2>&- <&-",
    ],
)
def test_a_command_that_does_its_work_does_it_with_closed_streams(
    line: str, tmp_path: Path
) -> None:
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "line",
    [
        "wallarm-apigw <&-",
        "wallarm-apigw <&- >&- 2>&-",
        "wallarm-apigw install <&- 2>&-",
        "wallarm-apigw nonsense 2>&-",
    ],
)
def test_a_command_that_cannot_ask_says_so_by_its_exit_code(line: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert done.returncode == 2, done.stderr


def test_no_file_of_ours_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    program = (
        "import os, sys; from wizard.cli import main\n"
        "main(['answers'])\n"
        "found = [os.readlink(f'/proc/self/fd/{n}') for n in range(3)]\n"
        "open(sys.argv[1], 'w').write(' '.join(found))\n"
    )
    out = tmp_path / "found"
    line = shlex.join([sys.executable, "-c", program, str(out)])
    assert shell(f"{line} <&- >&- 2>&-", tmp_path).returncode == 0
    assert out.read_text() == "/dev/null /dev/null /dev/null"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252", "ascii:strict"])
def test_answers_are_json_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    line = f"wallarm-apigw install --set {shlex.quote('region=Zürich–')} --dry-run --json"
    done = shell(line, tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 2
    for text in done.stdout.decode("utf-8").splitlines():
        assert "Zürich–" in json.loads(text)["what"]


@pytest.mark.parametrize("variables", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}])
def test_no_help_text_or_error_needs_more_than_ascii(
    variables: dict[str, str], tmp_path: Path
) -> None:
    for line in ("wallarm-apigw --help", "wallarm-apigw answers --reference",
                 "wallarm-apigw doctor --list", "wallarm-apigw completion bash"):  # fmt: skip
        assert shell(line, tmp_path, **variables).returncode == 0
    done = shell("wallarm-apigw install --region nowhere-1", tmp_path, **variables)
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_says_the_same_whatever_can_be_shown(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with out.open("w", encoding=encoding) as file:
        monkeypatch.setattr(sys, "stdout", file)
        put_json({"name": ODD})
        put(json.dumps({"name": ODD}, ensure_ascii=False, indent=1), "json")
    text = out.read_bytes().decode("utf-8")
    first, _, rest = text.partition("\n")
    assert json.loads(first) == json.loads(rest) == {"name": ODD}
    assert ("déjà" in text) == (encoding == "utf-8"), "escaped only where it has to be"


def test_xml_says_the_same_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    with out.open("w", encoding="latin-1") as file:
        monkeypatch.setattr(sys, "stdout", file)
        put('<?xml version="1.0" encoding="UTF-8"?>\n<a b="déjà">🚀</a>', "xml")
    found = ElementTree.fromstring(out.read_bytes())
    assert (found.get("b"), found.text) == ("déjà", "🚀")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", ["answers", "answers --reference", "--version", "--help"])
def test_what_cannot_be_written_is_no_success(command: str, tmp_path: Path) -> None:
    done = shell(f"wallarm-apigw {command} >/dev/full", tmp_path)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.parametrize(
    "line",
    ["wallarm-apigw answers | true", "wallarm-apigw nonsense 2>&1 | true",
     "wallarm-apigw --help | head -1"],
)  # fmt: skip
def test_a_reader_that_leaves_early_is_no_error_to_talk_about(line: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert done.stderr == b""


def test_every_command_writes_its_data_through_the_one_place_that_can() -> None:
    bare = []
    for path in sorted(Path(cli.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id == "print":
                bare += [] if [k for k in node.keywords if k.arg == "file"] else [path.name]
    assert bare == ["console.py"], "`put` and nobody else prints to standard output"


@pytest.mark.parametrize("which", ["stdin", "stdout", "stderr"])
def test_screens_that_nobody_would_see_are_not_drawn(which: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    said = tmp_path / "said"
    try:
        with said.open("w+") as file:
            streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
            done = subprocess.run(
                [sys.executable, "-m", "wizard.cli"], **{**streams, which: file, "stderr": file},
                env={**os.environ, "HOME": str(tmp_path), "TERM": "xterm"}, check=False,
                timeout=60,
            )  # fmt: skip
    finally:
        os.close(theirs)
        os.close(ours)
    assert done.returncode == 2
    assert "The guided install needs a terminal" in said.read_text()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_the_screens_are_drawn_in_a_terminal_of_few_letters(encoding: str, tmp_path: Path) -> None:
    with Typed({**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path),
                "PYTHONIOENCODING": encoding, "TERM": "xterm", "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}) as typed:  # fmt: skip
        typed.until(b"What happens")
        typed.type("\x11")
        assert typed.end() is not None
        assert b"Traceback" not in typed.said
