"""The recorder names every operation that was recorded, and keeps nothing that may be secret."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape
from botocore.parsers import ResponseParserError

from tests.policy import record
from tests.policy.identify import Call, UnknownRequestError, identify
from tests.policy.judge import PolicyJudge, allowed, matches
from tests.policy.mapping import needed
from tests.policy.recorder import Recorder
from wizard.core.answers.model import Answers

OPERATIONS = sorted(
    {(c["service"], c["operation"]) for saved in record.load().values() for c in saved["calls"]}
)
# What botocore makes of an answer that the service would not give.
AN_EMPTY_ANSWER = (BotoCoreError, ClientError, ResponseParserError, KeyError, ValueError, TypeError)
SECRET = "a-value-that-must-not-be-kept"


class Nothing(BaseHTTPRequestHandler):
    """Answers every request with an empty success."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = _answer  # noqa: N815


@pytest.fixture(scope="module")
def recorder() -> Iterator[Recorder]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Nothing)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    with Recorder(f"http://127.0.0.1:{server.server_address[1]}") as it:
        yield it
    server.shutdown()
    server.server_close()


def client(recorder: Recorder, service: str) -> Any:
    return boto3.client(
        service, endpoint_url=recorder.url, region_name="us-east-1",
        aws_access_key_id="k", aws_secret_access_key="s",
        config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )  # fmt: skip


def example(shape: Shape, name: str = "") -> Any:
    """A value of the right type for a parameter."""
    kind = shape.type_name
    if kind == "structure":
        members = shape.members  # type: ignore[attr-defined]
        required = shape.required_members  # type: ignore[attr-defined]
        return {m: example(members[m], m) for m in required}
    if kind == "list":
        return [example(shape.member)]  # type: ignore[attr-defined]
    values = {"map": {}, "blob": b"x", "boolean": True, "integer": 1, "long": 1, "timestamp": 0}
    return values.get(kind, "example-name")


@pytest.fixture(scope="module")
def clients(recorder: Recorder) -> dict[str, Any]:
    return {s: client(recorder, s) for s in {service for service, _operation in OPERATIONS}}


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_recorded_operation_is_told_from_its_request(
    recorder: Recorder, clients: dict[str, Any], service: str, operation: str
) -> None:
    api = clients[service]
    shape = api.meta.service_model.operation_model(operation).input_shape
    parameters = example(shape) if shape else {}
    if operation == "CreateBucket":
        parameters["CreateBucketConfiguration"] = {"LocationConstraint": "EU"}
    recorder.calls.clear()
    with contextlib.suppress(*AN_EMPTY_ANSWER):
        api._make_api_call(operation, parameters)
    assert [(c.service, c.operation) for _p, _by, c, _s in recorder.calls][:1] == [
        (service, operation)
    ]


def test_values_are_not_kept(recorder: Recorder) -> None:
    recorder.calls.clear()
    with contextlib.suppress(*AN_EMPTY_ANSWER):
        client(recorder, "ssm").put_parameter(Name="/a/b", Value=SECRET, Type="SecureString")
    with contextlib.suppress(*AN_EMPTY_ANSWER):
        client(recorder, "lambda").update_function_configuration(
            FunctionName="f", Environment={"Variables": {"TOKEN": SECRET}}
        )
    assert len(recorder.calls) == 2
    assert SECRET not in repr(recorder.calls)
    assert recorder.calls[0][2].name("Name") == "/a/b"


def test_the_recording_holds_no_credentials() -> None:
    text = record.RECORDED.read_text(encoding="utf-8")
    assert "AWS4-HMAC" not in text
    assert "Credential=" not in text
    assert "opens/nothing" not in text


def test_an_unsigned_or_unknown_request_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownRequestError):
        identify("GET", "/x", {}, b"")
    signed = {
        "authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/lambda/aws4_request"
    }
    with pytest.raises(UnknownRequestError):
        identify("GET", "/2015-03-31/nothing-like-that", signed, b"")


def test_tags_given_while_creating_need_their_own_permission() -> None:
    plain = Call("logs", "CreateLogGroup", {"logGroupName": ("g",)})
    tagged = Call("logs", "CreateLogGroup", {"logGroupName": ("g",)}, tagged=True)
    assert [a for a, _r, _p in needed(plain, "1", "r")] == ["logs:CreateLogGroup"]
    assert [a for a, _r, _p in needed(tagged, "1", "r")] == [
        "logs:CreateLogGroup", "logs:TagResource"
    ]  # fmt: skip


def test_the_judge_reads_wildcards_and_passed_roles_as_iam_does() -> None:
    assert matches("arn:aws:s3:::a-*", "arn:aws:s3:::a-b/c")
    assert not matches("arn:aws:s3:::a-?", "arn:aws:s3:::a-bc")
    assert matches("S3:getobject", "s3:GetObject")
    statement = {
        "Action": ["iam:PassRole"], "Resource": ["arn:aws:iam::1:role/ours-*"],
        "Condition": {"StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com"]}},
    }  # fmt: skip
    role = "arn:aws:iam::1:role/ours-fwd"
    assert allowed([statement], "iam:PassRole", role, "lambda.amazonaws.com")
    assert not allowed([statement], "iam:PassRole", role, "ec2.amazonaws.com")
    assert not allowed([statement], "iam:PassRole", "arn:aws:iam::1:role/admin",
                       "lambda.amazonaws.com")  # fmt: skip


def test_with_a_policy_in_force_everything_else_is_refused() -> None:
    judge = PolicyJudge("123456789012", "us-east-1")
    judge.allow(Answers(), "discover")
    assert judge(Call("sts", "GetCallerIdentity")) == ""
    assert judge(Call("apigateway", "GetRestApis", path="/restapis")) == ""
    assert "apigateway:GET" in judge(Call("apigateway", "GetApiKeys", path="/apikeys"))
    role = Call("iam", "CreateRole", {"RoleName": ("api-gw-discovery-us-east-1-fwd",)})
    assert "iam:CreateRole" in judge(role)
    judge.allow(Answers(), "deploy")
    assert judge(role) == ""
    assert "role/admin" in judge(Call("iam", "CreateRole", {"RoleName": ("admin",)}))
