"""What each command does: build the answers, call a flow, print its result."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.console import Console
from wizard.core.answers import Answers
from wizard.core.answers_io import build, env_name, from_env, from_text, parse_file
from wizard.core.errors import ExitCode, UsageError
from wizard.core.report import State
from wizard.core.secret import Secret
from wizard.core.text import count
from wizard.flows.context import Context, Options
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.flows.install import Review

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
        unlock=setting(options, "unlock", env),
    )


def make_context(options: argparse.Namespace, env: Mapping[str, str], console: Console) -> Context:
    """What a flow needs, with somebody to ask where somebody is there."""
    return Context(
        run_options(options, env),
        console.emit,
        lambda text: agrees(options, env, text),
        lambda text: agrees(options, env, text, person=True),
    )


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
    from wizard.flows.saved import saved_answers

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
    run = run_options(options, env)
    saved = saved_answers(run, identity_keys, name_prefix)
    found = build(layers[0], saved, given, check=check)
    if not ask_aws:
        return found
    from wizard.flows.shared_answers import current_answers

    wanted = {**identity_keys, "region": found.region, "state_bucket": found.state_bucket}
    return build(layers[0], current_answers(run, wanted, name_prefix), given, check=check)


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


def wizard(options: argparse.Namespace) -> int:
    """The guided screens, in a terminal."""
    env = take_environment()
    if not interactive(env):
        raise UsageError(
            "WAG-E-CLI-001",
            "The guided install needs a terminal",
            next_step="Use `wallarm-apigw install --answers FILE --non-interactive`, or see "
            "`wallarm-apigw --help`.",
        )
    from wizard.ui.first_words import FirstWords

    with FirstWords() as words:
        from wizard.services.tokens import read_token
        from wizard.ui.app import run

        token = read_token(setting(options, "token_file", env), env)
        answers = load_answers(options, env, check=False, ask_aws=False)
        return run(run_options(options, env), answers, token, words)


def interactive(env: Mapping[str, str]) -> bool:
    """Whether a person sits at a terminal that can draw screens."""
    return sys.stdin.isatty() and sys.stdout.isatty() and env.get("TERM", "dumb") != "dumb"


def install(options: argparse.Namespace) -> int:
    """Deploy headless: review, consent, apply, switch stages, prove."""
    env = take_environment()
    answers = load_answers(options, env)
    from wizard.flows.lookup import read_token

    token = read_token(setting(options, "token_file", env), env)
    with Console(as_json=setting(options, "json", env)) as console:
        return run_install(options, env, answers, token, console)


def run_install(
    options: argparse.Namespace,
    env: Mapping[str, str],
    answers: Answers,
    token: Secret | None,
    console: Console,
) -> int:
    """The headless main job; the sandbox uses it too."""
    from wizard.flows.install import Install

    context = make_context(options, env, console)
    with Install(context, answers, token) as job:
        identity = job.identify()
        console.line(f"{identity.arn} in {identity.region}", State.DONE)
        review = job.review()
        show_review(review, console)
        if context.options.dry_run:
            console.line("Dry run: nothing was changed.", State.SKIPPED)
            review.plan.discard()
            return int(ExitCode.DONE)
        if not review.nothing_to_do:
            consent(options, env, f"Deploy and change {count(len(review.changes), 'stage')}?")
        outputs = job.deploy(review)
        reports = job.switch_stages(review, outputs)
        proof = job.prove(review, outputs)
        console.data(
            {
                "type": "Result",
                "outputs": dataclasses.asdict(outputs),
                "stages": {str(r.ref): r.state.value for r in reports},
                "proof": None if proof is None else proof.summary,
            }
        )
        if proof is not None:
            console.line(proof.summary, State.DONE if proof.complete else State.FAILED)
        failed = [r for r in reports if r.state is State.FAILED]
        good = not failed and (proof is None or proof.complete)
        return int(ExitCode.DONE if good else ExitCode.FAILED)


def show_review(review: Review, console: Console) -> None:
    """What would happen, in the reader's words."""
    from wizard.core.change import diff_lines

    _show_plan(review, console)
    for change in review.changes:
        console.line(f"Stage {change.api_name} / {change.ref.stage} ({change.ref}):")
        for line in diff_lines(change):
            console.line(f"    {line.label}: {line.before} → {line.after}")
    for stage, reason in review.skipped:
        console.line(
            f"Stage {stage.api.name} / {stage.name} ({stage.ref}): left alone, {reason}",
            State.SKIPPED,
        )
    for text in review.warnings:
        console.line(text, State.WARNING)
    console.line(
        f"Cost: about ${review.cost.total:,.0f}/month before traffic "
        f"(list prices, {review.cost.dated})"
    )


def _show_plan(review: Review, console: Console) -> None:
    """What Terraform would do, by group; what would be removed or replaced, one by one."""
    from wizard.core.groups import group_of, group_order

    acting = [
        c for c in review.plan.changes if c.action in ("create", "update", "delete", "replace")
    ]
    groups = Counter(group_of(c.resource_type, c.address) for c in acting)
    for name in sorted(groups, key=group_order):
        console.line(f"    {name}: {count(groups[name], 'resource')}")
    for change in acting:
        if change.action in ("delete", "replace"):
            console.line(f"{change.action}: {change.address}", State.WARNING)


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
            why="This run would change the account, and nobody can be asked.",
            next_step="Look at it with --dry-run, then add --yes.",
            keys=("yes",),
        )
    print(f"{question} Type yes to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("yes", "y"):
        raise UsageError("WAG-E-CLI-004", "Stopped as you wished; nothing was changed")


def agrees(
    options: argparse.Namespace, env: Mapping[str, str], question: str, *, person: bool = False
) -> bool:
    """Whether the user agrees: `--yes` (unless only a person can know), or one who says so."""
    try:
        consent(options, env, question, person=person)
    except UsageError:
        return False
    return True


def answers(options: argparse.Namespace) -> int:
    """Print an answers file, or the reference of every key."""
    env = take_environment()
    if options.reference:
        print(reference())
        return int(ExitCode.DONE)
    print(load_answers(options, env, check=False, ask_aws=False).to_json(), end="")
    return int(ExitCode.DONE)


def completion(options: argparse.Namespace) -> int:
    """Print a completion script for a shell."""
    import shtab

    print(shtab.complete(options.parser, options.shell))
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
    from wizard.flows.lookup import iam_policy as render

    env = take_environment()
    found = load_answers(options, env, ask_aws=False)
    print(render(found, options.purpose, options.format, env))
    return int(ExitCode.DONE)
