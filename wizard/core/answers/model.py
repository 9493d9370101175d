"""What the user chose: one frozen, typed, versioned value. Secrets are not answers.

The same keys serve the answers file, the environment (`WALLARM_APIGW_<KEY>`), the generated
reference and the screens. Where the Terraform module has a variable for it, the key is the
variable's name.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from wizard.core.facts import StageRef
from wizard.core.state_place import BUCKET_PATTERN

SCHEMA_VERSION = 2

US_HOST = "us1.api.wallarm.com"
EU_HOST = "api.wallarm.com"
ME_HOST = "me1.api.wallarm.com"
# The clouds that Wallarm's API overview names: key, title, API host.
CLOUDS = (("eu", "EU Cloud", EU_HOST), ("us", "US Cloud", US_HOST), ("me", "ME Cloud", ME_HOST))

PREFIX_PATTERN = r"^[a-z][a-z0-9-]{0,36}[a-z0-9]$"
HOST_PATTERN = r"^(?=.{1,253}$)([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]{2,63}$"
LOG_GROUP_PATTERN = r"^[\.\-_/#A-Za-z0-9]{1,512}$"
CERTIFICATE_PATTERN = r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$"
REGION_PATTERN = r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$"

# What to do with a stage that already logs to a place of its own.
EXISTING_LOGGING = ("keep", "switch", "skip")
# What becomes of a stage's execution-log level.
EXECUTION_LOGGING = ("info", "error", "leave")
PROOF_MODES = ("send", "wait", "skip")
# Where the node runs: Security Edge, one of the user's own, or deployed here on ECS.
EDGE, OWN, ECS = "edge", "own", "ecs"
NODE_PLACES = ("", EDGE, OWN, ECS)
PLACE_TITLES = {EDGE: "Security Edge", OWN: "of your own", ECS: "on Amazon ECS"}


def _key(
    default: Any,
    help_text: str,
    *,
    pattern: str = "",
    rule: str = "",
    choices: tuple[str, ...] = (),
    group: str = "options",
) -> Any:
    """Describe one answer: its default, its one-line help, and the rule it must obey in words."""
    meta = {
        "help": help_text,
        "pattern": pattern,
        "rule": rule,
        "choices": choices,
        "group": group,
    }
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=meta)
    return field(default=default, metadata=meta)


@dataclass(frozen=True)
class Answers:
    """Everything that decides a deployment. Two equal values give two equal deployments."""

    schema_version: int = _key(SCHEMA_VERSION, "Version of this file's layout.", group="file")

    # AWS
    profile: str = _key(
        "", "AWS CLI profile; empty means the default credential chain.", group="aws"
    )
    role_arn: str = _key(
        "",
        "ARN of a role that the profile's credentials assume first, as in another account; empty "
        "assumes none.",
        pattern=r"^$|^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$",
        rule="the ARN of a role (arn:aws:iam::…:role/…), or empty",
        group="aws",
    )
    region: str = _key(
        "us-east-1",
        "AWS Region of the APIs and of everything that is deployed.",
        pattern=REGION_PATTERN,
        rule="a Region name such as eu-central-1",
        group="aws",
    )
    account_id: str = _key(
        "",
        "If set, the run refuses to touch any other account.",
        pattern=r"^(\d{12})?$",
        rule="12 digits, or empty",
        group="aws",
    )

    # Stages
    stages: tuple[str, ...] = _key(
        (),
        "Stages to connect, each `<api id>/<stage>`.",
        rule='a list of "<api id>/<stage>"',
        group="stages",
    )
    stage_rules: tuple[str, ...] = _key(
        (),
        "Rules that choose further stages, now and in `stages reconcile`: `all`, or words such as "
        "`api:orders-*`, `stage:prod`, `tag:team=payments`, `type:http`, which a stage has to meet "
        "all; a rule that begins with `not` takes stages away.",
        rule="rules such as `api:orders-* stage:prod` or `not type:websocket`",
        group="stages",
    )
    existing_logging: str = _key(
        "keep",
        "For a stage that already has an access log: `keep` its log group and subscribe to it, "
        "`switch` it to the connector's log group, or `skip` the stage.",
        choices=EXISTING_LOGGING,
        group="stages",
    )

    execution_logging: str = _key(
        "info",
        "Execution logs of REST and WebSocket stages that log to the connector: `info` switches "
        "errors and info on, as documented; `error` errors alone, where a stage has them off; "
        "`leave` leaves each stage's level as it is. Access logs do not need them, and "
        "CloudWatch bills their many lines.",
        choices=EXECUTION_LOGGING,
        group="stages",
    )

    # Log destination
    api_gateway_log_group_name: str = _key(
        "",
        "An existing log group to use instead of a new one; empty creates one.",
        pattern=rf"^$|{LOG_GROUP_PATTERN}",
        rule="an existing log group's name, or empty",
        group="logs",
    )
    vended_log_group: bool = _key(
        False,
        "Put the log group that is created under /aws/vendedlogs/: HTTP APIs need no resource "
        "policy for it, which helps where those of the account are full. Decide before the first "
        "deployment: a change replaces the group, with what is in it.",
        group="logs",
    )
    log_retention_days: int = _key(
        14, "Days CloudWatch Logs keeps the log groups that the connector creates.", group="logs"
    )
    subscription_filter_pattern: str = _key(
        "", "CloudWatch Logs filter pattern; empty forwards every access-log event.", group="logs"
    )

    # Wallarm
    wallarm_api_host: str = _key(
        EU_HOST,
        "Wallarm API server: us1.api.wallarm.com (US Cloud), api.wallarm.com (EU Cloud) or "
        "me1.api.wallarm.com (ME Cloud).",
        pattern=HOST_PATTERN,
        rule="a host name without https:// and without a path",
        group="wallarm",
    )
    node_group: str = _key(
        "api-gateway-api-discovery",
        "Node group in Wallarm Console.",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$",
        rule="letters, digits, dot, dash and underscore, at most 128",
        group="wallarm",
    )
    x_wallarm_application_id: int = _key(
        -1, "Wallarm application ID: -1 (default application) or positive.", group="wallarm"
    )

    wallarm_api_token_kms_key_arn: str = _key(
        "",
        "ARN of a KMS key of your own that encrypts the token in SSM; empty uses the key that AWS "
        "manages for SSM.",
        pattern=r"^$|^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
        rule="the ARN of a KMS key (arn:aws:kms:…:key/…), or empty",
        group="wallarm",
    )

    # Node
    node_place: str = _key(
        "",
        "Where the node runs: `ecs`, deployed here; `own`, one of yours; `edge`, Security Edge, "
        "which Wallarm hosts (https, no VPC, no counters). Empty goes by node_url: `own` where it "
        "is set, else `ecs`.",
        choices=NODE_PLACES,
        group="node",
    )
    node_url: str = _key(
        "",
        "An existing Native Node as host[:port]; empty deploys one on ECS.",
        pattern=r"^$|^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(:\d{1,5})?$",
        rule="host or host:port, without http://",
        group="node",
    )
    node_scheme: str = _key(
        "https", "How to talk to an existing node.", choices=("http", "https"), group="node"
    )
    node_metrics: str = _key(
        "",
        "Where an existing node tells its counters, as host:port (port 9000 unless configured "
        "otherwise): with them the node itself says what it has understood. Empty leaves them "
        "unread; a node deployed here needs nothing.",
        pattern=r"^$|^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?:[1-9]\d{0,4}$",
        rule="host:port, without http:// and without a path, or empty",
        group="node",
    )
    node_access_log: bool = _key(
        False,
        "Let the node write a line about every message into its log group. Each is paid as log "
        "ingestion; nothing reads them.",
        group="node",
    )
    node_image: str = _key("wallarm/node-native-aio", "Native Node image.", group="node")
    node_tag: str = _key(
        "latest",
        "Native Node image tag; pin one for production, best 0.23.1 or newer (0.21.0 at least).",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
        rule="an image tag such as 0.25.5",
        group="node",
    )
    node_instance_type: str = _key(
        "t3.medium", "EC2 instance type of the node; t3.large for production.", group="node"
    )
    node_count: int = _key(1, "Number of node tasks, 1 to 16.", group="node")
    r53_domain_name: str = _key(
        "",
        "Route 53 domain for HTTPS between the forwarder and the node; needs node_dns_name too.",
        pattern=rf"^$|{HOST_PATTERN}",
        rule="a domain name, or empty",
        group="node",
    )
    node_dns_name: str = _key(
        "",
        "DNS record of the node inside r53_domain_name.",
        pattern=rf"^$|{HOST_PATTERN}|^[a-z0-9]([a-z0-9-]{{0,61}}[a-z0-9])?$",
        rule="a record name, or empty",
        group="node",
    )
    certificate_arn: str = _key(
        "",
        "ARN of a certificate of yours in ACM, of the same account and Region, for the node's "
        "name; needs r53_domain_name and node_dns_name. Empty makes one.",
        pattern=rf"^$|{CERTIFICATE_PATTERN}",
        rule="the ARN of a certificate (arn:aws:acm:…:certificate/…), or empty",
        group="node",
    )

    certificate_validation_record: bool = _key(
        True,
        "Make the DNS record that proves the certificate which is made. Where another certificate "
        "of yours for the same name has made it already, `false` leaves it to that one.",
        group="node",
    )

    # Network
    vpc_id: str = _key(
        "",
        "An existing VPC; empty creates one.",
        pattern=r"^$|^vpc-[0-9a-f]{8,17}$",
        rule="vpc-…, or empty",
        group="network",
    )
    private_subnet_ids: tuple[str, ...] = _key(
        (), "Private subnets of that VPC for node and forwarder.", group="network"
    )
    public_subnet_ids: tuple[str, ...] = _key(
        (), "Public subnets of that VPC for the load balancer.", group="network"
    )
    nat_gateway_per_az: bool = _key(
        False, "One NAT gateway per Availability Zone instead of one in all.", group="network"
    )

    # Options
    name_prefix: str = _key(
        "api-gw-discovery",
        "Resource name prefix.",
        pattern=PREFIX_PATTERN,
        rule="2 to 38 characters: lower-case letters, digits and dashes; starts with a letter, "
        "does not end with a dash",
    )
    tags: dict[str, str] = _key({}, "Tags put on every resource.")
    state_bucket: str = _key(
        "",
        "S3 bucket in the same account and Region for Terraform's state, so that colleagues can "
        "carry on; made if it does not exist. Empty leaves the state where it is, for a new "
        "deployment on this computer; `local` moves it back to this computer.",
        pattern=rf"^$|{BUCKET_PATTERN}",
        rule="a bucket name of 3 to 63 lower-case letters, digits and dashes, or empty",
    )
    alarms: bool = _key(False, "Create CloudWatch alarms.")
    dashboard: bool = _key(False, "Create a CloudWatch dashboard.")
    undelivered_replay_hours: int = _key(
        0,
        "Replay undelivered batches by themselves every so many hours, 1 to 24: a small function "
        "and an EventBridge rule. 0 leaves them to `redrive`.",
    )
    lambda_package: str = _key(
        "", "A forwarder bundle (zip) of your own; empty uses the one that ships with this product."
    )
    forwarder_architecture: str = _key(
        "x86_64",
        "Processor of the forwarder: `x86_64`, or `arm64`, which AWS sells for less. Compiled code "
        "in a bundle of your own has to be for it.",
        choices=("x86_64", "arm64"),
    )
    forwarder_environment: dict[str, str] = _key(
        {},
        "Further settings of the forwarder: how it speaks to the node (X_NODE_STYLE and others). "
        "`wallarm-apigw node-dialect` finds out which the node understands, and sets them.",
    )
    permissions_boundary: str = _key(
        "", "ARN of a permissions boundary put on every role that is created."
    )
    proof: str = _key(
        "send",
        "How the end of the run proves itself: `send` a marked request, `wait` for one that a "
        "client makes and send none, or `skip`.",
        choices=PROOF_MODES,
    )

    @property
    def stage_refs(self) -> tuple[StageRef, ...]:
        """The chosen stages as references, in the order given, without repeats."""
        return tuple(dict.fromkeys(StageRef.parse(s) for s in self.stages))

    @property
    def deploys_node(self) -> bool:
        """Whether a Native Node is deployed on ECS (or an existing one is used)."""
        return not self.node_url

    @property
    def place(self) -> str:
        """Where the node runs: EDGE, OWN or ECS."""
        if self.deploys_node:
            return ECS
        return EDGE if self.node_place == EDGE else OWN

    @property
    def node_host(self) -> str:
        """The DNS name of the node that is deployed, where it gets one; else empty.

        As terraform/load_balancer.tf makes it.
        """
        domain, name = self.r53_domain_name.lower(), self.node_dns_name.lower()
        if not (self.deploys_node and domain and name):
            return ""
        return domain if name == domain else f"{name.removesuffix(f'.{domain}')}.{domain}"

    def with_(self, **changes: Any) -> Answers:
        """A copy with some keys replaced."""
        return dataclasses.replace(self, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types, in the order of definition."""
        out = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in out.items()}

    def to_json(self) -> str:
        """The answers file. Reading it back gives an equal value."""
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n"
