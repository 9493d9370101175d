"""The logs of a scripted deployment: they say what a test lets them say."""

from __future__ import annotations

from tests.ui.script import EPOCH
from wizard.flows.doctor.logs import LogLine, LogSource, Tail


class ScriptedLog:
    """A log that says what `say` gave it, once."""

    def __init__(self, key: str, title: str, place: str, lines: tuple[str, ...] = ()) -> None:
        self.source = LogSource(key, title, place)
        self.problem = ""
        self._new: list[LogLine] = []
        self._at = EPOCH
        self.say(*lines)

    def say(self, *lines: str) -> None:
        """More lines, a second apart."""
        for line in lines:
            self._at += 1
            self._new.append(LogLine(self._at, f"{self._at}", line))

    def news(self) -> Tail:
        if self.problem:
            return Tail(problem=self.problem)
        found, self._new = tuple(self._new), []
        return Tail(found)


def scripted_logs(hostile: bool, bad_lines: tuple[str, ...]) -> tuple[ScriptedLog, ...]:
    """The four logs of a deployment."""
    group = "/aws/apigateway/wallarm-api-discovery-f64911f6"
    line = (
        '{"requestId":"5f0c1e2d","httpMethod":"GET","path":"/prod/orders/42","status":"200",'
        '"responseLatency":"31"}'
    )
    return (
        ScriptedLog("node", "Node", "/ecs/api-gw-discovery-node-f64911f6", (
            "INFO starting native node 0.25.5, mode connector-server",
            "INFO node registration done",
            "INFO listening on :5050",
        )),
        ScriptedLog("forwarder", "Forwarder (Lambda)", "/aws/lambda/wallarm-cw-resend-f64911f6",
                    bad_lines if hostile else ('{"received": 12, "delivered": 12}',)),
        ScriptedLog(f"access:{group}", "Access logs (API Gateway)", group, (line, line)),
        ScriptedLog("ecs", "ECS service events", "api-gw-discovery-node"),
    )  # fmt: skip
