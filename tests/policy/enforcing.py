"""A local AWS that enforces IAM: who is not root may do what attached policies allow, no more.

ministack judges by itself, from the request: it knows nothing of the tables in `mapping` and
`judge`. It evaluates actions, resources and most conditions, though not tags of resources.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3

from tests.policy.recorder import Recorder
from wizard.core.answers.model import Answers
from wizard.core.permissions.documents import documents
from wizard.sandbox.local_aws import LocalAws

ACCOUNT, REGION = "123456789012", "us-east-1"
ROOT = {"AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}

# AWS checks the first two against what they are about, and tells the third which policy is meant,
# as the printed policies have it; this local AWS finds neither in the request.
ON_ANY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "iam:SimulatePrincipalPolicy",
                "lambda:CreateFunction",
                "iam:AttachRolePolicy",
            ],
            "Resource": "*",
        }
    ],
}


class _Strict(LocalAws):
    launcher = Path(__file__).with_name("enforcing_child.py")

    def _environment(self, mark: str) -> dict[str, str]:
        return super()._environment(mark) | ROOT | {"AUTH": "true"}


class EnforcingAws:
    """`with EnforcingAws(folder) as aws:` gives one with two APIs and a user without any right."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._aws = _Strict(folder, ACCOUNT, REGION)
        self.stages: tuple[str, ...] = ()
        self.keys: dict[str, str] = {}

    def __enter__(self) -> EnforcingAws:
        asyncio.run(self._aws.start())
        # As behind a proxy that ends TLS: our bucket's policy refuses anything else.
        self.recorder = Recorder(self.direct, headers={"X-Forwarded-Proto": "https"})
        self.recorder.__enter__()
        self._seed()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.recorder.__exit__(kind, error, trace)
        asyncio.run(self._aws.stop())

    @property
    def direct(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._aws.port}"

    @property
    def url(self) -> str:
        """Where it answers and what was asked is recorded."""
        return self.recorder.url

    def root(self, service: str) -> Any:
        """A client that may do everything."""
        return boto3.client(
            service, endpoint_url=self.direct, region_name=REGION,
            aws_access_key_id=ROOT["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ROOT["AWS_SECRET_ACCESS_KEY"],
        )  # fmt: skip

    def let(self, *policies: dict[str, Any]) -> None:
        """From now on the user may do exactly this."""
        iam = self.root("iam")
        for name in iam.list_user_policies(UserName="jane")["PolicyNames"]:
            iam.delete_user_policy(UserName="jane", PolicyName=name)
        for number, policy in enumerate((*policies, ON_ANY) if policies else ()):
            iam.put_user_policy(
                UserName="jane", PolicyName=f"p{number}", PolicyDocument=json.dumps(policy)
            )

    def let_printed(self, answers: Answers, purpose: str) -> tuple[dict[str, Any], ...]:
        """From now on the user may do what is printed for this purpose."""
        found = documents(answers, purpose, ACCOUNT)
        self.let(*found)
        return found

    def refused(self) -> set[str]:
        """What was asked for and not allowed since the last look."""
        calls, self.recorder.calls = self.recorder.calls, []
        return {f"{call.service}:{call.operation}" for _, _, call, status in calls if status == 403}

    def _seed(self) -> None:
        rest, http, iam = self.root("apigateway"), self.root("apigatewayv2"), self.root("iam")
        api = rest.create_rest_api(name="orders")["id"]
        root = rest.get_resources(restApiId=api)["items"][0]["id"]
        rest.put_method(restApiId=api, resourceId=root, httpMethod="GET", authorizationType="NONE")
        rest.put_integration(restApiId=api, resourceId=root, httpMethod="GET", type="MOCK")
        deployed = rest.create_deployment(restApiId=api, stageName="prod")["id"]
        rest.create_stage(restApiId=api, stageName="later", deploymentId=deployed)
        other = http.create_api(Name="pets", ProtocolType="HTTP")["ApiId"]
        http.create_stage(ApiId=other, StageName="live")
        self.stages = (f"{api}/prod", f"{other}/live", f"{api}/later")
        iam.create_user(UserName="jane")
        key = iam.create_access_key(UserName="jane")["AccessKey"]
        self.keys = {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }
