"""What was kept is replayed on a schedule: bounded, never in a circle, and nothing but events."""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.batches import batch
from benchmarks.invoking import Context, environment, forwarder

forwarder()
import replay  # noqa: E402 - the forwarder is not a package
import signed  # noqa: E402

FORWARDER, BUCKET, ACCOUNT = "wallarm-cw-resend-1", "api-undelivered-1", "123456789012"
FOLDER = f"aws/lambda/async/{FORWARDER}/2026/08/01"


def record(payload: object = None) -> bytes:
    return json.dumps({"version": "1.0", "requestPayload": payload or batch(1)}).encode()


@dataclass
class Aws:
    """S3 and Lambda as far as a replay asks them; says what was asked, and fails when told to."""

    kept: dict[str, bytes] = field(default_factory=dict)
    delivers: Any = True  # or a function of the payload; a text is the forwarder's error
    statuses: dict[str, int] = field(default_factory=dict)  # by method
    asked: list[tuple[str, str]] = field(default_factory=list)
    invoked: list[object] = field(default_factory=list)
    url: str = ""
    page: int = 1000

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, dict, bytes]:
        self.asked.append((method, urlsplit(path).path))
        if status := self.statuses.get(method):
            return status, {}, b"<Error><Code>No</Code><Message>told to</Message></Error>"
        if path.startswith("/2015-03-31/"):
            return self._invoke(json.loads(body))
        assert headers["x-amz-expected-bucket-owner"] == ACCOUNT
        key = urlsplit(path).path.removeprefix(f"/{BUCKET}").lstrip("/")
        if not key:
            return 200, {}, self._list(parse_qs(urlsplit(path).query))
        if key not in self.kept:
            return 404, {}, b"<Error><Code>NoSuchKey</Code></Error>"
        if method == "DELETE":
            del self.kept[key]
            return 204, {}, b""
        return 200, {}, self.kept[key]

    def _invoke(self, payload: object) -> tuple[int, dict, bytes]:
        self.invoked.append(payload)
        said = self.delivers(payload) if callable(self.delivers) else self.delivers
        if said is True:
            return 200, {}, b'{"delivered": 1}'
        error = json.dumps({"errorMessage": said, "errorType": "UndeliveredError"})
        return 200, {"X-Amz-Function-Error": "Unhandled"}, error.encode()

    def _list(self, query: dict[str, list[str]]) -> bytes:
        found = sorted(key for key in self.kept if key.startswith(query["prefix"][0]))
        start = int(query.get("continuation-token", ["0"])[0])
        rest = found[start : start + self.page]
        text = "".join(
            f"<Contents><Key>{k}</Key><Size>{len(self.kept[k])}</Size></Contents>" for k in rest
        )
        if start + self.page < len(found):
            text += f"<NextContinuationToken>{start + self.page}</NextContinuationToken>"
        return f"<ListBucketResult>{text}</ListBucketResult>".encode()

    def keep(self, name: str, body: bytes | None = None) -> str:
        key = f"{FOLDER}/{name}"
        self.kept[key] = record() if body is None else body
        return key

    def replay(self, seconds: float = 900.0, event: object = None) -> dict[str, Any]:
        """What the function answers; `said` has the lines of its log."""
        log = io.StringIO()
        with self.environment(), contextlib.redirect_stdout(log):
            told = replay.lambda_handler(event or replay.EVENT, Context(seconds))
        return told | {"said": [json.loads(line) for line in log.getvalue().splitlines()]}

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        with environment(
            AWS_ENDPOINT_URL=self.url, AWS_REGION="eu-central-1", AWS_ACCESS_KEY_ID="id",
            AWS_SECRET_ACCESS_KEY="secret", X_FORWARDER=FORWARDER, X_BUCKET=BUCKET,
            X_BUCKET_HOST="unused", X_ACCOUNT=ACCOUNT, X_FORWARDER_SECONDS="60",
            X_DNS_SUFFIX="amazonaws.com",
        ):  # fmt: skip
            yield


@pytest.fixture
def aws() -> Iterator[Aws]:
    it = Aws()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, data = it.answer(self.command, self.path, self.headers, body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _any  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        it.url = f"http://127.0.0.1:{server.server_port}"
        yield it
        server.shutdown()


def test_what_is_delivered_is_deleted_and_only_then(aws: Aws) -> None:
    key = aws.keep("one")
    told = aws.replay()
    assert (told["waiting"], told["delivered"], told["left"], told["ended"]) == (1, 1, 0, "")
    assert aws.kept == {}
    assert [method for method, _ in aws.asked] == ["GET", "GET", "POST", "DELETE"]
    assert aws.asked[-1] == ("DELETE", f"/{BUCKET}/{key}")
    assert aws.invoked == [batch(1)]


def test_what_fails_again_stays_as_it_is_and_nothing_is_written(aws: Aws) -> None:
    aws.keep("one")
    before = dict(aws.kept)
    aws.delivers = "1 of 1 events undelivered: status 503"
    told = aws.replay()
    assert (told["delivered"], told["failed"]) == (0, 1)
    assert aws.kept == before
    assert {method for method, _ in aws.asked} == {"GET", "POST"}
    assert told["said"][0]["reason"] == "the forwarder: 1 of 1 events undelivered: status 503"


def test_while_the_node_is_away_a_few_are_tried_and_the_rest_wait(aws: Aws) -> None:
    for number in range(30):
        aws.keep(f"n{number:02}")
    aws.delivers = "away"
    told = aws.replay()
    assert len(aws.invoked) == replay.MOST_FAILURES
    assert (told["left"], told["ended"]) == (25, "5 batches failed again")
    assert len(aws.kept) == 30


def test_batches_that_fail_every_time_do_not_hold_up_the_others(aws: Aws) -> None:
    """More of them than failures are allowed, and they are the oldest."""
    for number in range(6):
        aws.keep(f"a{number}", record(batch(2)))
    good = aws.keep("z")
    aws.delivers = lambda payload: True if payload == batch(1) else "refused"
    for _ in range(100):  # each time it comes to it with a chance of five in seven
        if good not in aws.kept:
            break
        aws.replay()
    assert good not in aws.kept
    assert len(aws.kept) == 6


def test_no_more_than_so_many_are_begun_at_once(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "MOST_BATCHES", 3)
    for number in range(5):
        aws.keep(f"n{number}")
    told = aws.replay()
    assert (told["delivered"], told["left"]) == (3, 2)
    assert told["ended"] == "3 batches are enough for once"


@pytest.mark.parametrize(("seconds", "tried"), [(74.0, 1), (16.0, 1), (80.0, 3)])
def test_one_is_begun_only_if_the_forwarder_has_all_of_its_time(
    aws: Aws, seconds: float, tried: int
) -> None:
    """60 s of the forwarder's and a margin of 15; the first is always tried."""
    for number in range(3):
        aws.keep(f"n{number}")
    told = aws.replay(seconds)
    assert (len(aws.invoked), told["left"]) == (tried, 3 - tried)
    assert told["ended"] == ("" if tried == 3 else "the time is over")


def test_a_forwarder_that_answers_too_late_is_not_waited_for_and_the_batch_stays(aws: Aws) -> None:
    aws.keep("one")
    aws.delivers = lambda _: time.sleep(1.5) or True
    told = aws.replay(replay.MARGIN_SECONDS / 3 + 0.3)
    assert (told["failed"], len(aws.kept)) == (1, 1)
    assert "TimeoutError" in told["said"][0]["reason"] or "timed out" in told["said"][0]["reason"]


def test_traffic_that_comes_in_goes_first(aws: Aws) -> None:
    aws.keep("one")
    aws.keep("two")
    aws.statuses["POST"] = 429
    told = aws.replay()
    assert (told["failed"], told["left"], told["ended"]) == (0, 2, "the forwarder is busy")
    assert len(aws.kept) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"[" * 100_000,
        b'{"requestPayload": null}',
        b'{"requestPayload": [1]}',
        record({"wallarm-apigw": "probe", "host": "attacker.example"}),
        record({"wallarm-apigw": "dialect"}),
        record({"awslogs": {"data": 1}}),
        record({"awslogs": None}),
        record({"awslogs": {"data": "x"}, "wallarm-apigw": "probe"}),
    ],
    ids=lambda body: body[:40].decode("utf-8", "replace"),
)
def test_nothing_but_events_of_cloudwatch_logs_is_handed_to_the_forwarder(
    aws: Aws, body: bytes
) -> None:
    aws.keep("planted", body)
    told = aws.replay()
    assert (told["unreadable"], told["failed"], aws.invoked) == (1, 0, [])
    assert len(aws.kept) == 1


def test_what_is_beside_the_events_data_is_not_handed_on(aws: Aws) -> None:
    data = batch(1)["awslogs"]["data"]
    aws.keep("one", record({"awslogs": {"data": data, "wallarm-apigw": "probe"}}))
    aws.replay()
    assert aws.invoked == [{"awslogs": {"data": data}}]


@pytest.mark.parametrize(
    "key",
    [
        f"{FOLDER}/a b", f"{FOLDER}/..%2F", f"{FOLDER}/x/y", f"aws/lambda/async/{FORWARDER}/x",
        f"aws/lambda/async/{FORWARDER}-replay/2026/08/01/x", "other/2026/08/01/x",
    ],
)  # fmt: skip
def test_what_aws_lambda_did_not_put_there_is_left_alone(aws: Aws, key: str) -> None:
    aws.kept[key] = record()
    told = aws.replay()
    assert (told["waiting"], aws.invoked, list(aws.kept)) == (0, [], [key])


def test_what_is_larger_than_an_invocation_is_not_even_read(aws: Aws) -> None:
    aws.keep("large", b" " * (replay.MOST_BYTES + 1))
    told = aws.replay()
    assert told["unreadable"] == 1
    assert [method for method, _ in aws.asked] == ["GET"]  # the list


def test_all_pages_of_the_list_are_read_up_to_a_bound(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.page = 2
    for number in range(5):
        aws.keep(f"n{number}")
    assert aws.replay()["delivered"] == 5
    for number in range(9):
        aws.keep(f"n{number}")
    monkeypatch.setattr(replay, "MOST_LISTED", 3)
    assert aws.replay()["waiting"] == 3
    assert len(aws.kept) == 6


def test_a_batch_that_another_replay_took_is_no_failure(aws: Aws) -> None:
    aws.keep("one")
    aws.statuses = {}
    taken = replay.Place.replay

    def late(place: Any, key: str, size: int, seconds: float) -> Any:
        aws.kept.pop(key)
        return taken(place, key, size, seconds)

    replay.Place.replay = late
    try:
        told = aws.replay()
    finally:
        replay.Place.replay = taken
    assert (told["delivered"], told["failed"], told["unreadable"]) == (0, 0, 0)


def test_where_nothing_can_be_deleted_no_second_one_is_delivered(aws: Aws) -> None:
    """Else each would be delivered again every time, for as long as it is kept."""
    aws.keep("one")
    aws.keep("two")
    aws.statuses["DELETE"] = 403
    with pytest.raises(signed.RefusedError, match="s3 DELETE: status 403: No: told to"):
        aws.replay()
    assert len(aws.invoked) == 1
    assert len(aws.kept) == 2


@pytest.mark.parametrize("event", [{}, {"wallarm-apigw": "probe"}, {"awslogs": {}}, [], "replay"])
def test_nothing_else_starts_it(aws: Aws, event: object) -> None:
    aws.keep("one")
    with aws.environment(), pytest.raises(ValueError, match="for its schedule"):
        replay.lambda_handler(event, Context(900))
    assert aws.asked == []


def test_its_log_names_batches_and_reasons_and_no_content(aws: Aws) -> None:
    aws.keep("one")
    aws.delivers = "x" * 5000
    told = aws.replay()
    waiting, summary = told["said"]
    assert waiting["key"] == f"{FOLDER}/one"
    assert len(waiting["reason"]) == 300
    assert summary["event"] == "replay"
    assert "secret" not in json.dumps(told)
    assert batch(1)["awslogs"]["data"] not in json.dumps(told)


INVOCATIONS = f"/2015-03-31/functions/{FORWARDER}/invocations"
MOMENT = time.gmtime(1_785_000_000)
KEYS = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}  # fmt: skip


@pytest.mark.parametrize("token", ["", "IQoJb3JpZ2luX2VjE//token=="])
@pytest.mark.parametrize(
    ("service", "method", "url", "query", "body", "headers"),
    [
        ("s3", "GET", "https://b.s3.eu-central-1.amazonaws.com/",
         (("prefix", "aws/lambda/async/f/"), ("list-type", "2"), ("continuation-token", "1+/=")),
         b"", (("x-amz-expected-bucket-owner", ACCOUNT),)),
        ("s3", "DELETE", f"https://b.s3.eu-central-1.amazonaws.com/{FOLDER}/2026-08-01T00.00.00-a",
         (), b"", ()),
        ("s3", "GET", "http://127.0.0.1:4566/b/key", (), b"", ()),
        ("lambda", "POST", f"https://lambda.eu-central-1.amazonaws.com{INVOCATIONS}", (),
         b'{"awslogs": {}}',
         (("x-amz-invocation-type", "RequestResponse"),)),
    ],
)  # fmt: skip
def test_requests_are_signed_as_botocore_signs_them(
    service: str, method: str, url: str, query: Any, body: bytes, headers: Any, token: str
) -> None:  # fmt: skip
    env = KEYS | ({"AWS_SESSION_TOKEN": token} if token else {})
    ours = signed.sign(service, method, url, query, body, headers, env, MOMENT)

    stamp = time.strftime("%Y%m%dT%H%M%SZ", MOMENT)
    asked = AWSRequest(method, quote(url, safe=":/"), dict(headers), body, dict(query))
    asked.headers["X-Amz-Content-SHA256"] = ours["x-amz-content-sha256"]
    kind = S3SigV4Auth if service == "s3" else SigV4Auth
    theirs = kind(
        Credentials(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], token or None),
        service, "eu-central-1",
    )  # fmt: skip
    asked.context.update(timestamp=stamp, payload_signing_enabled=True)
    asked.headers["X-Amz-Date"] = stamp
    if token:
        asked.headers["X-Amz-Security-Token"] = token
    canonical = theirs.canonical_request(asked)
    signature = theirs.signature(theirs.string_to_sign(asked, canonical), asked)
    assert ours["authorization"].endswith(f"Signature={signature}")
    assert f"Credential={theirs.scope(asked)}, " in ours["authorization"]
    names = theirs.signed_headers(theirs.headers_to_sign(asked))
    assert f"SignedHeaders={names}, " in ours["authorization"]


def test_on_aws_the_bucket_and_the_function_are_asked_under_their_own_names() -> None:
    env = {"AWS_REGION": "cn-north-1", "X_FORWARDER": "f", "X_BUCKET": "b", "X_ACCOUNT": ACCOUNT,
           "X_BUCKET_HOST": "b.s3.cn-north-1.amazonaws.com.cn", "X_FORWARDER_SECONDS": "900",
           "X_DNS_SUFFIX": "amazonaws.com.cn"}  # fmt: skip
    place = replay.Place(env)
    assert place.bucket == "https://b.s3.cn-north-1.amazonaws.com.cn"
    assert place.invocations == (
        "https://lambda.cn-north-1.amazonaws.com.cn/2015-03-31/functions/f/invocations"
    )


def test_the_forwarder_loads_nothing_of_this() -> None:
    import ast

    for name in ("lambda_function", "sender", "parse", "probe", "watch"):
        tree = ast.parse((replay_folder() / f"{name}.py").read_text(encoding="utf-8"))
        modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)} | {
            alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
        }
        assert not modules & {"replay", "signed"}


def replay_folder() -> Any:
    from benchmarks.invoking import SOURCE

    return SOURCE
