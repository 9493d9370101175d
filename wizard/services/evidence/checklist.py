"""Joins every check of the checklist with the function that looks."""

from __future__ import annotations

from collections.abc import Callable

from wizard.core.checks.model import Finding
from wizard.services.evidence import discovery, forwarder, local, logs, network, node, stages
from wizard.services.evidence.scene import Scene

LOOK: dict[str, Callable[[Scene], Finding]] = {
    "WAG-LOC-001": local.credentials,
    "WAG-LOC-002": local.terraform,
    "WAG-LOC-003": local.workspace,
    "WAG-LOC-004": local.finished,
    "WAG-LOC-005": local.not_locked,
    "WAG-LOC-006": local.permitted,
    "WAG-LOC-007": local.drift,
    "WAG-LOC-008": local.may_change,
    "WAG-LOG-001": logs.log_group_exists,
    "WAG-LOG-002": logs.log_group_class,
    "WAG-LOG-003": forwarder.function_active,
    "WAG-LOG-004": forwarder.invoke_permission,
    "WAG-LOG-005": logs.subscription_filter,
    "WAG-LOG-006": logs.filter_pattern,
    "WAG-LOG-007": stages.stages_exist,
    "WAG-LOG-008": stages.stage_destination,
    "WAG-LOG-009": stages.stage_format,
    "WAG-LOG-010": stages.account_role,
    "WAG-LOG-011": stages.account_role_usable,
    "WAG-LOG-012": logs.events_arrive,
    "WAG-LOG-013": forwarder.forwarder_errors,
    "WAG-LOG-014": forwarder.forwarder_throttles,
    "WAG-LOG-015": stages.log_delivery,
    "WAG-LOG-016": stages.canaries,
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
    "WAG-API-001": discovery.environment,
    "WAG-API-002": discovery.token_stored,
    "WAG-API-003": discovery.cloud_reachable,
    "WAG-API-004": discovery.token_accepted,
    "WAG-API-005": discovery.nothing_undelivered,
    "WAG-API-006": discovery.traffic_counts,
    "WAG-API-007": discovery.node_active,
    "WAG-API-008": discovery.discovery_enabled,
    "WAG-API-009": discovery.endpoints_listed,
}
