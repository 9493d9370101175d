"""One token bucket for everything this program asks of API Gateway's control plane.

API Gateway allows an account 10 control-plane requests a second in a Region, with a burst of 40,
all callers together (documented quota). The account's other tools need some of it too, so a
throttled answer halves our rate, and it recovers slowly.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botocore.hooks import BaseEventHooks

RATE = 10.0
BURST = 40.0
# Requests sent apart can arrive together; a small reserve keeps that from being throttled.
RESERVE = 2.0
MIN_RATE = 1.0
RECOVERY = 0.1  # requests a second, regained with each answer that was not throttled
THROTTLED = frozenset(
    (
        "TooManyRequestsException",
        "TooManyRequests",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
    )
)


class TokenBucket:
    """Hands out permissions to send, thread-safe.

    Args:
        rate: requests a second.
        burst: requests that may be sent at once after a pause.
        clock, sleep: replaced in tests; seconds.
    """

    def __init__(
        self,
        rate: float = RATE,
        burst: float = BURST - RESERVE,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._nominal = rate
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._clock = clock
        self._sleep = sleep
        self._at = clock()
        self._halved_at = -1.0
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Requests a second allowed right now."""
        return self._rate

    def acquire(self) -> float:
        """Wait for the permission to send one request; returns the seconds waited."""
        with self._lock:
            self._refill()
            self._tokens -= 1.0
            # A negative balance is a queue: each caller waits until its own token has come in.
            wait = max(0.0, -self._tokens / self._rate)
        if wait:
            self._sleep(wait)
        return wait

    def throttled(self) -> None:
        """AWS refused a request for being too fast: slow down, at most once a second."""
        with self._lock:
            self._refill()
            self._tokens = min(self._tokens, 0.0)
            if self._clock() - self._halved_at >= 1.0:
                self._halved_at = self._clock()
                self._rate = max(MIN_RATE, self._rate / 2)

    def answered(self) -> None:
        """AWS answered normally: recover a little."""
        with self._lock:
            self._refill()
            self._rate = min(self._nominal, self._rate + RECOVERY)

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


def attach(events: BaseEventHooks, bucket: TokenBucket) -> None:
    """Make every request of a client pass the bucket, each retry included.

    botocore emits `before-send` for each attempt and `response-received` for each answer.
    """

    def before_send(**_: Any) -> None:
        bucket.acquire()

    def received(parsed_response: dict[str, Any] | None = None, **_: Any) -> None:
        code = ((parsed_response or {}).get("Error") or {}).get("Code", "")
        if code in THROTTLED:
            bucket.throttled()
        elif parsed_response is not None:
            bucket.answered()

    events.register("before-send", before_send)
    events.register("response-received", received)
