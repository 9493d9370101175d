"""Answers that are not finished yet, kept until the first deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.core import migrations
from wizard.core.errors import WizardError

if TYPE_CHECKING:
    from wizard.core.answers.model import Answers
    from wizard.flows.context import Options

_DRAFT = "draft-answers.json"


def draft_file(options: Options) -> Path:
    """Where answers are kept until the first deployment: they may be unfinished."""
    from wizard.services.workspace.workspace import data_dir

    return (options.workspace or data_dir()) / _DRAFT


def save_draft(options: Options, answers: Answers) -> Path:
    """Keep unfinished answers, 0600."""
    from wizard.flows.deployment.find import keep_answers
    from wizard.services.files import private_dir

    path = draft_file(options)
    private_dir(path.parent)
    keep_answers(path, answers)
    return path


def load_draft(options: Options) -> dict[str, object]:
    """Unfinished answers of an earlier start; empty where there are none or they are unreadable."""
    path = draft_file(options)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return migrations.answers(data, str(path)) if isinstance(data, dict) else {}
    except (OSError, ValueError, WizardError):
        return {}


def drop_draft(options: Options) -> None:
    """They are deployed: the workspace holds them from now on."""
    draft_file(options).unlink(missing_ok=True)
