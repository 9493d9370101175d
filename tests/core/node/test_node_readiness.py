"""A node is ready when the load balancer finds it healthy, not when its service is steady."""

from __future__ import annotations

import pytest

from wizard.core.node.readiness import (
    KNOWN_FAILURES,
    PERSISTS,
    NodeSight,
    NodeState,
    describe,
    judge_readiness,
    log_line_meaning,
)

HEALTHY, UNHEALTHY = ("healthy", ""), ("unhealthy", "Target.Timeout Request timed out")
DENIED = "2026-12-01T04:00:00Z ERROR node registration with error: access denied"
DONE = "2026-12-01T04:00:00Z INFO node registration done"


def sight(*targets: tuple[str, str], said: tuple[str, ...] = (), **more: object) -> NodeSight:
    return NodeSight(targets, said, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sights", "wanted", "state"),
    [
        ([sight()], 1, NodeState.WAITING),
        ([sight(UNHEALTHY)], 1, NodeState.WAITING),
        ([sight(HEALTHY)], 1, NodeState.READY),
        ([sight(HEALTHY)], 2, NodeState.WAITING),
        ([sight(HEALTHY, HEALTHY)], 2, NodeState.READY),
        ([sight(HEALTHY, UNHEALTHY)], 2, NodeState.WAITING),
        ([sight(HEALTHY, HEALTHY, UNHEALTHY)], 2, NodeState.READY),
        # A steady service with a node that could not register.
        ([sight(UNHEALTHY, said=(DENIED,), tasks=("RUNNING",))] * PERSISTS, 1, NodeState.REFUSED),
        ([sight(UNHEALTHY, said=(DENIED,))] * (PERSISTS - 1), 1, NodeState.WAITING),
        ([sight(UNHEALTHY), *[sight(UNHEALTHY, said=(DENIED,))] * 2], 1, NodeState.WAITING),
        # It came right after all, or another replica did.
        ([*[sight(UNHEALTHY, said=(DENIED,))] * 3, sight(HEALTHY, said=(DENIED,))], 1,
         NodeState.READY),
        ([*[sight(UNHEALTHY, said=(DENIED,))] * 3, sight(UNHEALTHY, said=(DONE,))], 1,
         NodeState.WAITING),
        ([sight(UNHEALTHY, said=(DENIED, DONE))] * 3, 2, NodeState.WAITING),
    ],
)  # fmt: skip
def test_how_the_wait_stands(sights: list[NodeSight], wanted: int, state: NodeState) -> None:
    assert judge_readiness(sights, wanted).state is state


def test_a_refused_registration_ends_with_the_nodes_words_and_their_meaning() -> None:
    found = judge_readiness([sight(UNHEALTHY, said=(DENIED,))] * PERSISTS, 1)
    assert "access denied" in found.words
    assert "other Wallarm Cloud" in found.cause


@pytest.mark.parametrize(("words", "cause"), KNOWN_FAILURES)
def test_every_known_failure_is_known_by_its_words(words: str, cause: str) -> None:
    assert log_line_meaning(f"ERROR registration {words.upper()}") == cause


@pytest.mark.parametrize("line", ["", DONE, "INFO registration begins"])
def test_other_lines_mean_no_failure(line: str) -> None:
    assert log_line_meaning(line) == ""


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (sight(), "0 of 1 healthy"),
        (sight(tasks=("PENDING",)), "0 of 1 healthy; 1 task pending"),
        (sight(tasks=("RUNNING",), pulled=1),
         "0 of 1 healthy; image pulled, 1 task running; no word about the registration yet"),
        (sight(UNHEALTHY, said=(DONE,), tasks=("RUNNING",), pulled=1),
         "registration done; Target.Timeout Request timed out"),
        (sight(UNHEALTHY, said=(DENIED,)), "registration: the token belongs to the other"),
        (sight(stopped="CannotPullContainerError: pull access denied"),
         "last task stopped: CannotPullContainerError"),
        (sight(HEALTHY, stopped="an older one"), "1 of 1 healthy"),
    ],
)  # fmt: skip
def test_a_look_in_one_line(seen: NodeSight, said: str) -> None:
    assert said in describe(seen, 1)


def test_a_healthy_node_is_not_told_with_what_was() -> None:
    assert "older" not in describe(sight(HEALTHY, stopped="an older one"), 1)


def test_what_a_container_says_drives_no_terminal() -> None:
    line = "\x1b[2Jaccess denied\x07"
    found = judge_readiness([sight(UNHEALTHY, said=(line,))] * PERSISTS, 1)
    assert "\x1b" not in found.words + found.text
