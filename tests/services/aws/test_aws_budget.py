"""The token bucket: never faster than AWS allows, shared by every caller, slower when told so."""

from __future__ import annotations

import threading
from typing import Any

from wizard.services.aws.rate_limit import TokenBucket
from wizard.services.aws.session import Session


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_burst_goes_at_once_and_then_the_rate_holds() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 40, clock=clock, sleep=clock.sleep)
    sent = []
    for _ in range(100):
        bucket.acquire()
        sent.append(clock.now - 100.0)
    assert sent[39] == 0.0
    assert abs(sent[99] - 6.0) < 1e-6
    for start in range(100):
        for end in range(start, 100):
            allowed = 40 + 10 * (sent[end] - sent[start])
            assert end - start + 1 <= allowed + 1e-6


def test_a_pause_fills_the_bucket_but_never_beyond_its_brim() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 40, clock=clock, sleep=clock.sleep)
    for _ in range(40):
        bucket.acquire()
    clock.now += 3600
    assert [bucket.acquire() for _ in range(41)][:40] == [0.0] * 40
    assert bucket.acquire() > 0


def test_throttling_halves_the_rate_once_a_second_and_answers_bring_it_back() -> None:
    clock = Clock()
    bucket = TokenBucket(10, 40, clock=clock, sleep=clock.sleep)
    for _ in range(12):  # one refused burst is one lesson
        bucket.throttled()
    assert bucket.rate == 5.0
    assert bucket.acquire() > 0, "what was saved up is gone"
    for _ in range(20):
        clock.now += 2
        bucket.throttled()
    assert bucket.rate == 1.0
    for _ in range(200):
        bucket.answered()
    assert bucket.rate == 10.0


def test_threads_share_one_bucket() -> None:
    clock = Clock()
    slept: list[float] = []
    bucket = TokenBucket(10, 5, clock=clock, sleep=slept.append)
    threads = [
        threading.Thread(target=lambda: [bucket.acquire() for _ in range(5)]) for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Five go at once; each further one waits for a token of its own.
    assert sorted(round(s, 6) for s in slept) == [round(n / 10, 6) for n in range(1, 21)]


class Counting(TokenBucket):
    """A bucket that counts what passes."""

    def __init__(self) -> None:
        super().__init__(10_000, 10_000)
        self.sent = 0
        self.refused = 0

    def acquire(self) -> float:
        self.sent += 1
        return super().acquire()

    def throttled(self) -> None:
        self.refused += 1
        super().throttled()


def test_every_attempt_of_every_api_gateway_client_passes_the_bucket(env: dict[str, str]) -> None:
    from botocore.awsrequest import AWSResponse

    bucket = Counting()
    session = Session(region="eu-central-1", env=env, bucket=bucket)
    rest: Any = session.client("apigateway")
    v2: Any = session.client("apigatewayv2")
    rest.get_account()
    v2.get_apis()
    assert bucket.sent == 2

    refusals = [2]

    class Raw:
        def stream(self) -> Any:
            yield b'{"message":"Too Many Requests"}'

    def refuse(request: Any, **_: Any) -> Any:
        if not refusals[0]:
            return None
        refusals[0] -= 1
        headers = {"x-amzn-errortype": "TooManyRequestsException"}
        return AWSResponse(request.url, 429, headers, Raw())

    rest.meta.events.register_last("before-send", refuse)
    rest.get_account()
    assert bucket.sent == 5, "two refused attempts and the one that went through"
    assert bucket.refused == 2
    session.client("logs").describe_log_groups()
    assert bucket.sent == 5, "other services have quotas of their own"
