"""Collects the support bundle: report, journal, versions, plan summary, last log lines."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from wizard import __version__
from wizard.core.answers import Answers
from wizard.core.errors import WizardError
from wizard.flows import diagnose
from wizard.flows.context import Context
from wizard.flows.deployment import Deployment, identify, open_session
from wizard.services import bundle
from wizard.services.terraform.binary import find_binary

_PACKAGES = ("boto3", "textual", "rich", "requests", "python-terraform")
_LAST_ENTRIES = 500


def collect(context: Context, answers: Answers) -> dict[str, str]:
    """File name → redacted text. What cannot be read is said in its place."""
    session = open_session(context, answers)
    identity = identify(session, answers)
    deployment = Deployment(context, answers, session, identity, "support", exclusive=False)
    entries = deployment.journal.entries[-_LAST_ENTRIES:]
    return bundle.cleaned(
        {
            "versions.txt": _versions(context),
            "answers.json": answers.to_json(),
            "report.txt": _report(context, answers),
            "journal.jsonl": "\n".join(json.dumps(asdict(e), ensure_ascii=False) for e in entries),
            "state.txt": _state(deployment),
            "terraform.log": bundle.tail(deployment.workspace.log_file),
        }
    )


def write(target: Path, files: Mapping[str, str]) -> None:
    """Write what was shown, and nothing else."""
    bundle.write_zip(target, files)


def _versions(context: Context) -> str:
    lines = [f"wallarm-apigw {__version__}", f"Python {sys.version.split()[0]}",
             f"{platform.system()} {platform.release()} {platform.machine()}"]  # fmt: skip
    lines.extend(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    try:
        binary = find_binary(context.options.terraform, context.env)
        lines.append(f"{binary.flavor} {binary.version}, {binary.found}")
    except WizardError as error:
        lines.append(str(error))
    return "\n".join(lines) + "\n"


def _report(context: Context, answers: Answers) -> str:
    try:
        report = diagnose.run(context, answers)
    except WizardError as error:
        return str(error)
    return "\n".join(
        f"{r.check.check_id}\t{r.verdict.value}\t{r.check.question}\t{r.finding.evidence}"
        for r in report.results
    )


def _state(deployment: Deployment) -> str:
    """Only addresses: the state's content stays where it is."""
    try:
        return "\n".join(deployment.terraform.state_list()) + "\n"
    except WizardError as error:
        return str(error)
