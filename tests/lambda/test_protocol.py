"""Whatever an event holds, its messages are two well-formed requests that say nothing else."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.invoking import forwarder

forwarder()
import protocol  # noqa: E402 - the forwarder is not a package

ID = "0f9ae3de4db141a8ad1eb5d1d756976e"
PLAIN = {"httpMethod": "GET", "path": "/p", "domainName": "a.example.com"}
OURS = {
    "host", "user-agent", "content-length", "x-wallarm-connector-type",
    "x-wallarm-connector-version", "x-wallarm-application-id", "x-wallarm-request-id",
    "x-wallarm-method", "x-wallarm-forwarded-host", "x-wallarm-forwarded-for",
    "x-wallarm-response-status", "x-wallarm-response-length", "x-wallarm-response-time",
}  # fmt: skip
TARGET = re.compile(r"/([A-Za-z0-9/:@!$&'()*+,;=~\-._]|%[0-9A-Fa-f]{2})*")


def parsed(message: bytes) -> tuple[str, str, dict[str, str]]:
    """(method, target, headers) of exactly one request without a body, read strictly."""
    head, end, rest = message.partition(b"\r\n\r\n")
    assert (end, rest) == (b"\r\n\r\n", b"")
    first, *lines = head.decode("utf-8").split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1"
    headers = {}
    for text in lines:
        name, colon, value = text.partition(": ")
        assert colon
        assert name.lower() not in headers
        assert not any(ord(char) < 32 or ord(char) == 127 for char in value)
        headers[name.lower()] = value
    return method, target, headers


def messages(line: dict[str, Any], **env: str) -> list[tuple[str, str, dict[str, str]]]:
    both = protocol.Encoder({"X_NODE_URL": "node:5000", **env}).messages(line, ID)
    return [parsed(message) for message in both if message is not None]


HOSTILE = st.one_of(
    st.text(st.characters(), max_size=40),  # lone surrogates included
    st.sampled_from(["\r\nX-Evil: 1", "\n\nGET / HTTP/1.1", "\x00", "\x85", "\u2028", "a: b", "-"]),
    st.sampled_from(["/", "/%", "/%2", "/%zz", "/%41", "/a b", "/#", "/{id}", '/"', "/é", "//x"]),
)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_value_adds_a_header_a_line_or_a_request(
    method: str, path: str, host: str, source: str, agent: str
) -> None:
    for line in (
        {"httpMethod": method, "path": path},
        {"httpMethod": "POST", "path": path, "domainName": host, "sourceIp": source,
         "userAgent": agent, "status": 200},
        {**PLAIN, "domainName": host, "sourceIp": source, "userAgent": agent},
    ):  # fmt: skip
        try:
            found = messages(line)
        except protocol.Unsendable:
            assert not re.fullmatch(r"[A-Z]+", line["httpMethod"]) or not TARGET.fullmatch(path)
            continue
        assert len(found) == 2
        for verb, target, headers in found:
            assert verb == line["httpMethod"]
            assert TARGET.fullmatch(target)
            assert set(headers) <= OURS


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_setting_breaks_a_message_either(prefix: str, kind: str, version: str, app: str) -> None:
    env = {
        "X_NODE_HEADER_PREFIX": prefix, "X_NODE_CONNECTOR_TYPE": kind,
        "X_NODE_CONNECTOR_VERSION": version, "X_WALLARM_APPLICATION_ID": app,
    }  # fmt: skip
    assert len(messages(PLAIN, **env)) == 2


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/a/b-c_d.e~f", "/a/b-c_d.e~f"),
        ("/a%20b", "/a%20b"),
        ("/100%", "/100%25"),
        ("/%zz/%4", "/%25zz/%254"),
        ("/a b", "/a%20b"),
        ("/{id}|x^y`z", "/%7Bid%7D%7Cx%5Ey%60z"),
        ('/"<>\\', "/%22%3C%3E%5C"),
        ("/a#b[0]", "/a%23b%5B0%5D"),
        ("/größe", "/gr%C3%B6%C3%9Fe"),
        ("/\ud800", "/%ED%A0%80"),
        ("/a?b", "/a%3Fb"),
    ],
)
def test_what_may_not_stand_in_a_path_is_encoded_and_nothing_else(path: str, sent: str) -> None:
    assert messages({**PLAIN, "path": path})[0][1] == sent


@pytest.mark.parametrize(
    "path", ["", "no-slash", "http://x/", "*", "/a\tb", "/\x7f", "/" + "x" * 9000]
)
def test_a_path_that_cannot_be_a_request_target_is_refused(path: str) -> None:
    with pytest.raises(protocol.Unsendable, match="path"):
        messages({**PLAIN, "path": path})


@pytest.mark.parametrize("method", ["", "get", "GET /x", "G\r\nX: 1", "CONNECT", "É", "A" * 40])
def test_a_method_that_is_none_is_refused(method: str) -> None:
    with pytest.raises(protocol.Unsendable, match="method"):
        messages({**PLAIN, "httpMethod": method})


def test_the_response_follows_in_a_message_that_repeats_the_request() -> None:
    line = {**PLAIN, "status": 201, "responseLength": 0, "responseLatency": 23, "sourceIp": "::1"}
    (_, _, request), (_, _, response) = messages(line)
    assert {k: v for k, v in response.items() if k not in request} == {
        "x-wallarm-response-status": "201",
        "x-wallarm-response-length": "0",
        "x-wallarm-response-time": "23",
    }
    assert {k: v for k, v in response.items() if k in request} == request
    assert request["x-wallarm-forwarded-for"] == "::1"


def test_what_the_log_has_no_value_for_is_left_out() -> None:
    (_, _, request), (_, _, response) = messages({"httpMethod": "GET", "path": "/"})
    assert request == response
    assert not {"user-agent", "x-wallarm-forwarded-for", "x-wallarm-forwarded-host"} & set(request)
    assert request["host"] == "node:5000"


def test_names_type_version_and_style_can_be_set() -> None:
    ((_, _, headers),) = messages(
        {**PLAIN, "status": 200},
        X_NODE_STYLE="one-message",
        X_NODE_HEADER_PREFIX="X-Other-",
        X_NODE_CONNECTOR_TYPE="other",
        X_NODE_CONNECTOR_VERSION="9",
        X_WALLARM_APPLICATION_ID="7",
    )
    assert headers["x-other-connector-type"] == "other"
    assert headers["x-other-connector-version"] == "9"
    assert headers["x-other-application-id"] == "7"
    assert headers["x-other-response-status"] == "200"
    assert not any(name.startswith("x-wallarm-") for name in headers)


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=2, max_size=8, unique=True))
def test_two_events_never_share_an_id_and_the_same_event_always_has_the_same(
    events: list[tuple[str, str, str]],
) -> None:
    # Names and ids of CloudWatch Logs hold no line break.
    keys = {
        event: protocol.request_id(*event)
        for event in events
        if not any("\n" in text or not text.isprintable() for text in event)
    }
    assert len(set(keys.values())) == len(keys)
    assert all(re.fullmatch(r"[0-9a-f]{32}", key) for key in keys.values())
    assert keys == {event: protocol.request_id(*event) for event in keys}


@pytest.mark.parametrize(
    ("setting", "logged", "told"),
    [
        ("log", "7f1d2c30-0001-4b4f-9a55-0f3f6f7f8a90", "7f1d2c30-0001-4b4f-9a55-0f3f6f7f8a90"),
        ("event", "7f1d2c30-0001-4b4f-9a55-0f3f6f7f8a90", ID),
        ("", "7f1d2c30-0001-4b4f-9a55-0f3f6f7f8a90", ID),
        ("log", "a\r\nX-Evil: 1", ID),
        ("log", "", ID),
    ],
)
def test_the_log_s_own_id_is_told_only_where_it_is_asked_for_and_is_one(
    setting: str, logged: str, told: str
) -> None:
    env = {"X_NODE_REQUEST_ID": setting}
    for _, _, headers in messages({**PLAIN, "requestId": logged}, **env):
        assert headers["x-wallarm-request-id"] == told


def test_a_host_that_is_none_is_not_forwarded() -> None:
    for host, headers in (("a.example.com", True), ("", False), ("a b", False)):
        _, _, found = messages({**PLAIN, "domainName": host})[0]
        assert ("x-wallarm-forwarded-host" in found) is headers
        assert found["host"] == (host if headers else "node:5000")


def test_a_path_that_grows_beyond_the_bound_when_it_is_written_out_is_not_sent() -> None:
    most = protocol.MOST_PATH
    messages({**PLAIN, "path": "/" + "a" * (most - 1)})
    for path in ("/" + "a" * most, "/" + "é" * (most // 2)):
        with pytest.raises(protocol.Unsendable, match="path"):
            messages({**PLAIN, "path": path})
