"""`stages list`, `stages add` and `stages remove`."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.cli.console import Console, put
from wizard.cli.inputs import consent, load_answers, make_context, setting
from wizard.cli.install import anew_if_overtaken, planned, show_snippets, stages_planned
from wizard.cli.interrupt import GracefulStop
from wizard.core.errors import ExitCode, UsageError
from wizard.core.events import StageReport, State, count_reports
from wizard.core.facts import Stage
from wizard.core.journal.record import StageRecord
from wizard.core.stages.change import diff_lines, drift
from wizard.core.stages.log_format import compare, log_group_name
from wizard.core.stages.owner import owner
from wizard.core.text import clean, count
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.core.facts import Inventory, StageRef
    from wizard.flows.context import Context
    from wizard.flows.stages.switch import StageUndo
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
        if reports or not context.options.dry_run:
            console.data(
                {
                    "type": "Changed",
                    "stages": {str(r.ref): r.state.value for r in reports},
                    "failed": sum(r.state is State.FAILED for r in reports),
                }
            )
        if reports:
            done = "connected" if options.action == "add" else "put back"
            console.end(count_reports(reports, done), good=not failed)
        else:
            console.line(
                "Dry run: nothing was changed."
                if context.options.dry_run
                else "Nothing to change.",
                State.SKIPPED,
            )
        return int(ExitCode.FAILED if failed else ExitCode.DONE)


def _add(options, env, console, context, job, refs) -> tuple[StageReport, ...]:  # type: ignore[no-untyped-def]
    addition = job.review_add(refs)
    console.data(
        {
            "type": "Review",
            "resources": planned(addition.plan),
            **stages_planned(addition.changes, addition.skipped),
            "warnings": list(addition.warnings),
        }
    )
    for one in addition.changes:
        console.line(f"Stage {one.ref.label(one.api_name)}:")
        for line in diff_lines(one):
            console.line(f"    {line.label}: {line.before} → {line.after}")
    for stage, reason in addition.skipped:
        console.line(
            f"Stage {stage.ref.label(stage.api.name)}: left alone, {reason}", State.SKIPPED
        )
    for text in addition.warnings:
        console.line(text, State.WARNING)
    show_snippets(console, addition.changes)
    _show_plan(console, addition.plan)
    if context.options.dry_run or not addition.changes:
        discard_plan(addition.plan)
        return ()
    try:
        consent(options, env, f"Change {count(len(addition.changes), 'stage')}?")
    except UsageError:
        discard_plan(addition.plan)
        raise
    return tuple(job.add(addition))


def _remove(options, env, console, context, job, refs) -> tuple[StageReport, ...]:  # type: ignore[no-untyped-def]
    leaving = job.review_remove(refs)
    undos = {one.held.ref: one for one in leaving.undos}
    console.data(
        {
            "type": "Review",
            "resources": planned(leaving.plan),
            "stages": [put_back(one, undos.get(one.ref)) for one in leaving.held],
            "left_alone": [{"stage": ref, "why": "put back already"} for ref in leaving.back],
        }
    )
    for one in leaving.held:
        console.line(
            f"{one.label}: put back what was there before "
            f"({one.before.access_log.destination_arn or 'no access log'})"
        )
        if one.ref in undos:
            show_undo(console, undos[one.ref])
    for ref in leaving.back:
        console.line(f"{ref}: put back already", State.SKIPPED)
    for group in leaving.log_groups:
        console.line(f"{group}: unsubscribed, no other stage needs it")
    _show_plan(console, leaving.plan)
    if context.options.dry_run or not (leaving.held or leaving.plan):
        discard_plan(leaving.plan)
        return ()
    try:
        consent(options, env, f"Change {count(len(leaving.held), 'stage')}?")
    except UsageError:
        discard_plan(leaving.plan)
        raise
    return tuple(job.remove(leaving, ask_about_stage(options, env)))


def _show_plan(console: Console, plan: PlanResult | None) -> None:
    """Every change Terraform would make; nothing where it need not run."""
    acting = ("create", "update", "delete", "replace")
    for change in plan.changes if plan is not None else ():
        if change.action in acting:
            console.line(f"Terraform: {change.action} {change.address}")


def put_back(held: StageRecord, undo: StageUndo | None) -> dict[str, object]:
    """How one stage would be put back, for `--json`."""
    return {
        "stage": str(held.ref),
        "destination_arn": held.before.access_log.destination_arn,
        "changes": [dataclasses.asdict(line) for line in undo.lines] if undo else [],
        "problem": undo.problem if undo else "",
    }


def show_undo(console: Console, undo: StageUndo) -> None:
    """What putting a stage back changes of what it has now."""
    for line in undo.lines:
        console.line(f"    {line.label}: {line.before} → {line.after}")
    said = undo.problem or (undo.undo.reason if undo.undo is not None else "")
    if said:
        console.line(f"    {said}", State.UNCHECKED if undo.problem else State.WARNING)


def discard_plan(plan: PlanResult | None) -> None:
    """Delete a saved plan that will not be applied."""
    if plan is not None:
        plan.discard()


def ask_about_stage(options: argparse.Namespace, env: Mapping[str, str]):  # type: ignore[no-untyped-def]
    """Ask a person about a stage that somebody else changed; nobody there means leave it."""
    if setting(options, "non_interactive", env) or not sys.stdin.isatty():
        return None

    def ask(held: StageRecord, message: str) -> bool:
        print(
            f"{held.label}: {clean(message)}\nPut the old logging back all the same? Type yes: ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        return sys.stdin.readline().strip().lower() in ("yes", "y")

    return ask


def list_all(options: argparse.Namespace) -> int:
    """Every stage of the Region, or of all Regions: how it logs today, whether it is connected.

    Where not one API could be read, an empty list would be taken for an empty Region: exit code 3.
    """
    from wizard.flows.stages.connect import inventory

    env = take_environment()
    answers = load_answers(options, env, check=False)
    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        if options.all_regions:
            return _list_regions(options, env, console, context, answers)
        found, connected = inventory(context, answers)
        _show_stages(console, found, connected, as_json=setting(options, "json", env))
        if found.unreadable:
            console.line("Not one API could be read: the list says nothing.", State.UNCHECKED)
            return int(ExitCode.UNCHECKED)
        if not found.stages:
            console.line(_why_empty(found), State.DONE)
    return int(ExitCode.DONE)


def _why_empty(found: Inventory) -> str:
    """Nothing at all could be a mistake about the Region, or of the program: so it is said."""
    where = found.identity.region
    if not found.apis:
        begin = f"No APIs in {where}"
        begin += ", as far as it could be read" if found.problems else ""
    else:
        begin = f"{count(len(found.apis), 'API')} in {where}, and no stage"
        begin += " that could be read" if found.problems else ""
    return f"{begin}; look at all Regions with --all-regions."


def _list_regions(
    options: argparse.Namespace,
    env: Mapping[str, str],
    console: Console,
    context: Context,
    answers: Answers,
) -> int:
    from wizard.flows.stages.connect import read_regions

    as_json = setting(options, "json", env)
    stages = regions = unread = 0
    for one in read_regions(context, answers):
        if one.inventory is None:
            console.line(f"{one.region}: {one.problem}", State.WARNING)
            console.data({"problem": one.region, "message": one.problem, "region": one.region})
            unread += 1
            continue
        _show_stages(console, one.inventory, one.connected, as_json=as_json, region=one.region)
        unread += one.inventory.unreadable
        regions += not one.inventory.unreadable
        stages += len(one.inventory.stages)
    words = f"{count(stages, 'stage')} in {count(regions, 'Region')}"
    words += f"; {count(unread, 'Region')} could not be read" if unread else ""
    console.line(f"{words}.", State.WARNING if unread else State.DONE)
    return int(ExitCode.UNCHECKED if unread and not regions else ExitCode.DONE)


def _show_stages(
    console: Console,
    found: Inventory,
    connected: Mapping[StageRef, StageRecord],
    *,
    as_json: bool,
    region: str = "",
) -> None:
    """The problems, then a line a stage; with its Region where there are several."""
    more = {"region": region} if region else {}
    for problem in found.problems:
        where = f"{region}: " if region else ""
        console.line(f"{where}{problem.subject}: {problem.message}", State.WARNING)
        console.data({"problem": problem.subject, "message": problem.message, **more})
    for stage in found.stages:
        held = connected.get(stage.ref)
        if as_json:
            console.data({**_stage_data(stage, held), **more})
        else:
            put((f"{region:<14} " if region else "") + _stage_row(stage, held))


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
    drifted = held and drift(held.before, held.wrote(stage.settings) or held.after, stage.settings)
    mark = "changed" if drifted else ""  # somebody else did, since it was connected
    return (
        f"{stage.ref!s:<28} {stage.api.api_type.value:<9} {clean(stage.api.name, 32):<32} "
        f"{state:<25} {mark:<7} {note or clean(place, 60)}"
    ).rstrip()


def reconcile(options: argparse.Namespace) -> int:
    """`stages reconcile`: quiet where there is nothing to do."""
    from wizard.core.stages.reconcile import Step
    from wizard.flows.stages.reconcile import Reconcile

    env = take_environment()
    answers = load_answers(options, env)
    with Console(as_json=setting(options, "json", env), held=True) as console:
        context = make_context(options, env, console)
        with (
            Reconcile(context, answers) as job,
            GracefulStop(console, lambda: job.stages.deployment.working),
        ):
            review = job.review()
            if review.notes or not review.found.quiet:
                console.release()
            told = review.found.of(Step.REPORT, Step.GONE, Step.REFUSED)
            unread = review.found.of(Step.UNREAD)
            for one in (*review.found.of(Step.CONNECT, Step.PUT_BACK), *told, *unread):
                state = State.WARNING if one in told else None
                state = State.UNCHECKED if one in unread else state
                console.line(f"{one.ref.label(one.api_name)}: {one.step.value}, {one.why}", state)
            for text in review.notes:
                console.line(text, State.WARNING)
            addition = review.addition
            if addition is not None:
                for text in addition.warnings:
                    console.line(text, State.WARNING)
                show_snippets(console, addition.changes)
                _show_plan(console, addition.plan)
            reports: tuple[StageReport, ...] = ()
            if context.options.dry_run and addition is not None:
                discard_plan(addition.plan)
            elif addition is not None:
                try:
                    consent(options, env, f"Change {count(len(addition.changes), 'stage')}?")
                except UsageError:
                    discard_plan(addition.plan)
                    raise
                reports = job.run(review)
        failed = sum(1 for report in reports if report.state is not State.DONE)
        console.data(
            {
                "type": "Reconciled",
                "stages": [
                    {"stage": str(one.ref), "step": one.step.value, "why": one.why}
                    for one in review.found.stages
                ],
                "changed": len(reports) - failed,
                "failed": failed,
                "reported": len(told),
                "unread": [
                    {"subject": one.subject, "message": one.message} for one in review.found.unread
                ],
            }
        )
        if not review.found.quiet:
            words = "would change" if context.options.dry_run else "changed"
            number = len(review.found.to_do) if context.options.dry_run else len(reports) - failed
            console.line(
                f"{count(number, 'stage')} {words}, {failed} failed, {len(told)} reported, "
                f"{len(review.kept)} as they should be"
                + (", not everything could be read." if review.found.unread else "."),
                State.WARNING if failed or told or review.found.unread else State.DONE,
            )
        if failed or told:
            return int(ExitCode.FAILED)
        return int(ExitCode.UNCHECKED if review.found.unread else ExitCode.DONE)
