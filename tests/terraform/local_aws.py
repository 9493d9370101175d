"""A local AWS of its own for the module: no sample APIs, no node, gone when the block ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3

from wizard.sandbox.local_aws import LocalAws as SandboxAws

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"


class LocalAws:
    """`with LocalAws(folder) as aws:` gives `endpoint_url`, `env` for Terraform and clients.

    `folder` is a place for files of the same life.
    """

    region = REGION

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self._aws = SandboxAws(folder, ACCOUNT_ID, REGION)

    @property
    def endpoint_url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._aws.port}"

    @property
    def env(self) -> dict[str, str]:
        """What points Terraform's AWS provider at it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_S3_USE_PATH_STYLE": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def client(self, service: str) -> Any:
        """A boto3 client of it, whatever the caller's environment says."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox",
        )

    def __enter__(self) -> LocalAws:
        asyncio.run(self._aws.start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run(self._aws.stop())
