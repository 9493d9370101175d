"""The sandbox in the foreground: its environment for a shell, then a wait for Ctrl-C."""

from __future__ import annotations

import signal
import sys
import time
from typing import IO

from wizard.sandbox.sandbox import Sandbox


def run_foreground(region: str = "us-east-1", out: IO[str] | None = None) -> int:
    """Start the sandbox, print `export` lines for a shell, and wait until Ctrl-C or SIGTERM."""
    stream = sys.stdout if out is None else out
    stopped = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopped
        stopped = True

    with Sandbox.start(region=region) as sandbox:
        before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
        try:
            stream.writelines(f"{line}\n" for line in sandbox.shell_lines())
            stream.flush()
            sys.stderr.write(
                f"Local AWS at {sandbox.endpoint_url}. Paste the lines above into another "
                "terminal. Ctrl-C ends everything.\n"
            )
            while not stopped and sandbox.alive():
                time.sleep(0.2)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    return 0
