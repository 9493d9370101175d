"""Invokes the forwarder as Lambda would, in this process: its environment, its context, its log."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parents[1] / "lambda" / "cw-resend-lambda"


class Context:
    """What Lambda hands a function, as far as the forwarder asks."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def forwarder() -> Any:
    """The forwarder's module, as Lambda would load it."""
    if str(SOURCE) not in sys.path:
        sys.path.insert(0, str(SOURCE))
    import lambda_function

    return lambda_function


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    """The function's environment, and a cold start."""
    module = forwarder()
    before = dict(os.environ)
    os.environ.update(values)
    module._Warm.sender = module._Warm.encoder = module._Warm.watch = None
    module._Warm.delivered.clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def invoke(event: object, seconds: float) -> tuple[dict[str, int], str, str]:
    """(counts, what was raised, the function's log)."""
    module = forwarder()
    log = io.StringIO()
    with contextlib.redirect_stdout(log):
        try:
            return module.lambda_handler(event, Context(seconds)), "", log.getvalue()
        except (module.UndeliveredError, module.AccountingError) as error:
            return {}, f"{type(error).__name__}: {error}", log.getvalue()


def metric(log: str) -> dict[str, Any]:
    """The one metric line of an invocation's log."""
    (found,) = [json.loads(text) for text in log.splitlines() if '"_aws"' in text]
    return dict(found)
