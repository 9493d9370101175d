"""The safe repairs the checklist may offer: each puts one link back as it was deployed."""

from __future__ import annotations

import hashlib
import json
from types import TracebackType
from typing import Any

from botocore.exceptions import ClientError

from wizard.core.answers.model import Answers
from wizard.core.checks.model import Result
from wizard.core.errors import WizardError
from wizard.core.events import StageReport, State
from wizard.core.facts import ApiType, StageRef
from wizard.core.stages.change import Mode, StageChange, diff_lines, in_todays_format
from wizard.flows.context import Context
from wizard.flows.deployment.model import Deployment
from wizard.flows.deployment.open import identify, open_deployment, open_session
from wizard.flows.deployment.ownership import require_own
from wizard.flows.doctor.examine import open_examination
from wizard.flows.stages.prerequisites import ensure_policy, ensure_role
from wizard.flows.stages.switch import switch_stage
from wizard.services.aws.account_role import role_name
from wizard.services.aws.errors import explained
from wizard.services.aws.stages import read_settings
from wizard.services.checks.examination import Examination, absent, error_words
from wizard.services.checks.wallarm import wanted_environment

_FURTHER = "logs-of-this-account"


def statement(exam: Examination, group: str) -> tuple[str, str]:
    """Id and log groups (a pattern) of the statement that lets this log group invoke the forwarder.

    Those of `terraform/forwarder.tf`, so that a repaired deployment is one that Terraform has
    nothing to change in: the deployment's first log group has one of its own, all others share one.
    """
    if group != exam.outputs.api_gateway_log_group:
        return _FURTHER, "*"
    return "logs-" + hashlib.sha1(b"main", usedforsecurity=False).hexdigest()[:8], group


def invoke_permission(exam: Examination, group: str) -> dict[str, Any]:
    """Let CloudWatch Logs invoke the forwarder for one log group. Returns what was written.

    A statement of the same id that allows something else is replaced.
    """
    identity = exam.identity
    statement_id, groups = statement(exam, group)
    arn = f"arn:{identity.partition}:logs:{identity.region}:{identity.account_id}:log-group"
    request = {
        "FunctionName": exam.outputs.lambda_function_name,
        "StatementId": statement_id,
        "Action": "lambda:InvokeFunction",
        "Principal": identity.logs_principal,
        "SourceArn": f"{arn}:{groups}:*",
        "SourceAccount": identity.account_id,
    }
    client = exam.aws("lambda")
    with explained("The repair"):
        try:
            client.remove_permission(
                FunctionName=request["FunctionName"], StatementId=request["StatementId"]
            )
        except ClientError as error:
            if not absent(error):
                raise _refused(error) from error
    _call(client.add_permission, request)
    return request


def subscription_filter(exam: Examination, group: str) -> dict[str, Any]:
    """Put the subscription filter of one log group back."""
    request = {
        "logGroupName": group,
        "filterName": exam.outputs.subscription_filter_name,
        "filterPattern": exam.answers.subscription_filter_pattern,
        "destinationArn": exam.outputs.lambda_function_arn,
    }
    _call(exam.aws("logs").put_subscription_filter, request)
    return request


def environment(exam: Examination, _subject: str) -> dict[str, Any]:
    """Restore the forwarder's three variables; others stay as they are."""
    client = exam.aws("lambda")
    name = exam.outputs.lambda_function_name
    found = client.get_function_configuration(FunctionName=name)
    variables = (found.get("Environment") or {}).get("Variables", {}) | wanted_environment(exam)
    _call(
        client.update_function_configuration,
        {"FunctionName": name, "Environment": {"Variables": variables}},
    )
    client.get_waiter("function_updated_v2").wait(FunctionName=name)
    return wanted_environment(exam)


def preview(fix: str, exam: Examination, subject: str) -> str:
    """What a repair would do, in one sentence."""
    function = exam.outputs.lambda_function_name
    return {
        "invoke-permission": f"Add a permission to {function}: CloudWatch Logs may invoke it "
        f"for {subject}",
        "subscription-filter": f"Put the subscription filter of {subject} back, to {function}",
        "environment": f"Set {json.dumps(wanted_environment(exam))} on {function}",
        "stage": f"Switch stage {subject} back to what this deployment set",
        "log-policy": f"Let log delivery write to {subject}, in its resource policy",
        "account-role": "Set the CloudWatch role of API Gateway for account "
        f"{exam.identity.account_id} in {exam.identity.region}, and make that role "
        f"({role_name(exam.identity.region)}) if it is not there; it serves every API, and stays",
    }[fix]


def _call(function: Any, request: dict[str, Any]) -> None:
    with explained("The repair"):
        try:
            function(**request)
        except ClientError as error:
            raise _refused(error) from error


def _refused(error: ClientError) -> WizardError:
    return WizardError(
        "WAG-E-FIX-001",
        "The repair was refused",
        why=error_words(error),
        next_step="Attach the policy of `wallarm-apigw iam-policy deploy`, or fix it by hand.",
    )


REPAIRS = {
    "invoke-permission": invoke_permission,
    "subscription-filter": subscription_filter,
    "environment": environment,
}


ACTION = "doctor.fix"
FIXES = (*REPAIRS, "stage", "account-role", "log-policy")


class Repairs:
    """Repairs of one deployment. A context manager: it holds the workspace's lock.

    Args:
        exam: what was examined, if the caller still has it.
    """

    def __init__(self, context: Context, answers: Answers, exam: Examination | None = None) -> None:
        self.context = context
        session = open_session(context, answers)
        self.deployment: Deployment
        self._opened = open_deployment(
            context, answers, session, identify(session, answers), "doctor"
        )
        self._exam = exam.without_answers() if exam else open_examination(context, answers)

    def __enter__(self) -> Repairs:
        self.deployment = self._opened.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def preview(self, found: Result) -> str:
        """What the repair would do; of a stage also from what to what. Only reads."""
        require_own(self.deployment)
        fix, subject = found.check.fix, found.finding.fix_subject
        words = preview(fix, self._exam, subject)
        if fix != "stage":
            return words
        change = self._change(StageRef.parse(subject))
        changed = [f"{d.label} from {d.before} to {d.after}" for d in diff_lines(change)]
        return f"{words}: {'; '.join(changed)}"

    def apply(self, found: Result) -> None:
        """Do it. Raises WizardError when AWS refuses, or the deployment is not ours any more."""
        require_own(self.deployment)  # what was shown may be an hour old
        fix, subject = found.check.fix, found.finding.fix_subject
        if fix == "stage":
            self._stage(StageRef.parse(subject))
        elif fix == "account-role":
            ensure_role(self.deployment)
        elif fix == "log-policy":
            ensure_policy(self.deployment, subject)
        else:
            with self.deployment.journal.effect(ACTION, f"{fix} {subject}") as effect:
                effect.after = REPAIRS[fix](self._exam, subject)

    def _stage(self, ref: StageRef) -> StageReport:
        """Switch a stage back to what this deployment had set; what is live now is not lost."""
        report = switch_stage(self.deployment, self._change(ref))
        if report.state is State.FAILED:
            raise WizardError(
                "WAG-E-FIX-002",
                "The stage was not changed",
                why=report.message,
                next_step="Try again, or connect it anew: `wallarm-apigw stages add`.",
            )
        return report

    def _change(self, ref: StageRef) -> StageChange:
        """From what a stage has now to what this deployment had set."""
        held = self.deployment.journal.record.stages[ref]
        api_type = ApiType(held.api_type)
        live = read_settings(self.deployment.session, ref, api_type)
        after = in_todays_format(held.after, api_type)
        return StageChange(ref, api_type, live, after, Mode(held.mode))
