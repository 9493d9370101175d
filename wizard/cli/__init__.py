"""The command line: parse, call a flow, print. No logic lives here, and nothing heavy is imported
until a command needs it.
"""

from __future__ import annotations

import os
import sys

from wizard import __version__

TYPE_CHECKING = False  # as typing's, which would have to be imported for it
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from wizard.core.errors import WizardError

LIBRARIES = ("boto3", "python_terraform", "requests", "rich", "textual")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        sys.stdout.write(version() + "\n")
        return 0
    from wizard.core.errors import ExitCode, WizardError

    _no_core_dumps()
    env = dict(os.environ)  # with the token, which a command takes out of this process
    options: argparse.Namespace | None = None
    try:
        from wizard.cli.options import parse

        options = parse(arguments, version())
        _tell_unread(env)
        return _call(options)
    except WizardError as error:
        return _told(error, arguments, options)
    except KeyboardInterrupt:
        print(
            "Interrupted. What was done is recorded; run the same command to go on.",
            file=sys.stderr,
        )
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.FAILED)
    except Exception as error:  # noqa: BLE001 - a bug: one clear error, its traceback to the log
        return _told(_bug(error, options, env), arguments, options)


def _tell_unread(env: dict[str, str]) -> None:
    """A misspelt variable would otherwise be a default that nobody chose."""
    from wizard.core.environment import unread
    from wizard.core.text import clean

    for sentence in unread(env):
        print(clean(sentence), file=sys.stderr)


def _call(options: argparse.Namespace) -> int:
    """Import what the command needs, and run it."""
    import importlib

    module, _, function = str(options.run).partition(":")
    return int(getattr(importlib.import_module(f"wizard.cli.{module}"), function)(options))


def _told(error: WizardError, arguments: list[str], options: argparse.Namespace | None) -> int:
    from wizard.cli.console import print_error

    # Without options the command line itself could not be read.
    as_json = getattr(options, "json", False) if options else "--json" in arguments
    print_error(error, as_json=as_json)
    return int(error.exit_code)


def _bug(error: Exception, options: argparse.Namespace | None, env: dict[str, str]) -> WizardError:
    """Say that it is one, and where the traceback is."""
    from wizard.flows.crash import unexpected

    workspace = getattr(options, "workspace", None)
    return unexpected(error, workspace, env, code="WAG-E-CLI-009")


def _no_core_dumps() -> None:
    """A core dump would hold token and keys; Terraform and its provider inherit the limit.

    One byte rather than none: with it Linux also starts no program that `core_pattern` pipes the
    core to (systemd-coredump, apport), for which a limit of 0 does not count. See core(5).
    """
    try:
        import resource
    except ImportError:  # Windows has no core dumps
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (min(1, hard) if hard >= 0 else 1, hard))


def version() -> str:
    """The version, that of the Python it runs on, and those of the libraries beside it.

    Read from the names of the installed folders: asking the packages would take longer than all
    the rest. `wallarm-apigw version` asks Terraform too, which takes longer still.
    """
    found = {}
    for folder in reversed(sys.path):  # the first one wins, as for an import
        try:
            entries = os.listdir(folder or ".")  # noqa: PTH208 - without importing pathlib
        except OSError:  # a zip file, or a folder that is not there
            continue
        for entry in entries:
            name, _, rest = entry.partition("-")
            if name in LIBRARIES and rest.endswith(".dist-info"):
                found[name] = rest.removesuffix(".dist-info")
    parts = [f"Python {sys.version.split()[0]}"]
    parts += [f"{name.replace('_', '-')} {found[name]}" for name in LIBRARIES if name in found]
    return f"wallarm-apigw {__version__}\n{', '.join(parts)}"
