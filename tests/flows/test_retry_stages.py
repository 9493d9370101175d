"""A further try after some stages failed: only those, and the journal says how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.core.answers.model import Answers
from wizard.core.events import StageReport, State
from wizard.core.facts import StageRef
from wizard.flows import install
from wizard.flows.stages import switch as switching


class Notebook:
    """Remembers what the journal was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def write(self, kind: str, subject: str, outcome: str, **more: Any) -> None:
        del kind, subject
        self.lines.append((outcome, str(more.get("detail", ""))))


@contextmanager
def _phase(*_: Any) -> Iterator[None]:
    yield


def test_a_further_try_changes_only_the_stages_it_names_and_ends_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[list[str]] = []
    broken = {"b/prod"}

    def apply(_: object, changes: Any, __: object) -> tuple[StageReport, ...]:
        tried.append([str(c.ref) for c in changes])
        return tuple(
            StageReport(c.ref, "", State.FAILED if str(c.ref) in broken else State.DONE, "")
            for c in changes
        )

    monkeypatch.setattr(switching, "apply_changes", apply)
    monkeypatch.setattr(install, "intended_steps", lambda *_: ())
    notebook = Notebook()
    job: Any = object.__new__(install.Install)
    job.answers, job.token = Answers(proof="skip"), None
    job._running, job._failures = True, []
    job.context = SimpleNamespace(phase=_phase)
    job._open = lambda: SimpleNamespace(journal=notebook)
    refs = [StageRef.parse(ref) for ref in ("a/prod", "b/prod", "c/prod")]
    changes = tuple(SimpleNamespace(ref=ref, api_name="orders") for ref in refs)
    review: Any = SimpleNamespace(changes=changes, inventory=None)
    monkeypatch.setattr(switching, "plan_again", lambda _, changes, *__: changes)

    job.switch_stages(review, None)
    assert notebook.lines == [("failed", "b/prod")]
    broken.clear()
    job.switch_stages(review, None, ("b/prod",))

    assert tried == [["a/prod", "b/prod", "c/prod"], ["b/prod"]]
    assert [outcome for outcome, _ in notebook.lines] == ["failed", "begin", "done"]
