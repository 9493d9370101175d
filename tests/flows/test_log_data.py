"""Log data that a deployment made: kept by a removal, deleted by a later one, and told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from tests.flows.account import GROUP, World
from wizard.core.facts import ApiType
from wizard.flows.log_data import (
    CANARY,
    EXECUTION_LOGS,
    delete_log_data,
    find_log_data,
    keep_log_data,
    made_by_api_gateway,
)

ADDRESS = "aws_cloudwatch_log_group.api[0]"


@contextmanager
def groups(world: World, *names: str) -> Iterator[None]:
    logs = world.session.client("logs")
    for name in names:
        logs.create_log_group(logGroupName=name)
    try:
        yield
    finally:
        here = {g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]}
        for name in here.intersection(names):
            logs.delete_log_group(logGroupName=name)


def change(kind: str, name: str, *actions: str) -> dict[str, Any]:
    what = {"actions": list(actions), "before": {"name": name}}
    return {"type": kind, "address": ADDRESS, "change": what}


def test_what_a_removal_keeps_is_known_to_the_next_until_it_is_deleted(world: World) -> None:
    forgotten: list[tuple[str, ...]] = []
    planned = [
        change("aws_cloudwatch_log_group", "/ours", "delete"),
        change("aws_cloudwatch_log_group", "/stays", "update"),
        change("aws_iam_role", "/other", "delete"),
    ]
    terraform: Any = SimpleNamespace(
        show_plan_json=lambda _: {"resource_changes": planned}, forget=forgotten.append
    )
    plan: Any = SimpleNamespace()
    with groups(world, "/ours"):
        with world.open(world.session.begin(), "uninstall") as opened:
            deployment: Any = SimpleNamespace(
                session=opened.session, journal=opened.journal, terraform=terraform
            )
            (found,) = find_log_data(deployment, plan)
            assert (found.name, found.address) == ("/ours", ADDRESS)
            assert "uninstall --delete-logs` removes it" in found.left
            keep_log_data(deployment, (found,))
        assert forgotten == [(ADDRESS,)]
        with world.open(world.session.begin(), "uninstall") as later:
            (kept,) = find_log_data(later, None)
            assert (kept.name, kept.address) == ("/ours", "")
            delete_log_data(later, (found,))  # Terraform deletes it: not our business
            assert find_log_data(later, None) == (kept,)
            delete_log_data(later, (kept,))
            assert find_log_data(later, None) == ()
            delete_log_data(later, (kept,))  # gone already: no error


def test_log_groups_of_api_gateway_itself_are_named_where_this_deployment_caused_them(
    world: World,
) -> None:
    stage = next(
        s
        for s in world.inventory.stages
        if s.api.api_type is ApiType.WEBSOCKET and not s.settings.access_log.enabled
    )
    theirs = f"{EXECUTION_LOGS}theirs/prod"
    ours = f"{EXECUTION_LOGS}{stage.ref.api_id}/{stage.name}"
    with groups(world, GROUP + CANARY, ours, theirs):
        assert made_by_api_gateway(world.look_at(world.session)) == ()
        world.connect(world.session.begin(), stage)
        try:
            told = made_by_api_gateway(world.look_at(world.session))
        finally:
            world.take_back(world.session.begin())
    assert [text.partition(": ")[0] for text in told] == [ours, GROUP + CANARY]
    assert all("never expires" in text for text in told)
