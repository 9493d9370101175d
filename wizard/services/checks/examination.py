"""What every check may look at, and how AWS's refusals become "not checked" instead of "failed"."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from wizard.core.answers.model import Answers
from wizard.core.checks.model import Finding, unchecked
from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.core.journal.record import Record
from wizard.core.secret import Secret
from wizard.core.tfvars import Outputs
from wizard.services.aws.errors import is_not_found

LOOK_BACK_SECONDS = 3600.0
PAGES = 8
WINDOWS = (60.0, 900.0, 4 * 3600.0)  # seconds before now
# Only the sandbox says where its APIs are called.
SANDBOX_VARIABLE = "WALLARM_APIGW_EXECUTE_API_URL"
# `1`: judge a local AWS like AWS itself, because what runs there is played by something.
JUDGE_VARIABLE = "WALLARM_APIGW_JUDGE_LOCAL_AWS"
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized")


class Clients(Protocol):
    """Gives boto3 clients by service name."""

    def client(self, service: str) -> Any:
        """A client of that service in the deployment's Region."""


@dataclass
class Examination:
    """The deployment under exam. Read-only; answers of AWS are shared between checks.

    `plan` asks Terraform: (addresses changed outside it, addresses it would change).
    """

    clients: Clients
    identity: Identity
    answers: Answers
    outputs: Outputs
    record: Record
    env: Mapping[str, str]
    facts: dict[str, str] = field(default_factory=dict)
    token: Secret | None = None
    plan: Callable[[], tuple[tuple[str, ...], tuple[str, ...]]] | None = None
    _cache: dict[str, Any] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def without_answers(self) -> Examination:
        """The same examination without remembered answers."""
        return Examination(
            self.clients,
            self.identity,
            self.answers,
            self.outputs,
            self.record,
            self.env,
            self.facts,
            self.token,
            self.plan,
        )

    def aws(self, service: str) -> Any:
        """A boto3 client."""
        return self.clients.client(service)

    def once(self, key: str, ask: Callable[[], Any]) -> Any:
        """The answer to a question that several checks ask, asked once."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._cache:
                self._cache[key] = ask()
            return self._cache[key]

    @property
    def since(self) -> float:
        """Start of the time that "lately" means, in epoch seconds."""
        return time.time() - LOOK_BACK_SECONDS

    @property
    def simulated(self) -> bool:
        """Whether this is a local AWS, which runs no instances and no containers."""
        return runs_no_instances(self.env)

    @property
    def log_groups(self) -> tuple[str, ...]:
        """Every log group the forwarder is subscribed to."""
        kept = self.record.kept_log_groups
        return tuple(dict.fromkeys((self.outputs.api_gateway_log_group, *kept)))


# What looks, by the id of its check. Filled by `check` as this package's modules are imported.
CHECK_FUNCTIONS: dict[str, Callable[[Examination], Finding]] = {}
Look = TypeVar("Look", bound=Callable[[Examination], Finding])


def check(check_id: str) -> Callable[[Look], Look]:
    """Mark a function as what answers the check of that id in `core.checks.checklist`."""

    def joined(look: Look) -> Look:
        if check_id in CHECK_FUNCTIONS:
            raise ValueError(f"{check_id} has two functions")
        CHECK_FUNCTIONS[check_id] = look
        return look

    return joined


def runs_no_instances(env: Mapping[str, str]) -> bool:
    """Whether this environment means the sandbox, whose AWS runs no instances and no containers.

    An endpoint on this machine alone says nothing: a tunnel to AWS ends here, too.
    """
    local = env.get("AWS_ENDPOINT_URL", "").startswith("http://127.0.0.1")
    return local and bool(env.get(SANDBOX_VARIABLE)) and env.get(JUDGE_VARIABLE) != "1"


def log_events(
    exam: Examination, group: str, *, most: int = 100, **request: Any
) -> list[dict[str, Any]]:
    """Events of a log group, oldest first (`logs:FilterLogEvents`).

    AWS may answer an empty page and more to come; `PAGES` bounds how long that is followed.
    """
    found: list[dict[str, Any]] = []
    client = exam.aws("logs")
    for _ in range(PAGES):
        answer = client.filter_log_events(logGroupName=group, limit=most, **request)
        found.extend(answer.get("events", []))
        token = answer.get("nextToken")
        if not token or len(found) >= most:
            break
        request["nextToken"] = token
    return sorted(found, key=lambda event: int(event["timestamp"]))


def newest_events(
    exam: Examination, group: str, since: float, *, most: int = 100, **request: Any
) -> list[dict[str, Any]]:
    """The newest events since a time (epoch seconds), at most `most`, oldest first.

    AWS gives the oldest first, and a busy log more than can be read: so the last minute is asked
    for, and more only when that was not enough.
    """
    now = time.time()
    found: dict[object, dict[str, Any]] = {}
    for back in (*WINDOWS, now - since):
        start = max(since, now - back)
        begin = int(start * 1000)
        for event in log_events(exam, group, most=10 * most, startTime=begin, **request):
            found[event.get("eventId") or (event["timestamp"], event["message"])] = event
        if len(found) >= most or start <= since:
            break
    return sorted(found.values(), key=lambda event: int(event["timestamp"]))[-most:]


def absent(error: ClientError) -> bool:
    """Whether AWS says that the thing does not exist."""
    return is_not_found(error)


def error_words(error: Exception) -> str:
    """AWS's own words, in one line."""
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        return f"{error.operation_name}: {detail.get('Code', '')}: {detail.get('Message', '')}"
    return f"{type(error).__name__}: {error}"


def guarded(
    look: Callable[[Examination], Finding],
    exam: Examination,
    note: Callable[[Exception], object] = lambda _: None,
) -> Finding:
    """Run one check. What AWS refuses to say, or cannot be asked, is "not checked"; an answer that
    this check does not understand ends this check alone.

    Args:
        note: gets such an error.
    """
    try:
        return look(exam)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        denied = code in _DENIED or "AccessDenied" in code
        return unchecked(("not permitted to look: " if denied else "") + error_words(error))
    except BotoCoreError as error:
        return unchecked(error_words(error))
    except WizardError as error:
        return unchecked(" ".join(filter(None, (f"{error.what}.", error.why))))
    except Exception as error:  # noqa: BLE001  # the other checks have their own answers
        note(error)
        return unchecked(f"what was answered could not be understood: {error_words(error)}")
