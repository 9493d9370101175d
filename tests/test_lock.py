"""What set-up installs is pinned to the file: every version has hashes, and nothing is missing."""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8")
ENTRIES = LOCK.replace("\\\n", " ").strip().splitlines()


def pinned() -> dict[str, str]:
    """Name to version, for the Python that runs this."""
    found = {}
    for entry in ENTRIES:
        wanted = Requirement(entry.split("--hash")[0].strip())
        if wanted.marker is None or wanted.marker.evaluate(default_environment()):
            (found[_key(wanted.name)],) = (s.version for s in wanted.specifier)
    return found


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.split("==")[0])
def test_an_entry_is_one_version_with_the_hashes_of_its_files(entry: str) -> None:
    assert re.match(r"[A-Za-z0-9._-]+==[^\s;]+( ; [^-]+)?( +--hash=sha256:[0-9a-f]{64})+$", entry)


def test_the_lock_names_no_place_to_download_from() -> None:
    assert "://" not in LOCK
    assert "index" not in LOCK


def test_what_is_installed_is_what_is_locked() -> None:
    wrong = {}
    for name, wanted in pinned().items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "nothing"
        if found != wanted:
            wrong[name] = (found, wanted)
    assert wrong == {}


def test_every_dependency_of_the_product_is_locked() -> None:
    requires = [Requirement(text) for text in distribution("wallarm-apigw").requires or ()]
    mine = [r for r in requires if r.marker is None or r.marker.evaluate({"extra": "sandbox"})]
    locked = pinned()
    assert mine
    for requirement in mine:
        assert requirement.specifier.contains(locked[_key(requirement.name)]), requirement


def test_the_oldest_python_has_versions_of_its_own_where_the_newest_dropped_it() -> None:
    older = [e for e in ENTRIES if "python_full_version < '3.11'" in e]
    assert older
    assert sys.version_info >= (3, 10)
