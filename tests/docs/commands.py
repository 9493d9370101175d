"""The manual of every command, from the parser itself: docs/commands.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from wizard.cli import manual
from wizard.cli.options import PROGRAM, build_parser

HEAD = f"""# Commands

What `{PROGRAM} COMMAND --help` says, on one page. Every command that meets AWS also takes the
[common options](#common-options).
"""


def page() -> str:
    """The whole page."""
    parser = build_parser()
    common = {flag for action in _options(parser) for flag in action.option_strings}
    parts = [HEAD]
    for name, child in _commands(parser):
        own = [a for a in _options(child) if not common & set(a.option_strings)]
        parts += _section(name, child, own)
    shared = [a for a in _options(parser) if a.dest not in ("help", "version")]
    parts += ["## Common options\n", _table(shared, variables=True)]
    return "\n".join(parts)


def _section(name: str, child: argparse.ArgumentParser, own: list[argparse.Action]) -> list[str]:
    page = manual.COMMANDS[name]
    usage = child.format_usage().removeprefix("usage: ").strip()
    parts = [f"## {name}\n", f"`{usage}`\n", f"{page.text}\n"]
    if own:
        parts.append(_table(own))
    return [*parts, f"```sh\n{page.examples}\n```\n"]


def _commands(
    parser: argparse.ArgumentParser, above: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, child in action.choices.items():
                yield f"{above}{word}", child
                yield from _commands(child, f"{above}{word} ")


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [a for a in parser._actions if not isinstance(a, argparse._SubParsersAction)]


def _table(actions: list[argparse.Action], *, variables: bool = False) -> str:
    heads = ["option", *(["environment variable"] if variables else []), "meaning"]
    rows = [heads, ["---"] * len(heads)]
    for action in actions:
        value = f" {action.metavar}" if action.metavar and action.option_strings else ""
        flags = ", ".join(f"`{flag}{value}`" for flag in action.option_strings)
        row = [flags or f"`{action.metavar}`"]
        if variables:
            row.append(f"`WALLARM_APIGW_{action.dest.upper()}`")
        rows.append([*row, str(action.help)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"
