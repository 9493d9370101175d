"""The guided screens and the headless `install`."""

from __future__ import annotations

import argparse
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from wizard.cli.console import Console
from wizard.cli.inputs import consent, interactive, load_answers, make_context, run_options, setting
from wizard.cli.interrupt import GracefulStop
from wizard.core.answers.model import Answers
from wizard.core.errors import ExitCode, UsageError, WizardError
from wizard.core.events import State, count_reports
from wizard.core.secret import Secret
from wizard.core.text import count
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.core.facts import Stage
    from wizard.core.stages.change import StageChange
    from wizard.core.tfvars import Outputs
    from wizard.flows.install import Review
    from wizard.services.terraform.client import PlanResult

PLAN_IS_STALE = "WAG-E-TF-101"
T = TypeVar("T")


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
    from wizard.services.tokens import read_token
    from wizard.ui.run import run

    token = read_token(setting(options, "token_file", env), env)
    answers = load_answers(options, env, check=False, ask_aws=False)
    chosen = run_options(options, env)
    # Whoever sees what is missing in the review decides there.
    chosen = dataclasses.replace(chosen, preflight=chosen.preflight or "warn")
    return run(chosen, answers, token)


def install(options: argparse.Namespace) -> int:
    """Deploy headless: review, consent, apply, switch stages, prove."""
    env = take_environment()
    answers = load_answers(options, env)
    from wizard.flows.tools import require_provider
    from wizard.services.tokens import read_token

    require_provider(run_options(options, env))
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
    with Install(context, answers, token) as job, GracefulStop(console, lambda: job.working):
        identity = job.identify()
        console.line(f"{identity.arn} in {identity.region}", State.DONE)

        def reviewed_and_deployed() -> tuple[Review, Outputs | None]:
            review = job.review()
            show_review(review, console)
            if context.options.dry_run:
                console.line("Dry run: nothing was changed.", State.SKIPPED)
                review.plan.discard()
                return review, None
            agree(options, env, review)
            return review, job.deploy(review)

        review, outputs = anew_if_overtaken(console, reviewed_and_deployed)
        if outputs is None:
            return int(ExitCode.DONE)
        reports = job.switch_stages(review, outputs)
        final = (c.with_destination(outputs.api_gateway_log_group_arn) for c in review.changes)
        show_snippets(console, final)
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
        summary = review.plan.summary
        changed = count(summary.add + summary.change + summary.remove, "resource")
        proven = "" if proof is None else ", proven" if proof.complete else ", not proven"
        console.end(f"{changed} changed, {count_reports(reports, 'connected')}{proven}", good=good)
        return int(ExitCode.DONE if good else ExitCode.FAILED)


def anew_if_overtaken(console: Console, attempt: Callable[[], T]) -> T:
    """A review and what follows from it. Where the deployment changed in between, this is said, and
    there is one more: what it shows is consented to like the first.
    """
    try:
        return attempt()
    except WizardError as error:
        if error.code != PLAN_IS_STALE:
            raise
        console.line(f"{error.what}. Terraform applied nothing; planning anew.", State.WARNING)
        console.line(error.why)
        return attempt()


def agree(options: argparse.Namespace, env: Mapping[str, str], review: Review) -> None:
    """Ask for consent to a review that changes something."""
    if not review.nothing_to_do:
        consent(options, env, f"Deploy and change {count(len(review.changes), 'stage')}?")


def show_snippets(console: Console, changes: Iterable[StageChange]) -> None:
    """What the owners of these stages put into their templates."""
    for one in changes:
        if one.snippet:
            console.line(f"{one.api_name} / {one.ref.stage}: for the template of {one.owner}:")
            console.line(one.snippet.rstrip("\n"))


def planned(plan: PlanResult | None) -> list[dict[str, str]]:
    """What Terraform would change, for `--json`."""
    acting = ("create", "update", "delete", "replace", "import")
    changes = plan.changes if plan is not None else ()
    return [{"action": c.action, "address": c.address} for c in changes if c.action in acting]


def stages_planned(
    changes: Iterable[StageChange], skipped: Iterable[tuple[Stage, str]]
) -> dict[str, list[dict[str, object]]]:
    """What would become of the chosen stages, for `--json`."""
    from wizard.core.stages.change import diff_lines

    return {
        "stages": [
            {
                "stage": str(one.ref),
                "api_name": one.api_name,
                "changes": [dataclasses.asdict(line) for line in diff_lines(one)],
            }
            for one in changes
        ],
        "left_alone": [{"stage": str(stage.ref), "why": why} for stage, why in skipped],
    }


def show_review(review: Review, console: Console) -> None:
    """What would happen, in the reader's words and as one document."""
    from wizard.core.stages.change import diff_lines

    console.data(
        {
            "type": "Review",
            "resources": planned(review.plan),
            **stages_planned(review.changes, review.skipped),
            "warnings": list(review.warnings),
            "cost_per_month": round(review.cost.total, 2),
        }
    )
    _show_plan(review, console)
    for change in review.changes:
        console.line(f"Stage {change.ref.label(change.api_name)}:")
        for line in diff_lines(change):
            console.line(f"    {line.label}: {line.before} → {line.after}")
    for stage, reason in review.skipped:
        console.line(
            f"Stage {stage.ref.label(stage.api.name)}: left alone, {reason}",
            State.SKIPPED,
        )
    for name, words in review.used:
        console.line(f"{name}: {words}")
    for text in review.warnings:
        console.line(text, State.WARNING)
    console.line(
        f"Cost: about ${review.cost.total:,.0f}/month before traffic "
        f"(list prices, {review.cost.dated})"
    )


def _show_plan(review: Review, console: Console) -> None:
    """What Terraform would do, by group; what would be removed or replaced, one by one."""
    from wizard.core.terraform.plans import group_of, group_order

    acting = [
        c
        for c in review.plan.changes
        if c.action in ("create", "update", "delete", "replace", "import")
    ]
    groups = Counter(group_of(c.resource_type, c.address) for c in acting)
    for name in sorted(groups, key=group_order):
        console.line(f"    {name}: {count(groups[name], 'resource')}")
    for change in acting:
        if change.action in ("delete", "replace"):
            console.line(f"{change.action}: {change.address}", State.WARNING)


def export(options: argparse.Namespace) -> int:
    """Write the configuration into a folder."""
    from wizard.flows.export import export_configuration

    env = take_environment()
    answers = load_answers(options, env)
    target = options.dir
    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        names = export_configuration(context, answers, target, as_module=options.as_module)
        console.data({"type": "Exported", "folder": str(target), "files": list(names)})
        console.line(f"{count(len(names), 'file')} written to {target}", State.DONE)
    return int(ExitCode.DONE)
