"""How this process talks to the stand-ins: never through a proxy, and to the node with words."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

CALL_SECONDS = 30.0

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def call(url: str, data: object = None) -> Any:
    """GET, or POST of JSON, on one of the stand-ins; never through a proxy."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, data=body)  # noqa: S310 - loopback, made above
    with _DIRECT.open(request, timeout=CALL_SECONDS) as answer:
        return json.loads(answer.read())


class NodeClient:
    """Talks to the stand-in node's control port."""

    def __init__(self, control_url: str, connector: str, metrics_url: str) -> None:
        self.control_url = control_url
        self.metrics_url = metrics_url
        self.connector = connector  # host:port, what X_NODE_URL would be without a load balancer

    def records(self) -> list[dict[str, Any]]:
        """One record per request that arrived; see `wizard.sandbox.records.pair`."""
        data: list[dict[str, Any]] = call(f"{self.control_url}/__record")
        return data

    def messages(self) -> list[dict[str, Any]]:
        """Every message as it arrived, those answered with an error included."""
        data: list[dict[str, Any]] = call(f"{self.control_url}/__messages")
        return data

    def reset(self) -> None:
        """Forget every message and every fault, and behave as at first; counters go on."""
        call(f"{self.control_url}/__reset", {})

    def behave(self, **settings: object) -> None:
        """Be set up like this from now on; the settings are those of
        `wizard.sandbox.node_model.Behaviour`, those left out are as at first."""
        call(f"{self.control_url}/__behave", settings)

    def restart(self) -> None:
        """Count from nothing again."""
        call(f"{self.control_url}/__restart", {})

    def metrics(self) -> str:
        """The node's counters as it tells them."""
        with _DIRECT.open(self.metrics_url, timeout=CALL_SECONDS) as answer:
            text: str = answer.read().decode()
        return text

    def fail(self, mode: str, **settings: object) -> None:
        """Misbehave from now on; `mode` and settings are those of `wizard.sandbox.node.Fault`.

        `fail("none")` behaves again.
        """
        call(f"{self.control_url}/__fail", {"mode": mode, **settings})

    def wait_for(self, count: int, seconds: float = 30.0) -> list[dict[str, Any]]:
        """The records as soon as there are `count` of them with a status, or when time is up."""
        end = time.monotonic() + seconds
        while True:
            found = self.records()
            if len([r for r in found if r["status"] is not None]) >= count:
                return found
            if time.monotonic() > end:
                return found
            time.sleep(0.1)
