"""A call whose answer was lost on the way is answered again, and not carried out again."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
import uuid

from wizard.sandbox import Sandbox


def iam(sandbox: Sandbox, action: str, call: str, attempt: int, **more: str) -> tuple[int, str]:
    """Status and text of one attempt of a call, as the SDKs send it."""
    name = more.pop("name")
    request = urllib.request.Request(
        sandbox.endpoint_url,
        urllib.parse.urlencode(
            {
                "Action": action,
                "Version": "2010-05-08",
                "RoleName": name,
                "AssumeRolePolicyDocument": '{"Version": "2012-10-17", "Statement": []}',
            }
        ).encode(),
        {
            "Authorization": "AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/iam/"
            "aws4_request, SignedHeaders=host, Signature=0",
            "amz-sdk-invocation-id": call,
            "amz-sdk-request": f"attempt={attempt}; max=25",
            **more,
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_a_second_attempt_gets_the_answer_of_the_first(sandbox: Sandbox) -> None:
    first = iam(sandbox, "CreateRole", "call-1", 1, name="once")
    assert first[0] == 200
    assert iam(sandbox, "CreateRole", "call-1", 2, name="once") == first
    assert iam(sandbox, "CreateRole", "call-1", 3, name="once") == first


def test_another_call_of_the_same_kind_is_carried_out(sandbox: Sandbox) -> None:
    name = f"role-{uuid.uuid4().hex[:8]}"
    assert iam(sandbox, "CreateRole", "call-2", 1, name=name)[0] == 200
    status, text = iam(sandbox, "CreateRole", "call-3", 1, name=name)
    assert (status, "EntityAlreadyExists" in text) == (409, True)


def test_what_was_refused_may_succeed_at_the_second_attempt(sandbox: Sandbox) -> None:
    assert iam(sandbox, "GetRole", "call-4", 1, name="later")[0] == 404
    assert iam(sandbox, "CreateRole", "call-5", 1, name="later")[0] == 200
    assert iam(sandbox, "GetRole", "call-4", 2, name="later")[0] == 200


def test_a_second_attempt_whose_first_never_came_is_carried_out(sandbox: Sandbox) -> None:
    assert iam(sandbox, "CreateRole", "call-6", 2, name="second")[0] == 200


def test_who_loses_answers_on_purpose_meets_what_aws_would_say(sandbox: Sandbox) -> None:
    wanted = {"X-Answers-May-Be-Lost": "yes"}
    assert iam(sandbox, "CreateRole", "call-7", 1, name="lost", **wanted)[0] == 200
    assert iam(sandbox, "CreateRole", "call-7", 2, name="lost", **wanted)[0] == 409
