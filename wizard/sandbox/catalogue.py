"""The sample APIs of the sandbox, as data: what a grown AWS account looks like, hard cases too.

Ids are derived from the key, so every start has the same ones. Left out because the local AWS
cannot represent it: an API that AWS manages itself (`ApiGatewayManaged`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

OWN_JSON = (
    '{"requestId":"$context.requestId","ip":"$context.identity.sourceIp",'
    '"caller":"$context.identity.caller","requestTime":"$context.requestTime",'
    '"httpMethod":"$context.httpMethod","resourcePath":"$context.resourcePath",'
    '"status":"$context.status","protocol":"$context.protocol",'
    '"responseLength":"$context.responseLength"}'
)
OWN_HTTP_JSON = (
    '{"id":"$context.requestId","route":"$context.routeKey","status":$context.status,'
    '"ms":$context.responseLatency,"agent":"$context.identity.userAgent"}'
)
OWN_CLF = (
    "$context.identity.sourceIp $context.identity.caller $context.identity.user "
    '[$context.requestTime] "$context.httpMethod $context.resourcePath $context.protocol" '
    "$context.status $context.responseLength $context.requestId"
)

# Log groups that exist before the connector does, with their retention in days (0: for ever).
LOG_GROUPS: dict[str, int] = {
    "/aws/apigateway/welcome": 0,
    "/aws/lambda/checkout-worker": 30,
    "/company/api/billing-access": 90,
    "/company/api/catalogue-v2": 14,
    "/company/api/crm-clf": 365,
    "/company/api/shared-access-logs": 30,
    "/ecs/web": 7,
}
FIREHOSE_STREAM = "amazon-apigateway-audit"
FIREHOSE_BUCKET = "sandbox-audit-archive"
HOSTED_ZONES = ("shop.example.com",)
STACK = "checkout-service"


@dataclass(frozen=True)
class SampleRoute:
    """A method and a path; `target` is "mock" (REST only) or "backend". `$…` keys: WebSocket."""

    method: str
    path: str
    target: str = "backend"


@dataclass(frozen=True)
class SampleStage:
    """A stage. `log` names a log group of LOG_GROUPS or "firehose"; empty: no access log."""

    name: str
    log: str = ""
    log_format: str = ""
    canary_percent: float = 0.0
    level: str = ""  # execution-log level that was set before


@dataclass(frozen=True)
class SampleApi:
    """One API with its stages. `kind` is REST, HTTP or WEBSOCKET."""

    key: str
    name: str
    kind: str
    routes: tuple[SampleRoute, ...]
    stages: tuple[SampleStage, ...]
    endpoint: str = "REGIONAL"
    stack: str = ""  # the CloudFormation stack that owns it
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def api_id(self) -> str:
        """Ten characters, as AWS makes them; the same in every start."""
        number = int.from_bytes(hashlib.sha256(self.key.encode()).digest()[:8], "big")
        letters = "abcdefghijklmnopqrstuvwxyz0123456789"
        text = ""
        while len(text) < 10:
            number, rest = divmod(number, 36)
            text += letters[rest]
        return text

    def host(self, region: str) -> str:
        """The API's host name on AWS."""
        return f"{self.api_id}.execute-api.{region}.amazonaws.com"


def _crud(path: str, item: str = "id") -> tuple[SampleRoute, ...]:
    one = f"{path}/{{{item}}}"
    return (
        SampleRoute("GET", path, "mock"),
        SampleRoute("POST", path),
        SampleRoute("GET", one),
        SampleRoute("PUT", one),
        SampleRoute("DELETE", one),
    )


def _http(*keys: str) -> tuple[SampleRoute, ...]:
    return tuple(SampleRoute(*key.split(" ", 1)) for key in keys)


_SOCKET = tuple(
    SampleRoute("", key, "mock") for key in ("$connect", "$disconnect", "$default", "sendMessage")
)

APIS: tuple[SampleApi, ...] = (
    SampleApi(
        "orders",
        "orders-api",
        "REST",
        (*_crud("/orders"), SampleRoute("GET", "/orders/{id}/items/{item}")),
        (SampleStage("prod"), SampleStage("staging"), SampleStage("dev")),
        tags={"team": "orders", "env": "production"},
    ),
    SampleApi(
        "storefront",
        "Storefront public API",
        "REST",
        (*_crud("/products", "sku"), SampleRoute("ANY", "/search", "backend")),
        (SampleStage("live"), SampleStage("beta", level="ERROR")),
        endpoint="EDGE",
        tags={"team": "web"},
    ),
    SampleApi(
        "ledger",
        "internal-ledger",
        "REST",
        _crud("/entries"),
        (SampleStage("prod"),),
        endpoint="PRIVATE",
        tags={"team": "finance", "data": "confidential"},
    ),
    SampleApi(
        "billing",
        "billing [prod] [/b]",
        "REST",
        _crud("/invoices"),
        (
            SampleStage("prod", "/company/api/billing-access", OWN_JSON, level="INFO"),
            SampleStage("test"),
        ),
        tags={"team": "finance"},
    ),
    SampleApi(
        "crm",
        "Kundenverwaltung Größe & Maß",
        "REST",
        _crud("/kunden"),
        (SampleStage("prod", "/company/api/crm-clf", OWN_CLF),),
    ),
    SampleApi(
        "reporting",
        "reporting  with spaces",
        "REST",
        (SampleRoute("GET", "/reports/{proxy+}"), SampleRoute("GET", "/slow")),
        (SampleStage("v1", "firehose", OWN_JSON), SampleStage("v2")),
    ),
    SampleApi(
        "search",
        "search-canary",
        "REST",
        _crud("/documents"),
        (SampleStage("prod", canary_percent=10.0),),
    ),
    SampleApi(
        "checkout",
        "checkout-service-api",
        "REST",
        (SampleRoute("GET", "/", "mock"),),
        (SampleStage("prod"),),
        stack=STACK,
    ),
    SampleApi(
        "gateway-ar",
        "بوابة الدفع",
        "REST",
        _crud("/payments"),
        (SampleStage("prod"),),
    ),
    SampleApi(
        "payments",
        "payments-http",
        "HTTP",
        _http("GET /payments", "POST /payments", "GET /payments/{id}", "DELETE /payments/{id}"),
        (SampleStage("$default"),),
        tags={"team": "payments", "env": "production"},
    ),
    SampleApi(
        "catalogue",
        "catalogue (2 versions)",
        "HTTP",
        _http("GET /items", "GET /items/{sku}", "PATCH /items/{sku}", "ANY /proxy/{proxy+}"),
        (
            SampleStage("$default"),
            SampleStage("v1"),
            SampleStage("v2", "/company/api/catalogue-v2", OWN_HTTP_JSON),
            SampleStage("canary-eu"),
        ),
    ),
    SampleApi(
        "shipping",
        "🚚 shipping",
        "HTTP",
        _http("GET /parcels/{id}", "POST /parcels", "$default "),
        (SampleStage("prod"),),
    ),
    SampleApi(
        "partners",
        "partners-http",
        "HTTP",
        _http("GET /partners", "GET /partners/{id}"),
        (SampleStage("$default"), SampleStage("preview")),
        stack="partner-portal",
    ),
    SampleApi(
        "tracking",
        "live-tracking",
        "WEBSOCKET",
        _SOCKET,
        (SampleStage("prod"), SampleStage("dev")),
    ),
    SampleApi("chat", "chat 💬 <support>", "WEBSOCKET", _SOCKET, (SampleStage("prod"),)),
)

# One stage of each kind, one of them with a log of its own: what `sandbox try` connects.
SAMPLE_STAGES: tuple[tuple[str, str], ...] = (
    ("orders", "prod"),
    ("storefront", "live"),
    ("billing", "prod"),
    ("payments", "$default"),
    ("shipping", "prod"),
    ("tracking", "prod"),
)


def by_key(key: str) -> SampleApi:
    """The sample API of that key. Raises KeyError."""
    for api in APIS:
        if api.key == key:
            return api
    raise KeyError(key)
