"""The node is away for longer than every retry lasts; afterwards nothing is missing.

The sandbox plays AWS's asynchronous invocation sixty times as fast: retries after one and two
seconds instead of minutes. The outage of 25 seconds stands for 25 minutes.
"""

from __future__ import annotations

import time
from collections import Counter

import pytest

from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.e2e

OUTAGE_SECONDS = 25.0


def kept(deployed: Deployed) -> int:
    answer = deployed.client("s3").list_objects_v2(Bucket=deployed.outputs.undelivered_bucket)
    return int(answer.get("KeyCount", 0))


def test_after_an_outage_every_request_is_at_the_node(deployed: Deployed) -> None:
    node = deployed.box.node
    node.reset()
    node.fail("status", status=503)
    began = time.monotonic()
    sent = list(deployed.box.send_sample(deployed.box.sample_stages, count=4))
    while kept(deployed) < 1 and time.monotonic() - began < 90:
        time.sleep(1)
    time.sleep(max(0.0, OUTAGE_SECONDS - (time.monotonic() - began)))
    assert kept(deployed) > 0, "no batch was kept"

    node.fail("none")
    sent += deployed.box.send_sample(deployed.box.sample_stages, count=2)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        done = deployed.cli("redrive", "--yes")
        assert done.returncode == 0, done.stderr[-2000:]
        if kept(deployed) == 0 and len(node.wait_for(len(sent), 2.0)) >= len(sent):
            break
    arrived = Counter((r["method"], r["path"], r["host"], r["status"]) for r in node.records())
    assert arrived == Counter(s.expected()[:4] for s in sent)
    assert kept(deployed) == 0
