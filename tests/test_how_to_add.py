"""Every "how to add" of the page has been tried, and could be tried again."""

from __future__ import annotations

import pytest

from tests.how_to_add import RECIPES, ROOT, named

EDITS = [(name, edit) for name, recipe in RECIPES.items() for edit in recipe.edits if edit.at]


def test_every_how_to_add_of_the_page_has_a_recipe() -> None:
    assert named() == list(RECIPES)


@pytest.mark.parametrize(("name", "edit"), EDITS, ids=lambda x: getattr(x, "path", x))
def test_the_place_that_a_recipe_changes_is_there_once(name: str, edit: object) -> None:
    path, at = edit.path, edit.at  # type: ignore[attr-defined]
    assert (ROOT / path).read_text(encoding="utf-8").count(at) == 1, f"{name}: {at}"
