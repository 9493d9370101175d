"""`doctor`, `redrive` and `support-bundle`: find out, mend, hand over."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.cli.console import Console, put, speaks_unicode
from wizard.cli.inputs import consent, load_answers, make_context, setting
from wizard.core.answers.model import Answers
from wizard.core.checks import report as report_text
from wizard.core.checks.model import Report, Result, Verdict
from wizard.core.checks.report import listing
from wizard.core.errors import ExitCode, UsageError
from wizard.core.events import State
from wizard.core.secret import Secret
from wizard.core.text import clean, count, duration
from wizard.flows.context import Context
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.flows.redrive import KeptBatch, Redrive

NOBODY_TO_ASK = "WAG-E-CLI-003"
SETTLE_SECONDS = 6.0  # AWS may show a repair a moment later
MOST_NAMED = 4


def doctor(options: argparse.Namespace) -> int:
    """Run the checklist; with `--fix` offer the safe repairs."""
    from wizard.flows.doctor import examine
    from wizard.services.tokens import read_token

    env = take_environment()
    if options.list:
        put(listing())
        return int(ExitCode.DONE)
    answers = load_answers(options, env)
    token = read_token(setting(options, "token_file", env), env)
    with Console() as console:
        context = make_context(options, env, console)
        report = examine.run(
            context,
            answers,
            only=_names(options.only),
            skip=_names(options.skip),
            wait_seconds=options.wait,
            deep=options.deep,
            token=token,
            on_wait=lambda results, left: console.line(_waiting(results, left), State.RUNNING),
        )
        if options.fix:
            report = _repair(options, env, context, console, report, answers, token)
    output = "json" if setting(options, "json", env) else options.output
    unicode = speaks_unicode(sys.stdout)
    kind = {"json": "json", "junit": "xml"}.get(output, "text")
    put(report_text.render(report, output, unicode=unicode, fail_on=options.fail_on), kind)
    return int(exit_code(report, options.fail_on, _names(options.only)))


def _names(given: list[str]) -> tuple[str, ...]:
    """Ids and sections, given one by one or with commas."""
    return tuple(name.strip() for text in given for name in text.split(",") if name.strip())


def _waiting(results: tuple[Result, ...], left: float) -> str:
    """What `--wait` waits for."""
    named = ", ".join(r.check.check_id for r in results[:MOST_NAMED])
    more = f" and {len(results) - MOST_NAMED} more" if len(results) > MOST_NAMED else ""
    return f"Looking again: {named}{more} may still settle; at most {duration(left)} more"


def exit_code(report: Report, fail_on: str, only: tuple[str, ...] = ()) -> ExitCode:
    """0 when nothing failed, 1 when something did, 3 when nothing could be looked at.

    Args:
        only: ids and sections that were asked for; that their causes are well says nothing of them.
    """
    if report.count(Verdict.FAIL) or (fail_on == "warning" and report.count(Verdict.WARN)):
        return ExitCode.FAILED
    names = {name.lower() for name in only}
    asked = [
        r.verdict
        for r in report.results
        if not names or {r.check.check_id.lower(), r.check.section.key} & names
    ]
    if asked and not {Verdict.PASS, Verdict.WARN} & set(asked):
        return ExitCode.UNCHECKED
    return ExitCode.DONE


def _repair(
    options: argparse.Namespace,
    env: Mapping[str, str],
    context: Context,
    console: Console,
    report: Report,
    answers: Answers,
    token: Secret | None,
) -> Report:
    """Offer each repair in turn, most fundamental first, and look again after each.

    A repair that is declined is left out; without anybody to ask, nothing is repaired.
    """
    from wizard.flows.doctor import examine
    from wizard.flows.doctor.repair import Repairs

    tried: set[tuple[str, str]] = set()
    while True:
        found = _repairable(report, tried)
        if found is None:
            return report
        tried.add((found.check.check_id, found.finding.fix_subject))
        console.line(f"{found.check.check_id}  {found.check.question} No.", State.FAILED)
        console.line(f"    {found.finding.evidence}")
        with Repairs(context, answers) as repair:
            console.line(f"    Fix: {repair.preview(found)}")
            if context.options.dry_run:
                continue
            try:
                consent(options, env, "    Do it?")
            except UsageError as error:
                if error.code == NOBODY_TO_ASK:
                    raise
                continue
            repair.apply(found)
            console.line("    Done", State.DONE)
        report = examine.run(
            context,
            answers,
            only=_names(options.only),
            skip=_names(options.skip),
            wait_seconds=SETTLE_SECONDS,
            wait_for=found.check.check_id,
            deep=options.deep,
            token=token,
        )


def _repairable(report: Report, tried: set[tuple[str, str]]) -> Result | None:
    return next(
        (
            r
            for r in report.results
            if r.verdict is Verdict.FAIL
            and r.check.fix
            and (r.check.check_id, r.finding.fix_subject) not in tried
        ),
        None,
    )


def redrive(options: argparse.Namespace) -> int:
    """Replay what AWS kept after the forwarder's retries were used up."""
    from wizard.flows import redrive as flow

    env = take_environment()
    answers = load_answers(options, env)
    since = _time(options.since)
    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        with flow.Redrive(context, answers) as job:
            waiting = job.list(since)
            batches = count(len(waiting), "undelivered batch", "undelivered batches")
            console.line(f"{batches} waiting")
            if options.unreadable or options.discard:
                return _unreadable(options, env, console, job, waiting)
            if context.options.dry_run:
                as_json = bool(setting(options, "json", env))
                for batch in waiting:
                    _show_batch(console, batch, as_json=as_json)
            if not waiting or context.options.dry_run:
                waits = len(waiting)
                console.data({"type": "Replayed", "waiting": waits, "delivered": 0})
                return int(ExitCode.DONE)
            batches = count(len(waiting), "batch", "batches")
            consent(options, env, f"Replay {batches} through the forwarder?")
            result = job.replay(waiting)
        batches = count(result.delivered, "batch", "batches")
        console.data({"type": "Replayed", "waiting": result.failed, "delivered": result.delivered})
        console.end(f"{batches} delivered, {result.failed} still waiting", good=not result.failed)
        return int(ExitCode.DONE if not result.failed else ExitCode.FAILED)


def _unreadable(
    options: argparse.Namespace,
    env: Mapping[str, str],
    console: Console,
    job: Redrive,
    waiting: Sequence[KeptBatch],
) -> int:
    """Show the batches that no replay can deliver; with `--discard` delete them, after asking."""
    found = job.find_unreadable(waiting)
    console.line(f"{len(found):,} of them can never be read")
    as_json = bool(setting(options, "json", env))
    for batch, why in found:
        _show_batch(console, batch, why, as_json=as_json)
    if not found or not options.discard or job.context.options.dry_run:
        console.data({"type": "Discarded", "unreadable": len(found), "deleted": 0})
        return int(ExitCode.DONE)
    consent(options, env, f"Delete {len(found):,} for good? Their events cannot be had back.")
    result = job.discard([batch for batch, _ in found])
    batches = count(result.delivered, "batch", "batches")
    left = {"unreadable": result.failed, "deleted": result.delivered}
    console.data({"type": "Discarded", **left})
    console.end(f"{batches} deleted, {result.failed} not", good=not result.failed)
    return int(ExitCode.DONE if not result.failed else ExitCode.FAILED)


def _show_batch(console: Console, batch: KeptBatch, why: str = "", *, as_json: bool) -> None:
    more = {"unreadable": why} if why else {}
    console.data({"type": "KeptBatch", **dataclasses.asdict(batch), **more})
    if not as_json:
        kept = datetime.fromtimestamp(batch.kept_at, timezone.utc)
        text = f"{kept:%Y-%m-%dT%H:%M:%SZ}  {batch.size:>10,}  {clean(batch.key)}"
        put(f"{text}  {clean(why)}" if why else text)


def support_bundle(options: argparse.Namespace) -> int:
    """Write a redacted zip; show what is in it first. It is never sent anywhere."""
    from wizard.flows.doctor import bundle

    env = take_environment()
    answers = load_answers(options, env)
    target = options.file or Path(
        f"wallarm-apigw-support-{datetime.now(timezone.utc):%Y%m%dT%H%M%SZ}.zip"
    )
    with Console(as_json=False) as console:
        context = make_context(options, env, console)
        files = bundle.collect(context, answers)
        for name, text in files.items():
            console.line(f"  {name}  {len(text.encode()):,} bytes")
        if options.show:
            put(bundle.shown(files))
        if context.options.dry_run:
            return int(ExitCode.DONE)
        question = f"Write {count(len(files), 'redacted file')} to {target}?"
        consent(options, env, question)
        bundle.write(target, files)
        console.line(f"{target} written; it was not sent anywhere", State.DONE)
    return int(ExitCode.DONE)


def _time(text: str) -> float:
    """Epoch seconds of an ISO time; 0.0 for none."""
    if not text:
        return 0.0
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(
            "WAG-E-CLI-005",
            f"--since {text} is not an ISO time",
            next_step="Write it like this: `--since 2026-01-31T12:00:00Z`.",
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return moment.timestamp()
