"""One fresh sandbox for each file of this folder, and the AWS clients that see it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest

from wizard.sandbox import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start() as running:
        yield running


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Callable[[str], Any]:
    def client(service: str) -> Any:
        return client_for(sandbox, service)

    return client


def client_for(sandbox: Sandbox, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=sandbox.endpoint_url,
        region_name=sandbox.region,
        aws_access_key_id="sandbox",
        aws_secret_access_key="sandbox",
    )


def zipped(source: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as package:
        package.writestr("handler.py", source)
    return held.getvalue()


def make_function(
    sandbox: Sandbox, name: str, source: str, variables: dict[str, str] | None = None
) -> str:
    """A Python Lambda function named `name`; returns its ARN."""
    arn = client_for(sandbox, "lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=f"arn:aws:iam::{sandbox.account_id}:role/test",
        Handler="handler.handler",
        Code={"ZipFile": zipped(source)},
        Timeout=600,
        Environment={"Variables": variables or {}},
    )["FunctionArn"]
    return str(arn)
