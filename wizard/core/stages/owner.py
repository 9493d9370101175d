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


UNKNOWN = "…"  # in an ARN: a part that is known only after the deployment
_VARIABLE = "wallarm_log_group_arn"
_PARAMETER = "WallarmLogGroupArn"
_CONSTANT = "wallarmLogGroupArn"
_WHAT_IT_IS = "the connector's output api_gateway_log_group_arn"


def snippet(who: Owner, api_type: ApiType, settings: StageSettings) -> str:
    """What the owner puts into their template so that the next deploy keeps these settings.

    A log group that does not exist yet is a parameter of the template: nothing in it is made up.
    """
    arn = settings.access_log.destination_arn
    known = UNKNOWN not in arn
    text = settings.access_log.format
    level = settings.logging_level
    if who.tool is Tool.TERRAFORM:
        where = json.dumps(arn) if known else f"var.{_VARIABLE}"
        return ("" if known else _TERRAFORM_VARIABLE) + _terraform(api_type, where, text, level)
    if who.tool is Tool.CDK:
        where = json.dumps(arn) if known else _CONSTANT
        return ("" if known else _CDK_PARAMETER) + _cdk(api_type, where, text, level)
    if who.tool is Tool.SERVERLESS:
        where = _quoted(arn) if known else f"${{env:{_VARIABLE.upper()}}}"
        said = f"# {_VARIABLE.upper()}: {_WHAT_IT_IS}\n" if not known else ""
        made = _serverless(api_type, where, text, level)
        return said + made if where in made else made
    where = _quoted(arn) if known else f"!Ref {_PARAMETER}"
    head = "" if known else _YAML_PARAMETER
    if who.tool is Tool.SAM and api_type is not ApiType.WEBSOCKET:
        return head + _sam(api_type, where, text, level)
    return head + _cloudformation(api_type, who.resource or "YourStage", where, text, level)


_YAML_PARAMETER = f"""Parameters:
  {_PARAMETER}:
    Type: String
    Description: {_WHAT_IT_IS}
Resources:
"""
_CDK_PARAMETER = f"""// {_WHAT_IT_IS}
const {_CONSTANT} = new CfnParameter(this, '{_PARAMETER}').valueAsString;
"""
_TERRAFORM_VARIABLE = f"""variable "{_VARIABLE}" {{
  description = "{_WHAT_IT_IS}"
  type        = string
}}

"""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"  # YAML, single quoted


def _cloudformation(api_type: ApiType, name: str, where: str, text: str, level: str) -> str:
    rest = api_type is ApiType.REST
    key = "AccessLogSetting" if rest else "AccessLogSettings"
    kind = "AWS::ApiGateway::Stage" if rest else "AWS::ApiGatewayV2::Stage"
    lines = [
        f"  {name}:",
        f"    Type: {kind}",
        "    Properties:",
        f"      {key}:",
        f"        DestinationArn: {where}",
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


def _sam(api_type: ApiType, where: str, text: str, level: str) -> str:
    rest = api_type is ApiType.REST
    lines = [
        "  YourApi:",
        f"    Type: AWS::Serverless::{'Api' if rest else 'HttpApi'}",
        "    Properties:",
        f"      {'AccessLogSetting' if rest else 'AccessLogSettings'}:",
        f"        DestinationArn: {where}",
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


def _cdk(api_type: ApiType, where: str, text: str, level: str) -> str:
    rest = api_type is ApiType.REST
    target, prop = ("CfnStage", "accessLogSetting" if rest else "accessLogSettings")
    package = "aws_apigateway" if rest else "aws_apigatewayv2"
    lines = [
        f"// import {{ {package} as apigw }} from 'aws-cdk-lib';",
        f"const cfnStage = stage.node.defaultChild as apigw.{target};",
        f"cfnStage.{prop} = {{",
        f"  destinationArn: {where},",
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


def _serverless(api_type: ApiType, where: str, text: str, level: str) -> str:
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
        f"          DestinationArn: {where}",
        f"          Format: {_quoted(text)}",
    ]
    if level and websocket:
        lines += ["        DefaultRouteSettings:", f"          LoggingLevel: {level}"]
    return "\n".join(lines) + "\n"


def _terraform(api_type: ApiType, where: str, text: str, level: str) -> str:
    rest = api_type is ApiType.REST
    kind = "aws_api_gateway_stage" if rest else "aws_apigatewayv2_stage"
    literal = json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
    lines = [
        f'resource "{kind}" "your_stage" {{',
        "  # … as it is …",
        "  access_log_settings {",
        f"    destination_arn = {where}",
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
