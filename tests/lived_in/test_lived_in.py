"""The museum of machines that people have lived in: the real command, run on each of them."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.lived_in.setting import ROOM, complaints, live, parse, settings
from tests.services.aws.test_aws_assumed import role_of
from wizard.sandbox import Sandbox


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.start() as it:
        role_of("444444444444", it.endpoint_url, "r")
        yield it


def _about(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _rooms() -> list[Any]:
    """Every setting; those of a kind are tried in one process, with one sandbox."""
    return [
        pytest.param(path, marks=pytest.mark.xdist_group(f"lived_in {path.parent.name}"))
        for path in settings()
    ]


@pytest.mark.parametrize("path", _rooms(), ids=_about)
def test_the_command_says_what_this_machine_needs(path: Path, box: Sandbox, tmp_path: Path) -> None:
    found = parse(_about(path), path.read_text(encoding="utf-8"))
    if "{terraform}" in path.read_text(encoding="utf-8") and shutil.which("terraform") is None:
        if os.environ.get("REQUIRE_E2E") == "1":
            pytest.fail("Terraform is required here and was not found")
        pytest.skip("Terraform was not found")
    env = {k: v for k, v in os.environ.items() if k not in box.unset}
    env |= box.env | {"NO_COLOR": "1", "XDG_DATA_HOME": str(tmp_path / "home" / "data")}
    words = {
        "root": str(tmp_path),
        "home": str(tmp_path / "home"),
        "endpoint": box.endpoint_url,
        "backend": box.backend_url,
        "port": str(urlsplit(box.endpoint_url).port),
        "python": sys.executable,
        "terraform": shutil.which("terraform") or "",
        "account": box.account_id,
        "region": box.region,
    }
    ended = live(found, tmp_path, env, words)
    wrong = complaints(found, ended, words)
    assert not wrong, "\n".join([found.about, *wrong, ended.text[-4000:]])


def test_every_kind_has_more_than_one_machine() -> None:
    kinds = [path.parent.name for path in settings()]
    assert {kind: kinds.count(kind) for kind in kinds if kinds.count(kind) < 2} == {}


def test_a_setting_that_expects_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="expects nothing"):
        parse("x", "A machine.\n-- run --\ntrue\n")


def test_everything_in_a_kinds_folder_is_a_setting() -> None:
    folders = [p for p in ROOM.iterdir() if p.is_dir() and p.name != "__pycache__"]
    assert [p for folder in folders for p in folder.iterdir() if p.suffix != ".txt"] == []
