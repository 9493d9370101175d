"""What was discovered in the account: read-only values, in AWS's own terms.

Nothing here was decided by anybody; what the user chose lives in `answers`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from wizard.core.text import clean


class ApiType(str, Enum):
    """API Gateway's product types; REST is the v1 service, the others are v2."""

    REST = "REST"
    HTTP = "HTTP"
    WEBSOCKET = "WEBSOCKET"


class EndpointType(str, Enum):
    """Where a REST API is reachable; v2 APIs are always regional."""

    EDGE = "EDGE"
    REGIONAL = "REGIONAL"
    PRIVATE = "PRIVATE"


@dataclass(frozen=True)
class Identity:
    """The answer of `sts:GetCallerIdentity`, with the account alias where it may be read."""

    account_id: str
    arn: str
    region: str
    alias: str = ""
    partition: str = "aws"

    @property
    def principal(self) -> str:
        """The readable end of the ARN: `user/jane` → `jane`, `assumed-role/admin/x` → `admin`."""
        resource = self.arn.split(":", 5)[-1]
        parts = resource.split("/")
        if parts[0] == "assumed-role" and len(parts) > 1:
            return parts[1]
        return parts[-1]

    @property
    def logs_principal(self) -> str:
        """The name under which CloudWatch Logs of the Region calls a function."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"logs.{self.region}.{suffix}"


@dataclass(frozen=True)
class Api:
    """One API of API Gateway in one Region."""

    api_id: str
    name: str
    api_type: ApiType
    endpoint_type: EndpointType = EndpointType.REGIONAL
    managed: bool = False  # ApiGatewayManaged: AWS owns it, we cannot change it
    tags: dict[str, str] = field(default_factory=dict)
    execute_api_disabled: bool = False

    @property
    def label(self) -> str:
        """Its name and id, as a problem with it names it."""
        return f"{self.name} ({self.api_id})"


@dataclass(frozen=True)
class StageRef:
    """The name of a stage inside one account and Region: `<api id>/<stage name>`."""

    api_id: str
    stage: str

    def __str__(self) -> str:
        return f"{self.api_id}/{self.stage}"

    @classmethod
    def parse(cls, text: str) -> StageRef:
        """Read `api-id/stage`. Raises ValueError when either part is missing."""
        api_id, slash, stage = text.strip().partition("/")
        if not slash or not api_id or not stage:
            raise ValueError(f"{text!r} is not of the form <api id>/<stage>")
        return cls(api_id, stage)

    def label(self, api_name: str = "") -> str:
        """How a reader is told of it: `orders / prod (a1b2c3/prod)`; without the API's name, where
        nobody knows it, what AWS calls it."""
        return f"{clean(api_name)} / {clean(self.stage)} ({self})" if api_name else str(self)


@dataclass(frozen=True)
class AccessLog:
    """A stage's access log settings exactly as AWS returned them."""

    destination_arn: str = ""
    format: str = ""

    @property
    def enabled(self) -> bool:
        """Whether anything is logged at all."""
        return bool(self.destination_arn)


@dataclass(frozen=True)
class StageSettings:
    """The part of a stage this product may change, and nothing else: the before-image.

    `logging_level` is the execution-log level of REST (`/*/*/logging/loglevel`) and WebSocket
    (`DefaultRouteSettings.LoggingLevel`): OFF, ERROR or INFO; empty where it was never set, and
    always empty for HTTP APIs, which have none.

    `method_settings` is the whole entry of a REST stage that holds this level (`*/*`), as JSON with
    sorted keys; "" where there is no such entry, None where nobody looked. It says how to put a
    level back exactly, and makes no two settings different.
    """

    access_log: AccessLog = AccessLog()
    logging_level: str = ""
    method_settings: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Stage:
    """One stage with what matters for logging it."""

    api: Api
    name: str
    settings: StageSettings = StageSettings()
    managed: bool = False
    has_canary: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    invoke_url: str = ""

    @property
    def ref(self) -> StageRef:
        """The stage's name in answers, journal and command lines."""
        return StageRef(self.api.api_id, self.name)

    @property
    def changeable(self) -> bool:
        """Whether a change can be tried. AWS refuses every change to an API that a service of its
        own made. A stage that it manages (`$default` of quick create) has been changed by its
        console: whether the API lets others do so is unverified, so it is tried."""
        return not self.api.managed


@dataclass(frozen=True)
class SubscriptionFilter:
    """One subscription filter of a log group."""

    name: str
    destination_arn: str
    pattern: str = ""


@dataclass(frozen=True)
class LogGroup:
    """A CloudWatch Logs group; `arn` has no trailing `:*`, retention is in days (None: forever)."""

    name: str
    arn: str
    log_class: str = "STANDARD"
    retention_days: int | None = None
    stored_bytes: int = 0
    filters: tuple[SubscriptionFilter, ...] | None = None  # None: not looked up


@dataclass(frozen=True)
class HostedZone:
    """A Route 53 hosted zone; the name has no trailing dot."""

    zone_id: str
    name: str
    private: bool = False


@dataclass(frozen=True)
class Certificate:
    """A certificate in ACM; `expires` is in epoch seconds, 0 where it was not told.

    `names` holds the domain name and its alternatives, as they are written in the certificate;
    `kind` is AMAZON_ISSUED, IMPORTED or PRIVATE.
    """

    arn: str
    names: tuple[str, ...]
    status: str = "ISSUED"
    kind: str = "AMAZON_ISSUED"
    key: str = "RSA_2048"
    expires: float = 0.0


@dataclass(frozen=True)
class Subnet:
    """A subnet with what matters for placing the node or the forwarder."""

    subnet_id: str
    name: str
    cidr: str
    availability_zone: str
    public: bool


@dataclass(frozen=True)
class Network:
    """A VPC that exists already."""

    vpc_id: str
    name: str
    cidr: str
    subnets: tuple[Subnet, ...] = ()
    is_default: bool = False


@dataclass(frozen=True)
class Problem:
    """Something that could not be read: shown as one row, never silently dropped."""

    subject: str
    message: str


@dataclass(frozen=True)
class Inventory:
    """Everything discovered in one pass. `problems` holds what could not be read."""

    identity: Identity
    stages: tuple[Stage, ...] = ()
    apis: tuple[Api, ...] = ()
    problems: tuple[Problem, ...] = ()
    read_at: str = ""  # ISO 8601, UTC

    def find(self, ref: StageRef) -> Stage | None:
        """The stage of that name, or None."""
        return next((s for s in self.stages if s.ref == ref), None)

    def unread(self, ref: StageRef) -> Problem | None:
        """The problem because of which a stage that is not in here may be there all the same.

        A problem is with one API, under its label, or else with a whole list of them.
        """
        labels = {api.label: api.api_id for api in self.apis}
        about = ((problem, labels.get(problem.subject)) for problem in self.problems)
        return next((problem for problem, api in about if api in (None, ref.api_id)), None)

    @property
    def unreadable(self) -> bool:
        """Whether not one API could be read, so that no stages does not mean that there are none.

        What was listed and then refused is a problem under the API's own label.
        """
        refused = {problem.subject for problem in self.problems}
        return bool(refused) and all(api.label in refused for api in self.apis)
