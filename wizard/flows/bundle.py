"""Collects the support bundle: report, journal, versions, plan summary, last log lines."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from wizard.core.answers import Answers
from wizard.core.checks import CHECKS, selected
from wizard.core.errors import WizardError
from wizard.flows import diagnose
from wizard.flows.context import Context
from wizard.flows.deployment import Deployment, open_session
from wizard.flows.versions import versions
from wizard.services import bundle
from wizard.services.evidence.scene import Scene
from wizard.services.evidence.tail import LogSource, read, sources

_LAST_ENTRIES = 500
LOG_SECONDS = 24 * 3600.0


def collect(context: Context, answers: Answers) -> dict[str, str]:
    """File name → redacted text. What cannot be read is said in its place.

    The access logs are left out on purpose: they hold the requests of other people.
    """
    scene = diagnose.set_scene(context, answers)
    files = {
        "versions.txt": "".join(f"{k} {v}\n" for k, v in versions(context.options).items()),
        "answers.json": answers.to_json(),
        "report.txt": _report(answers, scene),
    }
    files.update(_workspace(context, answers, scene))
    for source in sources(scene):
        if not source.key.startswith("access:"):
            files[f"logs/{source.key}.txt"] = _last_lines(scene, source)
    return bundle.cleaned(files, bundle.known_secrets(context.env))


def write(target: Path, files: Mapping[str, str]) -> None:
    """Write what was shown, and nothing else."""
    bundle.write_zip(target, files)


def _report(answers: Answers, scene: Scene) -> str:
    checks = selected(CHECKS, (), (), with_node=answers.deploys_node)
    report = diagnose.examine(checks, scene)
    return "\n".join(
        f"{r.check.check_id}\t{r.verdict.value}\t{r.check.question}\t{r.finding.evidence}"
        for r in report.results
    )


def _workspace(context: Context, answers: Answers, scene: Scene) -> dict[str, str]:
    if not scene.identity.account_id:
        return {"journal.jsonl": "the account is not known, so neither is the workspace\n"}
    session = open_session(context, answers)
    try:
        deployment = Deployment(
            context, answers, session, scene.identity, "support", exclusive=False
        )
        entries = deployment.journal.entries[-_LAST_ENTRIES:]
    except WizardError as error:
        return {"journal.jsonl": f"{error}\n"}
    return {
        "journal.jsonl": "\n".join(json.dumps(asdict(e), ensure_ascii=False) for e in entries),
        "state.txt": _state(deployment),
        "terraform.log": bundle.tail(deployment.workspace.log_file),
    }


def _last_lines(scene: Scene, source: LogSource) -> str:
    found = read(scene, source, time.time() - LOG_SECONDS)
    if found.problem:
        return f"{source.place}: {found.problem}\n"
    lines = [
        f"{datetime.fromtimestamp(line.at, timezone.utc):%Y-%m-%dT%H:%M:%SZ} {line.text}"
        for line in found.lines
    ]
    return "\n".join([f"# {source.title}: {source.place}, the last 24 hours", *lines]) + "\n"


def _state(deployment: Deployment) -> str:
    """Only addresses: the state's content stays where it is."""
    try:
        return "\n".join(deployment.terraform.state_list()) + "\n"
    except WizardError as error:
        return str(error)
