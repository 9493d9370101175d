"""The one boundary around every call to AWS: what is raised behind it becomes what callers know.

botocore lets much through that is not its own: what a proxy's HTML does to its parsers, what
urllib3 thinks of an address, what a file or a helper of the user's does. Callers expect
`BotoCoreError` and `ClientError`, so everything else is dressed as the former, the original inside.

Imports botocore: import it only where AWS is asked.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import IO, Any

from botocore.credentials import ProcessProvider
from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.errors import WizardError
from wizard.core.secret import redact, without_logins
from wizard.core.text import clean, duration

A_MOMENT = 2.0  # seconds that nobody wonders about
HELPER_SECONDS = 120.0  # a helper may wait for somebody at a browser, not for ever


class UnforeseenError(BotoCoreError):
    """What a call to AWS raised that is neither AWS's nor botocore's. `original` is that error."""

    fmt = "{kind}: {words}"

    def __init__(self, error: Exception) -> None:
        super().__init__(kind=type(error).__name__, words=str(error))
        self.original = error


class IncompleteAnswerError(BotoCoreError):
    """An answer came that lacks what AWS always says: something else gave it."""

    fmt = "{operation}: the answer has no {key}"


class Answer(dict[str, Any]):
    """An answer of AWS. To ask it for what it lacks raises `IncompleteAnswerError`: whoever can do
    without AWS's answer can do without this one."""

    def __init__(self, operation: str, said: Mapping[str, Any]) -> None:
        super().__init__(said)
        self._operation = operation

    def __missing__(self, key: str) -> Any:
        raise IncompleteAnswerError(operation=self._operation, key=key)


def guard(client: Any) -> None:
    """Have a client raise nothing but `ClientError`, `BotoCoreError` and `WizardError`, also for an
    answer without what was asked for."""
    call = client._make_api_call  # what every method, page and waiter of a client goes through

    def guarded(operation: str, request: Any) -> Any:
        try:
            return Answer(operation, call(operation, request))
        except (BotoCoreError, ClientError, WizardError):
            raise
        except Exception as error:  # only botocore's and urllib3's code runs in it
            raise UnforeseenError(error) from error

    client._make_api_call = guarded


def guard_helpers(core: Any, tell: Callable[[str], None] | None = None) -> None:
    """Have a botocore session start credential helpers (`credential_process`) as `Helper` does,
    those of source profiles among them. `tell` gets a sentence where one takes its time."""

    def start(words: Sequence[str], **options: Any) -> Helper:
        return Helper(words, tell, **options)

    resolver = core.get_component("credential_provider")

    def make(profile_name: str) -> ProcessProvider:
        return ProcessProvider(profile_name, lambda: core.full_config, popen=start)

    for provider in resolver.providers:
        if provider.METHOD == ProcessProvider.METHOD:
            provider._popen = start
        builder = getattr(provider, "_profile_provider_builder", None)
        if builder is not None:
            builder._create_process_provider = make


class Helper:
    """A credential helper: without a terminal to take, for a bounded time, its words kept.

    Stands where botocore expects a `subprocess.Popen`. The program is named in errors, its
    arguments are not: they may hold secrets. It has given its answer when it has ended, also where
    something that it started (an agent) keeps its output open.
    """

    def __init__(
        self, words: Sequence[str], tell: Callable[[str], None] | None = None, **options: Any
    ) -> None:
        self._tell = tell
        self.name = words[0] if words else ""
        if _ENDING.is_set():
            raise self._failed("this program ends")
        try:
            self._process = subprocess.Popen(
                list(words), stdin=subprocess.DEVNULL, start_new_session=True, **options
            )
        except (OSError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self._failed(f"it cannot be started: {reason}") from error

    @property
    def returncode(self) -> int:
        """How it ended."""
        return int(self._process.returncode)

    def communicate(self, seconds: float = 0.0) -> tuple[bytes, bytes]:
        """What it printed. Raises WizardError where that is no answer."""
        limit = seconds or HELPER_SECONDS
        heard, complained = _Ear(self._process.stdout), _Ear(self._process.stderr)
        _AT_WORK.add(self)
        try:
            self._wait(limit)
        except subprocess.TimeoutExpired as error:
            raise self._failed(f"it did not end within {duration(limit)}") from error
        finally:
            _AT_WORK.discard(self)
            if self._process.returncode is None:
                self.end()
        out, err = heard.words(), complained.words()
        said = redact(without_logins(clean(err.decode("utf-8", errors="replace")))).strip()[-500:]
        code = self._process.returncode
        if code != 0:
            how = f"exit code {code}" if code > 0 else f"ended by signal {-code}"
            raise self._failed(how + (f": {said}" if said else ""))
        if problem := _problem(out):
            raise self._failed(problem + (f": {said}" if said else ""))
        return out, err

    def _wait(self, limit: float) -> None:
        """For so many seconds; who waits with it is told, after a moment."""
        if self._tell is not None:
            try:
                self._process.wait(min(A_MOMENT, limit))
            except subprocess.TimeoutExpired:
                self._tell(
                    f"waiting for {self.name} (credential_process), for {duration(limit)} at most"
                )
        self._process.wait(limit)

    def end(self) -> None:
        """End it, with what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _failed(self, why: str) -> WizardError:
        return WizardError(
            "WAG-E-AWS-029",
            "The credential helper of the AWS profile gave no credentials",
            why=f"{self.name} (credential_process): {why}.",
            next_step="It runs without a terminal, so it can ask for nothing here: log in with it "
            "first, repair credential_process in the AWS configuration, or name another profile "
            "with --profile.",
        )


_AT_WORK: set[Helper] = set()
_ENDING = threading.Event()


def end_helpers() -> None:
    """End the credential helpers at work, and start no other: this program ends, and nobody waits
    for them."""
    _ENDING.set()
    for helper in tuple(_AT_WORK):
        helper.end()


class _Ear:
    """Hears one output of a program to its end, in a thread; keeps the first megabyte."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._pipe = pipe
        self._heard = bytearray()
        self._thread = threading.Thread(target=self._listen, name="credential helper", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while self._pipe is not None and (chunk := os.read(self._pipe.fileno(), 1 << 16)):
            if len(self._heard) < 1 << 20:
                self._heard += chunk

    def words(self) -> bytes:
        """What was heard, once the program has ended."""
        self._thread.join(_LAST_WORDS)
        return bytes(self._heard)


_LAST_WORDS = 0.5  # seconds: what it wrote is in the pipe when it ends


def _problem(out: bytes) -> str:
    """Why what a helper printed is no answer, without a word of it; empty for a good one.

    See the AWS CLI user guide, "Sourcing credentials with an external process".
    """
    try:
        answer = json.loads(out)
    except ValueError:
        around = b"{" in out and b"AccessKeyId" in out
        return "it printed something besides its JSON" if around else "it did not print JSON"
    if not isinstance(answer, dict):
        return "it did not print JSON that is an object"
    if answer.get("Version") != 1:
        return "its JSON has no `Version` of 1"
    for name in ("AccessKeyId", "SecretAccessKey"):
        if not isinstance(answer.get(name), str) or not answer[name]:
            return f"its JSON has no {name}"
    for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        text = answer.get(name)
        if text is not None and not (isinstance(text, str) and text.isascii() and _bare(text)):
            return f"{name} holds a character that no key has, or is no text"
    ends = answer.get("Expiration")
    if not ends:
        return ""
    from botocore.utils import parse_timestamp

    try:
        left = (parse_timestamp(ends) - datetime.now(timezone.utc)).total_seconds()
    except (ValueError, TypeError, OverflowError, RuntimeError):
        return "the Expiration it printed is no time"
    return "the keys it printed have expired" if left <= 0 else ""


def _bare(text: str) -> bool:
    return text.isprintable() and " " not in text
