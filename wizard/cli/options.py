"""Every command and option, and what is said when one is misspelt.

argparse and not click: with click the start would take a tenth of a second longer, tcsh would have
no completions, and each press of Tab would start Python.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from pathlib import Path
from typing import Any, NoReturn

from wizard import __version__
from wizard.cli import manual
from wizard.core.environment import is_path
from wizard.core.errors import UsageError
from wizard.core.text import closest

PROGRAM = "wallarm-apigw"
MOST_LISTED = 6
COLUMNS = 78
SHELLS = ("bash", "zsh", "fish", "tcsh")  # that can have completions
_NONE: Any = argparse.SUPPRESS  # a command's own defaults come first


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints look like every other error: what, and what next."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def print_help(self, file: Any = None) -> None:
        """Write the help; argparse would say nothing where it cannot be written."""
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Raise a UsageError instead of printing every option there is."""
        raise UsageError("WAG-E-CLI-007", _said(message), next_step=self._next(message))

    def _next(self, message: str) -> str:
        see = f"`{self.prog} --help` explains it."
        choices = re.search(r"\(choose from (.*)\)", message)
        offered = re.findall(r"[\w-]+", choices[1]) if choices else self._operands(message)
        if 0 < len(offered) <= MOST_LISTED:
            return f"It can be {', '.join(offered[:-1])} or {offered[-1]}. {see}"
        wrong = re.search(r"(?:invalid choice: '?|unrecognized arguments: )([^' ]+)", message)
        if wrong and wrong[1] in _every_option(build_parser()):
            return f"Other commands take it. {see}"
        near = closest(wrong[1], offered or self._option_string_actions, n=1) if wrong else []
        return f"Did you mean `{near[0]}`? {see}" if near else see

    def _operands(self, message: str) -> list[str]:
        """What a missing ACTION or MODE could have been."""
        missing = message.rpartition("required: ")[2]
        return [
            name
            for action in self._actions
            if isinstance(action, argparse._SubParsersAction) and action.metavar == missing
            for name in action.choices
        ]


def _said(message: str) -> str:
    """argparse's complaint as a sentence of ours."""
    choice = re.match(r"argument (.+): invalid choice: '?([^' ]*)'?", message)
    if choice:
        kind, word = choice.groups()
        if kind in ("COMMAND", "ACTION", "MODE"):
            return f"There is no {kind.lower()} `{word}`"
        return f"{kind} cannot be `{word}`"
    number = re.match(r"argument (.+): invalid float value: (.+)", message)
    if number:
        return f"{number[1]} must be a number; got {number[2]}"
    value = re.match(r"argument (.+): expected (?:one|at least one) argument", message)
    if value:
        return f"{value[1]} needs a value"
    unknown = re.match(r"unrecognized arguments: (\S+)", message)
    if unknown:
        noun = "option" if unknown[1].startswith("-") else "argument"
        return f"There is no {noun} `{unknown[1]}` here"
    missing = re.match(r"the following arguments are required: (.+)", message)
    if missing:
        return f"{missing[1]} is missing"
    return message[:1].upper() + message[1:]


def parse(arguments: list[str], version: str) -> argparse.Namespace:
    """The options of one command line. Raises UsageError; exits after `--help`, `--version`."""
    parser = build_parser(version)
    try:
        return parser.parse_args(arguments)
    except UsageError as error:
        # An unknown option's value looks like a command to argparse: name the option instead.
        known = _every_option(parser)
        words = [word.partition("=")[0] for word in arguments if word.startswith("--")]
        wrong = [name for name in words if name not in known and name != "--"]
        if not wrong:
            raise
        near = closest(wrong[0], known, n=1)
        raise UsageError(
            error.code,
            f"There is no option `{wrong[0]}`",
            next_step=(f"Did you mean `{near[0]}`? " if near else "")
            + f"`{PROGRAM} --help` lists them.",
        ) from None


def _every_option(parser: argparse.ArgumentParser) -> list[str]:
    names = list(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                names += _every_option(child)
    return names


def build_parser(version: str = __version__) -> Parser:
    """The parser with every command and option; `version` is what `--version` prints."""
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [options] [COMMAND ...]",
        description=manual.PRODUCT,
        epilog=manual.EXAMPLES,
    )
    parser.add_argument(
        "--version", action="version", version=version, help="show versions and exit"
    )
    parser.set_defaults(run="install:wizard")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    install = _command(commands, "install", "install:install")
    install.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set one answer; may be repeated",
    )
    install.add_argument(
        "--take-over",
        default="",
        metavar="ID",
        help="take over the deployment of another computer that carries this id",
    )
    _at_most(install)
    _common(install)

    actions = _family(commands, "stages", "actions", "ACTION")
    listing = _command(actions, "stages list", "stages:list_all")
    listing.add_argument(
        "--all-regions", action="store_true", help="every Region of the account that has APIs"
    )
    _common(listing)
    for name in ("add", "remove"):
        action = _command(actions, f"stages {name}", "stages:change", "API-ID/STAGE...")
        action.set_defaults(action=name)
        action.add_argument(
            "stage", nargs="+", metavar="API-ID/STAGE", help="as `stages list` prints it"
        )
        _common(action)
    reconcile = _command(actions, "stages reconcile", "stages:reconcile")
    _at_most(reconcile)
    _common(reconcile)

    prove = _command(commands, "prove", "deployment:prove", "[API-ID/STAGE...]")
    prove.add_argument(
        "stage", nargs="*", metavar="API-ID/STAGE", help="only these (default: every connected one)"
    )
    _common(prove)
    export = _command(commands, "export", "install:export", "DIR")
    export.add_argument("dir", type=_path, metavar="DIR", help="a new folder, for Git")
    export.add_argument(
        "--as-module",
        action="store_true",
        help="a configuration that calls the module; what is deployed moves into it by `moved`",
    )
    _common(export)
    _fleet(commands)
    _common(_command(commands, "status", "deployment:status"))
    _doctor(commands)

    uninstall = _command(commands, "uninstall", "deployment:uninstall")
    _what_goes(uninstall)
    _common(uninstall)

    policy = _command(commands, "iam-policy", "reference:iam_policy", "[PURPOSE]")
    purposes = ("discover", "deploy", "uninstall", "doctor", "fleet", "boundary")
    policy.add_argument(
        "purpose",
        nargs="?",
        default="deploy",
        choices=purposes,
        metavar="PURPOSE",
        help=f"{', '.join(purposes)} (default: deploy)",
    )
    policy.add_argument(
        "--format",
        choices=("json", "terraform", "cloudformation"),
        default="json",
        metavar="FORMAT",
        help="json, terraform or cloudformation",
    )
    _common(policy)

    redrive = _command(commands, "redrive", "doctor:redrive")
    redrive.add_argument("--since", default="", metavar="ISO-TIME", help="only what is newer")
    redrive.add_argument(
        "--unreadable", action="store_true", help="show what no replay can ever deliver, and why"
    )
    redrive.add_argument(
        "--discard",
        action="store_true",
        help="delete what no replay can ever deliver, after asking",
    )
    _common(redrive)

    _common(_command(commands, "rotate-token", "deployment:rotate_token"))
    dialect = _command(commands, "node-dialect", "node:dialect", "[NAME...]")
    dialect.add_argument("dialect", nargs="*", metavar="NAME", help="only these; see --list")
    dialect.add_argument(
        "--adopt", action="store_true", help="write the one that is understood into the answers"
    )
    dialect.add_argument("--list", action="store_true", help="list the ways to speak and stop")
    _common(dialect)
    bundle = _command(commands, "support-bundle", "doctor:support_bundle")
    bundle.add_argument(
        "--file",
        type=_path,
        default=None,
        metavar="FILE",
        help="where to write it (default: here, with the time)",
    )
    bundle.add_argument("--show", action="store_true", help="print all of it first")
    _common(bundle)

    _common(
        _command(commands, "version", "reference:version"), ("terraform", "plugin_mirror", "json")
    )

    _common(
        _command(commands, "add-terraform", "reference:add_terraform"),
        ("terraform", "dry_run", "yes", "non_interactive"),
    )

    answers = _command(commands, "answers", "reference:answers")
    answers.add_argument("--reference", action="store_true", help="as a reference table instead")
    _common(answers)

    completion = _command(commands, "completion", "reference:completion", "SHELL")
    completion.add_argument(
        "shell", choices=SHELLS, metavar="SHELL", help=f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}"
    )
    completion.set_defaults(parser=parser)

    modes = _family(commands, "sandbox", "modes", "MODE")
    attempt = _command(modes, "sandbox try", "sandbox:attempt")
    attempt.add_argument("--headless", action="store_true", help="without the guided screens")
    _common(attempt, ("workspace", "terraform", "plugin_mirror", "dry_run", "json"))
    attempt.add_argument(
        "--keep", action="store_true", help="keep it when the screens end; Enter opens them"
    )
    _command(modes, "sandbox run", "sandbox:run")
    _common(parser)
    return parser


def _at_most(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at-most",
        type=int,
        default=None,
        metavar="NUMBER",
        help="rules may newly connect so many stages without a question",
    )


def _what_goes(parser: argparse.ArgumentParser) -> None:
    """What a removal does with log groups and with events that wait."""
    parser.add_argument(
        "--delete-logs",
        action="store_true",
        help="also delete log groups that the connector created",
    )
    parser.add_argument(
        "--undelivered",
        choices=("replay", "discard"),
        default="",
        metavar="WHAT",
        help="events that still wait: replay them first, or discard them (default: ask)",
    )


def _fleet(commands: Any) -> None:
    fleet = _command(commands, "fleet", "fleet:fleet", "FILE [ACTION]")
    fleet.add_argument(
        "words",
        nargs="+",
        metavar="FILE [ACTION]",
        help="the fleet's file, and plan, install, status, doctor, reconcile, redrive, uninstall "
        "or matrix; the file alone opens the table of its targets; or `discover` alone",
    )
    fleet.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this target; repeatable"
    )
    fleet.add_argument(
        "--concurrency",
        type=int,
        default=4,
        metavar="NUMBER",
        help="targets at work at once (default: 4)",
    )
    fleet.add_argument(
        "--role",
        default="",
        metavar="NAME",
        help="for `discover`: the role to assume in each account of the organization",
    )
    _what_goes(fleet)
    _at_most(fleet)
    _common(fleet)


def _doctor(commands: Any) -> None:
    doctor = _command(commands, "doctor", "doctor:doctor")
    add = doctor.add_argument
    add(
        "--only",
        action="append",
        default=[],
        metavar="ID",
        help="only these checks or sections, and what they hang on; may be repeated",
    )
    add(
        "--skip",
        action="append",
        default=[],
        metavar="ID",
        help="without this check or section; may be repeated",
    )
    add(
        "--wait",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="look again at what failed or may settle, for so long",
    )
    add(
        "--deep",
        action="store_true",
        help="also ask for drift and for every right to change it; slow",
    )
    add(
        "--output",
        choices=("text", "short", "json", "junit"),
        default="text",
        metavar="FORMAT",
        help="text, short, json or junit",
    )
    add(
        "--fail-on",
        choices=("warning", "error"),
        default="error",
        metavar="LEVEL",
        help="exit with 1 on a warning too: warning or error (default)",
    )
    add("--fix", action="store_true", help="offer the safe repairs, one by one")
    add("--list", action="store_true", help="list the checks and stop")
    _common(doctor)


def _text(text: str) -> str | None:
    """An empty value is what a shell makes of an empty variable: as if it had not been given."""
    return text.strip() or None


def _path(text: str) -> Path | None:
    """A path as it was typed, made whole here and nowhere else."""
    from wizard.services.files import whole_path

    return Path(whole_path(text)) if text.strip() else None


def _program(text: str) -> str | None:
    """A path, made whole, or a name to look for on PATH."""
    return str(_path(text)) if is_path(text) else _text(text)


def _family(commands: Any, name: str, title: str, metavar: str) -> Any:
    """A command that only holds others; returns what they are added to."""
    child = _child(commands, name, f"{metavar} ...")
    return child.add_subparsers(title=title, metavar=metavar, required=True)


def _command(commands: Any, name: str, run: str, operands: str = "") -> Parser:
    child = _child(commands, name, operands)
    child.set_defaults(run=run)
    return child


def _child(commands: Any, name: str, operands: str) -> Parser:
    page = manual.COMMANDS[name]
    examples = "\n".join(f"  {example}" for example in page.examples.splitlines())
    child: Parser = commands.add_parser(
        name.rpartition(" ")[2],
        help=page.line,
        usage=f"{PROGRAM} {name} [options] {operands}".rstrip(),
        description=_filled(page.text),
        epilog=f"examples:\n{examples}",
    )
    child.prog = f"{PROGRAM} {name}"
    return child


def _filled(text: str) -> str:
    return textwrap.fill(text, COLUMNS, break_on_hyphens=False)


_AWS, _FILES, _RUN = "where in AWS", "files and programs", "this run"
# name → (group, settings): what every command that meets AWS takes.
_COMMON: dict[str, tuple[str, dict[str, Any]]] = {
    "profile": (_AWS, {"type": _text, "help": "AWS CLI profile"}),
    "region": (_AWS, {"type": _text, "help": "AWS Region"}),
    "name_prefix": (
        _AWS,
        {"type": _text, "metavar": "PREFIX", "help": "which deployment: its resource prefix"},
    ),
    "answers": (_FILES, {"type": _path, "metavar": "FILE", "help": "answers file (JSON)"}),
    "token_file": (
        _FILES,
        {"type": _path, "metavar": "FILE", "help": "file with the Wallarm token, private to you"},
    ),
    "workspace": (
        _FILES,
        {"type": _path, "metavar": "DIR", "help": "folder for answers, journal and state"},
    ),
    "terraform": (
        _FILES,
        {"type": _program, "metavar": "PATH", "help": "Terraform binary (OpenTofu: unverified)"},
    ),
    "plugin_mirror": (
        _FILES,
        {"type": _path, "metavar": "DIR", "help": "folder that holds the AWS provider"},
    ),
    "dry_run": (_RUN, {"action": "store_true", "help": "show what would change, then stop"}),
    "yes": (_RUN, {"action": "store_true", "help": "consent to what is shown"}),
    "non_interactive": (_RUN, {"action": "store_true", "help": "never ask"}),
    "json": (_RUN, {"action": "store_true", "help": "data on standard output, as JSON lines"}),
    "preflight": (
        _RUN,
        {
            "choices": ("stop", "warn", "skip"),
            "metavar": "HOW",
            "help": "what missing permissions do before anything is changed: stop (as without "
            "this option), warn, or skip asking",
        },
    ),
    "unlock": (_RUN, {"metavar": "ID", "help": "remove this lock that a dead run left"}),
}
_SHORT = {"yes": "-y"}


def _common(parser: argparse.ArgumentParser, names: tuple[str, ...] = tuple(_COMMON)) -> None:
    """The options every command takes, or some of them, in groups behind the command's own."""
    groups: dict[str, Any] = {}
    for name in names:
        title, settings = _COMMON[name]
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        flags = [f"--{name.replace('_', '-')}", *filter(None, [_SHORT.get(name)])]
        if "action" not in settings and "metavar" not in settings:
            settings = {"metavar": name.upper(), **settings}
        groups[title].add_argument(*flags, default=_NONE, **settings)
