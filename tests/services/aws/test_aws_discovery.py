"""Finding APIs and stages on a local AWS."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from wizard.core.errors import WizardError
from wizard.core.facts import ApiType, EndpointType, Identity, Inventory, Stage
from wizard.services.aws import discovery, items, log_groups, network
from wizard.services.aws.discovery import discover
from wizard.services.aws.items import invoke_url
from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session


def by_api(stages: tuple[Stage, ...], api: str) -> list[Stage]:
    return [s for s in stages if s.api.api_id == api]


def test_every_kind_of_api_is_found_with_its_stages_and_settings(
    session: Session, identity: Identity, world: Any
) -> None:
    group = world.arn(world.log_group())
    rest = world.rest_api(
        "märkte [prod]",
        "dev",
        "prod",
        endpointConfiguration={"types": ["PRIVATE"]},
        tags={"team": "a"},
    )
    http = world.http_api("h", "$default", "beta")
    websocket = world.websocket_api("w", DefaultRouteSettings={"LoggingLevel": "ERROR"})
    world.rest.update_stage(
        restApiId=rest,
        stageName="prod",
        patchOperations=[
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group},
            {"op": "replace", "path": "/accessLogSettings/format", "value": "$context.requestId"},
            {"op": "replace", "path": "/*/*/logging/loglevel", "value": "ERROR"},
        ],
    )
    inventory = discover(session, identity)
    assert inventory.problems == ()
    dev, prod = by_api(inventory.stages, rest)
    assert (dev.name, prod.name) == ("dev", "prod")
    assert prod.api.name == "märkte [prod]"
    assert prod.api.endpoint_type is EndpointType.PRIVATE
    assert prod.api.tags["team"] == "a"
    assert prod.settings.access_log.destination_arn == group
    assert prod.settings.logging_level == "ERROR"
    assert dev.settings.logging_level == ""
    assert [s.name for s in by_api(inventory.stages, http)] == ["$default", "beta"]
    [ws] = by_api(inventory.stages, websocket)
    assert ws.api.api_type is ApiType.WEBSOCKET
    assert ws.settings.logging_level == "ERROR"


def test_more_apis_than_fit_a_page_are_all_found_and_counted_page_by_page(
    session: Session, identity: Identity, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {world.rest_api() for _ in range(5)}
    monkeypatch.setattr(discovery, "REST_PAGE", 2)
    counts: list[tuple[int, int]] = []
    inventory = discover(
        session,
        identity,
        on_count=lambda read, known: counts.append((read, known)),
    )
    assert made <= {api.api_id for api in inventory.apis}
    assert made <= {stage.api.api_id for stage in inventory.stages}
    assert len({known for _, known in counts}) >= 3
    assert counts == sorted(counts)
    assert counts[-1] == (len(inventory.apis), len(inventory.apis))


class Denying(Session):
    """A session whose principal may not read one API."""

    denied = ""
    whole = False

    def client(self, service: str) -> Any:
        client = super().client(service)
        if service == "apigateway" and not hasattr(client, "_denies"):
            client._denies = True

            def refuse(model: Any, params: Any, **_: Any) -> None:
                path = str(params.get("url_path", ""))
                if self.whole or (self.denied and self.denied in path):
                    raise ClientError(
                        {
                            "Error": {
                                "Code": "AccessDeniedException",
                                "Message": "User x is not authorized to perform: apigateway:GET",
                            }
                        },
                        model.name,
                    )

            client.meta.events.register("before-call.api-gateway", refuse)
        return client


def test_one_api_that_may_not_be_read_costs_one_row(
    env: dict[str, str], identity: Identity, world: Any
) -> None:
    hidden, seen = world.rest_api("hidden"), world.rest_api("seen")
    session = Denying(region=identity.region, env=env, bucket=TokenBucket(10_000, 10_000))
    session.denied = hidden
    inventory = discover(session, identity)
    assert by_api(inventory.stages, seen)
    assert not by_api(inventory.stages, hidden)
    [problem] = inventory.problems
    assert hidden in problem.subject
    assert not inventory.unreadable
    refused = tuple(api for api in inventory.apis if api.api_id == hidden)
    assert Inventory(identity, apis=refused, problems=inventory.problems).unreadable
    assert "apigateway:GET is not allowed" in problem.message


def test_when_rest_apis_may_not_be_listed_the_others_still_are(
    env: dict[str, str], identity: Identity, world: Any
) -> None:
    http = world.http_api()
    session = Denying(region=identity.region, env=env, bucket=TokenBucket(10_000, 10_000))
    session.whole = True
    inventory = discover(session, identity)
    assert by_api(inventory.stages, http)
    assert [p.subject for p in inventory.problems] == ["REST APIs"]


def test_cancelling_stops_soon_and_says_what_was_not_read(
    session: Session, identity: Identity, world: Any
) -> None:
    for _ in range(3):
        world.rest_api()
    cancel = threading.Event()
    inventory = discover(session, identity, on_count=lambda *_: cancel.set(), cancel=cancel)
    assert "cancelled" in inventory.problems[-1].message
    assert len({s.api.api_id for s in inventory.stages}) < len(inventory.apis)


def test_what_somebody_looks_at_is_read_first(
    session: Session, identity: Identity, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [world.rest_api() for _ in range(6)]
    wanted = world.rest_api("looked-at")
    monkeypatch.setattr(discovery, "WORKERS", 2)
    order: list[str] = []
    discover(
        session,
        identity,
        on_batch=lambda stages: order.append(stages[0].api.api_id),
        priority=lambda api: api.api_id != wanted,
    )
    of_rest = [api for api in order if api in (wanted, *others)]
    assert wanted in of_rest[:2], "two workers: at most one was ahead of it"


def test_an_unreachable_aws_is_an_error_not_an_empty_list(
    env: dict[str, str], identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.services.aws.session.MAX_ATTEMPTS", {})
    nowhere = env | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    session = Session(region=identity.region, env=nowhere, bucket=TokenBucket(10_000, 10_000))
    with pytest.raises(WizardError) as caught:
        discover(session, identity)
    assert caught.value.code == "WAG-E-AWS-006"


def test_invoke_urls_follow_type_partition_and_stage(identity: Identity) -> None:
    china = replace(identity, partition="aws-cn", region="cn-north-1")
    api = items.v2_api({"ApiId": "a1", "ProtocolType": "HTTP"})
    socket = items.v2_api({"ApiId": "a1", "ProtocolType": "WEBSOCKET"})
    base = "execute-api.eu-central-1.amazonaws.com"
    assert invoke_url(identity, api, "$default") == f"https://a1.{base}/"
    assert invoke_url(identity, socket, "prod") == f"wss://a1.{base}/prod"
    assert invoke_url(china, api, "x").endswith("cn-north-1.amazonaws.com.cn/x")


def test_the_last_list_is_kept_private_and_comes_back_the_same(
    session: Session, identity: Identity, world: Any, tmp_path: Path
) -> None:
    world.rest_api(tags={"a": "b"})
    inventory = discover(session, identity)
    assert discovery.save_inventory(inventory, tmp_path / "cache")
    kept = discovery.load_inventory(identity, tmp_path / "cache")
    assert kept is not None
    assert kept.inventory == inventory
    assert kept.age < 60
    [file] = (tmp_path / "cache").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text('{"version": 1, "inventory": {"apis": [{}]}}')
    assert discovery.load_inventory(identity, tmp_path / "cache") is None
    assert (
        discovery.load_inventory(replace(identity, region="us-west-2"), tmp_path / "cache") is None
    )


def test_log_groups_come_with_class_retention_and_filters(session: Session, world: Any) -> None:
    names = [world.log_group() for _ in range(3)]
    rare = world.log_group(logGroupClass="INFREQUENT_ACCESS")
    world.logs.put_retention_policy(logGroupName=names[0], retentionInDays=14)
    world.logs.put_subscription_filter(
        logGroupName=names[0],
        filterName="siem",
        filterPattern="",
        destinationArn="arn:aws:lambda:eu-central-1:123456789012:function:siem",
    )
    found = {g.name: g for g in log_groups.list_log_groups(session)}
    assert {*names, rare} <= set(found)
    assert found[names[0]].arn == world.arn(names[0])
    assert found[names[0]].retention_days == 14
    assert found[names[1]].retention_days is None
    group = log_groups.with_filters(session, found[names[0]])
    assert group.filters is not None
    assert [f.name for f in group.filters] == ["siem"]
    assert log_groups.check_destination(session, names[0]).name == names[0]
    with pytest.raises(WizardError, match="INFREQUENT_ACCESS"):
        log_groups.check_destination(session, rare)
    with pytest.raises(WizardError) as caught:
        log_groups.check_destination(session, names[0] + "-gone")
    assert caught.value.code == "WAG-E-LOGS-001"


def test_log_groups_beyond_one_page_are_listed(session: Session, world: Any) -> None:
    prefix = f"/many/{world.name()}"
    for number in range(60):
        world.log_group(f"{prefix}/{number:02}")
    batches: list[int] = []
    found = log_groups.list_log_groups(session, prefix, on_batch=lambda b: batches.append(len(b)))
    assert len(found) == 60
    assert batches == [50, 10]


TERRAFORM_WORDS = (
    "putting CloudWatch Logs Subscription Filter (x): operation error CloudWatch Logs: "
    "PutSubscriptionFilter, LimitExceededException: Resource limit exceeded."
)


def test_a_full_log_group_is_explained_with_what_is_in_it(session: Session, world: Any) -> None:
    name = world.log_group()
    world.logs.put_subscription_filter(
        logGroupName=name, filterName="siem", filterPattern="", destinationArn="arn:aws:lambda:x"
    )
    assert log_groups.is_filter_limit(TERRAFORM_WORDS)
    assert not log_groups.is_filter_limit("LimitExceededException: too many roles")
    error = log_groups.filter_limit(session, name, TERRAFORM_WORDS)
    assert "1 subscription filter" in error.what
    assert "siem → arn:aws:lambda:x" in error.why
    assert "Switch the stage" in error.next_step


def test_networks_tell_public_subnets_from_private_ones(session: Session) -> None:
    ec2: Any = session.client("ec2")
    vpc = ec2.create_vpc(
        CidrBlock="10.9.0.0/16",
        TagSpecifications=[{"ResourceType": "vpc", "Tags": [{"Key": "Name", "Value": "shop"}]}],
    )["Vpc"]["VpcId"]
    zones = [f"{session.region}a", f"{session.region}b"]
    private, public = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.9.{n}.0/24", AvailabilityZone=zone)["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate(zones)
    )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=public)
    found = next(n for n in network.networks(session) if n.vpc_id == vpc)
    assert found.name == "shop"
    assert [(s.subnet_id, s.public) for s in found.subnets] == [(private, False), (public, True)]


def test_hosted_zones_have_plain_names_and_ids(session: Session, world: Any) -> None:
    name = f"{world.name()}.example.com"
    session.client("route53").create_hosted_zone(Name=name, CallerReference=name)
    zone = next(z for z in network.hosted_zones(session) if z.name == name)
    assert "/" not in zone.zone_id
    assert not zone.private
