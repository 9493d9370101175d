"""Every snippet for CloudFormation, AWS SAM and the Serverless Framework, judged by cfn-lint.

Each is put into a template, as its owner would. `make snippets` runs it in an environment of its
own and rewrites linted.json; a finding is a failure. The tests compare what the product prints now
with what was linted. Terraform's snippets are validated by Terraform itself, in tests/terraform.
For the CDK, and for the options that the Serverless Framework has for REST APIs, there is no
linter here.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from wizard.core.facts import AccessLog, ApiType, StageSettings
from wizard.core.stages.log_format import render_format
from wizard.core.stages.owner import UNKNOWN, Owner, Tool, snippet

LINTED = Path(__file__).with_name("linted.json")
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/apigateway/wallarm-api-discovery-"

# What stands around it in the owner's template: further properties of the stage, other resources.
_REST = """\
      RestApiId: !Ref TheApi
      DeploymentId: !Ref TheDeployment
      StageName: prod
"""
_REST_API = """\
  TheApi:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: orders
  TheMethod:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref TheApi
      ResourceId: !GetAtt TheApi.RootResourceId
      HttpMethod: GET
      AuthorizationType: NONE
      Integration:
        Type: MOCK
  TheDeployment:
    Type: AWS::ApiGateway::Deployment
    DependsOn: TheMethod
    Properties:
      RestApiId: !Ref TheApi
"""
_V2 = """\
      ApiId: !Ref TheApi
      StageName: prod
"""
_HTTP_API = """\
  TheApi:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: orders
      ProtocolType: HTTP
"""
_WEBSOCKET_API = """\
  TheApi:
    Type: AWS::ApiGatewayV2::Api
    Properties:
      Name: orders
      ProtocolType: WEBSOCKET
      RouteSelectionExpression: $request.body.action
"""
_SAM = "      StageName: prod\n"
_SAM_API = "      DefinitionUri: s3://templates/orders.yaml\n"
_TRANSFORM = "Transform: AWS::Serverless-2016-10-31\n"
_AROUND = {
    ApiType.REST: (_REST, _REST_API),
    ApiType.HTTP: (_V2, _HTTP_API),
    ApiType.WEBSOCKET: (_V2, _WEBSOCKET_API),
}


@dataclass(frozen=True)
class Case:
    """A template with a snippet in it, and which one that is."""

    name: str
    template: str


def snippets(*tools: Tool) -> Iterator[tuple[str, Tool, ApiType, str]]:
    """(before or after, tool, type, text): of each tool and type of API, before the log group
    exists and after."""
    for when, suffix in (("before", UNKNOWN), ("after", "f64911f6")):
        for kind in ApiType:
            level = "" if kind is ApiType.HTTP else "INFO"
            settings = StageSettings(AccessLog(GROUP + suffix, render_format(kind)), level)
            for tool in tools:
                yield when, tool, kind, snippet(Owner(tool, "orders", "LiveStage"), kind, settings)


def cases() -> Iterator[Case]:
    """Each snippet that cfn-lint can judge."""
    for when, tool, kind, text in snippets(Tool.CLOUDFORMATION, Tool.SAM, Tool.SERVERLESS):
        if not (tool is Tool.SERVERLESS and kind is ApiType.REST):
            yield Case(f"{tool.value}, {kind.value}, {when}", template(tool, kind, text))


def template(tool: Tool, kind: ApiType, text: str) -> str:
    """The snippet in the template of its owner."""
    properties, others = _AROUND[kind]
    transform = ""
    if tool is Tool.SAM and kind is not ApiType.WEBSOCKET:
        transform, others = _TRANSFORM, ""
        properties = _SAM + (_SAM_API if kind is ApiType.REST else "")
    if tool is Tool.SERVERLESS:
        text = _extended(text)
    if "Resources:\n" not in text:
        text = "Resources:\n" + text
    text = text.replace("    Properties:\n", "    Properties:\n" + properties, 1)
    return f"AWSTemplateFormatVersion: '2010-09-09'\n{transform}{text}{others}"


def _extended(text: str) -> str:
    """What the framework makes of `resources.extensions`: properties of the stage it deploys, with
    the variable of the environment in its place."""
    lines = text.split("  extensions:\n", 1)[1].splitlines()
    name, *rest = (line[2:] for line in lines)
    made = "\n".join([name, "    Type: AWS::ApiGatewayV2::Stage", *rest]) + "\n"
    return made.replace("${env:WALLARM_LOG_GROUP_ARN}", f"'{GROUP}f64911f6'")


def digests() -> dict[str, str]:
    """The SHA-256 of each template that the product's snippets make now."""
    return {c.name: hashlib.sha256(c.template.encode()).hexdigest() for c in cases()}


def main() -> int:
    """Lint each; exit code 1 where there is a finding."""
    from cfnlint.api import lint
    from cfnlint.config import ManualArgs

    wrong = 0
    for case in cases():
        found = lint(case.template, config=ManualArgs(regions=["us-east-1"]))
        for match in found:
            wrong += 1
            print(f"{case.name}: {match.rule.id} line {match.linenumber}: {match.message}")
    if not wrong:
        tool = f"cfn-lint {metadata.version('cfn-lint')}"
        LINTED.write_text(json.dumps({"tool": tool, "templates": digests()}, indent=1) + "\n")
        print(f"{len(digests())} templates, no finding ({tool})")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
