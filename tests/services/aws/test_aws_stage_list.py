"""What the screens ask for: the last list at once, and what somebody looks for first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.services.aws.conftest import REGION
from wizard.core.answers.model import Answers
from wizard.core.facts import Api, ApiType, Inventory, Stage
from wizard.flows.account import Lookup
from wizard.flows.context import Options
from wizard.services.aws import discovery
from wizard.services.aws.discovery import api_order, reading_order


def discover(
    lookup: Lookup, priority: Callable[[Api], Any] | None = None
) -> tuple[Inventory, list[str], list[float]]:
    """One reading: its result, the names of APIs in the order they came, ages of cached lists."""
    order: list[str] = []
    ages: list[float] = []

    def batch(stages: tuple[Stage, ...]) -> None:
        order.extend(stage.api.name for stage in stages)

    def cached(stages: tuple[Stage, ...], age: float) -> None:
        ages.append(age)

    found = lookup.discover(
        Answers(region=REGION), batch, lambda read, known: None, threading.Event(),
        priority=priority, on_cached=cached,
    )  # fmt: skip
    return found, order, ages


def test_the_list_of_the_last_time_comes_first_with_its_age(
    env: dict[str, str], tmp_path: Path
) -> None:
    lookup = Lookup(Options(env=env), cache=tmp_path)
    first, _, ages = discover(lookup)
    assert ages == []
    again, _, ages = discover(Lookup(Options(env=env), cache=tmp_path))
    assert len(ages) == 1
    assert 0 <= ages[0] < 60
    assert {str(s.ref) for s in again.stages} == {str(s.ref) for s in first.stages}


def test_a_local_aws_is_not_remembered(env: dict[str, str]) -> None:
    assert env["AWS_ENDPOINT_URL"]
    discover(Lookup(Options(env=env)))
    _, _, ages = discover(Lookup(Options(env=env)))
    assert ages == []


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Api]:
    """The APIs in the order in which somebody began to read them."""
    begun: list[Api] = []
    take = discovery.ApiQueue.pop

    def pop(queue: Any, cancelled: Any) -> Api | None:
        with queue._changed:  # reentrant: nobody takes another one in between
            api = take(queue, cancelled)
            if api is not None:
                begun.append(api)
        return api

    monkeypatch.setattr(discovery.ApiQueue, "pop", pop)
    return begun


def test_what_is_typed_into_the_filter_is_read_first(
    env: dict[str, str], world: Any, tmp_path: Path, begun: list[Api]
) -> None:
    for _ in range(6):
        world.rest_api("", "prod")
    world.rest_api("sought-after", "prod")
    searched = partial(reading_order, words="Sought")
    found, order, _ = discover(Lookup(Options(env=env), cache=tmp_path), searched)
    # HTTP APIs may be listed, and read, before the first page of REST APIs is there.
    rest = [api.name for api in begun if api.api_type is ApiType.REST]
    assert len(rest) > 6
    assert rest[0] == "sought-after"
    assert sorted(order) == sorted(stage.api.name for stage in found.stages)


def test_whoever_scrolls_sees_what_is_there_read_first_with_not_one_call_more(
    env: dict[str, str], world: Any, tmp_path: Path, begun: list[Api]
) -> None:
    ids = {letter: world.rest_api(f"scrolled-{letter}", "prod") for letter in "abcdefgh"}
    top = api_order(Api(ids["d"], "scrolled-d", ApiType.REST))
    begins: list[Api] = []

    def moved(api: Api) -> Any:
        """Somebody scrolls when the first API was taken up."""
        begins[:] = begins or begun[:1]
        return reading_order(api, top=top) if begins else reading_order(api)

    found, _, _ = discover(Lookup(Options(env=env), cache=tmp_path), moved)
    order = [a.api_id for a in begun if a not in begins and a.api_id in ids.values()]
    assert order == [ids[c] for c in "defghabc" if ids[c] != begins[0].api_id]
    assert sorted(api.api_id for api in begun) == sorted(api.api_id for api in found.apis)
