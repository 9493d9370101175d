"""Fills the gaps of ministack that would destroy what it serves, or hide what AWS would do.

ministack 1.5.33 answers `DeleteAccessLogSettings` of API Gateway v2 by deleting the stage. And it
closes a connection after 75 idle seconds even when a request has just come in on it: the request
is carried out, its answer is lost, the caller repeats it and is told that the thing exists already.
And a subscription filter calls its function once and forgets the events if that fails: here the
call is an asynchronous invocation as on AWS, with two retries and a destination for what failed,
which may be a bucket. The pauses are a second and two seconds; on AWS they are minutes. An event
that was throttled, or that failed before the function saw it, uses up none of the retries.
And it ends the invocations that are under way where a function is changed, or where another one of
it cannot start; and it takes what a function wrote for complete after five milliseconds of silence,
so that on a busy machine the last lines, the forwarder's word on a request among them, are missing
in its log group.
And an ECS service forgets how its tasks are to be placed, which AWS tells whoever asks.
And three things never let a plan of Terraform be empty: `DescribeAlarms` in the query protocol,
which the AWS provider speaks, leaves out dimensions, period, actions and more;
`UpdateAutoScalingGroup` accepts another version of the launch template and forgets it; and a log
group's KMS key is taken when the group is made, and no action changes it.
And it takes every account for one that has opted into all Regions, and lets a role of another
account be assumed that nobody has made: here a Region with opt-in is closed, and such a role is
refused, as AWS does.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import threading
import time
import urllib.parse
import uuid
from contextvars import ContextVar
from typing import Any
from xml.sax.saxutils import escape


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
    _keep_what_the_function_did_not_see()
    _let_invocations_end()
    _wait_for_the_last_line()
    _keep_failures_in_buckets()
    _keep_where_tasks_go()
    _tell_alarms_in_full()
    _keep_the_launch_template()
    _change_the_key_of_a_log_group()
    _close_opt_in_regions()
    _refuse_roles_that_are_not_there()


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


def _keep_what_the_function_did_not_see() -> None:
    """A throttled event of an asynchronous invocation, or one that Lambda itself failed, is kept.

    AWS tries it for six hours, after one second first and after five minutes in the end; here after
    a tenth of a second first and after five in the end. Every failure is told in the log.
    """
    from ministack.services import lambda_svc

    asynchronous = ContextVar("asynchronous", default=False)
    begin, execute = lambda_svc.invoke_async_with_retry, lambda_svc._execute_function

    def begin_marked(func: Any, event: Any) -> None:
        mark = asynchronous.set(True)
        try:
            begin(func, event)  # in a thread of its own, with a copy of this context
        finally:
            asynchronous.reset(mark)

    def execute_until_seen(func: Any, event: Any) -> Any:
        name = (func.get("config") or func).get("FunctionName")
        end, pause = time.monotonic() + _EVENT_AGE_SECONDS, _FIRST_PAUSE_SECONDS
        while True:
            result = execute(func, event)
            if not (asynchronous.get() and result.get("error")):
                return result
            said = json.dumps(result.get("body"))
            lambda_svc.logger.warning("An asynchronous invocation of %s failed: %s", name, said)
            gone = name not in lambda_svc._functions
            if gone or _was_seen(result) or time.monotonic() + pause > end:
                return result
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    lambda_svc.invoke_async_with_retry = begin_marked
    lambda_svc._execute_function = execute_until_seen


_EVENT_AGE_SECONDS = 6 * 3600.0
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


def _was_seen(result: Any) -> bool:
    """Whether the function's own code failed: in its handler, or in what runs before that.

    All else is named by the exception of ministack that it was (`OSError`, say: no process could be
    started), or is a throttle and has no name.
    """
    kind = str((result.get("body") or {}).get("errorType", ""))
    return kind.startswith(("Runtime.", "Sandbox.")) or kind == "RuntimeError"


def _let_invocations_end() -> None:
    """What runs in an environment that is given up ends there; the next ones get a new one."""
    from ministack.core import lambda_runtime as runtime
    from ministack.services import lambda_svc

    kill, release, invoke = runtime.kill_workers, runtime.release_worker, runtime.Worker.invoke
    given_up = set[Any]()

    def kill_idle(workers: Any) -> None:
        with runtime._lock:
            busy = {worker for worker in workers if worker is not None and worker.in_use}
            given_up.update(busy)
        kill([worker for worker in workers if worker not in busy])

    def release_and_kill(worker: Any) -> None:
        release(worker)
        with runtime._lock:
            last = worker in given_up
            given_up.discard(worker)
        if last:
            kill([worker])

    def invoke_or_give_up(worker: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return invoke(worker, *arguments, **options)
        except BaseException:
            release(worker)  # whoever called forgets it now
            raise

    runtime.kill_workers = kill_idle
    runtime.release_worker = lambda_svc.release_worker = release_and_kill
    runtime.Worker.invoke = invoke_or_give_up


def _wait_for_the_last_line() -> None:
    """An invocation's log ends where its worker says so, or where its worker has ended."""
    from ministack.core import lambda_runtime as runtime

    mark = f"end of invocation {uuid.uuid4().hex}"
    answer = "        _real_stdout.flush()\n\nrun()"
    if runtime._PYTHON_WORKER_SCRIPT.count(answer) != 1:
        raise RuntimeError("the worker of this ministack is another one")
    said = f"        sys.__stderr__.write({mark!r} + chr(10))\n        sys.__stderr__.flush()\n"
    runtime._PYTHON_WORKER_SCRIPT = runtime._PYTHON_WORKER_SCRIPT.replace(answer, said + answer)
    read = runtime.Worker._read_stderr
    originals = runtime.Worker._drain_stderr, runtime.Worker._drain_stderr_bounded

    def says_so(worker: Any) -> bool:
        return bool(worker.config.get("Runtime", "").startswith("python"))

    def read_to_the_end(worker: Any) -> None:
        if not says_so(worker):
            read(worker)
            return
        lines = worker._stderr_queue
        try:
            # Ministack closes the pipe of a worker that it has given up.
            with contextlib.suppress(AttributeError, OSError, ValueError):
                for line in worker._proc.stderr:
                    text, end, _ = line.rstrip("\n").partition(mark)
                    if text or not end:
                        lines.put(text)
                    if end:
                        lines.put(None)
        finally:
            lines.put(None)

    def drain(worker: Any) -> str:
        lines: list[str] = []
        end = time.monotonic() + _LAST_LINE_SECONDS
        with contextlib.suppress(queue.Empty):
            while True:
                line = worker._stderr_queue.get(timeout=max(0.0, end - time.monotonic()))
                if line is None:
                    break
                lines.append(line)
        return "\n".join(lines)

    def draining(original: Any) -> Any:
        def tell(worker: Any, *arguments: Any, **options: Any) -> Any:
            if says_so(worker):
                return drain(worker)
            return original(worker, *arguments, **options)

        return tell

    runtime.Worker._read_stderr = read_to_the_end
    runtime.Worker._drain_stderr, runtime.Worker._drain_stderr_bounded = map(draining, originals)


# Only where a process that a function started holds on to its standard error.
_LAST_LINE_SECONDS = 30.0


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


def _tell_alarms_in_full() -> None:
    """`DescribeAlarms` tells what `PutMetricAlarm` was told."""
    from ministack.services import cloudwatch

    original = cloudwatch._describe_alarms

    def describe(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        status, headers, body = original(params, cbor_data, is_cbor, is_json)
        if is_cbor or is_json or status != 200:
            return status, headers, body
        text = body.decode()
        for name, alarm in cloudwatch._alarms.items():
            mark = f"<member><AlarmName>{name}</AlarmName>"
            text = text.replace(mark, mark + _left_out(alarm))
        return status, headers, text.encode()

    cloudwatch._describe_alarms = describe


def _left_out(alarm: dict[str, Any]) -> str:
    """What an alarm has besides, as the query protocol tells it."""
    plain = ("AlarmDescription", "Statistic", "ExtendedStatistic", "Period", "TreatMissingData")
    out = [f"<{key}>{escape(str(alarm[key]))}</{key}>" for key in plain if alarm.get(key)]
    out.append(f"<ActionsEnabled>{str(alarm['ActionsEnabled']).lower()}</ActionsEnabled>")
    for key in ("AlarmActions", "OKActions"):
        members = "".join(f"<member>{escape(item)}</member>" for item in alarm[key])
        out.append(f"<{key}>{members}</{key}>")
    dimensions = "".join(
        f"<member><Name>{escape(d['Name'])}</Name><Value>{escape(d['Value'])}</Value></member>"
        for d in alarm["Dimensions"]
    )
    return "".join(out) + f"<Dimensions>{dimensions}</Dimensions>"


def _keep_the_launch_template() -> None:
    """An Auto Scaling group keeps the version of its launch template that it was told last."""
    from ministack.services import autoscaling

    original = autoscaling._update_asg

    def update(params: Any) -> Any:
        answer = original(params)
        group = autoscaling._asgs.get(autoscaling._p(params, "AutoScalingGroupName"))
        identity = autoscaling._p(params, "LaunchTemplate.LaunchTemplateId")
        if group and identity:
            version = autoscaling._p(params, "LaunchTemplate.Version")
            group["LaunchTemplate"] = {
                "LaunchTemplateId": identity,
                "LaunchTemplateName": identity,
                "Version": version or "$Default",
            }
        return answer

    autoscaling._ACTION_MAP["UpdateAutoScalingGroup"] = update


def _change_the_key_of_a_log_group() -> None:
    """`AssociateKmsKey` and `DisassociateKmsKey`."""
    from ministack.services import cloudwatch_logs

    original = cloudwatch_logs.handle_request

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").split(".")[-1]
        if action not in ("AssociateKmsKey", "DisassociateKmsKey"):
            return await original(method, path, headers, body, query)
        asked = json.loads(body)
        group = cloudwatch_logs._log_groups[asked["logGroupName"]]
        group["kmsKeyId"] = asked.get("kmsKeyId")
        return cloudwatch_logs.json_response({})

    cloudwatch_logs.handle_request = handle


def _close_opt_in_regions() -> None:
    """Requests for a Region with opt-in are refused, and such Regions are not told as enabled."""
    import hypercorn.asyncio
    from ministack.services import ec2

    everywhere = ec2._AWS_REGIONS
    closed = {name for name, opt_in in everywhere if opt_in != "opt-in-not-required"}

    def describe_regions(data: Any) -> Any:
        asked_for_all = str(ec2._p(data, "AllRegions", "")).lower() == "true"
        ec2._AWS_REGIONS = [
            (name, "not-opted-in" if name in closed else opt_in)
            for name, opt_in in everywhere
            if asked_for_all or name not in closed
        ]
        return original(data)

    original = ec2._ACTION_MAP["DescribeRegions"]
    ec2._ACTION_MAP["DescribeRegions"] = describe_regions
    serve = hypercorn.asyncio.serve

    def serve_open_regions(app: Any, *arguments: Any, **options: Any) -> Any:
        async def answer(scope: Any, receive: Any, send: Any) -> None:
            headers = dict(scope.get("headers") or ())
            # AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/SERVICE/aws4_request, ...
            parts = headers.get(b"authorization", b"").split(b" ", 2)[1:2]
            place = parts[0].decode().split("/") if parts else []
            if len(place) < 4 or place[2] not in closed:
                await app(scope, receive, send)
                return
            while (await receive()).get("more_body"):
                pass
            status, kind, body = _stranger(place[3])
            said = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": status, "headers": said})
            await send({"type": "http.response.body", "body": body})

        return serve(answer, *arguments, **options)

    hypercorn.asyncio.serve = serve_open_regions


def _stranger(service: str) -> tuple[int, bytes, bytes]:
    """(status, content type, body) for credentials that a Region does not know, by protocol."""
    if service == "ec2":
        words = "AWS was not able to validate the provided access credentials"
        text = f"<Error><Code>AuthFailure</Code><Message>{words}</Message></Error>"
        return 401, b"text/xml", f"<Response><Errors>{text}</Errors></Response>".encode()
    words = "The security token included in the request is invalid"
    if service in ("sts", "iam", "monitoring", "autoscaling", "elasticloadbalancing"):
        text = f"<Code>InvalidClientTokenId</Code><Message>{words}.</Message>"
        return 403, b"text/xml", f"<ErrorResponse><Error>{text}</Error></ErrorResponse>".encode()
    error = {"__type": "UnrecognizedClientException", "message": f"{words}."}
    return 403, b"application/json", json.dumps(error).encode()


def _refuse_roles_that_are_not_there() -> None:
    """AssumeRole of a role that another account does not have: AccessDenied, as if not allowed."""
    from urllib.parse import parse_qs

    from ministack.core import responses
    from ministack.services import iam, sts

    original = sts.handle_request

    async def handle_request(
        method: str, path: str, headers: Any, body: Any, query_params: Any
    ) -> Any:
        text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
        asked = {**query_params, **parse_qs(text)}
        if asked.get("Action") == ["AssumeRole"]:
            arn = asked.get("RoleArn", [""])[0]
            account, name = (arn.split(":") + [""] * 5)[4], arn.rpartition("/")[2]
            other = account != responses.get_account_id()
            if other and iam._roles.get_scoped(account, None, name) is None:
                words = f"User is not authorized to perform: sts:AssumeRole on resource: {arn}"
                return iam._error(403, "AccessDenied", words, ns="sts")
        return await original(method, path, headers, body, query_params)

    sts.handle_request = handle_request
