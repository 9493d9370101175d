"""What the pages offer to copy is accepted: answers by the wizard, variables by the module."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from wizard.core.answers.parse import build_answers

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "bring-your-own.md").read_text(encoding="utf-8")
ANSWERS = re.findall(r"```json\n(.*?)```", PAGE, re.S)


@pytest.mark.parametrize("text", ANSWERS)
def test_every_answer_to_copy_is_accepted(text: str) -> None:
    given = json.loads(text)
    answers = build_answers(given).as_dict()
    assert {key: answers[key] for key in given} == given


def test_the_page_has_answers_to_copy() -> None:
    assert len(ANSWERS) >= 5
