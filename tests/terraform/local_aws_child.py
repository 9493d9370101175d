"""Runs the sandbox's local AWS with three more gaps filled that never let a plan be empty.

ministack 1.5.33 stores an alarm whole, but its answer to `DescribeAlarms` in the query protocol,
which the AWS provider speaks, leaves out dimensions, period, actions and more. And its
`UpdateAutoScalingGroup` accepts a new launch template version and forgets it. It takes a log
group's KMS key when the group is created, and knows no action that changes it.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

LAUNCHER = Path(__file__).resolve().parents[2] / "wizard" / "sandbox" / "child" / "launcher.py"


def describe_alarms_in_full() -> None:
    """Change ministack in this process; call it before it serves."""
    from ministack.services import cloudwatch

    original = cloudwatch._describe_alarms

    def describe(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        status, headers, body = original(params, cbor_data, is_cbor, is_json)
        if is_cbor or is_json or status != 200:
            return status, headers, body
        text = body.decode()
        for name, alarm in cloudwatch._alarms.items():
            mark = f"<member><AlarmName>{name}</AlarmName>"
            text = text.replace(mark, mark + _missing(alarm))
        return status, headers, text.encode()

    cloudwatch._describe_alarms = describe


def keep_the_launch_template() -> None:
    """Change ministack in this process; call it before it serves."""
    from ministack.services import autoscaling

    original = autoscaling._update_asg

    def update(params: Any) -> Any:
        answer = original(params)
        group = autoscaling._asgs.get(autoscaling._p(params, "AutoScalingGroupName"))
        identity = autoscaling._p(params, "LaunchTemplate.LaunchTemplateId")
        if group and identity:
            version = autoscaling._p(params, "LaunchTemplate.Version")
            group["LaunchTemplate"] = {
                "LaunchTemplateId": identity,
                "LaunchTemplateName": identity,
                "Version": version or "$Default",
            }
        return answer

    autoscaling._ACTION_MAP["UpdateAutoScalingGroup"] = update


def change_the_key_of_a_log_group() -> None:
    """Change ministack in this process; call it before it serves."""
    from ministack.services import cloudwatch_logs

    original = cloudwatch_logs.handle_request

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").split(".")[-1]
        if action not in ("AssociateKmsKey", "DisassociateKmsKey"):
            return await original(method, path, headers, body, query)
        asked = json.loads(body)
        group = cloudwatch_logs._log_groups[asked["logGroupName"]]
        group["kmsKeyId"] = asked.get("kmsKeyId")
        return cloudwatch_logs.json_response({})

    cloudwatch_logs.handle_request = handle


def _missing(alarm: dict[str, Any]) -> str:
    plain = ("AlarmDescription", "Statistic", "ExtendedStatistic", "Period", "TreatMissingData")
    out = [f"<{key}>{escape(str(alarm[key]))}</{key}>" for key in plain if alarm.get(key)]
    out.append(f"<ActionsEnabled>{str(alarm['ActionsEnabled']).lower()}</ActionsEnabled>")
    for key in ("AlarmActions", "OKActions"):
        members = "".join(f"<member>{escape(item)}</member>" for item in alarm[key])
        out.append(f"<{key}>{members}</{key}>")
    dimensions = "".join(
        f"<member><Name>{escape(d['Name'])}</Name><Value>{escape(d['Value'])}</Value></member>"
        for d in alarm["Dimensions"]
    )
    return "".join(out) + f"<Dimensions>{dimensions}</Dimensions>"


if __name__ == "__main__":
    here = str(Path(__file__).resolve().parent)
    sys.path[:] = [p for p in sys.path if p != here]
    describe_alarms_in_full()
    keep_the_launch_template()
    change_the_key_of_a_log_group()
    runpy.run_path(str(LAUNCHER), run_name="__main__")
