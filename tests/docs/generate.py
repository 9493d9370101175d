"""Writes what documentation comes from data: `make docs`. It changes nothing that is current.

Figures are taken by `make figures`; here the last ones are only written again. The table of modes
(`make modes`), that of faults (`python -m tests.faults --write docs/faults.md`), that of terminals
(`python -m tests.terminals --page`) and the pictures (`make screenshots`) have commands of their
own.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import report
from tests.docs import commands, errors, module
from tests.policy import table
from wizard.cli.reference import reference
from wizard.core.checks import report as checklist_text
from wizard.core.expectations import EXPECTATIONS
from wizard.core.facts import AccessLog, ApiType, StageSettings
from wizard.core.stages.log_format import render_format
from wizard.core.stages.owner import Owner, Tool, snippet

DOCS = Path(__file__).resolve().parents[2] / "docs"
GROUP = "/aws/apigateway/wallarm-api-discovery-1a2b3c4d"
ARN = f"arn:aws:logs:eu-central-1:123456789012:log-group:{GROUP}"
OWNERS = """# Stages that a template owns

A stage deployed by CloudFormation, SAM, CDK, the Serverless Framework or Terraform can lose its
access log at the next deployment. The wizard says so beside the stage and shows the snippet for its
template, with your log group in it; one that does not exist yet is a parameter of it. These
are examples. `make snippets` has cfn-lint look at those of CloudFormation, SAM and the Serverless
Framework, and the tests validate Terraform's. No linter has seen the CDK's."""
BEFORE_YOU_PAY = """# Before you pay

What Wallarm's API Discovery needs, and what it cannot show of an access log. The sources are
Wallarm's own pages of 2026-08; plans and versions can change them."""
_LANGUAGE = {Tool.TERRAFORM: "hcl", Tool.CDK: "typescript"}


def answers() -> str:
    """The reference of every answer."""
    return f"""# Answers

One JSON object with these keys; `wallarm-apigw answers` prints one with every default. Keys that
the Terraform module has a variable for carry its name. An unknown key is refused, with the closest
one that exists; an unknown `WALLARM_APIGW_…` variable has no effect, and you are told so. In an
environment variable and after `--set`, a list is written with commas (`a1b2c3/prod,d4e5f6/live`)
and `tags` as `name=value,name=value`.

The Wallarm token is not an answer: it comes from `WALLARM_API_TOKEN`, from `--token-file`, or from
the masked field, and goes straight to an SSM SecureString.

{reference()}
"""


def before_you_pay() -> str:
    """What to know of API Discovery before it is bought and deployed."""
    parts = [BEFORE_YOU_PAY]
    for one in EXPECTATIONS:
        parts += ["", f"## {one.short}", "", one.text]
    return "\n".join(parts) + "\n"


def owners() -> str:
    """A snippet for each tool that can own a stage."""
    parts = [OWNERS]
    for tool in Tool:
        parts += ["", f"## {tool.value}"]
        for kind in (ApiType.REST, ApiType.HTTP):
            level = "INFO" if kind is ApiType.REST else ""
            settings = StageSettings(AccessLog(ARN, render_format(kind)), level)
            text = snippet(Owner(tool, "shop"), kind, settings).rstrip()
            language = _LANGUAGE.get(tool, "yaml")
            parts += ["", f"{kind.value} API:", "", f"```{language}", text, "```"]
    return "\n".join(parts) + "\n"


PAGES = {
    "before-you-pay.md": before_you_pay,
    "answers.md": answers,
    "checks.md": checklist_text.document,
    "commands.md": commands.page,
    "errors.md": errors.page,
    "stage-owners.md": owners,
}


def main() -> None:
    """Write every page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
    page = module.README.read_text(encoding="utf-8")
    module.README.write_text(module.filled(page), encoding="utf-8")
    table.main()
    report.write(json.loads(report.SAVED.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
