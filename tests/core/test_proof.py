"""The story of one followed request."""

from __future__ import annotations

from wizard.core.events import State
from wizard.core.proof import Evidence, Proof, finished, give_up, summary, tell


def states(hops):
    return [h.state for h in hops]


def test_the_first_hop_not_reached_is_the_one_waited_for():
    hops = tell(Evidence(sent=1.0, logged=2.0), function="f", node_readable=True)
    assert states(hops) == [State.DONE, State.DONE, State.RUNNING, State.TODO, State.TODO]
    assert not finished(hops)


def test_giving_up_names_the_hop_and_what_to_look_at():
    hops = give_up(tell(Evidence(sent=1.0), function="f", node_readable=True), 30)
    assert states(hops)[1] is State.FAILED
    assert "account CloudWatch role" in hops[1].detail
    assert summary(hops) == "The request was not written to the log group."
    assert not Proof("GET /", "m", hops, "").complete


def test_a_node_that_refused_is_a_failure_of_the_forwarders_hop():
    seen = Evidence(1.0, 2.0, 3.0, 4.0, outcome="failed", node_status=503)
    hops = tell(seen, function="f", node_readable=True)
    assert states(hops)[3] is State.FAILED
    assert "503" in hops[3].detail
    assert finished(hops)


def test_on_aws_the_last_hop_says_that_it_was_not_read():
    seen = Evidence(1.0, 2.0, 3.0, 4.0, outcome="delivered", node_status=200)
    hops = tell(seen, function="f", node_readable=False)
    assert states(hops)[4] is State.UNCHECKED
    assert "not readable from here" in hops[4].detail
    assert Proof("GET /", "m", hops, "").complete
    assert summary(hops) == "The node answered the forwarder 3.0s after the request was sent."


def test_a_complete_journey_is_told_with_its_time():
    seen = Evidence(1.0, 1.5, 1.7, 1.8, "delivered", 200, node_seen=True, arrived=1.9)
    hops = tell(seen, function="f", node_readable=True)
    assert states(hops) == [State.DONE] * 5
    assert summary(hops) == "A request travels from your API to the node in 0.9s."
