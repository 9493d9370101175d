"""`status`, `uninstall` and `rotate-token`: one deployment as a whole."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard import __version__
from wizard.cli.console import Console, put
from wizard.cli.inputs import consent, load_answers, make_context, setting
from wizard.cli.install import anew_if_overtaken, planned
from wizard.cli.interrupt import GracefulStop
from wizard.cli.stages import ask_about_stage, discard_plan, put_back, show_undo
from wizard.core.errors import ExitCode, UsageError
from wizard.core.events import State
from wizard.core.text import count
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.flows.context import Context
    from wizard.flows.status import StageStatus
    from wizard.flows.uninstall import Removal, Uninstall


def status(options: argparse.Namespace) -> int:
    """What is deployed and how it does."""
    from wizard.core.answers.model import PLACE_TITLES
    from wizard.core.stages.lines import silent_stages
    from wizard.flows.deployment.remote import LIMITS
    from wizard.flows.status import read_status

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        found = read_status(make_context(options, env, console), answers, with_events=True)
        if setting(options, "json", env):
            data = dataclasses.asdict(found)
            data["stages"] = [{**dataclasses.asdict(s), "ref": str(s.ref)} for s in found.stages]
            console.data(data)
            return int(ExitCode.DONE)
        put(f"Deployment   {found.name_prefix} in {found.account_id}, {found.region}")
        if found.elsewhere:
            put(f"State        {found.elsewhere}")
        put(
            f"Resources    {found.resources}, about ${found.cost_per_month:,.0f}/month "
            "before traffic"
        )
        if found.cost_so_far is not None:
            put(f"So far       about ${found.cost_so_far:,.2f} since {found.since[:10]}")
        versions = [f"wallarm-apigw {__version__}"]
        versions += [f"forwarder {found.forwarder}"] if found.forwarder else []
        versions += [f"node {found.node_versions}"] if found.node_versions else []
        versions += [f"Terraform {found.terraform}"] if found.terraform else []
        put(f"Versions     {', '.join(versions)}")
        put(f"Forwarder    {found.outputs.lambda_function_name}")
        where = f" ({PLACE_TITLES[found.node_place]})" if found.node_place else ""
        put(f"Node         {found.outputs.node_scheme}://{found.outputs.node_url}{where}")
        put(f"Counters     {found.node.summary}")
        put(f"Log group    {found.outputs.api_gateway_log_group}")
        put(f"Events       {_or_unknown(found.events_last_hour)} in the last hour")
        put(f"Lines        {found.lines or 'none'} in the last hour")
        how = ", ".join(filter(None, (_waiting(found.undelivered), found.replayed)))
        put(f"Undelivered  {how}")
        put(f"Stages       {len(found.stages)} connected")
        now = time.time()
        events = {s.ref: s.last_event for s in found.stages if s.last_event is not None}
        for stage in found.stages:
            event = events.get(stage.ref)
            last = f"; last event: {event.words(now)}" if event else ""
            put(f"    {stage.label}: {_destination(stage)}{last}")
        names = {s.ref: s.label for s in found.stages}
        for ref in silent_stages(events, {s.ref: s.since for s in found.stages}, now):
            console.line(f"{names[ref]} is silent, while other stages log", State.WARNING)
        if found.standing:
            console.line(found.standing, State.FAILED)
        if found.elsewhere:
            console.line(LIMITS, State.UNCHECKED)
        for text in found.unfinished:
            console.line(f"unfinished: {text}", State.WARNING)
        for text in found.notes:
            console.line(text, State.UNCHECKED)
    return int(ExitCode.DONE)


def _destination(stage: StageStatus) -> str:
    where = f"keeps its log group {stage.log_group}" if stage.mode == "keep" else "connected"
    return f"{where}; {stage.note}" if stage.note else where


def _waiting(number: int | None) -> str:
    return "unknown" if number is None else f"{count(number, 'batch', 'batches')} waiting"


def _or_unknown(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def uninstall(options: argparse.Namespace) -> int:
    """Take everything away and put the stages' logging back."""
    from wizard.flows.uninstall import Uninstall

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        with (
            Uninstall(
                context, answers, ask=ask_about_stage(options, env), delete_logs=options.delete_logs
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
    undos = {one.held.ref: one for one in removal.undos}
    console.data(
        {
            "type": "Review",
            "resources": planned(removal.plan),
            "stages": [put_back(held, undos.get(held.ref)) for held in removal.stages],
            "logs": [one.name for one in removal.logs],
            "undelivered": removal.undelivered,
            "stays": list(removal.stays),
            "warnings": list(removal.warnings),
        }
    )
    _show_removal(console, removal, delete_logs=options.delete_logs)
    if removal.nothing_to_do and not (removal.logs and options.delete_logs):
        end = ", but what is listed" if removal.logs or removal.stays else ""
        console.data({"type": "Removed", "destroyed": 0, "left": []})
        console.line(f"Nothing of this deployment is left{end}.", State.DONE)
        return int(ExitCode.DONE)
    if context.options.dry_run:
        console.line("Dry run: nothing was changed.", State.SKIPPED)
        discard_plan(removal.plan)
        return int(ExitCode.DONE)
    try:
        consent(options, env, "Remove all of this?")
    except UsageError:
        discard_plan(removal.plan)
        raise
    done = job.run(removal)
    console.data({"type": "Removed", "destroyed": done.destroyed, "left": list(done.left)})
    for text in done.left:
        console.line(f"left: {text}", State.WARNING)
    left = len(done.left)
    console.end(
        f"Removed: {count(done.destroyed, 'resource')} destroyed"
        if done.complete
        else f"{count(done.destroyed, 'resource')} destroyed, "
        f"{count(left, 'thing')} left, as listed",
        good=done.complete,
    )
    return int(ExitCode.DONE if done.complete else ExitCode.FAILED)


def _show_removal(console: Console, removal: Removal, *, delete_logs: bool) -> None:
    """What would be taken away, what stays, and what that costs."""
    undos = {one.held.ref: one for one in removal.undos}
    for held in removal.stages:
        name = removal.api_names.get(held.ref, held.api_name)
        console.line(
            f"Stage {held.ref.label(name)}: logging goes back to "
            f"{held.before.access_log.destination_arn or 'off'}"
        )
        if held.ref in undos:
            show_undo(console, undos[held.ref])
    for text in removal.warnings:
        console.line(text, State.WARNING)
    if removal.plan is not None:
        console.line(f"Infrastructure: {count(removal.plan.summary.remove, 'resource')} to remove")
    if removal.token_parameter:
        console.line(f"Wallarm token: {removal.token_parameter} deleted")
    if removal.claimed:
        console.line("The name is given back: another installation may take it")
    for group in removal.policies:
        console.line(f"Resource policy of {group}: the connector's statement taken out")
    for one in removal.logs:
        if delete_logs:
            console.line(f"{one.name}: deleted with all its data", State.WARNING)
        else:
            console.line(f"stays: {one.left}", State.SKIPPED)
    for text in removal.stays:
        console.line(f"stays: {text}", State.SKIPPED)


def rotate_token(options: argparse.Namespace) -> int:
    """Store a new token and restart the node's tasks with it."""
    from wizard.core.tfvars import token_parameter_name
    from wizard.flows.token import require_new_token, rotate
    from wizard.services.tokens import read_token

    env = take_environment()
    answers = load_answers(options, env)
    token = require_new_token(read_token(setting(options, "token_file", env), env))
    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        consent(options, env, "Store the new token and restart the node?")
        rotate(context, answers, token)
        console.data({"type": "Rotated", "parameter": token_parameter_name(answers)})
        console.end("The new token is stored, and the node restarts with it", good=True)
    return int(ExitCode.DONE)


def prove(options: argparse.Namespace) -> int:
    """Follow a request through connected stages."""
    from wizard.flows.proof import prove_deployment

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        found = prove_deployment(make_context(options, env, console), answers, options.stage)
        if found is None:
            none = "No connected stage can be called from here."
            console.data({"type": "Proof", "summary": none, "stages": []})
            console.line(none, State.UNCHECKED)
            return int(ExitCode.UNCHECKED)
        console.data(
            {
                "type": "Proof",
                "summary": found.summary,
                "stages": [
                    {"stage": str(one.ref), "state": one.state.value} for one in found.stages
                ],
            }
        )
        console.line(found.summary, State.DONE if found.complete else State.FAILED)
        return int(ExitCode.DONE if found.complete else ExitCode.FAILED)
