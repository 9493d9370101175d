"""What the function says about itself: right metrics, and never a word of the traffic."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from benchmarks import fault_rows
from benchmarks.bad_node import BadNode, Plan
from benchmarks.batches import AGENT, batch, line
from benchmarks.invoking import environment, forwarder, invoke, metric

UNITS = {"Count", "Bytes", "Milliseconds", "Percent"}


@pytest.mark.parametrize(
    ("plan", "count"),
    [(fault_rows.always(200), 5), (fault_rows.always(503), 5), (fault_rows.of(range(2), 400), 5),
     (fault_rows.always(200), 0)],
)  # fmt: skip
def test_each_invocation_has_one_line_in_the_embedded_metric_format(
    plan: Plan, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As AWS's specification of the format wants it."""
    forwarder()
    import sender

    monkeypatch.setattr(sender, "BASE_SECONDS", 0.001)
    with (
        BadNode(plan) as node,
        environment(X_NODE_URL=node.url, AWS_LAMBDA_FUNCTION_NAME="wallarm-cw-resend-1"),
    ):
        for _ in range(2):
            _, _, log = invoke(batch(count), 20)
            found = metric(log)
            assert set(found["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
            assert isinstance(found["_aws"]["Timestamp"], int)
            (directive,) = found["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "WallarmApiDiscovery"
            assert directive["Dimensions"] == [["FunctionName"]]
            assert found["FunctionName"] == "wallarm-cw-resend-1"
            names = [entry["Name"] for entry in directive["Metrics"]]
            assert len(names) == len(set(names)) <= 100
            assert {entry["Unit"] for entry in directive["Metrics"]} <= UNITS
            # Every metric that is announced is there, as a number; besides, only the stages are.
            assert set(found) - {"stages"} == {"_aws", "FunctionName", *names}
            assert found.get("stages", {}) == ({"a1b2c3d4e5/prod": [count, 0]} if count else {})
            assert all(math.isfinite(found[name]) and found[name] >= 0 for name in names)
            assert found["received"] == count


def everything_said(events: dict[str, Any], **env: str) -> str:
    with environment(**env):
        _, raised, log = invoke(events, 20)
    return log + raised


@pytest.mark.parametrize("status", [200, 400, 403, 503])
def test_no_payload_no_address_and_no_secret_is_in_the_log_or_the_error(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    forwarder()
    import sender

    monkeypatch.setattr(sender, "BASE_SECONDS", 0.001)
    with BadNode(fault_rows.always(status)) as node:
        said = everything_said(batch(30), X_NODE_URL=node.url, WALLARM_API_TOKEN="a-secret")
    for foreign in ("203.0.113.7", AGENT, "/p/1", "a1b2c3d4e5.execute-api", "7f1d2c30", "a-secret"):
        assert foreign not in said
    assert all(json.loads(text) for text in said.splitlines() if text.startswith("{"))


def test_of_a_malformed_line_only_its_log_event_id_and_its_shape_are_said() -> None:
    import base64
    import gzip

    bad = [
        "secret-text",
        line(1).replace('"path":', '"path":"/twice","path":'),
        line(2).replace("/p/2", "no-slash"),
    ]
    body = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logStream": "s",
            "logEvents": [{"id": f"id-{n}", "message": m} for n, m in enumerate(bad)]}  # fmt: skip
    data = base64.b64encode(gzip.compress(json.dumps(body).encode())).decode()
    said = everything_said({"awslogs": {"data": data}}, X_NODE_URL="127.0.0.1:1")
    named = [json.loads(text) for text in said.splitlines() if "log_event_id" in text]
    assert [entry["log_event_id"] for entry in named] == ["id-0", "id-1", "id-2"]
    for foreign in ("secret-text", "203.0.113.7", AGENT, "no-slash"):
        assert foreign not in said


@pytest.mark.parametrize("data", ["bm90IGpzb24=", "H4sIAAAA", "secret!"])
def test_a_corrupt_envelope_raises_without_showing_what_it_held(data: str) -> None:
    module = forwarder()
    import decode

    with environment(X_NODE_URL="127.0.0.1:1"), pytest.raises(decode.EnvelopeError) as caught:
        module.lambda_handler({"awslogs": {"data": data}}, None)
    assert data not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_the_first_invocation_says_version_and_configuration_once() -> None:
    with BadNode() as node, environment(X_NODE_URL=node.url, X_NODE_STYLE="one-message"):
        logs = [invoke(batch(1), 20)[2] for _ in range(2)]
    first, second = (
        [json.loads(text) for text in log.splitlines() if '"start"' in text] for log in logs
    )
    assert second == []
    assert first == [
        {
            "event": "start",
            "version": "0.1.0",
            "node": f"http://{node.url}",
            "style": "one-message",
            "connections": 96,
        }
    ]
