"""Nothing heavy is imported before a command needs it; that does not depend on the clock."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("textual", "boto3", "botocore", "rich", "requests", "ministack", "python_terraform")


def imported(*arguments: str) -> set[str]:
    program = (
        "import sys\n"
        "from wizard.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "sys.stderr.write('\\n'.join(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["doctor", "--help"], ["answers"]])
def test_help_and_answers_load_nothing_heavy(arguments: list[str]) -> None:
    assert imported(*arguments).isdisjoint(HEAVY)


def test_the_version_does_not_even_build_the_parser() -> None:
    modules = imported("--version")
    assert "argparse" not in modules
    assert modules.isdisjoint(HEAVY)


def test_no_crash_leaves_a_core_dump_that_would_hold_the_token(tmp_path: Path) -> None:
    program = (
        "import os, resource, sys\n"
        "from wizard.cli import main\n"
        "hard = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))\n"
        "main(['answers'])\n"
        "sys.stderr.write(str(resource.getrlimit(resource.RLIMIT_CORE)[0]))\n"
        "sys.stderr.flush()\n"
        "os.abort()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == -signal.SIGABRT
    # One byte: too little for any file, and Linux then starts no core handler either (core(5)).
    assert done.stderr == ("1" if resource.getrlimit(resource.RLIMIT_CORE)[1] else "0")
    assert list(tmp_path.iterdir()) == []


def test_core_needs_nothing_but_the_standard_library() -> None:
    program = (
        "import sys, pkgutil, importlib, wizard.core\n"
        "for m in pkgutil.iter_modules(wizard.core.__path__):\n"
        "    importlib.import_module('wizard.core.' + m.name)\n"
        "sys.stderr.write('\\n'.join(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    names = {name.split(".")[0] for name in done.stderr.split()}
    third = {n for n in names if n not in sys.stdlib_module_names and not n.startswith("_")}
    assert third <= {"wizard", "sitecustomize", "usercustomize"}


def test_no_screen_waits_for_the_aws_or_the_http_library() -> None:
    """They are loaded in the thread of whoever needs them first."""
    program = (
        "import sys, pkgutil, importlib, wizard.ui.run, wizard.ui.screens\n"
        "for m in pkgutil.iter_modules(wizard.ui.screens.__path__):\n"
        "    importlib.import_module('wizard.ui.screens.' + m.name)\n"
        "sys.stderr.write('\\n'.join(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    waited_for = set(done.stderr.split())
    assert "textual" in waited_for
    assert waited_for.isdisjoint(set(HEAVY) - {"textual", "rich"})


def test_the_first_screen_waits_for_little_that_it_does_not_show() -> None:
    program = (
        "import sys, wizard.ui.run, wizard.ui.screens.welcome\n"
        "sys.stderr.write('\\n'.join(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    later = {"core.terraform.progress", "core.stages.change", "core.journal.record", "core.tfvars",
             "services.aws.discovery", "ui.screens.dialogs", "ui.widgets.picklist"}  # fmt: skip
    assert set(done.stderr.split()).isdisjoint({f"wizard.{name}" for name in later})
