"""What an older version wrote is understood; what a newer one wrote is not guessed at."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core import migrations
from wizard.core.answers.model import SCHEMA_VERSION, Answers
from wizard.core.answers.parse import parse_file
from wizard.core.errors import WizardError

STEPS: migrations.Steps = {
    1: lambda d: {**{k: v for k, v in d.items() if k != "zone"}, "domain": d.get("zone", "")},
    2: lambda d: {**d, "domain": d["domain"].lower()},
}


def migrate(data: dict[str, Any], current: int = 3) -> dict[str, Any]:
    return migrations.migrate(data, key="version", current=current, steps=STEPS, source="a.json")


@pytest.mark.parametrize(
    "older",
    [{"zone": "A.B"}, {"version": 1, "zone": "A.B"}, {"version": 2, "domain": "A.B"},
     {"version": 3, "domain": "a.b"}],
)  # fmt: skip
def test_every_older_version_becomes_the_current_one_step_by_step(older: dict[str, Any]) -> None:
    before = dict(older)
    assert migrate(older) == {"version": 3, "domain": "a.b"}
    assert older == before


def test_a_newer_version_is_refused_with_the_way_to_read_it() -> None:
    with pytest.raises(WizardError) as caught:
        migrate({"version": 4})
    assert caught.value.code == "WAG-E-VERSION-001"
    assert "version 4" in caught.value.why
    assert "Install a newer version" in caught.value.next_step


def test_a_version_that_was_forgotten_is_said() -> None:
    with pytest.raises(WizardError, match="WAG-E-VERSION-002"):
        migrate({"version": 3}, current=5)


@pytest.mark.parametrize("version", ["2", 0, None, True, [1]])
def test_nonsense_is_left_to_the_check_of_the_content(version: object) -> None:
    data = {"version": version}
    assert migrate(data) == data


def test_there_is_a_step_from_every_version_that_was_ever_released() -> None:
    assert sorted(migrations.ANSWERS) == list(range(1, SCHEMA_VERSION))


def test_answers_of_today_are_read_as_they_are() -> None:
    text = Answers(name_prefix="it").to_json()
    assert parse_file(text, "answers.json")["name_prefix"] == "it"


def test_an_answers_file_of_a_newer_version_says_so_and_not_that_it_is_wrong() -> None:
    with pytest.raises(WizardError) as caught:
        parse_file(f'{{"schema_version": {SCHEMA_VERSION + 1}, "brand_new": 1}}', "answers.json")
    assert caught.value.what == "answers.json was written by a newer version of this product"
