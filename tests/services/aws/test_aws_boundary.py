"""Whatever a call to AWS raises, callers see botocore's errors, AWS's, or ours."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from wizard.core.errors import WizardError
from wizard.services.aws.boundary import Helper, UnforeseenError, guard
from wizard.services.aws.errors import explain, explained


def client(error: Exception) -> Any:
    def call(operation: str, request: Any) -> Any:
        raise error

    it = SimpleNamespace(_make_api_call=call)
    guard(it)
    return it


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ResponseParserError("<html>Please log in</html>"), "WAG-E-AWS-028"),
        (ValueError("Invalid endpoint: jane:hunter2"), "WAG-E-AWS-030"),
        (UnicodeError("label empty or too long"), "WAG-E-AWS-030"),
        (OSError("Could not find a suitable TLS CA certificate bundle: /x"), "WAG-E-AWS-006"),
        (KeyError("accessKeyId"), "WAG-E-AWS-015"),
        (FileNotFoundError(2, "No such file", "/home/x/token"), "WAG-E-AWS-015"),
        (RuntimeError("odd"), "WAG-E-AWS-013"),
    ],
)
def test_what_is_neither_awss_nor_botocores_is_dressed_and_explained(
    error: Exception, code: str
) -> None:
    with pytest.raises(BotoCoreError) as caught:
        client(error)._make_api_call("GetThing", {})
    assert isinstance(caught.value, UnforeseenError)
    told = explain(caught.value, "Reading the thing")
    assert told.code == code
    assert "hunter2" not in str(told)


@pytest.mark.parametrize(
    "error",
    [ClientError({"Error": {"Code": "x"}}, "y"), BotoCoreError(), WizardError("WAG-E-X-1", "x")],
)
def test_what_callers_know_comes_through_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        client(error)._make_api_call("GetThing", {})
    assert caught.value is error


def test_http_alone_without_awss_words_is_not_aws() -> None:
    error = ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "GetThing")
    assert explain(error).code == "WAG-E-AWS-028"


def test_a_mistake_of_our_own_is_not_taken_for_a_configuration() -> None:
    with pytest.raises(KeyError), explained("Reading"):
        raise KeyError("x")
    with pytest.raises(WizardError), explained("Reading", everything=True):
        raise KeyError("x")


def helper(code: str) -> Helper:
    import subprocess

    return Helper(
        [sys.executable, "-c", code, "--secret=hunter2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("print('hello')", "did not print JSON"),
        ("print('[1]')", "did not print JSON"),
        ("import sys; sys.exit('log in first')", "exit code 1: log in first"),
        ("input()", "exit code 1"),
        ("open('/dev/tty')", "/dev/tty"),
        ("import sys; sys.stderr.buffer.write(b'\\xff\\xfe'); sys.exit(2)", "exit code 2"),
    ],
)
def test_a_helper_that_gives_nothing_is_named_with_its_words_and_without_its_arguments(
    code: str, says: str
) -> None:
    with pytest.raises(WizardError) as caught:
        helper(code).communicate()
    assert caught.value.code == "WAG-E-AWS-029"
    assert says in caught.value.why
    assert sys.executable in caught.value.why
    assert "hunter2" not in str(caught.value)


def test_a_helper_that_hangs_is_ended_and_one_that_answers_is_heard() -> None:
    with pytest.raises(WizardError, match="did not end"):
        helper("import time; time.sleep(60)").communicate(seconds=0.5)
    answering = helper("print('{\"Version\": 1}')")
    assert answering.communicate()[0].strip() == b'{"Version": 1}'
    assert answering.returncode == 0
