"""Fills the gaps of ministack that would destroy what it serves, or hide what AWS would do.

ministack 1.5.33 answers `DeleteAccessLogSettings` of API Gateway v2 by deleting the stage. And it
closes a connection after 75 idle seconds even when a request has just come in on it: the request
is carried out, its answer is lost, the caller repeats it and is told that the thing exists already.
And a subscription filter calls its function once and forgets the events if that fails: here the
call is an asynchronous invocation as on AWS, with two retries and a destination for what failed,
which may be a bucket. The pauses are a second and two seconds; on AWS they are minutes.
And an ECS service forgets how its tasks are to be placed, which AWS tells whoever asks.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.parse
import uuid
from typing import Any


def fill() -> None:
    """Change ministack in this process; call it before it serves."""
    from hypercorn.config import Config
    from ministack.services import apigateway as v2

    forever = property(lambda _config: 86_400.0, lambda _config, _seconds: None)
    Config.keep_alive_timeout = forever  # type: ignore[assignment]
    original = v2.handle_request

    async def handle_request(
        method: str, path: str, headers: Any, body: Any, query_params: Any
    ) -> Any:
        parts = [urllib.parse.unquote(p) for p in path.strip("/").split("/")]
        if method == "DELETE" and len(parts) == 6 and parts[5].lower() == "accesslogsettings":
            return v2._update_stage(parts[2], parts[4], {"accessLogSettings": None})
        return await original(method, path, headers, body, query_params)

    v2.handle_request = handle_request
    _retry_failed_deliveries()
    _keep_failures_in_buckets()
    _keep_where_tasks_go()


def _retry_failed_deliveries() -> None:
    """Subscription filters invoke asynchronously, with the retries that every such call has."""
    from ministack.services import lambda_svc

    original = lambda_svc._execute_function_with_config_scope

    def execute(func: Any, event: Any) -> Any:
        # A subscription filter starts a thread for it; a caller who waits uses the thread pool.
        own_thread = getattr(threading.current_thread(), "_target", None) is execute
        if own_thread and isinstance(event, dict) and "awslogs" in event:
            return lambda_svc.invoke_async_with_retry(func, event)
        return original(func, event)

    lambda_svc._execute_function_with_config_scope = execute


def _keep_failures_in_buckets() -> None:
    """The on-failure destination may be an S3 bucket, under the keys AWS uses."""
    from ministack.services import lambda_svc

    original = lambda_svc._route_async_failure

    def route(target_arn: str, func_name: str, event: Any, result: Any) -> None:
        if not target_arn.startswith("arn:aws:s3:::"):
            original(target_arn, func_name, event, result)
            return
        import boto3

        now = time.gmtime()
        region = os.environ.get("MINISTACK_REGION", "us-east-1")
        account = os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000")
        body = {
            "version": "1.0",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", now),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"arn:aws:lambda:{region}:{account}:function:{func_name}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": 3,
            },
            "requestPayload": event,
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "responsePayload": result.get("body"),
        }
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
            region_name=region,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",  # noqa: S106 - the local AWS takes anything
        )
        client.put_object(
            Bucket=target_arn.rpartition(":")[2],
            Key=f"aws/lambda/async/{func_name}/{time.strftime('%Y/%m/%d', now)}/"
            f"{time.strftime('%Y-%m-%dT%H.%M.%S', now)}-{uuid.uuid4()}",
            Body=json.dumps(body).encode(),
        )

    lambda_svc._route_async_failure = route


def _keep_where_tasks_go() -> None:
    """A service tells its placement and whether it balances zones, as it was told last."""
    from ministack.services import ecs

    def keeping(original: Any) -> Any:
        def carry_out(data: Any) -> Any:
            answer = original(data)
            cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
            name = data.get("serviceName") or str(data.get("service", "")).rpartition("/")[2]
            service = ecs._services.get(f"{cluster}/{name}")
            if service is not None and answer[0] == 200:
                for key, otherwise in _PLACEMENT.items():
                    service[key] = data.get(key, service.get(key, otherwise))
            return answer

        return carry_out

    for action in ("CreateService", "UpdateService"):
        ecs._ACTION_MAP[action] = keeping(ecs._ACTION_MAP[action])


_PLACEMENT: dict[str, Any] = {
    "placementConstraints": [],
    "placementStrategy": [],
    "availabilityZoneRebalancing": "DISABLED",
}
