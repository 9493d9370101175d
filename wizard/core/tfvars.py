"""From answers to the Terraform module's variables, and from its outputs back to names we use."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.core.answers.model import Answers
from wizard.core.forwarder_package import ForwarderPackage

# Answers that are handed to the module unchanged: key and variable have the same name.
_SAME_NAME = (
    "wallarm_api_host",
    "x_wallarm_application_id",
    "region",
    "name_prefix",
    "node_image",
    "node_tag",
    "node_group",
    "r53_domain_name",
    "node_dns_name",
    "certificate_arn",
    "certificate_validation_record",
    "vended_log_group",
    "api_gateway_log_group_name",
    "node_url",
    "node_scheme",
    "node_metrics",
    "node_access_log",
    "node_instance_type",
    "node_count",
    "vpc_id",
    "nat_gateway_per_az",
    "log_retention_days",
    "subscription_filter_pattern",
    "alarms",
    "dashboard",
    "undelivered_replay_hours",
    "forwarder_architecture",
    "permissions_boundary",
    "wallarm_api_token_kms_key_arn",
)

_NAMED = "wallarm-api-discovery-"
OUR_LOG_GROUPS = (f"/aws/apigateway/{_NAMED}", f"/aws/vendedlogs/apigateway/{_NAMED}")
"""How the log group begins that is created for the stages (terraform/forwarder.tf)."""


def log_group_start(answers: Answers) -> str:
    """How the name of the one begins that these answers have created."""
    return OUR_LOG_GROUPS[answers.vended_log_group]


COMPONENT_TAG = "wallarm:component"
DEPLOYMENT_TAG = "wallarm:deployment"
INSTALLATION_TAG = "wallarm-apigw:installation"
MADE_BY_TAG = "wallarm-apigw:made-by"
MADE_AT_TAG = "wallarm-apigw:made-at"


@dataclass(frozen=True)
class Outputs:
    """The module's outputs; an empty string where a part was not made."""

    api_gateway_log_group: str
    api_gateway_log_group_arn: str
    lambda_function_name: str
    lambda_log_group: str
    node_url: str
    node_scheme: str = "http"
    node_log_group: str = ""
    lambda_function_arn: str = ""
    lambda_role_arn: str = ""
    subscription_filter_name: str = ""
    undelivered_bucket: str = ""
    ecs_cluster: str = ""
    ecs_service: str = ""
    target_group_arn: str = ""
    load_balancer_arn: str = ""
    load_balancer_dns_name: str = ""
    load_balancer_security_group: str = ""
    vpc_id: str = ""
    suffix: str = ""
    node_metrics: str = ""
    installation_id: str = ""
    api_gateway_log_groups: tuple[str, ...] = ()

    @classmethod
    def read(cls, raw: dict[str, Any]) -> Outputs:
        """From `terraform output` values by name; unknown outputs are ignored.

        Raises KeyError naming the first required output that is missing.
        """
        known: dict[str, Any] = {}
        for item in dataclasses.fields(cls):
            value = raw.get(item.name)
            if item.name == "api_gateway_log_groups":
                known[item.name] = tuple(value or ())
            elif value is not None:
                known[item.name] = str(value)
            elif item.default is dataclasses.MISSING:
                raise KeyError(item.name)
        return cls(**known)


def token_parameter_name(answers: Answers) -> str:
    """The SSM parameter that holds the Wallarm token of this deployment."""
    return f"/wallarm-apigw/{answers.name_prefix}/token"


def installation_parameter_name(answers: Answers) -> str:
    """The SSM parameter that says whose deployment of this name it is; made only once."""
    return f"/wallarm-apigw/{answers.name_prefix}/installation"


def variables(
    answers: Answers,
    *,
    token_parameter: str,
    further_log_groups: tuple[str, ...] = (),
    lambda_package: str = "",
    package: ForwarderPackage | None = None,
    deployment_id: str = "",
    installation_id: str = "",
    made_by: str = "",
    made_at: str = "",
    log_group_permissions: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The content of `terraform.tfvars.json`. It holds no secret.

    Args:
        token_parameter: name of the SSM SecureString; empty where no node is deployed.
        further_log_groups: log groups that stages keep and the forwarder also subscribes to.
        lambda_package: path of the forwarder's zip; empty uses the module's own.
        package: what that zip was recognised as, where it is not the module's own.
        deployment_id: put on every resource, so that the deployment can be found again.
        installation_id: put on every resource as well: whose it is.
        made_by, made_at: who made it and when, for whoever meets it from elsewhere.
        log_group_permissions: as `permissions_to_keep` finds them.
    """
    out: dict[str, Any] = {name: getattr(answers, name) for name in _SAME_NAME}
    out["private_subnet_ids"] = list(answers.private_subnet_ids)
    out["public_subnet_ids"] = list(answers.public_subnet_ids)
    out["tags"] = dict(answers.tags)
    out["forwarder_environment"] = dict(answers.forwarder_environment)
    out["wallarm_api_token_ssm_parameter"] = token_parameter
    out["api_gateway_log_group_names"] = [
        name for name in further_log_groups if name != answers.api_gateway_log_group_name
    ]
    out["log_group_permissions"] = list(log_group_permissions)
    out["lambda_package"] = lambda_package or answers.lambda_package
    if package is not None:
        out["lambda_handler"] = package.handler
        out["lambda_runtime"] = package.runtime
        out["lambda_timeout"] = package.timeout
    out["deployment_id"] = deployment_id
    out["installation_id"] = installation_id
    said = {MADE_BY_TAG: _tag_value(made_by), MADE_AT_TAG: _tag_value(made_at)}
    out["installation_tags"] = {name: value for name, value in said.items() if value}
    return out


def own_tags(values: Mapping[str, Any]) -> dict[str, str]:
    """The tags that the module puts on everything, from its variables (terraform/main.tf)."""
    marks = {
        DEPLOYMENT_TAG: str(values["deployment_id"]),
        INSTALLATION_TAG: str(values["installation_id"]),
    }
    return {
        **values["tags"],
        **values["installation_tags"],
        "wallarm:component": "api-gateway-connector",
        **{name: value for name, value in marks.items() if value},
    }


_OWN_PERMISSION = re.compile(r'(?:.*\.)?aws_lambda_permission\.logs\[(".*")\]')
_SHARED_PERMISSION = "aws_lambda_permission.further_logs[0]"


def permissions_to_keep(addresses: Iterable[str]) -> tuple[str, ...]:
    """Log groups whose own permission stays for one more apply: an earlier version gave each its
    own, and what shares one takes its place. Terraform orders neither before the other, and while
    AWS has none, CloudWatch Logs skips what is logged.

    Args:
        addresses: of what is in the state.
    """
    held = tuple(addresses)
    if any(address.endswith(_SHARED_PERMISSION) for address in held):
        return ()
    found = (_OWN_PERMISSION.fullmatch(address) for address in held)
    keys = (str(json.loads(match[1])) for match in found if match)
    return tuple("main" if key == "named main" else key for key in keys if key != "main")


def _tag_value(text: str) -> str:
    """With only what AWS accepts in a tag's value."""
    return re.sub(r"[^\w \.:/=+@-]", "_", text)[:200]


SUFFIX = "xxxxxxxx"  # eight hexadecimal digits that the module takes from a resource of its own


@dataclass(frozen=True)
class Name:
    """A kind of resource, the name it would get, and how long AWS lets it be."""

    kind: str
    name: str
    limit: int


def names(prefix: str, region: str) -> tuple[Name, ...]:
    """The names nearest to their limits."""
    return (
        Name("Load balancer", f"{prefix[:22]}-{SUFFIX}", 32),
        Name("Role", f"{prefix}-{region}-exe", 64),
        Name("S3 bucket", f"{prefix}-undelivered-{SUFFIX}", 63),
    )
