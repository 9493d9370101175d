"""Joins every check of the checklist with the function that looks."""

from __future__ import annotations

from collections.abc import Callable

from wizard.core.checks.model import Finding
from wizard.services.checks import api_gateway, forwarder, local, log_groups, network, node, wallarm
from wizard.services.checks.examination import Scene

LOOK: dict[str, Callable[[Scene], Finding]] = {
    "WAG-LOC-001": local.credentials,
    "WAG-LOC-002": local.terraform,
    "WAG-LOC-003": local.workspace,
    "WAG-LOC-004": local.finished,
    "WAG-LOC-005": local.not_locked,
    "WAG-LOC-006": local.permitted,
    "WAG-LOC-007": local.drift,
    "WAG-LOC-008": local.may_change,
    "WAG-LOG-001": log_groups.log_group_exists,
    "WAG-LOG-002": log_groups.log_group_class,
    "WAG-LOG-003": forwarder.function_active,
    "WAG-LOG-004": forwarder.invoke_permission,
    "WAG-LOG-005": log_groups.subscription_filter,
    "WAG-LOG-006": log_groups.filter_pattern,
    "WAG-LOG-007": api_gateway.stages_exist,
    "WAG-LOG-008": api_gateway.stage_destination,
    "WAG-LOG-009": api_gateway.stage_format,
    "WAG-LOG-010": api_gateway.account_role,
    "WAG-LOG-011": api_gateway.account_role_usable,
    "WAG-LOG-012": log_groups.events_arrive,
    "WAG-LOG-013": forwarder.forwarder_errors,
    "WAG-LOG-014": forwarder.forwarder_throttles,
    "WAG-LOG-015": api_gateway.log_delivery,
    "WAG-LOG-016": api_gateway.canaries,
    "WAG-LOG-017": forwarder.delivery_refused,
    "WAG-LOG-018": forwarder.received_lately,
    "WAG-NOD-001": node.container_instances,
    "WAG-NOD-002": node.tasks_running,
    "WAG-NOD-003": node.registered,
    "WAG-NOD-004": network.load_balancer,
    "WAG-NOD-005": network.listener,
    "WAG-NOD-006": network.certificate,
    "WAG-NOD-007": network.target_health,
    "WAG-NOD-008": network.security_groups,
    "WAG-NOD-009": network.outbound,
    "WAG-NOD-010": node.node_answers,
    "WAG-NOD-011": network.dns_record,
    "WAG-NOD-012": forwarder.undelivered_lately,
    "WAG-API-001": wallarm.environment,
    "WAG-API-002": wallarm.token_stored,
    "WAG-API-003": wallarm.cloud_reachable,
    "WAG-API-004": wallarm.token_accepted,
    "WAG-API-005": wallarm.nothing_undelivered,
    "WAG-API-006": wallarm.traffic_counts,
    "WAG-API-007": wallarm.node_active,
    "WAG-API-008": wallarm.discovery_enabled,
    "WAG-API-009": wallarm.endpoints_listed,
}
