"""What is written down twice agrees: answers, steps, Terraform's variables, the log's fields."""

from __future__ import annotations

import dataclasses
import re
import runpy
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from wizard.core import tfvars
from wizard.core.answers.model import REGION_PATTERN, Answers
from wizard.core.answers.steps import STEPS
from wizard.core.facts import ApiType
from wizard.core.stages import log_format
from wizard.ui.help import HELP

ROOT = Path(__file__).resolve().parents[2]
KEYS = {field.name for field in dataclasses.fields(Answers)}
# Answers that Terraform gets under the same name, but not as they are.
DIFFERENT = {
    "private_subnet_ids",
    "public_subnet_ids",
    "tags",
    "lambda_package",
    "forwarder_environment",
}


def test_every_answer_is_given_in_exactly_one_step() -> None:
    places = Counter(key for step in STEPS for key in step.keys)
    assert {key: places[key] for key in KEYS if places[key] != 1} == {"schema_version": 0}
    assert set(places) <= KEYS


def test_every_answer_that_the_module_has_a_variable_for_reaches_it() -> None:
    files = (ROOT / "terraform" / name for name in ("provider.tf", "variables.tf"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    variables = set(re.findall(r'^variable "(\w+)"', text, re.M))
    assert (KEYS & variables) - DIFFERENT == set(tfvars._SAME_NAME)


@pytest.mark.parametrize(
    ("region", "is_one"),
    [
        ("us-east-1", True),
        ("us-gov-west-1", True),
        ("cn-northwest-1", True),
        ("eusc-de-east-1", True),
        ("us-east-1a", False),
        ("Frankfurt", False),
        ("us_east_1", False),
        ("europe-central-1", False),
        ("us-east-١", False),
        ("", False),
    ],
)
def test_wizard_and_module_agree_on_what_a_region_is(region: str, is_one: bool) -> None:
    text = (ROOT / "terraform" / "provider.tf").read_text(encoding="utf-8")
    (pattern,) = re.findall(r'regex\("(.+)", var\.region\)', text)
    assert pattern == REGION_PATTERN
    assert bool(re.match(pattern, region)) is is_one


def test_the_forwarder_reads_every_field_that_the_format_writes() -> None:
    layout = runpy.run_path(str(ROOT / "lambda" / "cw-resend-lambda" / "layout.py"))
    assert sorted(layout["KEYS"]) == sorted(name for name, _ in log_format.FIELDS)
    for name in ("AWS_WRITTEN", "CLIENT_WRITTEN", "OPTIONAL", "MARKER", "END", "END_VALUE"):
        assert layout[name] == getattr(log_format, name), name
    assert layout["ALIAS"] == log_format.ALIAS_PREFIX
    assert {layout["HTTP"], layout["WEBSOCKET"]} == {
        log_format.marker(api_type).partition("/")[0] for api_type in ApiType
    }


def test_the_order_that_older_stages_log_in_is_the_documented_one() -> None:
    layout = runpy.run_path(str(ROOT / "lambda" / "cw-resend-lambda" / "layout.py"))
    assert layout["OLDER"] == log_format.OLDER
    known = {name for name, _ in log_format.fields(ApiType.WEBSOCKET)}
    assert layout["OLDER_WEBSOCKET"] == tuple(n for n in log_format.OLDER if n in known)


@pytest.mark.parametrize("step", [step.id for step in STEPS])
def test_every_step_has_a_screen_and_a_help_text(step: str) -> None:
    assert find_spec(f"wizard.ui.screens.{step}")
    assert HELP[step]


@pytest.mark.parametrize("api_type", ApiType)
def test_every_api_type_has_its_word_in_the_table_of_stages(api_type: ApiType) -> None:
    from wizard.ui.stage_list import _KIND

    assert _KIND[api_type]
