"""A run of Terraform is judged by its code, its words and its state together."""

from __future__ import annotations

import json

import pytest

from wizard.core.terraform.events import (
    ApplyComplete,
    ApplyErrored,
    ApplyStart,
    ChangeSummary,
    Event,
    Outputs,
    PlannedChange,
)
from wizard.core.terraform.outcome import (
    ApplyHeard,
    PlanHeard,
    state_addresses,
    state_attribute,
    unlike_plan,
)


def change(action: str, address: str = "a.b") -> PlannedChange:
    return PlannedChange(address, "a", action)


NOTHING = ChangeSummary(0, 0, 0)


@pytest.mark.parametrize(
    ("events", "code", "changes", "mute"),
    [
        ([NOTHING], 0, False, False),
        ([NOTHING], 2, True, False),  # outputs of an older Terraform
        ([change("create"), ChangeSummary(1, 0, 0)], 2, True, False),
        ([change("create"), ChangeSummary(1, 0, 0)], 0, True, False),  # the code is hidden
        ([change("delete")], 0, True, False),
        ([ChangeSummary(0, 1, 0)], 0, True, False),  # only the count came through
        ([change("no-op"), NOTHING], 0, False, False),
        ([change("move"), NOTHING], 0, True, False),
        ([NOTHING, Outputs(changing=frozenset({"x"}))], 0, True, False),
        ([NOTHING, Outputs()], 0, False, False),
        ([], 0, False, True),  # nothing was said at all
        ([], 2, True, False),
        ([change("no-op")], 0, False, True),  # cut short
    ],
)  # fmt: skip
def test_a_plan_has_changes_where_its_code_or_its_words_say_so(
    events: list[Event], code: int, changes: bool, mute: bool
) -> None:
    heard = PlanHeard()
    for event in events:
        heard.hear(event)
    assert (heard.has_changes(code), heard.is_mute(code)) == (changes, mute)


START, END = ApplyStart("a.b", "a", "create"), ApplyComplete("a.b", "a", "create", 1.0)


@pytest.mark.parametrize(
    ("events", "held", "doubts"),
    [
        ([START, END], ["a.b"], ()),
        ([START, END], [], ("a.b",)),
        ([START], [], ("a.b",)),
        ([START], ["a.b"], ("a.b",)),
        ([START, ApplyErrored("a.b", "a", "create", 1.0)], [], ()),
        ([ApplyStart("data.x", "a", "read")], [], ()),
        ([ApplyStart("a.b", "a", "delete"), ApplyComplete("a.b", "a", "delete", 1.0)], [], ()),
        ([ApplyComplete("a.b", "a", "delete", 1.0), START, END], ["a.b"], ()),
    ],
)  # fmt: skip
def test_what_is_in_doubt_is_what_the_state_does_not_answer_for(
    events: list[Event], held: list[str], doubts: tuple[str, ...]
) -> None:
    heard = ApplyHeard()
    for event in events:
        heard.hear(event)
    assert heard.in_doubt(held) == doubts


def test_only_the_count_of_an_apply_ends_one() -> None:
    heard = ApplyHeard()
    heard.hear(NOTHING)
    assert heard.summary is None
    heard.hear(ChangeSummary(1, 0, 0, operation="apply"))
    assert heard.summary is not None


@pytest.mark.parametrize(
    ("planned", "held", "words"),
    [
        ([change("create")], ["a.b"], ""),
        ([change("create")], [], "a.b should be in the state and not there"),
        ([change("replace")], [], "a.b should be in the state and not there"),
        ([change("delete")], [], ""),
        ([change("delete")], ["a.b"], "a.b should be gone and still in the state"),
        ([change("read"), change("no-op"), change("move")], [], ""),
        ([change("create", "a.c")], ["a.b"], "a.c should be in the state and not there"),
        (
            [change("create"), change("delete", "a.c")],
            ["a.c"],
            "a.b should be in the state and not there; a.c should be gone and still in the state",
        ),
        (
            [change("delete", f"a.{n}") for n in range(5)],
            [f"a.{n}" for n in range(5)],
            "a.0, a.1, a.2, a.3, a.4 should be gone and still in the state",
        ),
        (
            [change("delete", f"a.{n}") for n in range(7)],
            [f"a.{n}" for n in range(7)],
            "a.0, a.1, a.2, a.3, a.4 and 2 others should be gone and still in the state",
        ),
    ],
)  # fmt: skip
def test_a_state_is_held_against_the_plan_that_was_applied(
    planned: list[PlannedChange], held: list[str], words: str
) -> None:
    assert unlike_plan(planned, held) == words


def test_addresses_of_a_state_are_written_as_terraform_writes_them() -> None:
    def resource(**more: object) -> dict[str, object]:
        return {"mode": "managed", "type": "t", "name": "n", "instances": [{}], **more}

    keyed = [{"index_key": 0}, {"index_key": 'a"b'}, {"index_key": 1, "deposed": "x"}]
    body = {
        "resources": [
            resource(),
            resource(name="k", instances=keyed),
            resource(module='module.m["x"]'),
            resource(mode="data"),
        ]
    }
    assert state_addresses(json.dumps(body).encode()) == (
        "t.n", "t.k[0]", 't.k["a\\"b"]', 'module.m["x"].t.n',
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "name", "attribute", "value"),
    [
        ("t", "n", "arn", "first"),
        ("t", "n", "nothing", ""),
        ("t", "n", "none", ""),
        ("t", "other", "arn", ""),
        ("u", "n", "arn", ""),
        ("t", "empty", "arn", ""),
    ],
)
def test_an_attribute_is_that_of_the_first_instance(
    kind: str, name: str, attribute: str, value: str
) -> None:
    instances = [{"attributes": {"arn": "first", "none": None}}, {"attributes": {"arn": "second"}}]
    body = {
        "resources": [
            {"type": "t", "name": "empty"},
            {"type": "t", "name": "n", "instances": instances},
        ]
    }
    assert state_attribute(json.dumps(body).encode(), kind, name, attribute) == value
