"""The journal survives crashes and never loses an entry."""

from __future__ import annotations

import stat

import pytest

from wizard.core.errors import WizardError
from wizard.services.workspace.journal import Journal


def test_entries_survive_a_restart(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path).effect("stage.switch", "a/prod", before={"x": "1"}) as effect:
        effect.after = {"y": "2"}
    entries = Journal(path).entries
    assert [(e.step, e.before, e.after) for e in entries] == [
        ("begin", {"x": "1"}, {}),
        ("done", {"x": "1"}, {"y": "2"}),
    ]
    assert [e.seq for e in entries] == [1, 2]


def test_only_the_owner_can_read_it(tmp_path):
    path = tmp_path / "journal.jsonl"
    Journal(path).write("run", "install", "begin")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_cut_short_by_a_crash_does_not_swallow_the_next_entry(tmp_path):
    path = tmp_path / "journal.jsonl"
    Journal(path).write("run", "install", "begin")
    with path.open("a") as file:
        file.write('{"seq": 2, "at": "2026-')
    Journal(path).write("run", "install", "done")
    assert [e.step for e in Journal(path).entries] == ["begin", "done"]


def test_a_failed_effect_is_recorded_with_the_reason_and_raised(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(WizardError), journal.effect("stage.switch", "a/prod"):
        raise WizardError("WAG-E-X-001", "AWS said no", why="AccessDenied")
    assert journal.entries[-1].step == "failed"
    assert "AccessDenied" in journal.entries[-1].detail


def test_an_effect_nobody_knows_the_outcome_of_stays_open(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(WizardError), journal.effect("stage.switch", "a/prod"):
        raise WizardError("WAG-E-X-002", "connection cut", in_doubt=True)
    assert [e.subject for e in journal.record.unfinished] == ["a/prod"]


def test_an_interrupt_leaves_the_effect_open(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(KeyboardInterrupt), journal.effect("token.store", "/x"):
        raise KeyboardInterrupt
    assert [e.action for e in journal.record.unfinished] == ["token.store"]


def test_a_journal_that_cannot_be_written_stops_before_the_change(tmp_path):
    journal = Journal(tmp_path / "missing" / "journal.jsonl")
    reached = False
    refused = pytest.raises(WizardError, match="nothing further is changed")
    with refused, journal.effect("stage.switch", "a/prod"):
        reached = True
    assert not reached
