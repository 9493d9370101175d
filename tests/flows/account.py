"""What an install and a removal do with stages, on the sandbox, without Terraform."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.flows.mortal import Mortal
from wizard.core.answers.model import Answers
from wizard.core.events import FlowEvent, StageReport, State
from wizard.core.facts import ApiType, Identity, Inventory, Stage, StageRef
from wizard.core.journal import record
from wizard.core.stages.log_format import log_group_name
from wizard.core.tfvars import Outputs
from wizard.flows.context import Context, Options
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import open_deployment, read_deployment
from wizard.flows.stages import switch as switching
from wizard.flows.stages.prerequisites import give_back_policy
from wizard.sandbox import Sandbox
from wizard.services.aws import account_role
from wizard.services.aws.stages import read_settings

Ask = Callable[[str], bool]
GROUP = "/aws/apigateway/wallarm-api-discovery-1a2b3c4d"


@dataclass
class World:
    """The sandbox with a log group as a deployment would have made it, and one workspace."""

    box: Sandbox
    env: dict[str, str]
    root: Path
    identity: Identity
    inventory: Inventory
    session: Mortal
    events: list[FlowEvent] = field(default_factory=list)  # of the last run

    @property
    def arn(self) -> str:
        return f"arn:aws:logs:{self.box.region}:{self.box.account_id}:log-group:{GROUP}"

    def stage(self, key: str, name: str) -> Stage:
        api_id = self.box.apis[key].api_id
        known = next(s for s in self.inventory.stages if (s.api.api_id, s.name) == (api_id, name))
        return replace(known, settings=read_settings(self.session, known.ref, known.api.api_type))

    def open(
        self, session: Mortal, flow: str, existing: str = "keep", ask: Ask | None = None
    ) -> AbstractContextManager[Deployment]:
        """To change it."""
        return open_deployment(*self._what(existing, ask), session, self.identity, flow)

    def look_at(self, session: Mortal) -> Deployment:
        """To read it."""
        return read_deployment(*self._what("keep"), session, self.identity, "test")

    def _what(self, existing: str, ask: Ask | None = None) -> tuple[Context, Answers]:
        options = Options(workspace=self.root, env=self.env)
        answers = Answers(region=self.box.region, existing_logging=existing)
        self.events.clear()
        return Context(options, self.events.append, ask), answers

    def connect(
        self, session: Mortal, stage: Stage, existing: str = "keep", ask: Ask | None = None
    ) -> tuple[StageReport, ...]:
        """What an install or `stages add` does with a stage, from its settings as they are now."""
        return self.switch(session, (stage,), existing, ask)[0]

    def switch(
        self,
        session: Mortal,
        stages: tuple[Stage, ...],
        existing: str = "keep",
        ask: Ask | None = None,
    ) -> tuple[tuple[StageReport, ...], dict[StageRef, str]]:
        """The same for several; also those that were left alone, with the reason."""
        outputs = Outputs(GROUP, self.arn, "forwarder", "/aws/lambda/forwarder", "node:5050")
        with self.open(session, "stages", existing, ask) as deployment:
            now = tuple(
                replace(s, settings=read_settings(session, s.ref, s.api.api_type)) for s in stages
            )
            changes, skipped = switching.plan_changes(session, now, deployment.answers, self.arn)
            reports = switching.apply_changes(deployment, changes, outputs)
        return reports, {stage.ref: reason for stage, reason in skipped}

    def take_back(self, session: Mortal) -> tuple[StageReport, ...]:
        """What an uninstall does with stages and policies."""
        reports = []
        with self.open(session, "uninstall") as deployment:
            held = deployment.journal.record
            for one in held.stages.values():
                reports.append(switching.restore_stages(deployment, one)[0])
            for group in held.policies:
                give_back_policy(deployment, group)
        return tuple(reports)

    def record(self) -> record.Record:
        return self.look_at(self.session).journal.record

    def dump(self, stage: Stage) -> dict[str, Any]:
        """Everything AWS says about a stage and about who may write to its log group."""
        v1, v2 = self.session.client("apigateway"), self.session.client("apigatewayv2")
        if stage.api.api_type is ApiType.REST:
            found = v1.get_stage(restApiId=stage.api.api_id, stageName=stage.name)
        else:
            found = v2.get_stage(ApiId=stage.api.api_id, StageName=stage.name)
        dated = ("ResponseMetadata", "lastUpdatedDate", "LastUpdatedDate")
        # AWS leaves unset things out; this local one shows some of them empty.
        kept = {k: v for k, v in found.items() if k not in dated and v not in ({}, None)}
        logs = self.session.client("logs")
        groups = {GROUP, log_group_name(stage.settings.access_log.destination_arn) or GROUP}
        for name in groups:
            arn = self.arn.replace(GROUP, name)
            kept[name] = [
                p["policyDocument"]
                for p in logs.describe_resource_policies(resourceArn=arn)["resourcePolicies"]
            ]
        kept["account"] = logs.describe_resource_policies()["resourcePolicies"]
        return kept

    def unset_role(self) -> None:
        """Only tests do that: the product never resets it."""
        operation = [{"op": "remove", "path": "/cloudwatchRoleArn"}]
        self.session.client("apigateway").update_account(patchOperations=operation)
        account_role.delete_role(self.session, self.identity)


def ended_well(reports: tuple[StageReport, ...]) -> bool:
    return bool(reports) and all(r.state is State.DONE for r in reports)
