"""Tries each "how to add" of ARCHITECTURE.md for real: `python -m tests.how_to_add [NAME ...]`.

For each recipe a copy of the repository is changed as the page says, one edit after the other. The
tests that the page names must fail as long as something is missing, and pass when all is there.
Takes about two minutes; nothing of the copy is kept.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "ARCHITECTURE.md"


@dataclass(frozen=True)
class Edit:
    """In a file, put `new` before (behind, instead of) the one place where `at` stands; without
    `at`, make the file; or run `command`."""

    path: str = ""
    at: str = ""
    new: str = ""
    behind: bool = False
    instead: bool = False
    command: tuple[str, ...] = ()

    def apply(self, root: Path) -> None:
        """Raises ValueError when the place is gone or there are two of them."""
        if self.command:
            subprocess.run([sys.executable, *self.command], cwd=root, check=True,
                           env=environment(root), capture_output=True)  # fmt: skip
            return
        file = root / self.path
        if not self.at:
            file.write_text(self.new, encoding="utf-8")
            return
        text = file.read_text(encoding="utf-8")
        if text.count(self.at) != 1:
            raise ValueError(f"{self.path}: {self.at!r} stands there {text.count(self.at)} times")
        both = self.at + self.new if self.behind else self.new + self.at
        file.write_text(text.replace(self.at, self.new if self.instead else both), encoding="utf-8")


@dataclass(frozen=True)
class Recipe:
    """`tests` fail after the first edit, and pass after the last."""

    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


NOTES = '''
"""A screen that only tells."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from wizard.ui.screens.step import StepScreen


class Notes(StepScreen):
    """One line."""

    STEP = "notes"

    def body(self) -> ComposeResult:
        """The line."""
        yield Static("Remember the milk.")


SCREEN = Notes
'''
# What a fresh recording (`python -m tests.policy.record`, which takes an hour) would hold, and the
# vendor's description of the action, which needs a package that set-up does not install.
CALLED = """
import json, pathlib
file = pathlib.Path("tests/policy/recorded.json")
data = json.loads(file.read_text())
data["node"]["calls"].insert(0, {"by": "wizard", "operation": "DescribeQueryDefinitions",
                                 "phase": "discover", "service": "logs"})
file.write_text(json.dumps(data))
"""
KNOWN = """
import json, pathlib
file = pathlib.Path("tests/policy/reference.json")
data = json.loads(file.read_text())
data["logs:DescribeQueryDefinitions"] = data["logs:DescribeLogGroups"]
file.write_text(json.dumps(data))
"""
DOCS = Edit(command=("-m", "tests.docs.generate"))
RECIPES = {
    "an answer": Recipe(
        (
            Edit("wizard/core/answers/model.py", "    proof: ",
                 '    ticket: str = _key("", "Change ticket, put on every resource as a tag.")\n'),
            Edit("wizard/core/answers/steps.py", '"name_prefix", "tags", ', '"ticket", '),
            DOCS,
        ),
        (
            "tests/core/test_one_source.py",
            "tests/core/answers/test_answers.py",
            "tests/docs/test_docs.py",
        ),
    ),
    "a check": Recipe(
        (
            Edit("wizard/core/checks/checklist.py", ")  # fmt: skip\n\nCHECKS",
                 '    Check("WAG-API-099", DISCOVERY, "Is the group named?", ("the answers",),\n'
                 '          "Set `node_group`.", ("WAG-API-001",)),\n'),
            Edit("wizard/services/checks/wallarm.py", "def wanted_environment",
                 '@check("WAG-API-099")\n'
                 'def group_named(exam: Examination) -> Finding:\n    """WAG-API-099."""\n'
                 "    name = exam.answers.node_group\n"
                 '    return passed(name) if name else failed("it is empty", "node_group")\n\n\n'),
            DOCS,
        ),
        (
            "tests/flows/test_doctor_docs.py",
            "tests/core/checks/test_checks.py",
            "tests/docs/test_docs.py",
        ),
    ),
    "a field of the log format": Recipe(
        (
            Edit("wizard/core/stages/log_format.py",
                 '    ("userAgent", "$context.identity.userAgent"),\n',
                 '    ("accountId", "$context.accountId"),\n'),
            *(Edit("wizard/core/stages/log_format.py", at, '    "accountId",\n')
              for at in ('    "httpMethod",\n)', '    "protocol",\n    "requestId",\n')),
            *(Edit("lambda/cw-resend-lambda/layout.py", at, '"accountId", ')
              for at in ('"sourceIp", "protocol", "httpMethod",\n)',
                         '"integrationStatus", "protocol",')),
            Edit("benchmarks/forgeries.py", '    "apiId": "a1b2c3d4e5",\n',
                 '    "accountId": "123456789012",\n'),
            Edit("tests/core/stages/test_access_log.py", '    "userAgent": "$context',
                 '    "accountId": "$context.accountId",\n'),
            Edit("tests/core/stages/test_access_log.py", '"sourceIp", "protocol", "httpMethod",\n]',
                 '"accountId", '),
            Edit("tests/sandbox/test_log_lines.py", '        "userAgent": "curl/8.5.0",\n    }\n',
                 '        "accountId": "123456789012",\n'),
            Edit(command=("lambda/build.py", "terraform/cw-resend-lambda.zip")),
            DOCS,
        ),
        ("tests/core/test_one_source.py", "tests/core/stages/test_access_log.py",
         "tests/lambda/test_package.py", "tests/lambda/test_parse_line.py",
         "tests/lambda/test_forgeries.py",
         "tests/sandbox/test_log_lines.py", "tests/docs/test_docs.py"),
    ),
    "an API type": Recipe(
        (
            Edit("wizard/core/facts.py", '    WEBSOCKET = "WEBSOCKET"\n',
                 '    EVENTS = "EVENTS"\n', behind=True),
            Edit("wizard/ui/stage_list.py", "ApiType.HTTP: ", 'ApiType.EVENTS: "EVT", '),
        ),
        ("tests/core/test_one_source.py",),
    ),
    "a step of the wizard": Recipe(
        (
            Edit("wizard/core/answers/steps.py", '    Step("review", "Review"',
                 '    Step("notes", "Notes", "Anything to remember?"),\n'),
            Edit("wizard/ui/screens/notes.py", "", NOTES),
            Edit("wizard/ui/help.py", '    "review": ', '    "notes": "A line to remember.",\n'),
        ),
        ("tests/core/test_one_source.py",),
    ),
    "an AWS call": Recipe(
        (
            Edit(command=("-c", CALLED)),
            Edit("wizard/core/permissions/connector.py", '("logs:DescribeLogGroups",)',
                 '("logs:DescribeLogGroups", "logs:DescribeQueryDefinitions")', instead=True),
            Edit(command=("-c", KNOWN)),
            DOCS,
        ),
        ("tests/policy/test_least_privilege.py", "tests/policy/test_security_page.py"),
    ),
}  # fmt: skip


def named() -> list[str]:
    """What the page says how to add."""
    text = PAGE.read_text(encoding="utf-8").split("## How to add", 1)[1]
    return re.findall(r"^- \*\*(.+?)\*\*", text, re.M)


def copy(root: Path) -> None:
    """The files that belong to the repository, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True, check=True)  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)


def environment(root: Path) -> dict[str, str]:
    """Python takes the copy's modules, not this checkout's."""
    return {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}


def passes(root: Path, tests: tuple[str, ...]) -> bool:
    """Whether all these tests pass in the copy; raises where they cannot be run at all."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=root, env=environment(root), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    if os.environ.get("VERBOSE"):
        print(done.stdout[-1500:])
    return done.returncode == 0


def attempt(name: str) -> str:
    """Follow one recipe; what went otherwise than the page says, empty if nothing did."""
    recipe = RECIPES[name]
    with tempfile.TemporaryDirectory(prefix="how-to-add-") as folder:
        root = Path(folder)
        copy(root)
        recipe.edits[0].apply(root)
        if passes(root, recipe.tests):
            return "nothing failed while most of it was missing"
        for edit in recipe.edits[1:]:
            edit.apply(root)
        return "" if passes(root, recipe.tests) else "the tests fail although all is there"


def main() -> int:
    """Try them; exit code 1 when one did not go as the page says."""
    wrong = 0
    for name in sys.argv[1:] or named():
        began = time.monotonic()
        found = attempt(name)
        wrong += bool(found)
        print(f"{time.monotonic() - began:5.1f} s  {name}: {found or 'as the page says'}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
