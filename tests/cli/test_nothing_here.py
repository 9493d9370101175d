"""In an account where nothing was deployed every command says so, and leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wizard.cli import main
from wizard.sandbox import Sandbox

COMMANDS = (
    "status",
    "doctor",
    "stages list",
    "uninstall --dry-run",
    "uninstall --yes --non-interactive",
    "redrive --yes --non-interactive",
    "prove --non-interactive",
    "node-dialect --yes --non-interactive",
    "rotate-token --yes --non-interactive",
    "stages add {stage} --yes --non-interactive",
    "stages remove {stage} --yes --non-interactive",
    "stages reconcile --dry-run",
    "support-bundle --yes --file {file}",
)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.start() as it:
        yield it


@pytest.mark.parametrize("command", COMMANDS)
def test_it_says_that_nothing_is_there_and_makes_no_workspace(
    box: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ})
    for name, value in {**box.env, "HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    words = command.format(stage=box.sample_stages[0], file=tmp_path / "bundle.zip")
    code = main(words.split())
    told = capsys.readouterr()
    assert code in (0, 1, 2), told.err
    assert "unexpected" not in (told.out + told.err).lower()
    if code == 1 and "doctor" not in command:
        assert "No deployment named api-gw-discovery was found in 123456789012" in told.err
        assert "`wallarm-apigw install` deploys it" in told.err
        assert "where it stopped" not in told.err
    left = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert left == [], "a look leaves no file"
