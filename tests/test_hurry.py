"""The provider's pauses are shortened where that can be done, and nothing else is touched."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from tests.hurry import PROGRAM, changes
from wizard.services.terraform.find import find_source

HERE = sys.platform == "linux" and platform.machine() == "x86_64"


@pytest.mark.skipif(not HERE, reason="only there the provider's code is understood")
def test_the_provider_that_was_tested_is_understood() -> None:
    folder = find_source().plugin_dir
    if not folder:
        pytest.skip("the provider comes from the registry here")
    binary = next(Path(folder).rglob(f"{PROGRAM}*"))
    (place, detour), *calls = changes(binary)
    assert len(detour) == 9
    assert len(calls) == 2, "one pause before the first look, one between looks"
    assert all(len(data) == 4 and place != address for address, data in calls)


@pytest.mark.parametrize("content", [b"#!/bin/sh\n", b"\x7fELF" + bytes(200)])
def test_a_program_that_is_not_understood_keeps_its_pace(tmp_path: Path, content: bytes) -> None:
    binary = tmp_path / PROGRAM
    binary.write_bytes(content)
    assert changes(binary) == ()
