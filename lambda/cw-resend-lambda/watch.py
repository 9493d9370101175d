"""Now and then the node's counters become two metrics: a 200 can hide that nothing is understood.

Only where X_NODE_WATCH is `true`, which the module sets with its alarms. Each environment of the
function reports by itself, so their sum may count one rejection more than once: above zero is what
the alarm asks.
"""

import os
import time

from counters import read_counters
from observe import NAMESPACE, say

EVERY = 300.0  # seconds between two looks of one environment
SECONDS = 1.0  # that a look may take
# AWS delivers at least once: a repeated batch makes these, and that is well.
NOT_A_FAULT = ("DuplicateReqId",)


class Watch:
    """What one environment of the function saw last."""

    def __init__(self):
        self._due = 0.0
        self._before = {}

    def look(self, env, now):
        """Read the counters if it is time, and tell what has grown since the last look.

        Args:
            now: seconds of a clock that only grows.
        """
        if env.get("X_NODE_WATCH") != "true" or now < self._due:
            return
        self._due = now + EVERY
        found = read_counters(env, seconds=SECONDS)
        after = {one["address"]: one for one in found["replicas"] if not one["error"]}
        before, self._before = self._before, after
        both = [(before[address], after[address]) for address in after if address in before]
        if both:
            _tell(
                sum(_grown(was, now, "processed", ("request",)) for was, now in both),
                sum(_grown(was, now, family) for was, now in both
                    for family in ("rejected", "errors")),
            )  # fmt: skip


def _grown(was, now, family, labels=None):
    """By how much a replica's counts have grown; one that started anew counts from nothing."""
    total = 0
    for label, value in (now[family] or {}).items():
        if label in NOT_A_FAULT or (labels and label not in labels):
            continue
        old = (was[family] or {}).get(label, 0)
        total += value - old if value >= old else value
    return total


def _tell(understood, rejected):
    names = ("node_understood", "node_rejected")
    metrics = [{"Name": name, "Unit": "Count"} for name in names]
    say(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["FunctionName"]],
                        "Metrics": metrics,
                    }
                ],
            },
            "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
            "node_understood": understood,
            "node_rejected": rejected,
        }
    )
