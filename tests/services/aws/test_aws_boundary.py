"""Whatever a call to AWS raises, callers see botocore's errors, AWS's, or ours."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from wizard.core.errors import WizardError
from wizard.core.secret import redact, without_logins
from wizard.services.aws import boundary
from wizard.services.aws.boundary import Helper, UnforeseenError, guard
from wizard.services.aws.errors import blame, explain, explained


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


def helper(code: str, tell: Callable[[str], None] | None = None) -> Helper:
    import subprocess

    return Helper(
        [sys.executable, "-c", code, "--secret=hunter2"],
        tell,
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
    answering = helper(f"print({json.dumps(GOOD)!r})")
    assert json.loads(answering.communicate()[0]) == GOOD
    assert answering.returncode == 0


GOOD = {"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "s/+="}
LATER, EARLIER = "2999-01-01T00:00:00Z", "2020-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, ""),
        ({"SessionToken": None, "Expiration": None}, ""),
        ({"SessionToken": "t", "Expiration": LATER}, ""),
        ({"Version": 2}, "`Version` of 1"),
        ({"Version": None}, "`Version` of 1"),
        ({"AccessKeyId": None}, "no AccessKeyId"),
        ({"AccessKeyId": 7}, "no AccessKeyId"),
        ({"SecretAccessKey": ""}, "no SecretAccessKey"),
        ({"SecretAccessKey": "s "}, "SecretAccessKey holds a character"),
        ({"SessionToken": "t\n"}, "SessionToken holds a character"),
        ({"SessionToken": "t\u200b"}, "SessionToken holds a character"),
        ({"SessionToken": 7}, "SessionToken holds a character"),
        ({"Expiration": EARLIER}, "have expired"),
        ({"Expiration": "soon"}, "is no time"),
        ({"Expiration": ["x"]}, "is no time"),
    ],
)
def test_what_a_helper_prints_is_looked_at_before_anybody_believes_it(
    change: dict[str, object], says: str
) -> None:
    answering = helper(f"print({json.dumps({**GOOD, **change})!r})")
    if not says:
        answering.communicate()
        return
    with pytest.raises(WizardError) as caught:
        answering.communicate()
    assert says in caught.value.why


def test_who_waits_with_a_helper_is_told_what_for_and_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boundary, "A_MOMENT", 0.05)
    told: list[str] = []
    slow = f"import time; time.sleep(0.5); print({json.dumps(GOOD)!r})"
    helper(slow, told.append).communicate()
    assert told == [f"waiting for {sys.executable} (credential_process), for 2m 00s at most"]
    monkeypatch.setattr(boundary, "A_MOMENT", 30.0)
    helper(f"print({json.dumps(GOOD)!r})", told.append).communicate()
    assert len(told) == 1, "of a quick one nobody is told"


def test_a_helpers_answer_is_complete_when_it_ends_whatever_it_left_running() -> None:
    code = f"import subprocess; subprocess.Popen(['sleep', '20']); print({json.dumps(GOOD)!r})"
    assert json.loads(helper(code).communicate(seconds=10)[0]) == GOOD


def test_helpers_at_work_end_with_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boundary, "_ENDING", threading.Event())
    caught: list[WizardError] = []

    def wait() -> None:
        try:
            helper("import time; time.sleep(60)").communicate()
        except WizardError as error:
            caught.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not boundary._AT_WORK:
        waiting.join(0.01)
    boundary.end_helpers()
    waiting.join(30)
    assert "ended by signal 9" in caught[0].why
    with pytest.raises(WizardError, match="gave no credentials"):
        helper("print('too late')")


@pytest.mark.parametrize(
    ("value", "words", "named"),
    [
        ("quick", "invalid defaults mode: quick. Valid ones include legacy", True),
        ("quick", "quickly", False),
        ("quick", "no/quick/path", False),
        ("/gone/keys.log", "No such file: '/gone/keys.log'", True),
        ("/gone", "No such file: '/gone/keys.log'", False),
        ("a", "a word", False),  # of one letter there is one everywhere
        ("", "anything", False),
    ],
)
def test_the_setting_whose_value_is_complained_of_is_named(
    value: str, words: str, named: bool
) -> None:
    error = WizardError("WAG-E-AWS-015", "It cannot be used", why=words)
    found = blame(error, lambda: {"AWS_SETTING": value})
    assert ("AWS_SETTING" in found.what) is named
    answered = WizardError("WAG-E-AWS-007", "Refused", why=words)
    assert blame(answered, lambda: {"AWS_SETTING": value}) is answered


def test_a_header_that_is_not_sent_is_not_shown_either() -> None:
    token = "hunter2token\r"
    error = HTTPClientError(error=ValueError(f"Invalid header value {token.encode()!r}"))
    assert "hunter2" in str(error), "or this test shows nothing"
    told = explain(error, "Asking AWS who we are")
    assert "hunter2" not in str(told)
    assert "AWS_SESSION_TOKEN" in told.next_step
    for cleaned in (redact(str(error)), without_logins(str(error))):
        assert "hunter2" not in cleaned


def test_an_answer_without_what_aws_always_says_is_not_awss() -> None:
    it = SimpleNamespace(_make_api_call=lambda *_: {"ResponseMetadata": {}})
    guard(it)
    answer = it._make_api_call("GetFunction", {})
    assert answer.get("Configuration") is None
    with pytest.raises(BotoCoreError, match="GetFunction: the answer has no Configuration") as one:
        answer["Configuration"]
    assert explain(one.value, "Looking at the forwarder").code == "WAG-E-AWS-028"
