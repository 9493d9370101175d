"""What a command goes by: options, environment, answers, and a person's consent."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wizard.cli.console import Console
from wizard.core.answers.model import REGION_PATTERN, Answers
from wizard.core.answers.parse import PATHS, build_answers, from_env, from_text, joined, parse_file
from wizard.core.errors import UsageError
from wizard.core.text import clean
from wizard.flows.context import CREDENTIALS, Context, Options
from wizard.services.files import whole_path

_TRUE = ("1", "true", "yes", "on")


def setting(options: argparse.Namespace, name: str, env: Mapping[str, str]) -> Any:
    """An option of the run: from the command line, else from its environment variable; paths are
    whole in both.
    """
    value = getattr(options, name, None)
    if value is not None:
        return value
    text = env.get(f"WALLARM_APIGW_{name.upper()}", "")
    if name in ("non_interactive", "yes", "json", "dry_run"):
        return text.lower() in _TRUE
    if name in ("workspace", "answers", "token_file"):
        return Path(text) if text else None
    return text


def run_options(options: argparse.Namespace, env: Mapping[str, str]) -> Options:
    """How to run, from command line and environment."""
    return Options(
        workspace=setting(options, "workspace", env),
        terraform=setting(options, "terraform", env),
        plugin_mirror=str(setting(options, "plugin_mirror", env) or ""),
        env=env,
        dry_run=setting(options, "dry_run", env),
        unlock=setting(options, "unlock", env),
        take_over=getattr(options, "take_over", ""),
        undelivered=getattr(options, "undelivered", ""),
        preflight=setting(options, "preflight", env),
        at_most=getattr(options, "at_most", None),
    )


def make_context(options: argparse.Namespace, env: Mapping[str, str], console: Console) -> Context:
    """What a flow needs, with somebody to ask where somebody is there."""
    return Context(
        run_options(options, env),
        console.emit,
        lambda text: agrees(options, env, text),
        lambda text: agrees(options, env, text, person=True),
        code_asker(options, env),
    )


def code_asker(options: argparse.Namespace, env: Mapping[str, str]) -> Callable[[str], str] | None:
    """Who gives the one-time code of a profile with MFA; None where nobody sits there."""
    alone = setting(options, "non_interactive", env) or not sys.stdin.isatty()
    return None if alone else ask_code


def ask_code(prompt: str) -> str:
    """The one-time code of a profile with MFA, from the terminal, which does not show it."""
    try:
        code = getpass.getpass(clean(prompt), stream=sys.stderr).strip()
    except (EOFError, OSError):  # the terminal is gone
        code = ""
    if not code:
        raise UsageError(
            "WAG-E-AWS-021",
            "No MFA code was given",
            next_step="Run the same command again and enter the code, or choose another profile.",
        )
    return code


def load_answers(
    options: argparse.Namespace,
    env: Mapping[str, str],
    *,
    check: bool = True,
    ask_aws: bool = True,
) -> Answers:
    """Answers from saved answers, file, environment and options; later ones win.

    Args:
        ask_aws: saved answers may lie in S3, where a colleague or an earlier run left them.
    """
    from wizard.flows.deployment.answers import saved_answers

    layers: list[Mapping[str, Any]] = [_aws_environment(env)]
    path = setting(options, "answers", env)
    said: dict[str, Any] = {}
    for name in ("profile", "region", "name_prefix"):
        value = getattr(options, name, None)
        if value is not None:
            said[name] = value
    for pair in getattr(options, "set", []):
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError(
                "WAG-E-CLI-002",
                f"--set {pair} has no value",
                next_step="Write it like this: `--set region=eu-central-1`.",
            )
        said[key] = from_text(key, text)
    given = joined(_read_file(path) if path is not None else {}, from_env(env), said)
    for key in PATHS:
        if isinstance(given.get(key), str) and given[key]:
            given[key] = whole_path(given[key])
    identity_keys = {k: v for k, v in {**layers[0], **given}.items() if k in ("profile", "region")}
    name_prefix = str(given.get("name_prefix") or Answers().name_prefix)
    run = run_options(options, env)
    saved = saved_answers(run, identity_keys, name_prefix)
    if not (identity_keys.get("region") or saved.get("region")):
        layers[0] = {**_profile_region(env, identity_keys.get("profile", "")), **layers[0]}
    region = str(joined(layers[0], saved, given).get("region") or "")
    if region == layers[0].get("region") and not re.match(REGION_PATTERN, region):
        from wizard.services.aws.configuration import check_region

        check_region(region, env, identity_keys.get("profile", ""))  # it is no answer of ours
    found = build_answers(layers[0], saved, given, check=check)
    if not ask_aws:
        return found
    from wizard.flows.deployment.answers import current_answers

    wanted = {
        **identity_keys,
        "region": found.region,
        "role_arn": found.role_arn,
        "state_bucket": found.state_bucket,
    }
    there = current_answers(run, wanted, name_prefix, code_asker(options, env), _say_wait)
    return build_answers(layers[0], there, given, check=check)


def _say_wait(text: str) -> None:
    print(clean(f"{CREDENTIALS}: {text}"), file=sys.stderr, flush=True)


def _aws_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """The Region and profile that the AWS tools would use; an answer of our own wins."""
    out: dict[str, Any] = {}
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if region:
        out["region"] = region
    # As with the AWS CLI, keys in the environment come before a profile in the environment.
    if env.get("AWS_PROFILE") and not env.get("AWS_ACCESS_KEY_ID"):
        out["profile"] = env["AWS_PROFILE"]
    return out


def _profile_region(env: Mapping[str, str], profile: str) -> dict[str, Any]:
    """The Region that the AWS configuration gives this profile, or the default one."""
    from wizard.services.aws.configuration import region_of

    region = region_of(env, profile)
    return {"region": region} if region else {}


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return parse_file(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            "WAG-E-ANSWERS-004",
            f"The answers file {path} cannot be read",
            why=str(error),
            next_step="Check the path, or print a fresh file with `wallarm-apigw answers`.",
        ) from error


def interactive(env: Mapping[str, str]) -> bool:
    """Whether a person sits at a terminal that can draw screens, which stand on standard error."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(one.isatty() for one in streams) and env.get("TERM", "dumb") != "dumb"


def consent(
    options: argparse.Namespace, env: Mapping[str, str], question: str, *, person: bool = False
) -> None:
    """Ask once. Without a terminal only `--yes` consents; raises UsageError otherwise.

    Args:
        person: `--yes` is no answer to this one.
    """
    if not person and setting(options, "yes", env):
        return
    if setting(options, "non_interactive", env) or not sys.stdin.isatty():
        raise UsageError(
            "WAG-E-CLI-003",
            "Consent is missing",
            why="Nobody can be asked here, and nothing is done without it.",
            next_step="Look at it with --dry-run, then add --yes.",
            keys=("yes",),
        )
    print(f"{question} Type yes to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("yes", "y"):
        raise UsageError(
            "WAG-E-CLI-004",
            "Stopped as you asked; nothing was changed",
            next_step="Run the same command again when you want it.",
        )


def agrees(
    options: argparse.Namespace, env: Mapping[str, str], question: str, *, person: bool = False
) -> bool:
    """Whether the user agrees: `--yes` (unless only a person can know), or one who says so."""
    try:
        consent(options, env, question, person=person)
    except UsageError:
        return False
    return True
