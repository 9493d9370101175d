"""Where the node runs is asked first, with what each place costs."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core import migrations
from wizard.core.answers.model import ECS, EDGE, OWN, Answers
from wizard.core.answers.parse import build_answers
from wizard.core.answers.rules import problems
from wizard.core.cost import place_costs


def test_each_place_has_its_price_whichever_is_chosen_now() -> None:
    found = place_costs(Answers(node_count=2))
    assert list(found) == [EDGE, OWN, ECS]
    assert [found[key].partition("/month")[0] for key in (EDGE, OWN)] == ["$0", "$0"]
    assert found[ECS].startswith("about $1")
    hosted = Answers(node_url="abc.edge.example.com", node_place=EDGE)
    assert place_costs(hosted)[ECS] == place_costs(Answers())[ECS]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"node_place": "ecs", "node_url": "n:5050"}, "leave node_url empty"),
        ({"node_place": "own"}, "node_place is own: node_url must name that node"),
        ({"node_place": "edge"}, "node_place is edge: node_url must name that node"),
        ({"node_place": "edge", "node_url": "n", "node_scheme": "http"}, "must be https"),
        ({"node_place": "edge", "node_url": "n", "node_metrics": "n:9000"}, "shows no counters"),
        ({"node_place": "edge", "node_url": "n", "vpc_id": "vpc-12345678",
          "private_subnet_ids": ("subnet-1",)}, "outside of any VPC"),
        ({"node_place": "cloud"}, "must be one of"),
        ({"node_place": "edge", "node_url": "n"}, ""),
        ({"node_place": "own", "node_url": "n", "node_scheme": "http"}, ""),
        ({"node_place": "ecs"}, ""),
        ({}, ""),
        ({"node_url": "n"}, ""),
    ],
)  # fmt: skip
def test_a_place_goes_with_what_it_needs(given: dict[str, Any], said: str) -> None:
    found = "; ".join(v.message for v in problems(Answers(**given)))
    assert bool(found) is bool(said)
    assert said in found


SAVED_ECS = {"node_place": "ecs", "node_url": ""}
SAVED_EDGE = {"node_place": "edge", "node_url": "edge.example.com"}


@pytest.mark.parametrize(
    ("layers", "place", "url"),
    [
        ((SAVED_ECS, {"node_url": "n:5050"}), OWN, "n:5050"),
        ((SAVED_ECS, {"node_url": "n", "node_place": "edge"}), EDGE, "n"),
        ((SAVED_EDGE, {}), EDGE, "edge.example.com"),
        ((SAVED_EDGE, {"node_url": "n:5050"}), OWN, "n:5050"),
        ((SAVED_EDGE, {"node_place": "own"}), OWN, "edge.example.com"),
        ((SAVED_EDGE, {"node_place": "ecs"}), ECS, ""),
        ((SAVED_EDGE, {"node_url": ""}), ECS, ""),
        (({"node_url": "n"}, {"node_count": 2}), OWN, "n"),
    ],
)
def test_a_later_layer_that_names_the_one_decides_about_the_other(
    layers: tuple[dict[str, Any], ...], place: str, url: str
) -> None:
    found = build_answers(*layers)
    assert (found.place, found.node_url) == (place, url)


@pytest.mark.parametrize(
    ("older", "place"),
    [({"node_url": "n:5050"}, "own"), ({"node_url": ""}, "ecs"), ({"region": "eu-west-1"}, None)],
)
def test_older_answers_get_the_place_that_they_meant(
    older: dict[str, Any], place: str | None
) -> None:
    found = migrations.migrate_answers({**older, "schema_version": 1}, "answers.json")
    assert found.get("node_place") == place
    assert found["schema_version"] == 2
    assert not problems(build_answers(found))
