"""What the function says about itself: JSON lines and one metric line, never a payload.

Neither paths nor source addresses nor user agents are written. A line that could not be read is
named by its log event id, and shown by its shape; it stays where it came from, in the API's own log
group.
"""

import json
import os
import sys
import time

NAMESPACE = "WallarmApiDiscovery"
MOST_PROOFS = 10
MOST_NAMED = 20
MOST_STAGES = 50  # of one batch; lines of one log stream are of one stage, or of few


def say(entry):
    """One JSON object as one line of the function's log."""
    sys.stdout.write(json.dumps(entry) + "\n")
    sys.stdout.flush()


def proof(marker, event_id, received_at, job):
    """What became of a request that was sent to be followed."""
    delivered = job is not None and job.outcome == "delivered"
    answered = job is not None and job.status is not None
    say(
        {
            "event": "proof",
            "id": marker,
            "log_event_id": event_id[:64],
            "received_at": received_at,
            "sent_at": _wall_clock(job.began) if answered else None,
            "delivered_at": int(time.time() * 1000) if delivered else None,
            "outcome": _OUTCOMES.get(job.outcome if job else "", "failed"),
            "node_status": job.status if job else None,
        }
    )


def _wall_clock(moment):
    """A moment of the monotonic clock, as epoch milliseconds."""
    return int((time.time() - time.monotonic() + moment) * 1000)


_OUTCOMES = {"delivered": "delivered", "refused": "quarantined", "failed": "failed"}


def metrics(counts, seconds, age_ms, stages=()):
    """One line in CloudWatch's embedded metric format: counts, shares, latencies, and age.

    `stages` has (API, stage): [received, malformed]. No metric of CloudWatch is made of it, only
    the line holds it.
    """
    units = dict.fromkeys(counts, "Count") | {"bytes": "Bytes"}
    values = dict(counts)
    if counts["received"]:
        for name in ("malformed", "skipped"):
            values[f"{name}_share"] = round(100 * counts[name] / counts["received"], 2)
            units[f"{name}_share"] = "Percent"
    if seconds:
        ordered = sorted(seconds)
        for name, share in (("latency_p50", 0.5), ("latency_p99", 0.99)):
            values[name] = round(ordered[int(share * (len(ordered) - 1))] * 1000, 2)
            units[name] = "Milliseconds"
    if age_ms is not None:
        values["batch_age"] = age_ms
        units["batch_age"] = "Milliseconds"
    say(
        {
            "_aws": {
                "Timestamp": int(time.time() * 1000),
                "CloudWatchMetrics": [
                    {
                        "Namespace": NAMESPACE,
                        "Dimensions": [["FunctionName"]],
                        "Metrics": [{"Name": n, "Unit": u} for n, u in units.items()],
                    }
                ],
            },
            "FunctionName": os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local"),
            **values,
            **({"stages": _named(stages)} if stages else {}),
        }
    )


def _named(stages):
    told = [(f"{api}/{stage}", n) for (api, stage), n in stages.items() if api and stage]
    told.sort(key=lambda one: (-one[1][1], -one[1][0]))
    return dict(told[:MOST_STAGES])
