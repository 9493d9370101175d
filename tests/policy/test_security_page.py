"""The page about security says what the data and the recording say."""

from __future__ import annotations

from tests.policy import table


def test_the_table_of_permissions_is_up_to_date() -> None:
    text = table.PAGE.read_text(encoding="utf-8")
    fresh = table.with_table(text)
    assert text == fresh, "run `python -m tests.policy.table`"


def test_every_action_stands_in_it_with_its_reason() -> None:
    text = table.PAGE.read_text(encoding="utf-8")
    for grant in table.GRANTS:
        for action in grant.actions:
            assert f"`{action.partition(':')[2]}`" in text
        assert grant.why.replace("|", "\\|") in text
