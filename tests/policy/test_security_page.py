"""The pages about security say what the data and the recording say, and each says it once."""

from __future__ import annotations

import re

import pytest

from tests.policy import table
from wizard.core.permissions.documents import GRANTS

PAGES = (table.SECURITY, table.PERMISSIONS)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_generated_parts_are_up_to_date(page: table.Path) -> None:
    assert page.read_text(encoding="utf-8") == table.fresh(page), (
        "run `python -m tests.policy.table`"
    )


def test_every_grant_belongs_to_one_part() -> None:
    assert [g for _name, _why, held in table.PARTS for g in held] == list(GRANTS)


def test_every_action_stands_in_the_short_table_and_every_reason_in_the_long() -> None:
    short = table.SECURITY.read_text(encoding="utf-8")
    full = table.PERMISSIONS.read_text(encoding="utf-8")
    for grant in GRANTS:
        for action in grant.actions:
            assert f"`{action.partition(':')[2]}`" in short
            assert f"`{action.partition(':')[2]}`" in full
        assert grant.why.replace("|", "\\|") in full


def test_no_row_says_neither_where_it_is_used_nor_why_it_was_not_seen() -> None:
    for line in table.full().splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\\\)\|", line)][1:-1]
        if len(cells) == 6 and cells[0].startswith("**"):
            assert cells[1] not in ("", "``"), line
            assert cells[5] not in ("", "Not seen in the recording. "), line


def test_the_threat_model_comes_first_and_is_one_page() -> None:
    text = table.SECURITY.read_text(encoding="utf-8")
    model = text.partition("## Threat model")[2].partition("\n## ")[0]
    assert text.index("## Threat model") < 600
    assert len(model) < 5500, "a page of about 60 lines"


def test_no_row_of_a_table_stands_in_both_pages() -> None:
    rows = [
        {line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")}
        for page in PAGES
    ]
    assert {r for r in rows[0] & rows[1] if "---" not in r} == set()
