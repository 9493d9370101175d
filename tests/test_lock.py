"""What set-up and its tools install is pinned to the file, and nothing is missing.

lock.txt is what the tests run with; runtime.txt the part of it that a user installs, and what the
bill of materials lists; constraints.txt its versions alone, for an installer that would want a hash
of the wheel, too; the others are tools in environments of their own.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, distributions, version
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
FILES = {p.stem: p.read_text(encoding="utf-8") for p in (ROOT / "requirements").glob("*.txt")}


def entries(name: str) -> list[str]:
    """One `name==version ; marker --hash=…` a line."""
    return FILES[name].replace("\\\n", " ").strip().splitlines()


def versions_in(name: str) -> set[str]:
    """Each `name==version`, without marker and hashes."""
    return {entry.split("--hash")[0].split(";")[0].strip() for entry in entries(name)}


ENTRIES = entries("lock")


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


@pytest.mark.parametrize(
    "name",
    ["lock", "runtime", "cfn-lint", "checkov", "newcomer", "policy-scan", "sbom", "terraform"],
)
def test_every_entry_is_one_version_with_the_hashes_of_its_files(name: str) -> None:
    good = re.compile(r"[A-Za-z0-9._-]+==[^\s;]+( ; .+?)?( +--hash=sha256:[0-9a-f]{64})+$")
    assert len(entries(name)) > (0 if name == "terraform" else 10)
    assert [entry for entry in entries(name) if not good.match(entry)] == []


@pytest.mark.parametrize("name", FILES)
def test_no_lock_names_a_place_to_download_from(name: str) -> None:
    assert "://" not in FILES[name]
    assert "index" not in FILES[name]


def test_what_a_user_installs_is_what_the_tests_run_with() -> None:
    assert versions_in("runtime") <= versions_in("lock")
    assert len(versions_in("runtime")) < 30


def test_the_constraints_of_an_install_are_the_versions_the_tests_run_with() -> None:
    free = versions_in("constraints")
    assert versions_in("runtime") < free < versions_in("lock")
    # pipx installs its own pip with the same constraints.
    assert not [entry for entry in free if entry.startswith(("pip==", "setuptools=="))]


def test_what_a_user_installs_is_what_the_product_declares() -> None:
    direct = {_key(Requirement(text).name) for text in distribution("wallarm-apigw").requires or ()
              if "extra ==" not in text}  # fmt: skip
    listed = {_key(e.split("==")[0]) for e in entries("runtime")}
    assert direct <= listed
    assert not listed & {"pytest", "ministack", "mypy", "hatchling"}


def test_every_command_that_installs_asks_for_hashes() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in text.splitlines() if "pip install" in line]
    # `make lock` makes the hashes; the product itself is the folder.
    free = [line for line in installs if "'uv" not in line and "--editable ." not in line]
    assert len(free) >= 3
    assert [line for line in free if "--require-hashes" not in line] == []


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


def test_nothing_runs_a_failed_test_again() -> None:
    """A test that needs a second try is a failure."""
    again = re.compile(r"rerun|flaky|retry", re.I)
    assert [name for name in pinned() if again.search(name)] == []
    plugins = {ep.name for d in distributions() for ep in d.entry_points if ep.group == "pytest11"}
    assert [name for name in plugins if again.search(name)] == []
