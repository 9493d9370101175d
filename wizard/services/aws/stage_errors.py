"""What API Gateway says when a stage cannot be read or changed, with the next step."""

from __future__ import annotations

from wizard.core.errors import WizardError
from wizard.core.facts import StageRef
from wizard.services.aws.errors import code_of, explain, is_not_found, message_of

_DENIED = frozenset(("AccessDeniedException", "UnauthorizedException", "BadRequestException"))
ROLE_MISSING = "CloudWatch Logs role ARN must be set"


def refused(error: Exception, ref: StageRef, doing: str, profile: str) -> WizardError:
    """The WizardError for what API Gateway answered to a request about a stage."""
    words = message_of(error)
    if is_not_found(error):
        return WizardError(
            "WAG-E-STAGES-012",
            f"{ref} does not exist any more",
            why=words,
            next_step="Load the stages again. Nothing was changed.",
        )
    if ROLE_MISSING in words:
        return WizardError(
            "WAG-E-STAGES-013",
            f"{ref} was not changed: the account has no CloudWatch role for API Gateway",
            why=words,
            next_step="Let the wizard set the role (asked for, recorded), or set it in the API "
            "Gateway console under Settings.",
        )
    if (code_of(error) in _DENIED and "logs:" in words) or "Insufficient permissions" in words:
        return WizardError(
            "WAG-E-STAGES-019",
            f"{ref} was not changed: these credentials may not set up log delivery",
            why=words,
            next_step="HTTP APIs need logs:CreateLogDelivery, logs:GetLogDelivery, "
            "logs:UpdateLogDelivery, logs:ListLogDeliveries, logs:DeleteLogDelivery, "
            "logs:PutResourcePolicy, logs:DescribeResourcePolicies and logs:DescribeLogGroups; "
            "`wallarm-apigw iam-policy` prints them.",
        )
    if code_of(error) == "BadRequestException" and "log" in words.lower():
        return WizardError(
            "WAG-E-STAGES-017",
            f"{ref} was not changed: AWS refuses the access log",
            why=words,
            next_step="Check that the log group exists in this Region and that the format is valid "
            "for this API type.",
        )
    if code_of(error) == "ConflictException":
        return WizardError(
            "WAG-E-STAGES-018",
            f"{ref} was not changed: something else changes it right now",
            why=words,
            next_step="Run the same command again in a minute.",
        )
    return explain(error, doing, profile)
