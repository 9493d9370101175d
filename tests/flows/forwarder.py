"""The real forwarder in the sandbox, subscribed to a log group as the module would do it."""

from __future__ import annotations

import contextlib
import io
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.flows.account import World
from wizard.core.tfvars import Outputs

NAME = "wallarm-cw-resend-1a2b3c4d"
BUILD = Path(__file__).resolve().parents[2] / "lambda" / "build.py"


@dataclass
class Forwarder:
    """`outputs` are those of a deployment that has no node of its own."""

    world: World
    outputs: Outputs

    def configure(self, **variables: str) -> None:
        """The usual environment, with these variables instead."""
        self._functions.update_function_configuration(
            FunctionName=NAME, Environment={"Variables": {**self._usual, **variables}}
        )

    @property
    def _functions(self) -> Any:
        return self.world.session.client("lambda")

    @property
    def _usual(self) -> dict[str, str]:
        box = self.world.box
        return {
            "X_NODE_URL": box.node.connector,
            "X_NODE_SCHEME": "http",
            "X_WALLARM_APPLICATION_ID": "-1",
            "X_NODE_METRICS": f"127.0.0.1:{box.ports['metrics']}",
        }


@contextmanager
def put_forwarder(world: World, group: str) -> Iterator[Forwarder]:
    """Make the function and its subscription; take both away in the end."""
    package = io.BytesIO()
    runpy.run_path(str(BUILD))["build"](package)
    outputs = Outputs(group, world.arn, NAME, f"/aws/lambda/{NAME}", world.box.node.connector)
    made = Forwarder(world, outputs)
    functions: Any = made._functions
    arn = functions.create_function(
        FunctionName=NAME,
        Runtime="python3.13",
        Role=f"arn:aws:iam::{world.box.account_id}:role/test",
        Handler="lambda_function.lambda_handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=60,
        Environment={"Variables": made._usual},
    )["FunctionArn"]
    logs: Any = world.session.client("logs")
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=f"/aws/lambda/{NAME}")
    logs.put_subscription_filter(
        logGroupName=group, filterName=NAME, filterPattern="", destinationArn=arn
    )
    try:
        yield made
    finally:
        logs.delete_subscription_filter(logGroupName=group, filterName=NAME)
        functions.delete_function(FunctionName=NAME)
