"""The whole handler against a node on a real socket: what arrives, what is said, what is kept."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import select
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from benchmarks.bad_node import BadNode
from benchmarks.batches import batch, line
from benchmarks.invoking import environment, forwarder, invoke


def of_lines(*lines: object) -> dict[str, Any]:
    events = [{"id": str(n), "timestamp": 1, "message": m} for n, m in enumerate(lines)]
    body = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s", "logEvents": events}
    data = gzip.compress(json.dumps(body).encode())
    return {"awslogs": {"data": base64.b64encode(data).decode()}}


def entries(log: str, kind: str) -> list[dict[str, Any]]:
    found = [json.loads(text) for text in log.splitlines()]
    return [entry for entry in found if entry.get("event") == kind]


def metric_lines(log: str) -> list[dict[str, Any]]:
    return [entry for entry in map(json.loads, log.splitlines()) if "_aws" in entry]


def test_each_event_is_the_original_request_and_then_its_response() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url, X_WALLARM_APPLICATION_ID="7"):
        counts, raised, _ = invoke(batch(3), 10)
    assert (counts["delivered"], raised) == (3, "")
    assert set(map(tuple, node.arrived().values())) == {("request", "response")}
    first = next(m for m in node.accepted if m.path == "/p/1")
    assert first.method == "POST"
    assert first.headers["host"] == "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
    assert first.headers["x-wallarm-application-id"] == "7"
    assert first.headers["x-wallarm-forwarded-for"] == "203.0.113.7"
    assert len(first.headers["x-wallarm-request-id"]) == 32
    assert "content-type" not in first.headers
    answer = [m for m in node.accepted if m.path == "/p/1"][1]
    assert answer.headers["x-wallarm-response-status"] == "200"


def test_a_retry_carries_the_same_request_id() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url):
        invoke(batch(2), 10)
        ids = set(node.arrived())
        invoke(batch(2), 10)
        assert set(node.arrived()) == ids


def test_one_message_per_event_and_other_header_names_can_be_chosen() -> None:
    env = {"X_NODE_STYLE": "one-message", "X_NODE_CONNECTOR_TYPE": "other"}
    with BadNode() as node, environment(X_NODE_URL=node.url, **env):
        invoke(batch(2), 10)
    assert len(node.accepted) == 2
    assert node.accepted[0].headers["x-wallarm-response-status"] == "200"
    assert node.accepted[0].headers["x-wallarm-connector-type"] == "other"


def test_a_bad_line_never_fails_its_neighbours() -> None:
    socket = '{"wallarm_log":"websocket/x","stage":"prod"}'
    lines = (line(1), "not a line", line(2), '{"cut": ', socket, 7)
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, raised, log = invoke(of_lines(*lines), 10)
    assert raised == ""
    assert {k: v for k, v in counts.items() if v} == {
        "received": 6, "delivered": 2, "malformed": 3, "skipped": 1,
    }  # fmt: skip
    assert {e["log_event_id"] for e in entries(log, "malformed")} == {"1", "3", "5"}


def test_one_broken_byte_costs_its_line_and_not_its_batch() -> None:
    lines = [line(n) for n in range(4)]
    events = [{"id": str(n), "message": text} for n, text in enumerate(lines)]
    raw = json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events})
    for broken in (b"\xf6", b"\x00", b"\x1b", b"\xed\xa0\x80", b"\x80"):
        data = base64.b64encode(gzip.compress(raw.encode().replace(b"/p/2", b"/p/" + broken)))
        with BadNode() as node, environment(X_NODE_URL=node.url):
            counts, raised, log = invoke({"awslogs": {"data": data.decode()}}, 10)
        assert (counts["delivered"], counts["malformed"], raised) == (3, 1, "")
        assert [e["log_event_id"] for e in entries(log, "malformed")] == ["2"]


def test_what_aws_says_of_a_line_that_is_given_up_tells_where_it_came_from() -> None:
    twice = line(1).replace('"path":"', '"path":"/x","path":"')
    no_path = line(2).replace('"/p/2"', '"-"')
    with BadNode() as node, environment(X_NODE_URL=node.url):
        _, _, log = invoke(of_lines(twice, no_path, "REPORT RequestId: 1"), 10)
    told = [{k: e[k] for k in ("api", "stage", "log_group", "reason")}
            for e in entries(log, "malformed")]  # fmt: skip
    here = {"api": "a1b2c3d4e5", "stage": "prod", "log_group": "g"}
    assert told == [
        {**here, "reason": "a key of ours twice"},
        {**here, "reason": "path"},
        {"api": "", "stage": "", "log_group": "g", "reason": "unknown format"},
    ]


def test_fields_that_are_not_what_they_should_be_are_counted_and_the_event_is_delivered() -> None:
    odd = line(1).replace('"status":"200"', '"status":"20x"').replace("203.0.113.7", "somebody")
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, _, log = invoke(of_lines(odd, line(2)), 10)
    assert (counts["delivered"], counts["left_out"]) == (2, 2)
    assert metric_lines(log)[0]["left_out"] == 2
    headers = next(m for m in node.accepted if m.path == "/p/1").headers
    assert "x-wallarm-forwarded-for" not in headers


def test_the_shares_of_what_is_not_sent_on_are_metrics() -> None:
    socket = '{"wallarm_log":"websocket/x"}'
    with BadNode() as node, environment(X_NODE_URL=node.url):
        _, _, log = invoke(of_lines(*["?"] * 10, *[socket] * 2, *[line(1)] * 8), 10)
    (found,) = metric_lines(log)
    assert (found["malformed_share"], found["skipped_share"]) == (50.0, 10.0)


def test_a_batch_that_takes_all_the_time_to_be_read_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = forwarder()
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    read = module.read

    def slow(message: object) -> object:
        now[0] += 3.0
        return read(message)

    monkeypatch.setattr(module, "read", slow)

    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 12_000

    log = io.StringIO()
    with BadNode() as node, environment(X_NODE_URL=node.url), contextlib.redirect_stdout(log):
        with pytest.raises(module.UndeliveredError, match=r"9 of 10 .* before all lines were read"):
            module.lambda_handler(of_lines("?", *[line(n) for n in range(9)]), Context())
    (found,) = metric_lines(log.getvalue())
    assert (found["received"], found["malformed"], found["failed"], node.seen) == (10, 1, 9, 0)


@pytest.mark.parametrize(
    "path", ["no-slash", "/a\r\nX-Injected: 1", "/a\x00b", "/" + "x" * 9000]
)  # fmt: skip
def test_a_path_that_cannot_be_sent_is_quarantined_and_injects_nothing(path: str) -> None:
    bad = json.dumps({**json.loads(line(1)), "path": path})
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, _, _ = invoke(of_lines(bad, line(2)), 10)
    assert (counts["malformed"], counts["delivered"]) == (1, 1)
    assert all("x-injected" not in m.headers for m in node.accepted)


def test_a_user_agent_cannot_add_a_header() -> None:
    bad = json.dumps(
        {**json.loads(line(1)), "userAgent": "a\r\nX-Injected: 1\r\n\r\nGET / HTTP/1.1"}
    )
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, _, _ = invoke(of_lines(bad), 10)
    assert counts["delivered"] == 1
    assert node.seen == 2
    assert all("x-injected" not in m.headers for m in node.accepted)


def test_head_requests_whose_answers_have_no_body_do_not_confuse_the_connection() -> None:
    head = json.dumps({**json.loads(line(1)), "httpMethod": "HEAD"})
    with BadNode() as node, environment(X_NODE_URL=node.url, X_NODE_CONNECTIONS="1"):
        counts, _, _ = invoke(of_lines(*[head, line(2)] * 5), 10)
    assert counts["delivered"] == 10


def test_connections_are_kept_between_invocations_and_a_stale_one_is_no_failure() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url, X_NODE_CONNECTIONS="8"):
        invoke(batch(20), 10)
        assert node.connections == 8
        invoke(batch(20, "second"), 10)
        assert node.connections == 8
        node.close()
        node.open()
        counts, raised, _ = invoke(batch(20, "third"), 10)
    assert (counts["delivered"], counts["retried"], raised) == (20, 0, "")


def test_where_there_is_no_epoll_poll_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where the sandbox runs the forwarder too."""
    monkeypatch.delattr(select, "epoll", raising=False)
    with (
        BadNode(lambda m: 503 if m.number % 7 == 0 else 200) as node,
        environment(X_NODE_URL=node.url),
    ):
        counts, raised, _ = invoke(batch(60), 20)
    assert (counts["delivered"], raised) == (60, "")


def test_after_a_failure_only_the_missing_events_are_sent_again() -> None:
    lost = {"/p/3", "/p/4"}
    with BadNode(lambda m: 403 if m.path in lost else 200) as node:
        node.plan = lambda m: 503 if m.path in lost else 200
        with environment(X_NODE_URL=node.url):
            import sender

            before, sender.BASE_SECONDS = sender.BASE_SECONDS, 0.001
            _, raised, _ = invoke(batch(6), 10)
            sender.BASE_SECONDS = before
            assert "2 of 6" in raised
            node.plan = lambda _m: 200
            seen = node.seen
            counts, raised, _ = invoke(batch(6), 10)
    assert (counts["delivered"], raised) == (6, "")
    assert node.seen - seen == 4


def test_the_log_holds_no_payload_and_one_metric_line() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url):
        _, _, log = invoke(batch(5), 10)
    assert "203.0.113.7" not in log
    assert "Mozilla" not in log
    assert "/p/1" not in log
    (metric,) = [json.loads(t) for t in log.splitlines() if "_aws" in t]
    assert metric["delivered"] == 5
    assert {m["Name"] for m in metric["_aws"]["CloudWatchMetrics"][0]["Metrics"]} >= {
        "received", "delivered", "retried", "quarantined", "malformed", "skipped", "failed",
        "bytes", "latency_p50", "latency_p99", "batch_age", "left_out", "malformed_share",
        "skipped_share",
    }  # fmt: skip
    assert len(entries(log, "start")) == 1


def test_a_proof_is_told_and_never_more_than_ten() -> None:
    marker = "0123456789abcdef" * 2
    agent = json.dumps({**json.loads(line(1)), "userAgent": f"wallarm-apigw-proof/{marker}"})
    with BadNode() as node, environment(X_NODE_URL=node.url):
        _, _, log = invoke(of_lines(*[agent] * 12), 10)
    told = entries(log, "proof")
    assert len(told) == 10
    assert (told[0]["id"], told[0]["outcome"], told[0]["node_status"]) == (marker, "delivered", 200)
    assert told[0]["received_at"] <= told[0]["sent_at"] <= told[0]["delivered_at"]


def test_a_proof_of_what_was_never_sent_has_no_time_of_sending() -> None:
    marker = "0123456789abcdef" * 2
    agent = json.dumps({**json.loads(line(1)), "userAgent": f"wallarm-apigw-proof/{marker}"})
    with environment(X_NODE_URL="127.0.0.1:1"):
        _, _, log = invoke(of_lines(agent), 2)
    (told,) = entries(log, "proof")
    assert (told["sent_at"], told["delivered_at"], told["outcome"]) == (None, None, "failed")


def test_a_probe_tells_whether_the_node_can_be_reached() -> None:
    module = forwarder()
    with BadNode() as node, environment(X_NODE_URL=node.url):
        found = module.lambda_handler({"wallarm-apigw": "probe"}, None)
    assert found["node"]["reachable"] is True
    with environment(X_NODE_URL="127.0.0.1:1"):
        found = module.lambda_handler({"wallarm-apigw": "probe"}, None)
    assert found["node"]["reachable"] is False
    assert "Refused" in found["node"]["error"]


def test_a_control_message_is_no_work() -> None:
    data = base64.b64encode(gzip.compress(b'{"messageType":"CONTROL_MESSAGE"}')).decode()
    with environment(X_NODE_URL="127.0.0.1:1"):
        counts, raised, log = invoke({"awslogs": {"data": data}}, 10)
    assert (set(counts.values()), raised) == ({0}, "")
    assert [entry["received"] for entry in metric_lines(log)] == [0]


def test_a_batch_that_cannot_be_read_raises_and_has_its_metric_line_too() -> None:
    log = io.StringIO()
    with environment(X_NODE_URL="127.0.0.1:1"), contextlib.redirect_stdout(log):
        with pytest.raises(ValueError, match="not JSON"):
            forwarder().lambda_handler({"awslogs": {"data": "bm90aGluZw=="}}, None)
    assert [entry["received"] for entry in metric_lines(log.getvalue())] == [0]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A private certificate authority."""
    return trustme.CA()


def serving(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def test_over_tls_with_a_pinned_ca_everything_arrives(authority: trustme.CA) -> None:
    pem = authority.cert_pem.bytes().decode()
    with BadNode(tls=serving(authority)) as node:
        env = {"X_NODE_SCHEME": "https", "X_NODE_CA_CERTIFICATE": pem}
        with environment(X_NODE_URL=node.url, **env):
            counts, raised, _ = invoke(batch(40), 20)
            again, _, _ = invoke(batch(40, "second"), 20)
    assert (counts["delivered"], again["delivered"], raised) == (40, 40, "")
    assert node.connections <= 40


def test_with_a_pinned_ca_the_systems_bundle_is_not_even_read(
    authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object, **__: object) -> None:
        raise AssertionError("the system's certificates were read")

    monkeypatch.setattr(ssl, "create_default_context", unread)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", unread)
    env = {"X_NODE_SCHEME": "https", "X_NODE_CA_CERTIFICATE": authority.cert_pem.bytes().decode()}
    with BadNode(tls=serving(authority)) as node, environment(X_NODE_URL=node.url, **env):
        counts, _, _ = invoke(batch(2), 20)
    assert counts["delivered"] == 2


def test_a_certificate_nobody_vouches_for_is_refused_at_once(authority: trustme.CA) -> None:
    with BadNode(tls=serving(authority)) as node:
        with environment(X_NODE_URL=node.url, X_NODE_SCHEME="https"):
            _, raised, _ = invoke(batch(5), 20)
    assert "certificate" in raised
    assert node.accepted == []


# The shapes of AWS's published sample events, and of API Gateway's own, with values of ours:
# received, delivered, malformed, skipped.
SAMPLES = {
    "console": (2, 0, 2, 0),
    "function-report": (1, 0, 1, 0),
    "trail": (2, 0, 2, 0),
    "rest-api": (3, 3, 0, 0),
    "older-rest-api": (3, 3, 0, 0),
    "http-api": (2, 2, 0, 0),
    "websocket-api": (2, 0, 0, 2),
    "older-websocket-api": (1, 0, 0, 1),
    "own-format": (2, 1, 1, 0),
    "control": (0, 0, 0, 0),
}
FOLDER = Path(__file__).parent / "samples"


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.json")))
def test_a_published_sample_event_is_counted_and_does_no_harm(name: str, packed: bool) -> None:
    raw = (FOLDER / f"{name}.json").read_bytes()
    data = base64.b64encode(gzip.compress(raw) if packed else raw).decode()
    with BadNode() as node, environment(X_NODE_URL=node.url):
        counts, raised, _ = invoke({"awslogs": {"data": data}}, 10)
    kinds = ("received", "delivered", "malformed", "skipped")
    assert (tuple(counts.get(kind, 0) for kind in kinds), raised) == (SAMPLES[name], "")
    assert len(node.accepted) == 2 * counts.get("delivered", 0)
    assert {m.path for m in node.accepted} <= {"/prod/orders/1001", "/orders/1001"}
