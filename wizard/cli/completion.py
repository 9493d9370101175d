"""What a shell offers on Tab: commands, options, values, and files where an option takes one."""

from __future__ import annotations

import argparse
import sys

import shtab

from wizard.core.errors import ExitCode


def completion(options: argparse.Namespace) -> int:
    """Print a completion script for a shell."""
    _complete_files(options.parser)
    _in_few_words(options.parser)
    sys.stdout.write(shtab.complete(options.parser, options.shell) + "\n")
    return int(ExitCode.DONE)


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Let the shell complete paths where an option takes one."""
    kinds = {"FILE": shtab.FILE, "PATH": shtab.FILE, "DIR": shtab.DIRECTORY}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _complete_files(child)
        elif action.metavar in kinds:
            action.complete = kinds[action.metavar]  # type: ignore[attr-defined]


def _in_few_words(parser: argparse.ArgumentParser) -> None:
    """A shell shows one line beside a command: what it does, not the first line of its help."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for said in action._choices_actions:
                action.choices[said.dest].description = said.help
            for child in action.choices.values():
                _in_few_words(child)
