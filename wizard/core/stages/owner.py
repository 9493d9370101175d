"""Who deploys a stage, told by its tags, and what its owner should put into their template.

A stage that a template owns can lose its logging at the next deploy. The connector changes the
stage all the same; the snippet makes the change part of the template.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from wizard.core.facts import ApiType, Stage, StageSettings


class Tool(str, Enum):
    """Tools that leave a trace in tags."""

    CLOUDFORMATION = "CloudFormation"
    SAM = "AWS SAM"
    CDK = "AWS CDK"
    SERVERLESS = "Serverless Framework"
    TERRAFORM = "Terraform"


@dataclass(frozen=True)
class Owner:
    """The tool that deploys a stage, and the name it uses (stack, service or workspace)."""

    tool: Tool
    name: str
    resource: str = ""  # the logical id, where a tag tells it

    def __str__(self) -> str:
        kind = "" if self.tool in (Tool.TERRAFORM, Tool.SERVERLESS) else "stack "
        return f'{self.tool.value} {kind}"{self.name}"' if self.name else self.tool.value


def owner(stage: Stage) -> Owner | None:
    """The owner that the stage's or its API's tags name, or None when nothing is known.

    Terraform leaves no tag of its own; it is recognised where a team tags what it manages, which is
    a convention, not a proof.
    """
    return from_tags(stage.tags) or from_tags(stage.api.tags)


def from_tags(tags: Mapping[str, str]) -> Owner | None:
    """The owner one set of tags names."""
    stack = tags.get("aws:cloudformation:stack-name", "")
    logical = tags.get("aws:cloudformation:logical-id", "")
    lowered = {key.lower(): value for key, value in tags.items()}
    if lowered.get("httpapi:createdby", "").upper() == "SAM":
        return Owner(Tool.SAM, stack, logical)
    if "aws-cdk:stack" in lowered or any(key.startswith("aws-cdk:") for key in lowered):
        return Owner(Tool.CDK, stack or lowered.get("aws-cdk:stack", ""), logical)
    if "sls_service" in lowered or "serverless:service" in lowered:
        return Owner(
            Tool.SERVERLESS,
            lowered.get("sls_service") or lowered.get("serverless:service", ""),
            logical,
        )
    # Serverless tags its stages with STAGE and deploys through CloudFormation.
    if stack and "STAGE" in tags and stack.endswith(f"-{tags['STAGE']}"):
        return Owner(Tool.SERVERLESS, stack.removesuffix(f"-{tags['STAGE']}"), logical)
    if stack:
        return Owner(Tool.CLOUDFORMATION, stack, logical)
    managed_by = lowered.get("managedby") or lowered.get("managed-by") or lowered.get("managed_by")
    if "terraform" in lowered or (managed_by and "terraform" in managed_by.lower()):
        name = lowered.get("terraform", "")
        return Owner(Tool.TERRAFORM, "" if name.lower() in ("true", "1", "yes") else name)
    return None


def snippet(who: Owner, api_type: ApiType, settings: StageSettings) -> str:
    """What the owner puts into their template so that the next deploy keeps these settings."""
    arn = settings.access_log.destination_arn
    text = settings.access_log.format
    level = settings.logging_level
    if who.tool is Tool.TERRAFORM:
        return _terraform(api_type, arn, text, level)
    if who.tool is Tool.CDK:
        return _cdk(api_type, arn, text, level)
    if who.tool is Tool.SERVERLESS:
        return _serverless(api_type, arn, text, level)
    if who.tool is Tool.SAM:
        return _sam(api_type, arn, text, level)
    return _cloudformation(api_type, who.resource or "YourStage", arn, text, level)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"  # YAML, single quoted


def _cloudformation(api_type: ApiType, name: str, arn: str, text: str, level: str) -> str:
    rest = api_type is ApiType.REST
    key = "AccessLogSetting" if rest else "AccessLogSettings"
    kind = "AWS::ApiGateway::Stage" if rest else "AWS::ApiGatewayV2::Stage"
    lines = [
        f"  {name}:",
        f"    Type: {kind}",
        "    Properties:",
        f"      {key}:",
        f"        DestinationArn: {_quoted(arn)}",
        f"        Format: {_quoted(text)}",
    ]
    if level and rest:
        lines += [
            "      MethodSettings:",
            "        - ResourcePath: '/*'",
            "          HttpMethod: '*'",
            f"          LoggingLevel: {level}",
        ]
    elif level and api_type is ApiType.WEBSOCKET:
        lines += ["      DefaultRouteSettings:", f"        LoggingLevel: {level}"]
    return "\n".join(lines) + "\n"


def _sam(api_type: ApiType, arn: str, text: str, level: str) -> str:
    if api_type is ApiType.WEBSOCKET:
        return _cloudformation(api_type, "YourStage", arn, text, level)
    rest = api_type is ApiType.REST
    lines = [
        "  YourApi:",
        f"    Type: AWS::Serverless::{'Api' if rest else 'HttpApi'}",
        "    Properties:",
        f"      {'AccessLogSetting' if rest else 'AccessLogSettings'}:",
        f"        DestinationArn: {_quoted(arn)}",
        f"        Format: {_quoted(text)}",
    ]
    if level and rest:
        lines += [
            "      MethodSettings:",
            "        - ResourcePath: '/*'",
            "          HttpMethod: '*'",
            f"          LoggingLevel: {level}",
        ]
    return "\n".join(lines) + "\n"


def _cdk(api_type: ApiType, arn: str, text: str, level: str) -> str:
    rest = api_type is ApiType.REST
    target, prop = ("CfnStage", "accessLogSetting" if rest else "accessLogSettings")
    package = "aws_apigateway" if rest else "aws_apigatewayv2"
    lines = [
        f"// import {{ {package} as apigw }} from 'aws-cdk-lib';",
        f"const cfnStage = stage.node.defaultChild as apigw.{target};",
        f"cfnStage.{prop} = {{",
        f"  destinationArn: {json.dumps(arn)},",
        f"  format: {json.dumps(text)},",
        "};",
    ]
    if level and rest:
        lines += [
            "cfnStage.addPropertyOverride('MethodSettings', [",
            f"  {{ ResourcePath: '/*', HttpMethod: '*', LoggingLevel: '{level}' }},",
            "]);",
        ]
    elif level and api_type is ApiType.WEBSOCKET:
        lines.append(
            f"cfnStage.addPropertyOverride('DefaultRouteSettings.LoggingLevel', '{level}');"
        )
    return "\n".join(lines) + "\n"


def _serverless(api_type: ApiType, arn: str, text: str, level: str) -> str:
    if api_type is ApiType.REST:
        # The framework has no stage resource for REST APIs to extend, only these options; it logs
        # to a group of its own, which the connector can keep and subscribe to.
        lines = ["provider:", "  logs:", "    restApi:", "      accessLogging: true"]
        lines.append(f"      format: {_quoted(text)}")
        if level:
            lines += ["      executionLogging: true", f"      level: {level}"]
        return "\n".join(lines) + "\n"
    websocket = api_type is ApiType.WEBSOCKET
    lines = [
        "resources:",
        "  extensions:",
        f"    {'WebsocketsDeploymentStage' if websocket else 'HttpApiStage'}:",
        "      Properties:",
        "        AccessLogSettings:",
        f"          DestinationArn: {_quoted(arn)}",
        f"          Format: {_quoted(text)}",
    ]
    if level and websocket:
        lines += ["        DefaultRouteSettings:", f"          LoggingLevel: {level}"]
    return "\n".join(lines) + "\n"


def _terraform(api_type: ApiType, arn: str, text: str, level: str) -> str:
    rest = api_type is ApiType.REST
    kind = "aws_api_gateway_stage" if rest else "aws_apigatewayv2_stage"
    literal = json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    lines = [
        f'resource "{kind}" "your_stage" {{',
        "  # … as it is …",
        "  access_log_settings {",
        f"    destination_arn = {json.dumps(arn)}",
        f"    format          = {literal}",
        "  }",
    ]
    if level and api_type is ApiType.WEBSOCKET:
        lines += ["  default_route_settings {", f'    logging_level = "{level}"', "  }"]
    lines.append("}")
    if level and rest:
        lines += [
            "",
            'resource "aws_api_gateway_method_settings" "your_stage" {',
            "  rest_api_id = aws_api_gateway_stage.your_stage.rest_api_id",
            "  stage_name  = aws_api_gateway_stage.your_stage.stage_name",
            '  method_path = "*/*"',
            "  settings {",
            f'    logging_level = "{level}"',
            "  }",
            "}",
        ]
    return "\n".join(lines) + "\n"
