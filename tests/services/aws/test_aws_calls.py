"""How many requests reading a Region takes: that is its speed, without a clock."""

from __future__ import annotations

from typing import Any

from wizard.core.facts import Identity
from wizard.services.aws.discovery import discover
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session


class Counting(TokenBucket):
    """A bucket that never runs dry and knows how often it was asked."""

    def __init__(self) -> None:
        super().__init__(10_000, 10_000)
        self.asked = 0

    def acquire(self) -> float:
        self.asked += 1
        return super().acquire()


def test_a_region_is_read_with_one_request_for_each_api_and_one_for_each_page(
    session: Session, identity: Identity, env: dict[str, str], world: Any
) -> None:
    for _ in range(3):
        world.rest_api("", "dev", "prod", "test")
    world.http_api("", "$default", "beta")
    bucket = Counting()
    inventory = discover(Session(region=session.region, env=env, bucket=bucket), identity)
    pages = 2  # one of REST APIs, one of HTTP and WebSocket APIs
    assert inventory.problems == ()
    assert bucket.asked == pages + len(inventory.apis)
    assert len(inventory.stages) > bucket.asked
