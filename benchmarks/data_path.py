"""The whole data path on the sandbox: log group, subscription filter, forwarder, node.

One function and one filter made by hand, no Terraform; batches are put into the log group as fast
as it takes them, and every event is looked for at the node.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import boto3

from benchmarks.batches import line
from benchmarks.figure import Figure, figure
from benchmarks.invoking import SOURCE
from wizard.sandbox import Sandbox

FUNCTION = "bench"
BATCHES = 20
EVENTS = 500


@contextlib.contextmanager
def running() -> Iterator[tuple[Sandbox, Callable[[int], float]]]:
    """The sandbox with the pipeline, and `put(count)`: puts that many events, returns seconds."""
    with Sandbox.start(seed=False) as box:
        session = boto3.Session("sandbox", "sandbox", region_name=box.region)
        logs = session.client("logs", endpoint_url=box.endpoint_url)
        _pipeline(session, box)
        numbers = itertools.count()

        def put(count: int) -> float:
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": line(next(numbers))} for _ in range(count)]
            began = time.perf_counter()
            logs.put_log_events(logGroupName="bench", logStreamName="s", logEvents=events)
            return time.perf_counter() - began

        yield box, put


def run() -> list[Figure]:
    """Events a second from the first put to the last arrival, and how many are missing."""
    with running() as (box, put):
        began = time.perf_counter()
        putting = sum(put(EVENTS) for _ in range(BATCHES))
        wanted = BATCHES * EVENTS
        arrived = len(box.node.wait_for(wanted, 60.0))
        total = time.perf_counter() - began
    return [
        figure("events a second, log group to node", arrived / total, "/s"),
        figure("missing of 10,000 events", wanted - arrived, "", target="0"),
        figure("share of the time in the local AWS's own put", putting / total * 100, "%"),
    ]


def _pipeline(session: Any, box: Sandbox) -> None:
    package = SOURCE.parents[1] / "terraform" / "cw-resend-lambda.zip"
    functions = session.client("lambda", endpoint_url=box.endpoint_url)
    iam = session.client("iam", endpoint_url=box.endpoint_url)
    logs = session.client("logs", endpoint_url=box.endpoint_url)
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps({}))
    function = functions.create_function(
        FunctionName=FUNCTION, Runtime="python3.13", Role=role["Role"]["Arn"],
        Handler="lambda_function.lambda_handler", Timeout=60, MemorySize=512,
        Code={"ZipFile": package.read_bytes()},
        Environment={"Variables": {"X_NODE_URL": box.node.connector, "X_NODE_SCHEME": "http"}},
    )  # fmt: skip
    functions.add_permission(
        FunctionName=FUNCTION, StatementId="logs", Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
    )  # fmt: skip
    logs.create_log_group(logGroupName="bench")
    logs.create_log_stream(logGroupName="bench", logStreamName="s")
    logs.put_subscription_filter(
        logGroupName="bench", filterName="bench", filterPattern="",
        destinationArn=function["FunctionArn"],
    )  # fmt: skip
