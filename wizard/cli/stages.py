"""`stages`, `status`, `uninstall` and `rotate-token`: what is done after the first install."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.cli.console import Console
from wizard.cli.inputs import consent, load_answers, make_context, setting
from wizard.cli.install import anew_if_overtaken, show_snippets
from wizard.cli.interrupt import GracefulStop
from wizard.core.errors import ExitCode, UsageError
from wizard.core.events import StageReport, State
from wizard.core.journal.record import StageRecord
from wizard.core.stages.change import diff_lines
from wizard.core.text import clean, count
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.flows.context import Context
    from wizard.flows.uninstall import Removal, Uninstall
    from wizard.services.terraform.client import PlanResult


def change(options: argparse.Namespace) -> int:
    """`stages add` and `stages remove`."""
    env = take_environment()
    answers = load_answers(options, env, check=False)
    from wizard.flows.stages.connect import Stages

    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        with (
            Stages(context, answers) as job,
            GracefulStop(console, lambda: job.deployment.working),
        ):
            refs = tuple(options.stage)
            carry_out = _add if options.action == "add" else _remove
            reports = anew_if_overtaken(
                console, lambda: carry_out(options, env, console, context, job, refs)
            )
        failed = any(r.state is not State.DONE for r in reports)
        return int(ExitCode.FAILED if failed else ExitCode.DONE)


def _add(options, env, console, context, job, refs) -> tuple[StageReport, ...]:  # type: ignore[no-untyped-def]
    addition = job.review_add(refs)
    for one in addition.changes:
        console.line(f"Stage {one.ref}:")
        for line in diff_lines(one):
            console.line(f"    {line.label}: {line.before} → {line.after}")
    for stage, reason in addition.skipped:
        console.line(f"Stage {stage.ref}: left alone, {reason}", State.SKIPPED)
    for text in addition.warnings:
        console.line(text, State.WARNING)
    show_snippets(console, addition.changes)
    _show_plan(console, addition.plan)
    if context.options.dry_run or not addition.changes:
        _discard(addition.plan)
        return ()
    try:
        consent(options, env, f"Change {count(len(addition.changes), 'stage')}?")
    except UsageError:
        _discard(addition.plan)
        raise
    return tuple(job.add(addition))


def _remove(options, env, console, context, job, refs) -> tuple[StageReport, ...]:  # type: ignore[no-untyped-def]
    leaving = job.review_remove(refs)
    for one in leaving.held:
        console.line(
            f"{one.ref}: put back what was there before "
            f"({one.before.access_log.destination_arn or 'no access log'})"
        )
    for ref in leaving.back:
        console.line(f"{ref}: put back already", State.SKIPPED)
    for group in leaving.log_groups:
        console.line(f"{group}: unsubscribed, no other stage needs it")
    _show_plan(console, leaving.plan)
    if context.options.dry_run or not (leaving.held or leaving.plan):
        _discard(leaving.plan)
        return ()
    try:
        consent(options, env, f"Change {count(len(leaving.held), 'stage')}?")
    except UsageError:
        _discard(leaving.plan)
        raise
    return tuple(job.remove(leaving, _ask(options, env)))


def _show_plan(console: Console, plan: PlanResult | None) -> None:
    """Every change Terraform would make; nothing where it need not run."""
    acting = ("create", "update", "delete", "replace")
    for change in plan.changes if plan is not None else ():
        if change.action in acting:
            console.line(f"Terraform: {change.action} {change.address}")


def _discard(plan: PlanResult | None) -> None:
    if plan is not None:
        plan.discard()


def uninstall(options: argparse.Namespace) -> int:
    """Take everything away and put the stages' logging back."""
    from wizard.flows.uninstall import Uninstall

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        with (
            Uninstall(
                context, answers, ask=_ask(options, env), delete_logs=options.delete_logs
            ) as job,
            GracefulStop(console, lambda: job.deployment.working),
        ):
            return anew_if_overtaken(
                console, lambda: _reviewed_and_removed(options, env, console, context, job)
            )


def _reviewed_and_removed(
    options: argparse.Namespace,
    env: Mapping[str, str],
    console: Console,
    context: Context,
    job: Uninstall,
) -> int:
    """The review of a removal, consent, and the removal; returns the exit code."""
    removal = job.review()
    _show_removal(console, removal, delete_logs=options.delete_logs)
    if removal.nothing_to_do and not (removal.logs and options.delete_logs):
        end = ", but what is listed" if removal.logs or removal.stays else ""
        console.line(f"Nothing of this deployment is left{end}.", State.DONE)
        return int(ExitCode.DONE)
    if context.options.dry_run:
        console.line("Dry run: nothing was changed.", State.SKIPPED)
        _discard(removal.plan)
        return int(ExitCode.DONE)
    try:
        consent(options, env, "Remove all of this?")
    except UsageError:
        _discard(removal.plan)
        raise
    done = job.run(removal)
    console.data({"type": "Removed", "destroyed": done.destroyed, "left": list(done.left)})
    for text in done.left:
        console.line(f"left: {text}", State.WARNING)
    console.line(
        "Removed." if done.complete else "Removed, except for what is listed.",
        State.DONE if done.complete else State.WARNING,
    )
    return int(ExitCode.DONE if done.complete else ExitCode.FAILED)


def _show_removal(console: Console, removal: Removal, *, delete_logs: bool) -> None:
    """What would be taken away, what stays, and what that costs."""
    for held in removal.stages:
        console.line(
            f"Stage {held.ref}: logging goes back to "
            f"{held.before.access_log.destination_arn or 'off'}"
        )
    if removal.plan is not None:
        console.line(f"Infrastructure: {removal.plan.summary.remove} resources to remove")
    if removal.token_parameter:
        console.line(f"Wallarm token: {removal.token_parameter} deleted")
    for group in removal.policies:
        console.line(f"Resource policy of {group}: our statement taken out")
    for one in removal.logs:
        if delete_logs:
            console.line(f"{one.name}: deleted with all its data", State.WARNING)
        else:
            console.line(f"stays: {one.left}", State.SKIPPED)
    for text in removal.stays:
        console.line(f"stays: {text}", State.SKIPPED)


def rotate_token(options: argparse.Namespace) -> int:
    """Store a new token and restart the node's tasks with it."""
    from wizard.flows.lookup import read_token
    from wizard.flows.token import needed, rotate

    env = take_environment()
    answers = load_answers(options, env)
    token = needed(read_token(setting(options, "token_file", env), env))
    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        consent(options, env, "Store the new token and restart the node?")
        rotate(context, answers, token)
    return int(ExitCode.DONE)


def _ask(options: argparse.Namespace, env: Mapping[str, str]):  # type: ignore[no-untyped-def]
    """Ask a person about a stage that somebody else changed; nobody there means leave it."""
    if setting(options, "non_interactive", env) or not sys.stdin.isatty():
        return None

    def ask(held: StageRecord, message: str) -> bool:
        print(
            f"{held.ref}: {clean(message)}\nPut the old logging back all the same? Type yes: ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        return sys.stdin.readline().strip().lower() in ("yes", "y")

    return ask
