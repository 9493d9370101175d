"""Finds every API and stage of a Region: concurrently, inside the budget, first rows first.

One unreadable API is one `Problem`; the others are listed all the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from wizard.core.errors import UsageError, WizardError
from wizard.core.facts import (
    Api,
    ApiType,
    EndpointType,
    Identity,
    Inventory,
    Problem,
    Stage,
    StageRef,
)
from wizard.core.text import closest
from wizard.services.aws.errors import explain
from wizard.services.aws.stages import from_rest, from_v2

if TYPE_CHECKING:
    from wizard.services.aws.session import Session

WORKERS = 12
REST_PAGE = 500  # the most `GetRestApis` gives
V2_PAGE = "500"
# Failures that mean no other call will do better.
_FATAL = frozenset(
    ("WAG-E-AWS-001", "WAG-E-AWS-002", "WAG-E-AWS-005", "WAG-E-AWS-006", "WAG-E-AWS-009")
)
_DNS_SUFFIX = {"aws-cn": "amazonaws.com.cn"}


def discover(
    session: Session,
    identity: Identity,
    *,
    on_batch: Callable[[tuple[Stage, ...]], None] | None = None,
    on_apis: Callable[[tuple[Api, ...]], None] | None = None,
    on_count: Callable[[int, int], None] | None = None,
    cancel: threading.Event | None = None,
    prefer: Callable[[], Iterable[str]] | None = None,
) -> Inventory:
    """Read every REST, HTTP and WebSocket API with its stages.

    Args:
        on_batch: called from worker threads, one call at a time, with the stages of each API.
        on_apis: the same for each page of APIs, before their stages are known: the first rows.
        on_count: told (APIs whose stages were read, APIs known), never backwards in the first.
        cancel: set it to stop; what was read so far is returned, with a Problem that says so.
        prefer: ids of APIs that somebody is looking at; their stages are read first.
    Raises WizardError only when nothing at all can be read (credentials, network).
    """
    tell = _Tell(on_batch, on_apis, on_count)
    return _Discovery(session, identity, tell, cancel, prefer).run()


def invoke_url(identity: Identity, api: Api, stage: str) -> str:
    """The stage's default address; HTTP APIs serve `$default` at the root."""
    scheme = "wss" if api.api_type is ApiType.WEBSOCKET else "https"
    suffix = _DNS_SUFFIX.get(identity.partition, "amazonaws.com")
    path = "" if stage == "$default" else stage
    return f"{scheme}://{api.api_id}.execute-api.{identity.region}.{suffix}/{path}"


def resolve_stage(inventory: Inventory, text: str) -> Stage:
    """The stage that `<api id>/<stage>` or `<api name>/<stage>` means.

    Raises UsageError with the closest names when there is none, or when a name is ambiguous.
    """
    wanted = text.strip()
    for stage in inventory.stages:
        if str(stage.ref) == wanted:
            return stage
    named = [s for s in inventory.stages if f"{s.api.name}/{s.name}" == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        raise UsageError(
            "WAG-E-STAGES-004",
            f"{wanted} is the name of {len(named)} stages",
            next_step=f"Use one of {', '.join(str(s.ref) for s in named)}.",
            keys=("stages",),
        )
    near = closest_stages(inventory, wanted)
    raise UsageError(
        "WAG-E-STAGES-003",
        f"There is no stage {wanted} in {inventory.identity.region}",
        next_step=f"Did you mean {' or '.join(near)}?"
        if near
        else "`wallarm-apigw stages list` shows every stage.",
        keys=("stages",),
    )


def closest_stages(inventory: Inventory, text: str) -> list[str]:
    """References of the stages whose id or name looks most like `text`, best first."""
    by_name: dict[str, StageRef] = {}
    for stage in inventory.stages:
        by_name.setdefault(str(stage.ref), stage.ref)
        by_name.setdefault(f"{stage.api.name}/{stage.name}", stage.ref)
    return list(dict.fromkeys(str(by_name[name]) for name in closest(text, by_name)))


class _Queue:
    """APIs whose stages are still to be read; what somebody looks at comes out first."""

    def __init__(self, prefer: Callable[[], Iterable[str]] | None) -> None:
        self._prefer = prefer
        self._pending: dict[str, Api] = {}
        self._listers = 0
        self._changed = threading.Condition()

    def open(self, listers: int) -> None:
        self._listers = listers

    def put(self, apis: Iterable[Api]) -> None:
        with self._changed:
            self._pending.update((api.api_id, api) for api in apis)
            self._changed.notify_all()

    def lister_done(self) -> None:
        with self._changed:
            self._listers -= 1
            self._changed.notify_all()

    def pop(self, cancelled: Callable[[], bool]) -> Api | None:
        """The next API; None when there will be none."""
        with self._changed:
            while not self._pending:
                if not self._listers or cancelled():
                    return None
                self._changed.wait(0.1)
            for api_id in self._prefer() if self._prefer else ():
                if api_id in self._pending:
                    return self._pending.pop(api_id)
            return self._pending.pop(next(iter(self._pending)))

    def __len__(self) -> int:
        return len(self._pending)


class _Tell:
    """The listeners, called one at a time."""

    def __init__(
        self,
        on_batch: Callable[[tuple[Stage, ...]], None] | None,
        on_apis: Callable[[tuple[Api, ...]], None] | None,
        on_count: Callable[[int, int], None] | None,
    ) -> None:
        self._on_batch = on_batch
        self._on_apis = on_apis
        self._on_count = on_count
        self._lock = threading.Lock()
        self._read = 0
        self._known = 0

    def apis(self, page: list[Api]) -> None:
        with self._lock:
            self._known += len(page)
            if self._on_apis and page:
                self._on_apis(tuple(page))
            self._counted()

    def stages(self, stages: list[Stage]) -> None:
        with self._lock:
            self._read += 1
            if self._on_batch and stages:
                self._on_batch(tuple(stages))
            self._counted()

    def _counted(self) -> None:
        if self._on_count:
            self._on_count(self._read, self._known)


class _Discovery:
    def __init__(
        self,
        session: Session,
        identity: Identity,
        tell: _Tell,
        cancel: threading.Event | None,
        prefer: Callable[[], Iterable[str]] | None,
    ) -> None:
        self._session = session
        self._identity = identity
        self._tell = tell
        self._cancel = cancel or threading.Event()
        self._queue = _Queue(prefer)
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
        # Clients are made here: making one is slow and takes the session's lock.
        self._session.client("apigateway")
        self._session.client("apigatewayv2")
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="discovery") as pool:
            work = [pool.submit(self._list, name, pages) for name, pages in listers.items()]
            work += [pool.submit(self._read_stages) for _ in range(WORKERS - len(listers))]
            for item in work:
                item.result()
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
            apis=tuple(sorted(self._apis, key=_api_order)),
            problems=tuple(sorted(self._problems, key=lambda p: p.subject)),
            read_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )

    def _list(self, subject: str, pages: Callable[[], Iterator[list[Api]]]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for page in pages():
                with self._lock:
                    self._apis += page
                self._tell.apis(page)
                self._queue.put(page)
                if self._cancel.is_set():
                    break
        except (BotoCoreError, ClientError) as error:
            self._failed(subject, explain(error, f"Listing the {subject}", self._session.profile))
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
                self._failed(
                    f"{api.name} ({api.api_id})", explain(error, doing, self._session.profile)
                )
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
        client = self._session.client("apigateway")
        for page in client.get_paginator("get_rest_apis").paginate(
            PaginationConfig={"PageSize": REST_PAGE}
        ):
            yield [_rest_api(dict(item)) for item in page.get("items", [])]

    def _v2_pages(self) -> Iterator[list[Api]]:
        client = self._session.client("apigatewayv2")
        token = ""
        while True:
            more: Any = {"NextToken": token} if token else {}
            page = client.get_apis(MaxResults=V2_PAGE, **more)
            yield [_v2_api(dict(item)) for item in page.get("Items", [])]
            token = page.get("NextToken", "")
            if not token:
                return

    def _rest_stages(self, api: Api) -> list[Stage]:
        # `GetStages` of v1 has no pages.
        answer = self._session.client("apigateway").get_stages(restApiId=api.api_id)
        return [self._rest_stage(api, dict(item)) for item in answer.get("item", [])]

    def _v2_stages(self, api: Api) -> list[Stage]:
        client = self._session.client("apigatewayv2")
        found: list[Stage] = []
        token = ""
        while True:
            more: Any = {"NextToken": token} if token else {}
            page = client.get_stages(ApiId=api.api_id, MaxResults=V2_PAGE, **more)
            found += [self._v2_stage(api, dict(item)) for item in page.get("Items", [])]
            token = page.get("NextToken", "")
            if not token:
                return found

    def _rest_stage(self, api: Api, item: dict[str, Any]) -> Stage:
        name = item["stageName"]
        return Stage(
            api=api,
            name=name,
            settings=from_rest(item).settings,
            has_canary=bool(item.get("canarySettings")),
            tags=dict(item.get("tags") or {}),
            invoke_url=invoke_url(self._identity, api, name),
        )

    def _v2_stage(self, api: Api, item: dict[str, Any]) -> Stage:
        name = item["StageName"]
        return Stage(
            api=api,
            name=name,
            settings=from_v2(item, api.api_type).settings,
            managed=bool(item.get("ApiGatewayManaged")),
            tags=dict(item.get("Tags") or {}),
            invoke_url=invoke_url(self._identity, api, name),
        )


def _is_rest(api: Api) -> bool:
    return api.api_type is ApiType.REST


def _rest_api(item: dict[str, Any]) -> Api:
    kinds = (item.get("endpointConfiguration") or {}).get("types") or []
    kind = kinds[0] if kinds else "EDGE"
    return Api(
        api_id=item["id"],
        name=item.get("name", ""),
        api_type=ApiType.REST,
        endpoint_type=EndpointType(kind) if kind in EndpointType.__members__ else EndpointType.EDGE,
        tags=dict(item.get("tags") or {}),
        execute_api_disabled=bool(item.get("disableExecuteApiEndpoint")),
    )


def _v2_api(item: dict[str, Any]) -> Api:
    websocket = item.get("ProtocolType") == "WEBSOCKET"
    return Api(
        api_id=item["ApiId"],
        name=item.get("Name", ""),
        api_type=ApiType.WEBSOCKET if websocket else ApiType.HTTP,
        managed=bool(item.get("ApiGatewayManaged")),
        tags=dict(item.get("Tags") or {}),
        execute_api_disabled=bool(item.get("DisableExecuteApiEndpoint")),
    )


def _api_order(api: Api) -> tuple[str, str]:
    return (api.name.lower(), api.api_id)


def _stage_order(stage: Stage) -> tuple[str, str, str]:
    return (*_api_order(stage.api), stage.name)
