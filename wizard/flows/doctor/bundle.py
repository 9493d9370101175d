"""Collects the support bundle: report, journal, versions, plan summary, last log lines."""

from __future__ import annotations

import io
import json
import os
import re
import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from wizard.core.answers.model import Answers
from wizard.core.checks.checklist import CHECKS
from wizard.core.checks.model import Report, selected
from wizard.core.checks.report import as_json, as_text
from wizard.core.errors import WizardError
from wizard.core.secret import cleaned, known_secrets
from wizard.core.text import count
from wizard.flows.context import Context
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import open_session, read_deployment
from wizard.flows.doctor import examine
from wizard.flows.doctor.logs import LogSource, read_source, sources
from wizard.flows.tools import versions
from wizard.services.checks.examination import Examination

_LAST_ENTRIES = 500
LOG_SECONDS = 24 * 3600.0
_RUN = re.compile(r" (--- terraform |plan: |apply: |destroy: )")
_PLANNED = re.compile(r"^\S+ (.+): plan to (?!read)(.+)$")


def collect(context: Context, answers: Answers) -> dict[str, str]:
    """File name → redacted text. What cannot be read is said in its place.

    The access logs are left out on purpose: they hold the requests of other people.
    """
    exam = examine.open_examination(context, answers)
    report = _report(answers, exam)
    files = {
        "versions.txt": "".join(f"{k} {v}\n" for k, v in versions(context.options).items()),
        "answers.json": answers.to_json(),
        "report.txt": as_text(report, unicode=True) + "\n",
        "report.json": as_json(report) + "\n",
    }
    files.update(_workspace(context, answers, exam))
    for source in sources(exam):
        if not source.key.startswith("access:"):
            files[f"logs/{source.key}.txt"] = _last_lines(exam, source)
    return cleaned(files, known_secrets(context.env))


def shown(files: Mapping[str, str], most_lines: int = 0) -> str:
    """What is in a bundle, for whoever decides about it: sizes, then each file.

    Args:
        most_lines: the last lines of each file, so many; 0 is all of them.
    """
    parts = [f"{name}  {len(text.encode()):,} bytes" for name, text in files.items()]
    for name, text in files.items():
        lines = text.splitlines()
        rest = len(lines) - most_lines if most_lines else 0
        parts += ["", f"── {name}" + (f" (the last {most_lines} lines)" if rest > 0 else "")]
        parts += lines[max(0, rest) :]
    return "\n".join(parts)


def write(target: Path, files: Mapping[str, str]) -> None:
    """Write what was shown, and nothing else."""
    write_zip(target, files)


def export(target: Path, text: str) -> Path:
    """Write a report to a new file, 0600. Raises WizardError when it exists or cannot be."""
    write_new(target, text.encode(), what="The report")
    return target.absolute()


def _report(answers: Answers, exam: Examination) -> Report:
    return examine.examine(selected(CHECKS, with_node=answers.deploys_node), exam)


def plan_summary(log: str) -> str:
    """What Terraform's log says of its runs, and what the last plan would change."""
    runs: list[str] = []
    planned: set[str] = set()  # an apply tells them again
    for line in log.splitlines():
        if "--- terraform plan" in line and "exit code" not in line:
            planned.clear()
        if _RUN.search(line):
            runs.append(line)
        elif found := _PLANNED.search(line):
            planned.add(f"{found[2]} {found[1]}")
    last = [f"\nThe last plan, {count(len(planned), 'change')}:", *sorted(planned)]
    return "\n".join(["Terraform's runs:", *runs, *(last if planned else [])]) + "\n"


def _workspace(context: Context, answers: Answers, exam: Examination) -> dict[str, str]:
    if not exam.identity.account_id:
        return {"journal.jsonl": "the account is not known, so neither is the workspace\n"}
    session = open_session(context, answers)
    try:
        deployment = read_deployment(context, answers, session, exam.identity, "support")
        entries = deployment.journal.entries[-_LAST_ENTRIES:]
    except WizardError as error:
        return {"journal.jsonl": f"{error}\n"}
    workspace = deployment.workspace
    log = tail(workspace.log_file) if workspace.root.exists() else ""
    return {
        "journal.jsonl": "\n".join(json.dumps(asdict(e), ensure_ascii=False) for e in entries),
        "state.txt": _state(deployment),
        "plan.txt": plan_summary(log),
        "terraform.log": log,
    }


def _last_lines(exam: Examination, source: LogSource) -> str:
    found = read_source(exam, source, time.time() - LOG_SECONDS)
    if found.problem:
        return f"{source.place}: {found.problem}\n"
    lines = [
        f"{datetime.fromtimestamp(line.at, timezone.utc):%Y-%m-%dT%H:%M:%SZ} {line.text}"
        for line in found.lines
    ]
    return "\n".join([f"# {source.title}: {source.place}, the last 24 hours", *lines]) + "\n"


def _state(deployment: Deployment) -> str:
    """Only addresses, from the state itself: a Terraform of this computer may have to `init` first,
    and knows nothing of a state that is on its way elsewhere."""
    try:
        facts = deployment.state_facts()
    except WizardError as error:
        return str(error)
    if facts is None or not facts.resources:
        return "the state holds no resource\n"
    return "\n".join(facts.addresses) + "\n"


MAX_BYTES = 256 * 1024  # of one file; the end of a log is what matters


def tail(path: Path, limit: int = MAX_BYTES) -> str:
    """The last part of a text file, from a line's start; empty when there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            data = file.read()
    except FileNotFoundError:
        return ""
    text = data.decode("utf-8", "replace")
    return text if size <= limit else text.split("\n", 1)[-1]


def write_zip(target: Path, files: Mapping[str, str]) -> None:
    """Write the bundle, 0600. Never overwrites: raises WizardError when the file exists."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    write_new(target, buffer.getvalue())


def write_new(target: Path, data: bytes, *, what: str = "The bundle") -> None:
    """Write a private file (0600). Never overwrites: raises WizardError when the file exists."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise WizardError(
            "WAG-E-BUNDLE-001",
            f"{what} cannot be written to {target}",
            why=error.strerror or str(error),
            next_step="Name another file (--file on the command line).",
        ) from error
