"""Traffic of stages, from the metrics of a local AWS; what API Gateway would count is put there."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.stub import Stubber

from tests.services.aws.conftest import unlimited
from wizard.core.errors import WizardError
from wizard.core.facts import Api, ApiType, Stage
from wizard.services.aws import traffic
from wizard.services.aws.session import Session
from wizard.services.aws.traffic import read_traffic

REST = Stage(Api("r1", "orders-traffic", ApiType.REST), "prod")
HTTP = Stage(Api("h1", "shop", ApiType.HTTP), "$default")
SOCKET = Stage(Api("w1", "events", ApiType.WEBSOCKET), "prod")


@pytest.fixture
def counted(env: dict[str, str]) -> Session:
    return Session(region="eu-north-1", env=env, bucket=unlimited())


def count(session: Session, metric: str, api: dict[str, str], stage: str, *values: int) -> None:
    client: Any = session.client("cloudwatch")
    for days, value in enumerate(values, start=1):
        client.put_metric_data(
            Namespace="AWS/ApiGateway",
            MetricData=[
                {
                    "MetricName": metric,
                    "Dimensions": [api, {"Name": "Stage", "Value": stage}],
                    "Timestamp": datetime.now(timezone.utc) - timedelta(days=days),
                    "Value": value,
                }
            ],
        )


def test_each_kind_of_stage_is_counted_under_the_name_that_aws_uses(counted: Session) -> None:
    count(counted, "Count", {"Name": "ApiName", "Value": "orders-traffic"}, "prod", 1000, 500)
    count(counted, "Count", {"Name": "ApiId", "Value": "h1"}, "$default", 30)
    count(counted, "MessageCount", {"Name": "ApiId", "Value": "w1"}, "prod", 7)
    count(counted, "ConnectCount", {"Name": "ApiId", "Value": "w1"}, "prod", 90)
    found = read_traffic(counted, [REST, HTTP, SOCKET])
    assert found.requests == {REST.ref: 1500, HTTP.ref: 30, SOCKET.ref: 7}
    assert found.total == 1537
    assert found.per_second == pytest.approx(1537 / (14 * 86_400))
    assert found.per_second_of_http == pytest.approx(30 / (14 * 86_400))


def test_a_stage_without_figures_had_none(counted: Session) -> None:
    quiet = Stage(Api("q1", "quiet", ApiType.HTTP), "$default")
    assert read_traffic(counted, [quiet]).requests == {quiet.ref: 0}
    assert read_traffic(counted, []).total == 0


def test_what_aws_refuses_is_told_in_its_words(counted: Session) -> None:
    with Stubber(counted.client("cloudwatch")) as answers:
        answers.add_client_error(
            "get_metric_statistics", "AccessDenied", "no identity-based policy"
        )
        with pytest.raises(WizardError) as caught:
            read_traffic(counted, [REST])
    assert "no identity-based policy" in caught.value.why


SAVES = "; the filter pattern saves forwarding, not log ingestion"


@pytest.mark.parametrize(
    ("requests", "filtered", "said"),
    [
        (0, False, ""),
        (0, True, ""),
        (1, False, "1 request in the last 14 days; the costs go by them"),
        (1537, True, "1,537 requests in the last 14 days; the costs go by them" + SAVES),
    ],
)
def test_the_review_says_what_the_estimate_goes_by(
    requests: int, filtered: bool, said: str
) -> None:
    assert traffic.Traffic({REST.ref: requests}).words(filtered=filtered) == said
