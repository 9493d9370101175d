"""How many requests stages had lately, as CloudWatch counted them (GetMetricStatistics).

REST stages are counted under the API's name, HTTP and WebSocket stages under its id. CloudWatch
keeps no zeros: a stage without data had no traffic, or its metrics are switched off.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from wizard.core.facts import ApiType, Stage, StageRef
from wizard.core.text import count
from wizard.services.aws.errors import explained

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

DAYS = 14
PERIOD = 86_400  # seconds; one figure a day
WORKERS = 8
_NAMESPACE = "AWS/ApiGateway"


@dataclass(frozen=True)
class Traffic:
    """Requests of each stage in the last `days`; a stage that nothing was counted for has 0."""

    requests: dict[StageRef, int] = field(default_factory=dict)
    days: int = DAYS

    @property
    def total(self) -> int:
        """Requests of all of them."""
        return sum(self.requests.values())

    @property
    def per_second(self) -> float:
        """The mean load of all of them."""
        return self.total / (self.days * 86_400)

    def words(self, *, filtered: bool) -> str:
        """One sentence for the review; empty where nothing was counted.

        Args:
            filtered: a subscription filter pattern leaves lines out.
        """
        if not self.total:
            return ""
        said = f"{count(self.total, 'request')} in the last {self.days} days; the costs go by them"
        saves = "; the filter pattern saves forwarding, not log ingestion" if filtered else ""
        return said + saves


def read_traffic(session: Session, stages: Iterable[Stage], *, days: int = DAYS) -> Traffic:
    """Count the requests of these stages. Raises WizardError where AWS refuses to say."""
    asked = tuple(stages)
    client = session.client("cloudwatch")
    end = datetime.now(timezone.utc)

    def read(stage: Stage) -> int:
        with explained("Reading the traffic of the stages", session.profile):
            answer = client.get_metric_statistics(
                Namespace=_NAMESPACE,
                StartTime=end - timedelta(days=days),
                EndTime=end,
                Period=PERIOD,
                Statistics=["Sum"],
                **_metric(stage),
            )
        return int(sum(point["Sum"] for point in answer["Datapoints"]))

    with ThreadPoolExecutor(WORKERS) as pool:
        return Traffic(
            dict(zip((stage.ref for stage in asked), pool.map(read, asked), strict=True)), days
        )


def _metric(stage: Stage) -> dict[str, Any]:
    """One stage's count. A WebSocket's messages are what it logs, not its connections."""
    api = {"Name": "ApiId", "Value": stage.api.api_id}
    if stage.api.api_type is ApiType.REST:
        api = {"Name": "ApiName", "Value": stage.api.name}
    return {
        "MetricName": "MessageCount" if stage.api.api_type is ApiType.WEBSOCKET else "Count",
        "Dimensions": [api, {"Name": "Stage", "Value": stage.name}],
    }
