"""However a node fails, every event is accounted for: real sockets, a server that misbehaves."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks import invoking
from benchmarks.bad_node import BadNode
from benchmarks.batches import batch
from benchmarks.fault_rows import EVENTS, ROWS, Row, always
from benchmarks.fault_table import faithful, honest, play, whole


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pauses between attempts are real, but short."""
    invoking.forwarder()
    import sender

    monkeypatch.setattr(sender, "BASE_SECONDS", 0.01)
    monkeypatch.setattr(sender, "CAP_SECONDS", 0.1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_event_is_accounted_for_when(row: Row) -> None:
    result = play(row)
    assert result.right, f"{result.said} {result.raised} {result.after}"


ANSWERS = st.sampled_from(
    [200, 200, 200, "chunked", "close", "without-length", "reset-after", "reset-before", "reset-in",
     "garbage", "bad-chunk", 408, 429, 500, 503, 400, 404]
)  # fmt: skip


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ANSWERS, min_size=1, max_size=2 * EVENTS), st.sampled_from(["1", "3", "96"]))
def test_no_mix_of_faults_loses_an_event_or_claims_one_that_did_not_arrive(
    answers: list[int | str], connections: str
) -> None:
    """One invocation with the faults, one after they have gone, as AWS's retry."""
    event = batch(EVENTS)
    with (
        BadNode(lambda m: answers[m.number % len(answers)]) as node,
        invoking.environment(X_NODE_URL=node.url, X_NODE_CONNECTIONS=connections),
    ):
        counts, raised, log = invoking.invoke(event, 20)
        assert honest(log, raised, node)
        if raised:
            node.plan = always(200)
            counts, raised, _ = invoking.invoke(event, 20)
            assert (raised, whole(node)) == ("", EVENTS)
        else:
            assert whole(node) >= counts["delivered"] == EVENTS - counts["quarantined"]
        assert faithful(node)
