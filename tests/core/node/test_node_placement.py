"""Where the node runs is asked first, with what each place costs and asks for."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core import migrations
from wizard.core.answers.model import ECS, EDGE, OWN, Answers
from wizard.core.answers.parse import build_answers
from wizard.core.answers.rules import problems
from wizard.core.node.placement import placed, placements

ON_ECS = Answers(
    r53_domain_name="example.com",
    node_dns_name="node",
    vpc_id="vpc-12345678",
    private_subnet_ids=("subnet-1",),
    public_subnet_ids=("subnet-2", "subnet-3"),
)


def test_there_are_three_places_each_with_its_price_and_what_of_it_can_be_seen() -> None:
    found = placements(Answers(node_count=2))
    assert [place.key for place in found] == [EDGE, OWN, ECS]
    assert [place.cost.partition("/month")[0] for place in found[:2]] == ["$0", "$0"]
    assert found[2].cost.startswith("about $1")
    assert "t3.large for production" in found[2].text
    assert all(place.counters for place in found)
    assert "cannot be read" in found[0].counters


def test_the_price_of_ecs_is_told_whatever_place_is_chosen_now() -> None:
    elsewhere = Answers(node_url="node.example.com")
    assert placements(elsewhere)[2].cost == placements(Answers())[2].cost


def test_a_hosted_node_takes_https_and_leaves_nothing_of_a_node_here() -> None:
    edge = placed(ON_ECS, EDGE).with_(node_url="abc.edge.example.com")
    assert (edge.node_scheme, edge.vpc_id, edge.private_subnet_ids) == ("https", "", ())
    assert not problems(edge)
    assert edge.place == EDGE
    assert build_answers(edge.as_dict()) == edge


@pytest.mark.parametrize("key", [OWN, ECS])
def test_the_network_stays_where_a_vpc_may_be_needed(key: str) -> None:
    assert placed(ON_ECS, key).vpc_id == ON_ECS.vpc_id
    assert placed(ON_ECS.with_(node_url="n:5050"), ECS).place == ECS
    assert placed(ON_ECS.with_(node_url="n:5050", node_place=EDGE), OWN).place == OWN


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
