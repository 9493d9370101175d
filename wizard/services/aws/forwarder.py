"""Asks the deployed forwarder, because nothing else of ours is inside the VPC (`lambda:Invoke`)."""

from __future__ import annotations

import json
from typing import Any

from wizard.core.facts import Identity, StageRef
from wizard.core.node.dialect import DIALECT_VARIABLES, Dialect, Tried
from wizard.core.node.probe import ProbeAnswer, parse_probe, parse_trial
from wizard.core.partitions import partition_of

MOST_BYTES = 1_000_000  # of an answer; a foreign bundle may say anything
TRIAL_SECONDS = 60  # so long a client should wait


def ask_probe(
    functions: Any, function: str, *, counters_only: bool = False, host: str = ""
) -> ProbeAnswer:
    """Whether the node can be reached from the forwarder, and what it has counted.

    Args:
        counters_only: nothing is sent to the node.
        host: the API's host name, which the marked event carries that is sent to it.

    Raises botocore's ClientError where AWS refuses.
    """
    event: dict[str, Any] = {"wallarm-apigw": "probe"}
    event |= {"only": "counters"} if counters_only else {"host": host}
    payload, failed = _invoke(functions, function, event)
    return parse_probe(payload, failed=failed)


def try_dialect(
    functions: Any, function: str, dialect: Dialect, host: str, events: int = 3
) -> Tried:
    """Send a few marked messages to the node in one dialect.

    Args:
        host: the API's host name, which the messages carry; a node may allow no other.

    Raises botocore's ClientError where AWS refuses.
    """
    event = {
        "wallarm-apigw": "dialect",
        "settings": {name: dialect.settings.get(name, "") for name in DIALECT_VARIABLES},
        "host": host,
        "events": events,
    }
    payload, failed = _invoke(functions, function, event)
    return parse_trial(dialect, payload, failed=failed)


def api_host(ref: StageRef, identity: Identity) -> str:
    """The host name of an API's default endpoint."""
    suffix = partition_of(identity.partition).suffix
    return f"{ref.api_id}.execute-api.{identity.region}.{suffix}"


def _invoke(functions: Any, function: str, event: dict[str, Any]) -> tuple[bytes, bool]:
    answer = functions.invoke(
        FunctionName=function,
        InvocationType="RequestResponse",
        Payload=json.dumps(event).encode(),
    )
    return bytes(answer["Payload"].read(MOST_BYTES)), bool(answer.get("FunctionError"))
