"""A front of the local AWS that kills the wizard at its n-th write, before or after it is done."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping

from tests.policy.identify import Call
from tests.policy.recorder import Recorder

_READS = re.compile(r"^(Get|Describe|List|Head|Filter|Simulate)")


class Killer(Recorder):
    """`run` gives whether the command was killed; False once it has no n-th write any more."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream, judge=self._before)
        self._victim = 0
        self._left = 0
        self._after = False
        self.killed_at = ""

    def run(self, env: Mapping[str, str], arguments: tuple[str, ...], nth: int,
            after: bool) -> bool:  # fmt: skip
        """Run a command and kill it at its `nth` write (from 1)."""
        self._left, self._after, self.killed_at = nth, after, ""
        with subprocess.Popen(
            [sys.executable, "-m", "wizard.cli", *arguments],
            env={**env, "AWS_ENDPOINT_URL": self.url}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            self._victim = process.pid
            code = process.wait(120)
        return code == -signal.SIGKILL

    def _before(self, call: Call) -> str:
        if not _READS.match(call.operation):
            self._left -= 1
            if not self._left and not self._after:
                self._kill(call)
                return "nobody waits for it any more"
        return ""

    def note(self, caller: str, call: Call, status: int) -> None:
        """AWS has done it; the wizard will not hear of it."""
        super().note(caller, call, status)
        if not self._left and self._after and not self.killed_at:
            self._kill(call)

    def _kill(self, call: Call) -> None:
        self.killed_at = call.operation
        if self._victim:  # 0 would be everybody in our own group
            os.kill(self._victim, signal.SIGKILL)
