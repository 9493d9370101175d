"""`stages`, `status`, `uninstall` and `rotate-token`: what is done after the first install."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.commands import show_snippets
from wizard.console import Console
from wizard.console_stop import GracefulStop
from wizard.core.access_log import compare, log_group_name
from wizard.core.change import diff_lines, drift
from wizard.core.errors import ExitCode, UsageError
from wizard.core.facts import Stage
from wizard.core.owner import owner
from wizard.core.record import StageRecord
from wizard.core.report import StageReport, State
from wizard.core.text import clean, count
from wizard.inputs import consent, load_answers, make_context, setting
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.flows.uninstall import Removal
    from wizard.services.terraform.client import PlanResult


def list_all(options: argparse.Namespace) -> int:
    """Every stage of the Region: how it logs today, and whether it is connected."""
    from wizard.flows.stages import inventory

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        found, connected = inventory(make_context(options, env, console), answers)
        for problem in found.problems:
            console.line(f"{problem.subject}: {problem.message}", State.WARNING)
        for stage in found.stages:
            held = connected.get(stage.ref)
            if setting(options, "json", env):
                console.data(_stage_data(stage, held))
            else:
                print(_stage_row(stage, held))
    return int(ExitCode.DONE)


def change(options: argparse.Namespace) -> int:
    """`stages add` and `stages remove`."""
    env = take_environment()
    answers = load_answers(options, env, check=False)
    from wizard.flows.stages import Stages

    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        with (
            Stages(context, answers) as job,
            GracefulStop(console, lambda: job.deployment.working),
        ):
            refs = tuple(options.stage)
            if options.action == "add":
                reports = _add(options, env, console, context, job, refs)
            else:
                reports = _remove(options, env, console, context, job, refs)
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


def status(options: argparse.Namespace) -> int:
    """What is deployed and how it does."""
    from wizard.flows.status import read

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        found = read(make_context(options, env, console), answers)
        if setting(options, "json", env):
            data = dataclasses.asdict(found)
            data["stages"] = [{**dataclasses.asdict(s), "ref": str(s.ref)} for s in found.stages]
            console.data(data)
            return int(ExitCode.DONE)
        print(f"Deployment   {found.name_prefix} in {found.account_id}, {found.region}")
        print(
            f"Resources    {found.resources}, about ${found.cost_per_month:,.0f}/month "
            "before traffic"
        )
        if found.cost_so_far is not None:
            print(f"So far       about ${found.cost_so_far:,.2f} since {found.since[:10]}")
        versions = [f"wallarm-apigw {__version__}"]
        versions += [f"node {found.node_tag}"] if found.node_tag else []
        versions += [f"Terraform {found.terraform}"] if found.terraform else []
        print(f"Versions     {', '.join(versions)}")
        print(f"Forwarder    {found.outputs.lambda_function_name}")
        print(f"Node         {found.outputs.node_scheme}://{found.outputs.node_url}")
        print(f"Log group    {found.outputs.api_gateway_log_group}")
        print(f"Events       {_or_unknown(found.events_last_hour)} in the last hour")
        print(f"Undelivered  {_or_unknown(found.undelivered)} batches waiting")
        print(f"Stages       {len(found.stages)} connected")
        for stage in found.stages:
            print(f"    {stage.ref}  {stage.mode}  {stage.note}".rstrip())
        for text in found.unfinished:
            console.line(f"unfinished: {text}", State.WARNING)
        for text in found.notes:
            console.line(text, State.UNCHECKED)
    return int(ExitCode.DONE)


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
    from wizard.flows.rotate import needed, rotate

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


def _stage_data(stage: Stage, held: StageRecord | None) -> dict[str, object]:
    who = owner(stage)
    log = stage.settings.access_log
    ours = held.after.access_log.destination_arn if held else ""
    return {
        "stage": str(stage.ref),
        "api_name": stage.api.name,
        "api_type": stage.api.api_type.value,
        "endpoint_type": stage.api.endpoint_type.value,
        "destination_arn": stage.settings.access_log.destination_arn,
        "logging": compare(log, ours, stage.api.api_type).value,
        "connected": held is not None,
        "drift": drift(held.before, held.wrote(stage.settings) or held.after, stage.settings)
        if held
        else "",
        "owner": str(who) if who else "",
        "canary": stage.has_canary,
        "changeable": stage.changeable,
        "invoke_url": stage.invoke_url,
    }


def _stage_row(stage: Stage, held: StageRecord | None) -> str:
    ours = held.after.access_log.destination_arn if held else ""
    state = compare(stage.settings.access_log, ours, stage.api.api_type).value
    place = log_group_name(stage.settings.access_log.destination_arn)
    note = "" if stage.changeable else "managed by AWS"
    mark = "connected" if held else ""
    if held and drift(held.before, held.wrote(stage.settings) or held.after, stage.settings):
        mark = "changed"
    return (
        f"{stage.ref!s:<28} {stage.api.api_type.value:<9} {clean(stage.api.name, 32):<32} "
        f"{state:<12} {mark:<9} {note or clean(place, 60)}"
    ).rstrip()


def _or_unknown(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"
