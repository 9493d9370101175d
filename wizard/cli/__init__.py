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
    from types import ModuleType

    from wizard.core.errors import WizardError

LIBRARIES = ("boto3", "python_terraform", "requests", "rich", "textual")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    try:
        try:
            code = _run(arguments)
        except SystemExit as ended:  # after a help text
            code = ended.code if isinstance(ended.code, int) else 0
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has heard enough
        _let_go_of(sys.stdout)
        return 1
    except OSError as error:  # e.g. no space where standard output goes
        _let_go_of(sys.stdout)
        return _last_word(error)
    except Exception as error:  # noqa: BLE001 - what tells of an error has one itself
        return _last_word(error)
    return code


def command() -> None:
    """The program: `main`, then its end, also where a thread still waits for an answer."""
    code = main()
    boundary = sys.modules.get("wizard.services.aws.boundary")
    if boundary is not None:  # else nobody has asked AWS
        boundary.end_helpers()
    threads = sys.modules.get("threading")
    if threads is not None and _anybody_left(threads):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                continue
        os._exit(code)
    sys.exit(code)


GRACE = 0.3  # seconds for threads that are about to end


def _anybody_left(threads: ModuleType) -> bool:
    """Whether a thread waits for something that Python would wait for, too, e.g. an answer of AWS.

    What changes something has ended by now: whoever began it has waited for it.
    """
    others = [one for one in threads.enumerate() if not one.daemon]
    others.remove(threads.current_thread())
    for one in others:
        one.join(GRACE / len(others))
    return any(one.is_alive() for one in others)


def _run(arguments: list[str]) -> int:
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
        raise
    except Exception as error:  # noqa: BLE001 - a bug: one clear error, its traceback to the log
        return _told(_bug(error, options, env), arguments, options)


def _open_streams() -> None:
    """Streams that were closed before we came read nothing and keep nothing; all can write all.

    A closed one would else be the first file that is opened, for every program we start, too; and
    Python says None to it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            mode = "w" if number else "r"
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        change = getattr(getattr(sys, name), "reconfigure", None)
        if change is not None:
            change(errors="backslashreplace" if number else "replace")


def _let_go_of(stream: object) -> None:
    """What is still to be written has nowhere to go; Python would try again when it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]
    except (OSError, AttributeError, ValueError):
        return


def _last_word(error: Exception) -> int:
    """When nothing else can be said any more."""
    try:
        sys.stderr.write(f"wallarm-apigw could not go on: {type(error).__name__}\n")
        if isinstance(error, OSError) and error.strerror:
            sys.stderr.write(f"  Why   {error.strerror}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        _let_go_of(sys.stderr)
    return 1


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
