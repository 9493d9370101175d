"""Where the node runs is asked first, with what each place costs and asks for."""

from __future__ import annotations

import pytest

from wizard.core.answers.model import Answers
from wizard.core.answers.rules import problems
from wizard.core.node.placement import ECS, EDGE, OWN, placed, placement_of, placements

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
    assert "$0" in found[0].cost
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
    assert placement_of(edge) == OWN


@pytest.mark.parametrize("key", [OWN, ECS])
def test_the_network_stays_where_a_vpc_may_be_needed(key: str) -> None:
    assert placed(ON_ECS, key).vpc_id == ON_ECS.vpc_id
    assert placement_of(placed(ON_ECS.with_(node_url="n:5050"), ECS)) == ECS
