"""The command line: parse, call a flow, print. No logic lives here, and nothing heavy is imported
until a command needs it.
"""

from __future__ import annotations

import sys

from wizard import __version__

TYPE_CHECKING = False  # as typing's, which would have to be imported for it
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

EXAMPLES = """\
examples:
  wallarm-apigw                                     the guided install, in this terminal
  wallarm-apigw sandbox try                         the whole job on this machine, no AWS account
  wallarm-apigw answers > answers.json              every answer with its default
  wallarm-apigw install --answers answers.json --dry-run
  wallarm-apigw install --answers answers.json --non-interactive --yes
  wallarm-apigw stages add a1b2c3/prod              connect one more stage
  wallarm-apigw doctor                              find what is wrong
  wallarm-apigw uninstall                           take everything away, put logging back

exit codes: 0 done, 1 failed, 2 usage or missing answer, 3 could not be checked, 130 interrupted
The Wallarm token comes from WALLARM_API_TOKEN or --token-file, never from an option.
Every option has an environment variable: WALLARM_APIGW_ and its name (WALLARM_APIGW_PROFILE, …).
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        sys.stdout.write(version() + "\n")
        return 0
    import importlib
    import os

    from wizard.core.errors import ExitCode, WizardError

    parser = build_parser()
    options = parser.parse_args(arguments)
    _no_core_dumps()
    try:
        module, _, function = str(options.run).partition(":")
        return int(getattr(importlib.import_module(f"wizard.{module}"), function)(options))
    except WizardError as error:
        from wizard.console import print_error

        print_error(error, as_json=getattr(options, "json", False))
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("Interrupted. What was done is recorded; run the same command to go on.",
              file=sys.stderr)  # fmt: skip
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.FAILED)
    except Exception as error:  # noqa: BLE001 - a bug; a raw traceback is for the log file
        return _bug(error, options)


def _bug(error: Exception, options: argparse.Namespace) -> int:
    """Say that it is one, and where the traceback is."""
    import os

    from wizard.console import print_error
    from wizard.flows.bugs import unexpected

    workspace = getattr(options, "workspace", None)
    told = unexpected(error, workspace, dict(os.environ), code="WAG-E-CLI-009")
    print_error(told, as_json=getattr(options, "json", False))
    return int(told.exit_code)


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
    """The version, and that of the Python it runs on."""
    return f"wallarm-apigw {__version__} (Python {sys.version.split()[0]})"


def build_parser() -> argparse.ArgumentParser:
    """The parser with every command and option."""
    import argparse
    from pathlib import Path

    parser = argparse.ArgumentParser(
        prog="wallarm-apigw",
        description="Connect Amazon API Gateway traffic to Wallarm API Discovery.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version())
    parser.set_defaults(run="commands:wizard")
    _common(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    install = _command(
        commands, "install", "deploy the connector and connect stages", "commands:install"
    )
    _answers_options(install)

    stages = _command(commands, "stages", "list, add or remove connected stages", None)
    actions = stages.add_subparsers(title="actions", metavar="ACTION", required=True)
    _command(actions, "list", "every stage and how it logs today", "commands_stages:list_all")
    for name, text in (("add", "connect stages"), ("remove", "disconnect stages")):
        action = _command(actions, name, text, "commands_stages:change")
        action.set_defaults(action=name)
        action.add_argument("stage", nargs="+", metavar="API-ID/STAGE")

    _command(commands, "status", "what is deployed and how it does", "commands_stages:status")

    doctor = _command(
        commands, "doctor", "find the first broken link, offer to mend it", "commands_doctor:doctor"
    )
    doctor.add_argument("--only", action="append", default=[], metavar="ID", help="run only these")
    doctor.add_argument("--skip", action="append", default=[], metavar="ID", help="leave these out")
    doctor.add_argument("--wait", type=float, default=0.0, metavar="SECONDS",
                        help="go on trying checks that may still settle")  # fmt: skip
    doctor.add_argument("--output", choices=("text", "short", "json", "junit"), default="text")
    doctor.add_argument("--fail-on", choices=("warning", "error"), default="error")
    doctor.add_argument("--fix", action="store_true", help="offer the safe fixes")
    doctor.add_argument("--list", action="store_true", help="list the checks and stop")

    uninstall = _command(
        commands, "uninstall", "remove it and put logging back", "commands_stages:uninstall"
    )
    uninstall.add_argument("--delete-logs", action="store_true",
                           help="also delete log groups that the connector created")  # fmt: skip

    policy = _command(
        commands, "iam-policy", "the least IAM policy for the answers", "commands:iam_policy"
    )
    purposes = ("discover", "deploy", "uninstall", "doctor", "boundary")
    policy.add_argument("purpose", nargs="?", default="deploy", choices=purposes)
    policy.add_argument("--format", choices=("json", "terraform", "cloudformation"), default="json")

    redrive = _command(
        commands, "redrive", "replay events kept after failed delivery", "commands_doctor:redrive"
    )
    redrive.add_argument("--since", default="", metavar="ISO-TIME", help="only what is newer")

    _command(
        commands,
        "rotate-token",
        "store a new token, restart the node",
        "commands_stages:rotate_token",
    )
    bundle = _command(
        commands, "support-bundle", "write a redacted zip", "commands_doctor:support_bundle"
    )
    bundle.add_argument("--file", type=Path, default=None, help="where to write it")

    answers = _command(
        commands, "answers", "print an answers file with every key", "commands:answers"
    )
    answers.add_argument("--reference", action="store_true", help="as a reference table instead")

    completion = _command(
        commands, "completion", "print completions for a shell", "commands:completion"
    )
    completion.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    completion.set_defaults(parser=parser)

    sandbox = _command(commands, "sandbox", "a local AWS, node and traffic on this machine", None)
    modes = sandbox.add_subparsers(title="modes", metavar="MODE", required=True)
    attempt = _command(
        modes, "try", "the whole main job on the sandbox", "commands_sandbox:attempt"
    )
    attempt.add_argument("--headless", action="store_true", help="without the guided screens")
    _command(modes, "run", "start the sandbox and leave it running", "commands_sandbox:run")
    return parser


def _command(parent: Any, name: str, text: str, run: str | None) -> argparse.ArgumentParser:
    child: argparse.ArgumentParser = parent.add_parser(name, help=text, description=text)
    if run is not None:
        child.set_defaults(run=run)
        _common(child)
    return child


def _common(parser: argparse.ArgumentParser) -> None:
    """Options every command takes. Defaults are suppressed so that a command's own come first."""
    import argparse
    from pathlib import Path

    none: Any = argparse.SUPPRESS
    add = parser.add_argument
    add("--profile", default=none, help="AWS CLI profile")
    add("--region", default=none, help="AWS Region")
    add("--name-prefix", default=none, help="resource name prefix")
    add("--workspace", type=Path, default=none, metavar="DIR", help="folder for answers and state")
    add("--answers", type=Path, default=none, metavar="FILE", help="answers file (JSON)")
    add("--token-file", type=Path, default=none, metavar="FILE", help="file with the Wallarm token")
    add("--terraform", default=none, metavar="PATH", help="Terraform or OpenTofu binary")
    add("--plugin-mirror", default=none, metavar="DIR", help="folder of a provider mirror")
    add("--non-interactive", action="store_true", default=none, help="never ask")
    add("--dry-run", action="store_true", default=none, help="show what would change, then stop")
    add("--yes", "-y", action="store_true", default=none, help="consent to what is shown")
    add("--unlock", default=none, metavar="ID", help="remove this lock that a dead run left")
    add("--json", action="store_true", default=none, help="data on stdout as JSON lines")


def _answers_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE",
                        help="set one answer; may be repeated")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
