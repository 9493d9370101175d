"""A line is read as it was meant, or given up; it never crashes and never takes a client's word."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wizard.core.facts import ApiType
from wizard.core.stages import log_format
from wizard.sandbox import log_lines

SOURCE = Path(__file__).resolve().parents[2] / "lambda" / "cw-resend-lambda"
sys.path.insert(0, str(SOURCE))
from parse import ALIAS, KEYS, NUMBERS, fields  # noqa: E402 - the forwarder is not a package

# As API Gateway renders it, and as it is read.
TEXT = {
    key: str(100 + n) if key in NUMBERS else f"value of {key}" for n, key in enumerate(KEYS)
}  # fmt: skip
LINE = {key: int(value) if key in NUMBERS else value for key, value in TEXT.items()}


def rendered(values: Mapping[str, str]) -> str:
    """As API Gateway does it: values put in as they are."""
    return "{" + ",".join(f'"{k}":"{v}"' for k, v in values.items()) + "}"


def test_a_line_of_json_is_read_and_its_numbers_are_numbers() -> None:
    assert fields(json.dumps(TEXT)) == LINE


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('"200"', 200), ("200", 200), ("200.0", None), ("true", None), ("null", None),
        ('"-"', None), ('""', None), ('" 200"', None), ('"-5"', None), ("-5", None),
        ('"2e2"', None), ("NaN", None), ("1e999", None), ('"1_0"', None),
        ("[200]", None), ('{"a":200}', None), ('"\u0662"', 2),
        ('"' + "9" * 16 + '"', None), ("9" * 5000, None), ("-", None),
    ],
)  # fmt: skip
def test_what_is_no_number_is_absent_where_a_number_belongs(written: str, read: int | None) -> None:
    found = fields(rendered(TEXT).replace(f'"{TEXT["status"]}"', written))
    assert found is not None
    assert found.get("status") == read
    assert {k: v for k, v in found.items() if k != "status"} == {
        k: v for k, v in LINE.items() if k != "status"
    }


def test_a_dash_is_absence() -> None:
    assert "errorMessage" not in (fields(json.dumps({**TEXT, "errorMessage": "-"})) or {})


@pytest.mark.parametrize(
    "agent",
    [
        'ShopApp/4.2 (iPhone; "Kate\'s phone"; iOS 17.5)',
        'curl/8.5.0 {"not":"json"} \\ "quoted"',
        "back\\slash",
        "two\nlines",
        '"',
        '\\"',
        'ends with a quote"',
        'ends the line"} early',
    ],
)
@pytest.mark.parametrize("key", ["userAgent", "errorMessage", "requestId"])
def test_a_value_put_in_as_it_is_is_repaired(key: str, agent: str) -> None:
    found = fields(rendered({**TEXT, key: agent}))
    assert found is not None
    others = {k: v for k, v in found.items() if k != key}
    assert others == {k: v for k, v in LINE.items() if k != key}
    # A backslash before a quote may be the client's or the escaping; both readings are honest.
    assert found[key] in (agent, agent.replace('\\"', '"'))


@pytest.mark.parametrize(
    "tail",
    [
        '","path":"/evil', '","path":"/evil","x":"', '","status":"200', '","path" :"/evil',
        '","path"\t:"/evil', '","path"  :  "/evil', '","\\u0070ath":"/evil',
        '","wallarm_path":"/evil', '","wallarm_path" : "/evil', '","wallarm_domainName":"evil',
        '","path":{"path":"/evil"},"x":"',
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["userAgent", "errorMessage", "requestId"])
def test_a_client_that_writes_a_key_into_a_value_is_given_up(key: str, tail: str) -> None:
    assert fields(rendered({**TEXT, key: "value" + tail})) is None


@pytest.mark.parametrize(
    "theirs",
    [
        '{"status":"$context.resourceId","requestId":"$context.requestId"}',
        '{"path": "$context.resourcePath", "userAgent": "x", "id": "$context.requestId"}',
        '{"status":$context.status,"responseLength":$context.responseLength,"n":[1,{"a":"b"}]}',
        '{"requestId":"x","stage":"y","domainName":"z","time":"$context.requestTime"}',
        "{}",
    ],
)
@pytest.mark.parametrize("agent", ["agent/1.0", 'a "quoted" agent', "-"])
def test_lines_of_a_stage_that_keeps_its_own_fields_are_read(theirs: str, agent: str) -> None:
    merged = log_format.merge(theirs, ApiType.REST)
    assert merged.ok
    values = {variable.removeprefix("$context."): TEXT[key] for key, variable in log_format.FIELDS}
    values |= {"identity.userAgent": agent, "resourceId": "abc", "resourcePath": "/{proxy+}"}
    found = fields(log_lines.render(merged.format, values))
    assert found == {**LINE, "userAgent": agent} if agent != "-" else found
    assert ("userAgent" in (found or {})) == (agent != "-")


@pytest.mark.parametrize(
    "tail", ['","wallarm_path":"/evil', '" "wallarm_status":"200","x":"', '","path":"/evil']
)
def test_where_aliases_are_in_use_a_client_cannot_forge_one_either(tail: str) -> None:
    theirs = '{"stage":"y","status":"z","userAgent":"mine","requestId":"$context.requestId"}'
    merged = log_format.merge(theirs, ApiType.REST)
    values = {variable.removeprefix("$context."): TEXT[key] for key, variable in log_format.FIELDS}
    for variable in ("identity.userAgent", "error.message", "requestId", "path"):
        line = log_lines.render(merged.format, {**values, variable: "x" + tail})
        found = fields(line)
        if found is not None:
            assert (found["stage"], found["status"]) == (LINE["stage"], LINE["status"])
            assert found["path"] == (LINE["path"] if variable != "path" else found["path"])
            assert found["domainName"] == LINE["domainName"]


def test_a_users_own_keys_are_left_out_and_do_no_harm() -> None:
    text = rendered({"caller": "x", **TEXT, "extra": "y"}).replace("value of userAgent", 'a"b')
    found = fields(text)
    assert found is not None
    assert found["userAgent"] == 'a"b'
    assert set(found) == set(KEYS)


@pytest.mark.parametrize(
    "long",
    [
        '"' + " " * 200_000 + "x", "," * 200_000, '"' * 200_000, '",' * 100_000, ' "a":' * 50_000,
        "\\" * 200_000, '","a' * 50_000, "{" * 200_000, "[" * 200_000, ", " * 100_000,
    ],
)  # fmt: skip
@pytest.mark.parametrize("bare", [False, True])
def test_a_long_line_is_no_weapon(long: str, bare: bool) -> None:
    """A quadratic reader would be at one of these for minutes, a linear one for a moment."""
    line = rendered({**TEXT, "userAgent": 'quote " here' + long})
    if bare:
        line = line.replace("{", '{"wallarm_stage":x' + long, 1)
    found = fields(line)
    assert found is None or set(found) <= set(KEYS)


@pytest.mark.parametrize("deep", ["[", '{"a":', '{"path":', '[{"status":'])
def test_a_deep_line_is_no_weapon(deep: str) -> None:
    assert fields(deep * 100_000) is None
    found = fields(rendered(TEXT).replace("}", f',"x":{deep * 100_000}}}'))
    assert found is None or set(found) <= set(KEYS)


@given(st.text())
def test_no_text_makes_it_crash(text: str) -> None:
    found = fields(text)
    assert found is None or set(found) <= set(KEYS)


PIECES = st.sampled_from(
    ['"', "\\", ",", ":", "{", "}", " ", "\n", '","', '":"', "path", "status", ALIAS,
     "wallarm_path", '","path":"/evil', '","wallarm_path":"/evil', '"path" :', "\\u0022",
     "\ud800", "é", "null"]
)  # fmt: skip
HOSTILE = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))


@settings(max_examples=400)
@given(HOSTILE, HOSTILE, HOSTILE)
def test_whatever_a_client_sends_no_other_field_changes(agent: str, error: str, ident: str) -> None:
    written = {"userAgent": agent, "errorMessage": error, "requestId": ident}
    found = fields(rendered({**TEXT, **written}))
    if found is not None:
        others = {k: v for k, v in found.items() if k not in written}
        assert others == {k: v for k, v in LINE.items() if k not in written}
