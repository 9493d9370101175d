"""`stages list` and `status`: what is only looked at."""

from __future__ import annotations

import argparse
import dataclasses

from wizard import __version__
from wizard.cli.console import Console
from wizard.cli.inputs import load_answers, make_context, setting
from wizard.core.errors import ExitCode
from wizard.core.events import State
from wizard.core.facts import Stage
from wizard.core.journal.record import StageRecord
from wizard.core.stages.change import drift
from wizard.core.stages.log_format import compare, log_group_name
from wizard.core.stages.owner import owner
from wizard.core.text import clean
from wizard.services.tokens import take_environment


def list_all(options: argparse.Namespace) -> int:
    """Every stage of the Region: how it logs today, and whether it is connected.

    Where not one API could be read, an empty list would be taken for an empty Region: exit code 3.
    """
    from wizard.flows.stages.connect import inventory

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        found, connected = inventory(make_context(options, env, console), answers)
        for problem in found.problems:
            console.line(f"{problem.subject}: {problem.message}", State.WARNING)
            console.data({"problem": problem.subject, "message": problem.message})
        for stage in found.stages:
            held = connected.get(stage.ref)
            if setting(options, "json", env):
                console.data(_stage_data(stage, held))
            else:
                print(_stage_row(stage, held))
        if found.unreadable:
            console.line("Not one API could be read: the list says nothing.", State.UNCHECKED)
            return int(ExitCode.UNCHECKED)
    return int(ExitCode.DONE)


def status(options: argparse.Namespace) -> int:
    """What is deployed and how it does."""
    from wizard.flows.deployment.remote import LIMITS
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
        if found.elsewhere:
            print(f"State        {found.elsewhere}")
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
        if found.elsewhere:
            console.line(LIMITS, State.UNCHECKED)
        for text in found.unfinished:
            console.line(f"unfinished: {text}", State.WARNING)
        for text in found.notes:
            console.line(text, State.UNCHECKED)
    return int(ExitCode.DONE)


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
