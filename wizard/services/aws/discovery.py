"""Finds every API and stage of a Region: concurrently, inside the budget, first rows first.

One unreadable API is one `Problem`; the others are listed all the same.
"""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.core.errors import WizardError
from wizard.core.facts import (
    AccessLog,
    Api,
    ApiType,
    EndpointType,
    Identity,
    Inventory,
    Problem,
    Stage,
    StageSettings,
)
from wizard.services import files
from wizard.services.aws import items
from wizard.services.aws.errors import explain
from wizard.services.files import private_dir, write_private
from wizard.services.threads import ReadingPool

if TYPE_CHECKING:
    from wizard.services.aws.session import Session


ApiOrder = tuple[str, str]  # name and id: the order of the table
Priority = Callable[[Api], Any]


def api_order(api: Api) -> ApiOrder:
    """The order of the table."""
    return (api.name.lower(), api.api_id)


def reading_order(
    api: Api, words: str = "", top: ApiOrder = ("", "")
) -> tuple[bool, bool, str, str]:
    """When the stages of this API are read: the least first.

    First what matches the filter, of that what stands on the screen or below it, then what is
    above. Reading takes as long as AWS's budget says, minutes for a full Region; its order is free.

    Args:
        words: what is typed into the filter.
        top: the API in the first row of the screen.
    """
    name = f"{api.name} {api.api_id}".lower()
    matches = all(word in name for word in words.lower().split())
    return (not matches, api_order(api) < top, *api_order(api))


class ApiQueue:
    """APIs whose stages are still to be read; the least by `priority` at that moment is next."""

    def __init__(self, priority: Priority) -> None:
        self._priority = priority
        self._pending: dict[str, Api] = {}
        self._listers = 0
        self._changed = threading.Condition()

    def open(self, listers: int) -> None:
        """So many will list APIs."""
        self._listers = listers

    def put(self, apis: Iterable[Api]) -> None:
        """Their stages are to be read."""
        with self._changed:
            self._pending.update((api.api_id, api) for api in apis)
            self._changed.notify_all()

    def lister_done(self) -> None:
        """One of them has listed all."""
        with self._changed:
            self._listers -= 1
            self._changed.notify_all()

    def pop(self, cancelled: Callable[[], bool]) -> Api | None:
        """The next API; None when there will be none."""
        with self._changed:
            while not self._pending and self._listers and not cancelled():
                self._changed.wait(0.1)
            if not self._pending or cancelled():
                return None
            return self._pending.pop(min(self._pending.values(), key=self._priority).api_id)

    def __len__(self) -> int:
        return len(self._pending)


class Listeners:
    """The listeners, called one at a time."""

    def __init__(
        self,
        on_batch: Callable[[tuple[Stage, ...]], None] | None,
        on_count: Callable[[int, int], None] | None,
    ) -> None:
        self._on_batch = on_batch
        self._on_count = on_count
        self._lock = threading.Lock()
        self._read = 0
        self._known = 0

    def apis(self, page: list[Api]) -> None:
        """These were listed."""
        with self._lock:
            self._known += len(page)
            self._counted()

    def stages(self, stages: list[Stage]) -> None:
        """One more API was read; it has these."""
        with self._lock:
            self._read += 1
            if self._on_batch and stages:
                self._on_batch(tuple(stages))
            self._counted()

    def _counted(self) -> None:
        if self._on_count:
            self._on_count(self._read, self._known)


WORKERS = 12
REST_PAGE = 500  # the most `GetRestApis` gives
V2_PAGE = "500"
# Failures that mean no other call will do better.
_FATAL = frozenset(
    ("WAG-E-AWS-001", "WAG-E-AWS-002", "WAG-E-AWS-005", "WAG-E-AWS-006", "WAG-E-AWS-009")
)


def discover(
    session: Session,
    identity: Identity,
    *,
    on_batch: Callable[[tuple[Stage, ...]], None] | None = None,
    on_count: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
    priority: Priority = reading_order,
) -> Inventory:
    """Read every REST, HTTP and WebSocket API with its stages.

    Args:
        on_batch: called from worker threads, one call at a time, with the stages of each API.
        on_count: told (APIs whose stages were read, APIs known), never backwards in the first;
            after each page of APIs and after each API whose stages were read.
        cancel: set it to stop; what was read so far is returned, with a Problem that says so.
        priority: which API is read next, the least first; asked anew before each, from the worker
            threads, so that it can follow what somebody looks at.
    Raises WizardError only when nothing at all can be read (credentials, network).
    """
    tell = Listeners(on_batch, on_count)
    return _Discovery(session, identity, tell, cancel, priority).run()


def prepare_clients(session: Session) -> None:
    """Make the clients that `discover` needs, so that nobody waits for it at the first rows.

    Each takes some 40 ms of work the first time.
    """
    for service in ("apigateway", "apigatewayv2"):
        session.client(service)


class _Discovery:
    def __init__(
        self,
        session: Session,
        identity: Identity,
        tell: Listeners,
        cancel: threading.Event | None,
        priority: Priority,
    ) -> None:
        self._session = session
        self._identity = identity
        self._tell = tell
        self._cancel = cancel or threading.Event()
        self._queue = ApiQueue(priority)
        self._lock = threading.Lock()
        self._apis: list[Api] = []
        self._stages: list[Stage] = []
        self._problems: list[Problem] = []
        self._errors: list[WizardError] = []

    def run(self) -> Inventory:
        listers: dict[str, Callable[[], Iterator[list[Api]]]] = {
            "REST APIs": self._rest_pages,
            "HTTP and WebSocket APIs": self._v2_pages,
        }
        self._queue.open(len(listers))
        # Making a client is slow and takes the session's lock. The other one is made while the
        # first page of REST APIs is under way.
        self._rest = self._session.client("apigateway")
        with ReadingPool(WORKERS, thread_name_prefix="discovery") as pool:
            work = [pool.submit(self._list, name, pages) for name, pages in listers.items()]
            work += [pool.submit(self._read_stages) for _ in range(WORKERS - len(listers))]
            try:
                for item in work:
                    item.result()
            except BaseException:
                self._cancel.set()
                raise
        self._raise_if_hopeless(len(listers))
        if self._cancel.is_set():
            self._problems.append(
                Problem(
                    "API Gateway",
                    f"Reading was cancelled; the stages of {len(self._queue)} of "
                    f"{len(self._apis)} APIs were not read.",
                )
            )
        return Inventory(
            identity=self._identity,
            stages=tuple(sorted(self._stages, key=_stage_order)),
            apis=tuple(sorted(self._apis, key=api_order)),
            problems=tuple(sorted(self._problems, key=lambda p: p.subject)),
            read_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )

    def _list(self, subject: str, pages: Callable[[], Iterator[list[Api]]]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for apis in pages():
                self._tell.apis(apis)
                with self._lock:
                    self._apis += apis
                self._queue.put(apis)
                if self._cancel.is_set():
                    break
        except (BotoCoreError, ClientError) as error:
            self._failed(
                subject, explain(error, f"Listing the {subject}", self._session.login_profile)
            )
        finally:
            self._queue.lister_done()
        self._read_stages()

    def _read_stages(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        while not self._cancel.is_set():
            api = self._queue.pop(self._cancel.is_set)
            if api is None:
                return
            try:
                stages = self._rest_stages(api) if _is_rest(api) else self._v2_stages(api)
            except (BotoCoreError, ClientError) as error:
                doing = f"Reading the stages of {api.name}"
                self._failed(api.label, explain(error, doing, self._session.login_profile))
                self._tell.stages([])
                continue
            with self._lock:
                self._stages += stages
            self._tell.stages(stages)

    def _failed(self, subject: str, error: WizardError) -> None:
        with self._lock:
            self._errors.append(error)
            text = f"{error.what} ({error.why})" if error.why else error.what
            self._problems.append(Problem(subject, text))

    def _raise_if_hopeless(self, listers: int) -> None:
        fatal = [e for e in self._errors if e.code in _FATAL]
        if not self._apis and len(fatal) >= listers:
            raise fatal[0]

    def _rest_pages(self) -> Iterator[list[Api]]:
        # botocore's paginator would do the same; making one takes 10 ms before the first request.
        more: Any = {}
        while True:
            page = self._rest.get_rest_apis(limit=REST_PAGE, **more)
            yield [items.rest_api(dict(item)) for item in page.get("items", [])]
            if not page.get("position"):
                return
            more = {"position": page["position"]}

    def _v2_pages(self) -> Iterator[list[Api]]:
        client = self._session.client("apigatewayv2")
        token = ""
        while True:
            more: Any = {"NextToken": token} if token else {}
            page = client.get_apis(MaxResults=V2_PAGE, **more)
            yield [items.v2_api(dict(item)) for item in page.get("Items", [])]
            token = page.get("NextToken", "")
            if not token:
                return

    def _rest_stages(self, api: Api) -> list[Stage]:
        # `GetStages` of v1 has no pages.
        answer = self._rest.get_stages(restApiId=api.api_id)
        return [
            items.rest_stage(self._identity, api, dict(item)) for item in answer.get("item", [])
        ]

    def _v2_stages(self, api: Api) -> list[Stage]:
        client = self._session.client("apigatewayv2")
        found: list[Stage] = []
        token = ""
        while True:
            more: Any = {"NextToken": token} if token else {}
            page = client.get_stages(ApiId=api.api_id, MaxResults=V2_PAGE, **more)
            found += [
                items.v2_stage(self._identity, api, dict(item)) for item in page.get("Items", [])
            ]
            token = page.get("NextToken", "")
            if not token:
                return found


def _is_rest(api: Api) -> bool:
    return api.api_type is ApiType.REST


def _stage_order(stage: Stage) -> tuple[str, str, str]:
    return (*api_order(stage.api), stage.name)


VERSION = 1


@dataclass(frozen=True)
class Cached:
    """An inventory read earlier, and how many seconds ago."""

    inventory: Inventory
    age: float


def default_folder() -> Path | None:
    """The platform's cache folder for this program; None where this user has no home."""
    from platformdirs import user_cache_path

    return files.absolute(lambda: user_cache_path("wallarm-apigw", appauthor=False))


def save_inventory(inventory: Inventory, folder: Path) -> bool:
    """Keep an inventory; whether it could be kept. Not being able to is no error."""
    try:
        path = _path(inventory.identity, private_dir(folder))
        data = {"version": VERSION, "inventory": dataclasses.asdict(inventory)}
        write_private(path, json.dumps(data, separators=(",", ":")))
    except WizardError:
        return False
    return True


def load_inventory(identity: Identity, folder: Path) -> Cached | None:
    """What was kept for this account and Region; None when there is nothing readable."""
    path = _path(identity, folder)
    try:
        age = max(0.0, time.time() - path.stat().st_mtime)
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != VERSION:
            return None
        return Cached(_inventory(data["inventory"], identity), age)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(identity: Identity, folder: Path) -> Path:
    return folder / f"stages-{identity.account_id}-{identity.region}.json"


def _inventory(data: dict[str, Any], identity: Identity) -> Inventory:
    apis = {item["api_id"]: _api(item) for item in data["apis"]}
    return Inventory(
        identity=identity,
        stages=tuple(_stage(item, apis) for item in data["stages"]),
        apis=tuple(apis.values()),
        problems=tuple(Problem(**item) for item in data["problems"]),
        read_at=str(data["read_at"]),
    )


def _api(item: dict[str, Any]) -> Api:
    return Api(
        **{
            **item,
            "api_type": ApiType(item["api_type"]),
            "endpoint_type": EndpointType(item["endpoint_type"]),
        }
    )


def _stage(item: dict[str, Any], apis: dict[str, Api]) -> Stage:
    settings = item["settings"]
    return Stage(
        **{
            **item,
            "api": apis.get(item["api"]["api_id"]) or _api(item["api"]),
            "settings": StageSettings(
                AccessLog(**settings["access_log"]), str(settings["logging_level"])
            ),
        }
    )
