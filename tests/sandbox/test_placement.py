"""The local AWS tells of an ECS service what AWS tells: how its tasks are placed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TOLD = ("placementConstraints", "availabilityZoneRebalancing")
DISTINCT = [{"type": "distinctInstance"}]


@pytest.fixture
def told(aws: Callable[[str], Any]) -> Callable[..., Any]:
    """What it tells of a service after creating or updating it with these arguments."""
    ecs = aws("ecs")
    ecs.create_cluster(clusterName="placing")
    ecs.register_task_definition(
        family="placed", containerDefinitions=[{"name": "node", "image": "node", "memory": 64}]
    )

    def carry_out(operation: str, **arguments: Any) -> list[Any]:
        named = "serviceName" if operation == "create_service" else "service"
        getattr(ecs, operation)(cluster="placing", **{named: "node"}, **arguments)
        (service,) = ecs.describe_services(cluster="placing", services=["node"])["services"]
        return [service[key] for key in TOLD]

    return carry_out


def test_a_service_tells_where_its_tasks_go_and_keeps_what_no_update_names(
    told: Callable[..., Any],
) -> None:
    assert told(
        "create_service",
        taskDefinition="placed",
        desiredCount=0,
        placementConstraints=DISTINCT,
        availabilityZoneRebalancing="ENABLED",
    ) == [DISTINCT, "ENABLED"]
    assert told("update_service", desiredCount=1) == [DISTINCT, "ENABLED"]
    assert told(
        "update_service", placementConstraints=[], availabilityZoneRebalancing="DISABLED"
    ) == [[], "DISABLED"]
