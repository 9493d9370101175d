"""Seeds the local AWS with the sample APIs and what surrounds them in a real account."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import quote, urlencode

from wizard.sandbox.catalogue import (
    APIS,
    FIREHOSE_BUCKET,
    FIREHOSE_STREAM,
    HOSTED_ZONES,
    LOG_GROUPS,
    STACK,
    SampleApi,
    SampleRoute,
    SampleStage,
)
from wizard.sandbox.wire import CallError, Client

_PIN = "ms-custom-id"  # the local AWS takes an API's id from this tag
_STACK_SECONDS = 20.0


class Seeder:
    """Fills one empty local AWS. The order of creation, and so of listing, is the catalogue's."""

    def __init__(self, aws: Client, account_id: str, backend_port: int) -> None:
        self._aws = aws
        self._account_id = account_id
        self._backend = f"http://127.0.0.1:{backend_port}"

    async def run(self) -> None:
        """Create everything; takes a second or two."""
        await asyncio.gather(self._surroundings(), self._log_groups())
        for api in APIS:  # in order, because the local AWS lists them as they were created
            await self._create(api)
        await asyncio.gather(*(self._fill(api) for api in APIS))

    async def _log_groups(self) -> None:
        for name, days in LOG_GROUPS.items():
            await self._logs("CreateLogGroup", logGroupName=name)
            if days:
                await self._logs("PutRetentionPolicy", logGroupName=name, retentionInDays=days)

    async def _surroundings(self) -> None:
        bucket = f"/{FIREHOSE_BUCKET}"
        await self._aws.request("PUT", bucket, [("Host", f"127.0.0.1:{self._aws.port}")])
        await self._aws.json_rpc(
            "firehose",
            "Firehose_20150804.CreateDeliveryStream",
            {
                "DeliveryStreamName": FIREHOSE_STREAM,
                "S3DestinationConfiguration": {
                    "RoleARN": f"arn:aws:iam::{self._account_id}:role/firehose-delivery",
                    "BucketARN": f"arn:aws:s3:::{FIREHOSE_BUCKET}",
                },
            },
        )
        for number, zone in enumerate(HOSTED_ZONES):
            await self._aws.xml(
                "route53",
                "/2013-04-01/hostedzone",
                '<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">'
                f"<Name>{zone}</Name><CallerReference>sandbox-{number}</CallerReference>"
                "</CreateHostedZoneRequest>",
            )

    async def _create(self, api: SampleApi) -> None:
        tags = {**api.tags, _PIN: api.api_id}
        if api.stack == STACK:
            await self._create_stack(api)
            return
        if api.stack:
            tags |= _stack_tags(api, self._account_id, self._aws.region)
        if api.kind == "REST":
            await self._rest(
                "POST",
                "/restapis",
                {
                    "name": api.name,
                    "tags": tags,
                    "endpointConfiguration": {"types": [api.endpoint]},
                },
            )
        else:
            await self._rest(
                "POST", "/v2/apis", {"name": api.name, "protocolType": api.kind, "tags": tags}
            )
        await self._unpin(api, tags)

    async def _unpin(self, api: SampleApi, tags: dict[str, str]) -> None:
        """Take the tag that pinned the id off again; no real account has it."""
        arn = f"arn:aws:apigateway:{self._aws.region}::"
        if api.kind == "REST":
            await self._rest(
                "PATCH",
                f"/restapis/{api.api_id}",
                {"patchOperations": [{"op": "remove", "path": f"/tags/{_PIN}"}]},
            )
            arn += f"/restapis/{api.api_id}"
            await self._rest("DELETE", f"/tags/{quote(arn, safe='')}?tagKeys={_PIN}")
        else:
            left = {k: v for k, v in tags.items() if k != _PIN}
            await self._rest("PATCH", f"/v2/apis/{api.api_id}", {"tags": left})
            arn += f"/apis/{api.api_id}"
            await self._rest("DELETE", f"/v2/tags/{quote(arn, safe='')}?tagKeys={_PIN}")

    async def _fill(self, api: SampleApi) -> None:
        if api.stack == STACK:
            return
        if api.kind == "REST":
            await self._fill_rest(api)
        else:
            await self._fill_v2(api)

    async def _fill_rest(self, api: SampleApi) -> None:
        base = f"/restapis/{api.api_id}"
        root = (await self._rest("GET", f"{base}/resources"))["item"][0]["id"]
        made = {"": root}
        for route in api.routes:
            await self._method(base, await self._resource(base, made, route.path), route)
        deployment = (await self._rest("POST", f"{base}/deployments", {}))["id"]
        for stage in api.stages:
            await self._rest_stage(base, stage, deployment, api)

    async def _resource(self, base: str, made: dict[str, str], path: str) -> str:
        here = ""
        for part in path.strip("/").split("/"):
            parent, here = here, f"{here}/{part}"
            if here not in made:
                answer = await self._rest(
                    "POST", f"{base}/resources/{made[parent]}", {"pathPart": part}
                )
                made[here] = answer["id"]
        return made[here]

    async def _method(self, base: str, resource: str, route: SampleRoute) -> None:
        method = f"{base}/resources/{resource}/methods/{route.method}"
        await self._rest("PUT", method, {"authorizationType": "NONE"})
        if route.target == "mock":
            await self._rest(
                "PUT",
                f"{method}/integration",
                {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}},
            )
            await self._rest("PUT", f"{method}/responses/200", {})
            await self._rest(
                "PUT",
                f"{method}/integration/responses/200",
                {"responseTemplates": {"application/json": json.dumps({"items": ["a", "b"]})}},
            )
            return
        names = [p.strip("{}+") for p in route.path.split("/") if p.startswith("{")]
        await self._rest(
            "PUT",
            f"{method}/integration",
            {
                "type": "HTTP_PROXY",
                "httpMethod": route.method,
                "uri": self._backend + route.path.replace("+}", "}"),
                "requestParameters": {
                    f"integration.request.path.{n}": f"method.request.path.{n}" for n in names
                },
            },
        )

    async def _rest_stage(
        self, base: str, stage: SampleStage, deployment: str, api: SampleApi
    ) -> None:
        data: dict[str, Any] = {"stageName": stage.name, "deploymentId": deployment}
        if stage.log:
            data["accessLogSettings"] = self._log_settings(stage)
        if api.stack:
            data["tags"] = _stack_tags(api, self._account_id, self._aws.region)
        await self._rest("POST", f"{base}/stages", data)
        patch = []
        if stage.level:
            patch.append(("/*/*/logging/loglevel", stage.level))
        if stage.canary_percent:
            patch.append(("/canarySettings/percentTraffic", f"{stage.canary_percent:g}"))
        if patch:
            operations = [{"op": "replace", "path": p, "value": v} for p, v in patch]
            await self._rest(
                "PATCH", f"{base}/stages/{stage.name}", {"patchOperations": operations}
            )

    async def _fill_v2(self, api: SampleApi) -> None:
        base = f"/v2/apis/{api.api_id}"
        integration: dict[str, Any] = {"integrationType": "MOCK"}
        if api.kind == "HTTP":
            integration = {
                "integrationType": "HTTP_PROXY",
                "integrationMethod": "ANY",
                "integrationUri": self._backend,
                "payloadFormatVersion": "1.0",
            }
        made = (await self._rest("POST", f"{base}/integrations", integration))["integrationId"]
        for route in api.routes:
            key = f"{route.method} {route.path}".strip()
            await self._rest(
                "POST", f"{base}/routes", {"routeKey": key, "target": f"integrations/{made}"}
            )
        for stage in api.stages:
            data: dict[str, Any] = {"stageName": stage.name, "autoDeploy": True}
            if stage.log:
                data["accessLogSettings"] = self._log_settings(stage)
            if api.stack:
                data["tags"] = _stack_tags(api, self._account_id, self._aws.region)
            await self._rest("POST", f"{base}/stages", data)

    async def _create_stack(self, api: SampleApi) -> None:
        """An API that a real CloudFormation stack owns."""
        properties = {"RestApiId": {"Ref": "Api"}}
        stage = {"StageName": api.stages[0].name, "DeploymentId": {"Ref": "Deployment"}}
        template = {
            "Resources": {
                "Api": {
                    "Type": "AWS::ApiGateway::RestApi",
                    "Properties": {
                        "Name": api.name,
                        "Tags": [{"Key": _PIN, "Value": api.api_id}],
                    },
                },
                "Root": {
                    "Type": "AWS::ApiGateway::Method",
                    "Properties": {
                        **properties,
                        "ResourceId": {"Fn::GetAtt": ["Api", "RootResourceId"]},
                        "HttpMethod": "GET",
                        "AuthorizationType": "NONE",
                        "Integration": {"Type": "MOCK"},
                    },
                },
                "Deployment": {
                    "Type": "AWS::ApiGateway::Deployment",
                    "DependsOn": ["Root"],
                    "Properties": properties,
                },
                "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": properties | stage},
            }
        }
        form = {
            "Action": "CreateStack",
            "Version": "2010-05-15",
            "StackName": api.stack,
            "TemplateBody": json.dumps(template),
        }
        await self._aws.form("cloudformation", urlencode(form).encode())
        await asyncio.wait_for(self._stage_appears(api), _STACK_SECONDS)
        await self._unpin(api, {})

    async def _stage_appears(self, api: SampleApi) -> None:
        while True:
            try:
                data = await self._rest("GET", f"/restapis/{api.api_id}/stages")
                if data.get("item"):
                    return
            except CallError as error:
                if error.status != 404:
                    raise
            await asyncio.sleep(0.05)

    def _log_settings(self, stage: SampleStage) -> dict[str, str]:
        where = f"{self._aws.region}:{self._account_id}"
        if stage.log == "firehose":
            arn = f"arn:aws:firehose:{where}:deliverystream/{FIREHOSE_STREAM}"
        else:
            arn = f"arn:aws:logs:{where}:log-group:{stage.log}"
        return {"destinationArn": arn, "format": stage.log_format}

    async def _rest(self, method: str, target: str, data: object = None) -> Any:
        return await self._aws.rest("apigateway", method, target, data)

    async def _logs(self, action: str, **data: object) -> None:
        await self._aws.json_rpc("logs", f"Logs_20140328.{action}", data)


def _stack_tags(api: SampleApi, account_id: str, region: str) -> dict[str, str]:
    """The tags CloudFormation puts on what it owns."""
    where = f"arn:aws:cloudformation:{region}:{account_id}:stack"
    return {
        "aws:cloudformation:stack-name": api.stack,
        "aws:cloudformation:stack-id": f"{where}/{api.stack}/0a1b2c3d-sandbox",
        "aws:cloudformation:logical-id": "Api",
    }
