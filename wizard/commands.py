"""What each command does: build the answers, call a flow, print its result."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.core.answers import Answers
from wizard.core.answers_io import build, from_env, from_text, parse_file
from wizard.core.errors import UsageError
from wizard.flows.context import Options

_RUN_VARIABLES = (
    "workspace", "answers", "token_file", "terraform", "plugin_mirror", "non_interactive", "yes",
    "json", "dry_run",
)  # fmt: skip
_TRUE = ("1", "true", "yes", "on")


def setting(options: argparse.Namespace, name: str, env: Mapping[str, str]) -> Any:
    """An option of the run: from the command line, else from its environment variable."""
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
        plugin_mirror=setting(options, "plugin_mirror", env),
        env=env,
        dry_run=setting(options, "dry_run", env),
    )


def load_answers(
    options: argparse.Namespace, env: Mapping[str, str], *, check: bool = True
) -> Answers:
    """Answers from saved answers, file, environment and options; later ones win."""
    from wizard.flows.deployment import saved_answers

    layers: list[Mapping[str, Any]] = [_aws_environment(env)]
    given: dict[str, Any] = {}
    path = setting(options, "answers", env)
    if path is not None:
        given.update(_read_file(path))
    given.update(from_env(env))
    for name in ("profile", "region", "name_prefix"):
        value = getattr(options, name, None)
        if value is not None:
            given[name] = value
    for pair in getattr(options, "set", []):
        key, equals, text = pair.partition("=")
        if not equals:
            raise UsageError("WAG-E-CLI-002", f"--set {pair} must be KEY=VALUE")
        given[key] = from_text(key, text)
    identity_keys = {k: v for k, v in {**layers[0], **given}.items() if k in ("profile", "region")}
    name_prefix = str(given.get("name_prefix", Answers().name_prefix))
    saved = saved_answers(run_options(options, env), identity_keys, name_prefix)
    return build(layers[0], saved, given, check=check)


def _aws_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """The Region and profile that the AWS tools would use; an answer of our own wins."""
    out: dict[str, Any] = {}
    region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")
    if region:
        out["region"] = region
    if env.get("AWS_PROFILE"):
        out["profile"] = env["AWS_PROFILE"]
    return out


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
