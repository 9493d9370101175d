"""A line is read by the format that its stage has, or given up; no field is guessed at."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import forgeries
from benchmarks.forgeries import MERGED, OLDER, OLDER_SPACED, OWN, TRUTH, USERS, WEBSOCKET
from benchmarks.invoking import forwarder
from wizard.core.facts import ApiType
from wizard.core.stages import log_format

forwarder()
import grammar  # noqa: E402 - the forwarder is not a package
import parse  # noqa: E402
import shape  # noqa: E402

EVERY = {"own": OWN, "older": OLDER, "older, spaced": OLDER_SPACED,
         "own, spaced": json.dumps(json.loads(OWN)),
         **{f"merged {n}": layout for n, layout in enumerate(MERGED)}}  # fmt: skip
WANTED = forgeries.values()
LEFT_TO_THE_USER = set(log_format.OPTIONAL)


def read(layout: str, **changed: str) -> Any:
    return parse.read(forgeries.line(layout, TRUTH | changed))


@pytest.mark.parametrize("layout", EVERY.values(), ids=EVERY)
def test_a_line_of_each_format_is_read(layout: str) -> None:
    found = read(layout)
    assert (found.kind, found.left_out, found.stage) == (parse.HTTP, 0, "prod")
    assert found.values.items() <= WANTED.items()
    assert WANTED.keys() - found.values.keys() <= LEFT_TO_THE_USER
    assert found.api == ("" if layout in (OLDER, OLDER_SPACED) else "a1b2c3d4e5")


AGENTS = (
    'ShopApp/4.2 (iPhone; "Kate\'s phone"; iOS 17.5)', "back\\slash", "two\nlines", '"', '\\"',
    'ends with a quote"', 'ends the line"} early', '"', '","', '{"a"', "größe", ',"x"', " spaces ",
)  # fmt: skip


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("variable", ["identity.userAgent", "error.message", "requestId", "path"])
@pytest.mark.parametrize("layout", EVERY.values(), ids=EVERY)
def test_a_clients_quotes_change_no_other_field(layout: str, variable: str, agent: str) -> None:
    found = read(layout, **{variable: agent})
    assert found.kind == parse.HTTP
    (key,) = (k for k, v in forgeries.VARIABLES.items() if v == variable)
    assert {k: v for k, v in found.values.items() if k != key}.items() <= WANTED.items()
    # A backslash before a quote may be the client's or the escaping; both readings are honest.
    told = found.values.get(key, agent)
    assert told.strip() in (agent.strip(), agent.replace('\\"', '"'))


@pytest.mark.parametrize("layout", [OWN, *MERGED])
@pytest.mark.parametrize("agent", ['curl/8.5.0 {"not":"json"} \\ "quoted"', '"a": "b"', '" :'])
def test_keys_that_are_none_of_ours_are_a_clients_words(layout: str, agent: str) -> None:
    assert read(layout, **{"identity.userAgent": agent}).values["userAgent"] == agent


TAILS = (
    '","path":"/evil', '","path":"/evil","x":"', '","path" :"/evil', '","path"\t:"/evil',
    '","path"  :  "/evil', '","wallarm_path":"/evil', '","wallarm_path" : "/evil', '"path"',
    '","path":{"path":"/evil"},"x":"', '","wallarm_end":"1","x":"', '","wallarm_end" : "1',
)  # fmt: skip


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("variable", ["identity.userAgent", "error.message", "requestId"])
def test_a_client_that_writes_a_key_of_ours_is_given_up(variable: str, tail: str) -> None:
    for layout in (OWN, *MERGED):
        # Behind the end a stage's own format may hold what a client wrote; it is not looked at.
        found = read(layout, **{variable: "value" + tail})
        ours = layout.partition('"wallarm_end"')[0]
        if f"$context.{variable}" in ours or "wallarm_end" in tail:
            assert (found.kind, found.stage) == (parse.MALFORMED, "prod"), layout


@pytest.mark.parametrize(
    "tail",
    [*TAILS[:7], '","status":"200', '","a":"b', '","\\u0070ath":"/evil', '" :x', '":', '"\t:'],
)
@pytest.mark.parametrize("variable", ["identity.userAgent", "error.message", "requestId"])
def test_an_older_line_with_anything_that_looks_like_a_key_is_given_up(
    variable: str, tail: str
) -> None:
    for layout in (OLDER, OLDER_SPACED):
        assert read(layout, **{variable: "value" + tail}).kind == parse.MALFORMED


def test_an_older_line_is_read_with_numbers_out_of_quotes_and_in_no_other_order() -> None:
    bare = OLDER.replace('"$context.status"', "$context.status")
    assert read(bare).values == read(OLDER).values
    absent = bare.replace('"$context.integrationLatency"', "$context.integrationLatency")
    assert read(absent).values == read(OLDER).values
    keys = list(json.loads(OLDER).items())
    swapped = json.dumps(dict([keys[1], keys[0], *keys[2:]]))
    assert read(swapped).kind == parse.MALFORMED
    assert read(json.dumps(dict(keys[:-1]))).kind == parse.MALFORMED
    assert read(json.dumps(dict([*keys, ("x", "y")]))).kind == parse.MALFORMED


@pytest.mark.parametrize("users", USERS)
def test_a_line_of_a_format_that_was_never_extended_is_not_believed(users: str) -> None:
    assert read(users).kind == parse.MALFORMED
    evil = forgeries.forged_block(OLDER)
    for variable in forgeries.OF_CLIENTS:
        found = read(users, **{variable: evil})
        assert found.kind == parse.MALFORMED


@pytest.mark.parametrize("rendering", forgeries.RENDERINGS)
@pytest.mark.parametrize("text", ["x", forgeries.forged_block(OWN), forgeries.forged_block(OLDER),
                                  '","httpMethod":"GET","path":"/evil'])  # fmt: skip
def test_a_websocket_line_is_skipped_whatever_else_it_holds(
    text: str, rendering: forgeries.Rendering
) -> None:
    for theirs in ("", *USERS):
        layout = log_format.merge(theirs, ApiType.WEBSOCKET).format if theirs else WEBSOCKET
        truth = TRUTH | dict.fromkeys(forgeries.OF_CLIENTS, text)
        assert parse.read(forgeries.line(layout, truth, rendering)).kind == parse.WEBSOCKET


def test_an_older_websocket_line_is_skipped_and_invents_no_request() -> None:
    fields = dict(log_format.FIELDS)
    layout = json.dumps({key: fields[key] for key in parse.OLDER_WEBSOCKET}, separators=(",", ":"))
    assert read(layout).kind == parse.WEBSOCKET
    for variable in forgeries.OF_CLIENTS:
        for tail in ('","httpMethod":"GET","path":"/evil', forgeries.forged_block(OLDER)):
            assert read(layout, **{variable: "x" + tail}).kind != parse.HTTP


GRAMMAR = {
    "identity.sourceIp": (
        ["203.0.113.7", "::1", "2001:db8::7", "::ffff:203.0.113.7"],
        ["203.0.113", "203.0.113.256", "1.2.3.4, 5.6.7.8", "fe80::1%eth0", "x", "1.2.3.4:80",
         "01.2.3.4 ", "\u0661.2.3.4", "0x7f.1.1.1", ":", "1" * 60],
    ),
    "status": (["200", "599", "101"], ["2000", "20", "2xx", "\u0662\u0660\u0660", "-5", "099",
                                       "200.0", "2e2", "null", " 200"]),
    "httpMethod": (["GET", "PROPFIND", "VERSION-CONTROL"],
                   ["get", "CONNECT", "EVIL", "GET /x", "PRI"]),
    "domainName": (
        ["api.example.com", "localhost", "a_b.example", "x.example.com:8443", "10.0.0.1"],
        ["a b", "-a.example", "a..b", "a/b", "é.example", "a" * 64 + ".example", "a@b", "x:",
         "a." * 130 + "example", "<x>"],
    ),
    "responseLength": (["0", "9" * 15], ["9" * 16, "-1", "1_0", "1.5", "0x1"]),
    "stage": (["prod", "$default", "v1-b_2"], ["a/b", "a b", "x" * 129]),
    "requestTime": (["01/Aug/2026:12:00:00 +0000"], ["yesterday", "2026-08-01"]),
    "protocol": (["HTTP/1.1", "HTTP/2", "HTTP/2.0"], ["HTTPS", "HTTP/1.1 x"]),
}  # fmt: skip


@pytest.mark.parametrize("variable", GRAMMAR)
def test_a_field_that_is_not_what_it_should_be_is_left_out_and_counted(variable: str) -> None:
    (key,) = (k for k, v in forgeries.VARIABLES.items() if v == variable)
    right, wrong = GRAMMAR[variable]
    for layout in (OWN, OLDER, MERGED[1]):
        for text in right:
            found = read(layout, **{variable: text})
            assert (found.left_out, str(found.values[key])) == (0, text)
        for text in wrong:
            found = read(layout, **{variable: text})
            assert (found.kind, found.left_out) == (parse.HTTP, 1), text
            assert key not in found.values
            others = {k: v for k, v in found.values.items() if k != key}
            assert others == {
                k: v for k, v in WANTED.items() if k != key and k in read(layout).values
            }


def test_a_dash_is_absence_and_not_counted() -> None:
    found = read(OWN, **{"error.message": "-", "identity.sourceIp": "-"})
    assert found.left_out == 0
    assert not {"errorMessage", "sourceIp"} & set(found.values)


@pytest.mark.parametrize("text", ["203.0.113.7", "::", "a.example", "evil example"])
def test_what_is_an_address_or_a_host_is_the_same_each_time_it_is_asked(text: str) -> None:
    assert grammar.is_address(text) == grammar.is_address(text) == (text in ("203.0.113.7", "::"))
    assert grammar.is_host(text) == (text in ("203.0.113.7", "a.example"))


@pytest.mark.parametrize(
    "wrong",
    ['"requestTime":"x",', '"status":"200",', '"wallarm_log":"http/x",', ',"wallarm_end":"1"'],
)
def test_a_marked_line_in_any_other_order_is_given_up(wrong: str) -> None:
    text = forgeries.line(OWN, TRUTH)
    if wrong in text:
        assert parse.read(text.replace(wrong, "")).kind == parse.MALFORMED
    assert parse.read(text.replace('"sourceIp"', wrong.strip(",") + ',"sourceIp"')).kind == (
        parse.MALFORMED
    )


def test_fields_in_the_order_of_a_client_are_given_up() -> None:
    ours = list(json.loads(OWN).items())
    for first in range(1, len(ours) - 2):
        layout = json.dumps(dict([*ours[:first], ours[first + 1], ours[first], *ours[first + 2 :]]))
        assert read(layout).kind == parse.MALFORMED, layout


def test_a_line_with_a_broken_byte_is_given_up_and_other_alphabets_are_read() -> None:
    text = forgeries.line(OWN, TRUTH | {"identity.userAgent": "größe"})
    assert parse.read(text).values["userAgent"] == "größe"
    assert parse.read(text.replace("ö", "\udcf6")).why == "broken byte"
    assert parse.read(text.replace("größe", "\\udcf6")).values["userAgent"] == "\\udcf6"


@pytest.mark.parametrize("message", [None, 7, [], {}, "", "text", "{", "{}", '{"a":1}', "null"])
def test_what_is_no_line_of_ours_is_given_up(message: object) -> None:
    assert parse.read(message).kind == parse.MALFORMED


@given(st.text())
def test_no_text_makes_it_crash(text: str) -> None:
    for message in (text, "{" + text, OWN + text, OWN[: len(text)] + text, OLDER + text):
        found = parse.read(message)
        assert found.kind in (parse.HTTP, parse.WEBSOCKET, parse.MALFORMED)
        assert set(found.values) <= set(parse.KEYS)
        assert shape.shape(message)


SECRET = "a-value-nobody-may-see"


@pytest.mark.parametrize("layout", EVERY.values(), ids=EVERY)
def test_the_shape_of_a_line_shows_keys_of_ours_and_no_value(layout: str) -> None:
    truth = dict.fromkeys(TRUTH, SECRET) | {"path": f'x","{SECRET}":"{SECRET}'}
    told = shape.shape(forgeries.line(layout, truth))
    assert SECRET not in told
    assert '"domainName":…' in told or '"wallarm_domainName":…' in told
    assert '"?":…' in told


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (7, "no text (int)"),
        ("START RequestId", "no JSON object (15 characters)"),
        ('{"ip":"1","status":2}', '{"?":…,"status":…} (21 characters)'),
        ('{"ip":"1","sta', '{"?":… (14 characters)'),
        ("{" + '"a":1,' * 50, "{" + ",".join(['"?":…'] * 40) + ",… (301 characters)"),
    ],
)
def test_a_shape_is_short(message: object, told: str) -> None:
    assert shape.shape(message) == told
