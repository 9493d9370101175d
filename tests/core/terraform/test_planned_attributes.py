"""What a plan says of each attribute of a resource, and what of it is never told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from wizard.core.terraform.plans import SENSITIVE, UNKNOWN, planned_attributes

POLICY = {"Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"]}]}


def told(**change: Any) -> list[tuple[str, str, str]]:
    """The attributes of one resource with that change."""
    plan = {"resource_changes": [{"address": "a.b", "change": {"actions": ["update"], **change}}]}
    return [(a.name, a.before, a.after) for a in planned_attributes(plan)["a.b"]]


@pytest.mark.parametrize(
    ("change", "attributes"),
    [
        ({"before": None, "after": {"name": "x", "size": 3, "on": True}},
         [("name", "", "x"), ("size", "", "3"), ("on", "", "true")]),
        ({"before": {"name": "x"}, "after": None}, [("name", "x", "")]),
        ({"before": {"n": 1}, "after": {"n": 2}}, [("n", "1", "2")]),
        ({"before": None, "after": {"rule": [{"port": 443}, {"port": 80}]}},
         [("rule[0].port", "", "443"), ("rule[1].port", "", "80")]),
        ({"before": None, "after": {"name": "x"}, "after_unknown": {"id": True, "tags": {}}},
         [("name", "", "x"), ("id", "", UNKNOWN)]),
        ({"before": {"arn": "old"}, "after": {}, "after_unknown": {"arn": True}},
         [("arn", "old", UNKNOWN)]),
        ({"before": None, "after": {"nothing": None, "empty": "", "none": [], "no": {}}}, []),
        ({"before": None, "after": {"zero": 0, "off": False}},
         [("zero", "", "0"), ("off", "", "false")]),
        ({"before": None, "after": {"policy": json.dumps(POLICY)}},
         [("policy.Statement[0].Effect", "", "Allow"),
          ("policy.Statement[0].Action[0]", "", "s3:GetObject")]),
        ({"before": None, "after": {"text": "{no json"}}, [("text", "", "{no json")]),
        ({"before": {"keep": True}, "after": {"größe": "ä"}},
         [("keep", "true", ""), ("größe", "", "ä")]),
        ({"before": {"v": "a"}, "after": {"v": "b"}, "before_sensitive": {"v": True},
          "after_sensitive": {"v": True}},
         [("v", SENSITIVE, "(sensitive, not shown; it changes)")]),
        ({"before": {"v": "a"}, "after": {"v": "a"}, "before_sensitive": {"v": True},
          "after_sensitive": {"v": True}}, [("v", SENSITIVE, SENSITIVE)]),
        ({"before": None, "after": {"v": {"deep": ["a"]}}, "before_sensitive": False,
          "after_sensitive": {"v": True}}, [("v", "", SENSITIVE)]),
        ({"before": None, "after": {"v": {"a": "s", "b": "t"}},
          "after_sensitive": {"v": {"a": True}}}, [("v.a", "", SENSITIVE), ("v.b", "", "t")]),
        ({"before": None, "after": {"a": "s", "b": "t"}, "after_sensitive": True},
         [("", "", SENSITIVE)]),
    ],
)  # fmt: skip
def test_each_attribute_is_told_with_what_it_is_and_what_it_becomes(
    change: dict[str, Any], attributes: list[tuple[str, str, str]]
) -> None:
    assert told(**change) == attributes


@pytest.mark.parametrize(
    "after",
    [
        {"password": "hunter2hunter2"},
        {"environment": [{"variables": {"WALLARM_API_TOKEN": "A1b2" * 16}}]},
        {"anything": "A1b2" * 16},
        {"user_data": "export X=" + "A1b2" * 16},
        {"containers": json.dumps([{"environment": [{"client_secret": "x" * 12}]}])},
        {"key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"},
        {"endpoint": "https://user:pass@host/"},
    ],
)
def test_what_looks_like_a_credential_is_named_and_never_told(after: dict[str, Any]) -> None:
    (found,) = told(before=None, after=after)
    assert found[2] == SENSITIVE


def test_only_what_a_plan_changes_is_told() -> None:
    plan = {
        "resource_changes": [
            {"address": "a.same", "change": {"actions": ["no-op"], "before": {}, "after": {}}},
            {"address": "data.b.read", "change": {"actions": ["read"], "after": {"x": 1}}},
            {"address": "a.new", "change": {"actions": ["create"], "after": {"x": 1}}},
            {"address": "a.anew", "change": {"actions": ["delete", "create"], "after": {"x": 1}}},
        ]
    }
    assert [*planned_attributes(plan)] == ["a.new", "a.anew"]
    assert planned_attributes({}) == {}
