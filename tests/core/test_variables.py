"""A misspelt environment variable is told, with the name that was probably meant."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from wizard.cli.options import build_parser
from wizard.core.environment import OPTIONS, STAND_INS, unread

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WALLARM_APIGW_REGOIN", "WALLARM_APIGW_REGION"),
        ("WALLARM_APIGW_PLUGIN_MIROR", "WALLARM_APIGW_PLUGIN_MIRROR"),
        ("WALLARM_APIGW_NODE_TAGS", "WALLARM_APIGW_NODE_TAG"),
        ("WALLARM_APIGW_API_TOKEN", "WALLARM_API_TOKEN"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_closest_name(name: str, meant: str) -> None:
    (said,) = unread({"PATH": "/bin", name: "AbCdEf"})
    assert said == f"The environment variable {name} has no effect: did you mean {meant}?"


def test_a_variable_that_is_like_none_of_ours_leads_to_the_list() -> None:
    (said,) = unread({"WALLARM_APIGW_QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ": "1"})
    assert "`wallarm-apigw answers --reference` lists all." in said


def test_every_variable_that_the_product_reads_is_known() -> None:
    texts = [p.read_text(encoding="utf-8") for p in (ROOT / "wizard").rglob("*.py")]
    texts += [(ROOT / "docs" / f"{page}.md").read_text("utf-8") for page in ("answers", "commands")]
    names = {name for text in texts for name in re.findall(r"WALLARM_APIGW_[A-Z0-9_]*[A-Z]", text)}
    assert len(names) > 40
    assert unread(dict.fromkeys(names, "set")) == ()


def options(parser: argparse.ArgumentParser) -> set[str]:
    found = set()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= set().union(*(options(child) for child in action.choices.values()))
        elif action.option_strings:
            found.add(action.dest)
    return found


def test_no_option_is_known_that_there_is_not() -> None:
    assert set(OPTIONS) <= options(build_parser())
    assert not set(STAND_INS) & options(build_parser())
