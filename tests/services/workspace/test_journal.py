"""The journal survives crashes and never loses an entry."""

from __future__ import annotations

import json
import stat
import tempfile
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wizard.core.errors import WizardError
from wizard.core.journal.record import Entry
from wizard.services.workspace import journal as journal_module
from wizard.services.workspace.journal import Journal, merge_journals


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


APPLY, DESTROY = "terraform.apply", "terraform.destroy"


@pytest.mark.parametrize(
    ("entries", "applied"),
    [
        ([], False),
        ([(APPLY, "begin")], False),
        ([(APPLY, "done")], True),
        ([(APPLY, "failed")], False),
        ([(APPLY, "done"), ("stage.switch", "done")], True),
        ([("stage.switch", "done")], False),
        ([(APPLY, "done"), (DESTROY, "begin")], True),
        ([(APPLY, "done"), (DESTROY, "done")], False),
        ([(APPLY, "done"), (DESTROY, "done"), (APPLY, "done")], True),
        ([(APPLY, "done"), (DESTROY, "failed")], True),
    ],
)
def test_a_state_must_be_there_after_an_apply_that_ended_until_a_removal_ended(
    tmp_path, entries, applied
):
    journal = Journal(tmp_path / "journal.jsonl")
    for action, step in entries:
        journal.write(action, "x", step)
    assert journal.applied is applied


class Shared:
    """Where colleagues find the pieces; refuses while it is `down`."""

    def __init__(self):
        self.pieces = {}
        self.stored = []
        self.down = False

    def store(self, number, data):
        if self.down:
            raise WizardError("WAG-E-X-003", "S3 says no")
        self.pieces[number] = data
        self.stored.append(number)


def subjects(pieces):
    text = b"".join(pieces[number] for number in sorted(pieces)).decode()
    return [json.loads(line)["subject"] for line in text.splitlines()]


def test_each_entry_is_shared_as_it_is_written_in_pieces_of_bounded_size(tmp_path, monkeypatch):
    monkeypatch.setattr(journal_module, "PIECE", 3)
    shared = Shared()
    journal = Journal(tmp_path / "journal.jsonl", share=shared.store)
    for number in range(1, 6):
        journal.write("stage.switch", str(number), "done")
    # Piece 0 holds what comes before the first multiple of the size.
    assert {n: subjects({n: p}) for n, p in shared.pieces.items()} == {
        0: ["1", "2"],
        1: ["3", "4", "5"],
    }
    assert shared.stored == [0, 0, 1, 1, 1]


def test_what_was_written_before_it_was_shared_is_shared_only_where_asked(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("stage.switch", "1", "done")
    shared = Shared()
    journal.share_with(shared.store)
    journal.flush()
    assert shared.stored == []
    journal.share_with(shared.store, everything=True)
    journal.flush()
    assert subjects(shared.pieces) == ["1"]


def test_nothing_begins_before_colleagues_can_read_of_it(tmp_path):
    shared = Shared()
    shared.down = True
    journal = Journal(tmp_path / "journal.jsonl", share=shared.store)
    with pytest.raises(WizardError, match="S3 says no"):
        journal.write("stage.switch", "1", "begin")


def test_what_is_done_is_done_and_shared_with_the_next_entry(tmp_path):
    shared = Shared()
    journal = Journal(tmp_path / "journal.jsonl", share=shared.store)
    shared.down = True
    journal.write("stage.switch", "1", "done")
    shared.down = False
    journal.write("stage.switch", "2", "done")
    assert subjects(shared.pieces) == ["1", "2"]
    shared.stored.clear()
    journal.flush()
    assert shared.stored == []


def test_without_a_place_to_share_nothing_waits_for_one(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.write("stage.switch", "1", "done")
    shared = Shared()
    journal._share = shared.store
    journal.flush()
    assert shared.stored == []


def failing_with(effect):
    effect.after["b"] = 2
    return ValueError("no")


def test_an_effect_says_what_it_meant_to_write_also_where_it_failed(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl")
    with journal.effect("stage.switch", "a/prod", intended={"format": "x"}) as effect:
        effect.detail = "in a moment"
    begin, done = journal.entries
    assert begin.after == done.after == {"format": "x"}
    assert done.detail == "in a moment"
    failing = journal.effect("x", "y", intended={"a": 1})
    with pytest.raises(ValueError, match="no"), failing as effect:
        raise failing_with(effect)
    assert journal.entries[-1].after == {"a": 1, "b": 2}


def test_a_run_is_bracketed_with_what_it_is_going_to_do(tmp_path):
    journal = Journal(tmp_path / "journal.jsonl", "stages")
    with pytest.raises(KeyboardInterrupt), journal.running([("stage.switch", "a/prod")]):
        raise KeyboardInterrupt
    left = Journal(tmp_path / "journal.jsonl").unfinished
    assert left is not None
    assert "a/prod" in repr(left)


def line(subject, at, seq=1):
    entry = Entry(seq, f"2026-12-01T00:00:{at:02}Z", "r", "stages", "stage.switch", subject, "done")
    return json.dumps(asdict(entry))


# here, there → subjects afterwards, whether the shared one lacks something, the numbers
MERGES = {
    "the same": (["a1"], ["a1"], "a", False),
    "the same under other numbers": (["a1"], ["a1"], "a", False),
    "a colleague wrote more": (["a1"], ["a1", "b2"], "ab", False),
    "nothing here": ([], ["a1", "b2"], "ab", False),
    "nothing there": (["a1", "b2"], [], "ab", True),
    "both wrote": (["a1", "c3"], ["a1", "b2"], "abc", True),
    "ours was first": (["a1", "b2"], ["a1", "c3"], "abc", True),
    "theirs out of order of time, ours has nothing more": (["a1"], ["b2", "a1"], "ba", False),
}


@pytest.mark.parametrize("name", MERGES)
def test_what_either_of_two_journals_has_is_kept_in_the_order_of_time(tmp_path, name):
    here, there, after, lacks = MERGES[name]
    path = tmp_path / "journal.jsonl"
    texts = [line(word[0], int(word[1]), 5 + n) for n, word in enumerate(here)]
    path.write_text("".join(f"{text}\n" for text in texts))
    pieces = [(line(word[0], int(word[1]), n) + "\n").encode() for n, word in enumerate(there, 1)]
    assert merge_journals(path, pieces) is lacks
    entries = Journal(path).entries
    assert "".join(entry.subject for entry in entries) == after
    if here != there:
        assert [entry.seq for entry in entries] == list(range(1, len(after) + 1))


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",))))
def test_whatever_stands_in_a_file_its_whole_entries_are_read(text):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.jsonl"
        path.write_text(f"{text}\n{line('a', 1)}\n", encoding="utf-8")
        assert [entry.subject for entry in Journal(path).entries][-1:] == ["a"]


def test_numbers_go_on_where_the_file_ends(tmp_path):
    path = tmp_path / "journal.jsonl"
    assert Journal(path).write("a", "x", "done").seq == 1
    assert Journal(path).write("a", "y", "done").seq == 2
    assert [e.seq for e in Journal(path).entries] == [1, 2]


def test_a_file_that_ends_as_it_should_gets_no_empty_line_and_one_cut_short_is_closed(tmp_path):
    path = tmp_path / "journal.jsonl"
    Journal(path).write("a", "x", "done")
    Journal(path).write("a", "y", "done")
    assert "" not in path.read_text().splitlines()
    path.write_text(path.read_text() + '{"seq": 3, "at')
    Journal(path).write("a", "z", "done")
    lines = path.read_text().splitlines()
    assert len(lines) == 4
    assert json.loads(lines[3])["subject"] == "z"


def test_why_it_cannot_be_written_is_said_in_the_system_s_words(tmp_path):
    with pytest.raises(WizardError) as caught:
        Journal(tmp_path / "nowhere" / "journal.jsonl").write("a", "x", "done")
    assert caught.value.why.endswith(": No such file or directory")


def test_the_number_of_an_entry_does_not_tell_it_from_another(tmp_path):
    one, other = line("a", 1, 1), line("a", 1, 7)
    path = tmp_path / "journal.jsonl"
    path.write_text(one + "\n")
    entries = Journal(path).entries
    assert not journal_module.lacks(entries, [other.encode()])
    assert journal_module.lacks(entries, [line("b", 1, 1).encode()])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"seq": 1, "surprise": 2}', "a newer version wrote surprise"),
        ("{}", "missing"),
        ("[]", "line 1 of a piece of it"),
        ("no json", "line 1 of a piece of it"),
    ],
)
def test_a_shared_piece_that_is_not_understood_changes_nothing(tmp_path, text, why):
    with pytest.raises(WizardError) as caught:
        journal_module.lacks((), [text.encode()])
    assert caught.value.code == "WAG-E-JOURNAL-002"
    assert why in caught.value.why
