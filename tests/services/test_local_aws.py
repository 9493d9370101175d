"""Not every endpoint on this machine is the sandbox."""

from __future__ import annotations

import pytest

from wizard.services.checks.examination import runs_no_instances

HERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
OURS = {"WALLARM_APIGW_EXECUTE_API_URL": "http://127.0.0.1:1"}


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (HERE | OURS, True),
        (HERE, False),
        (OURS, False),
        ({"AWS_ENDPOINT_URL": "https://vpce.example"} | OURS, False),
        (HERE | OURS | {"WALLARM_APIGW_JUDGE_LOCAL_AWS": "1"}, False),
        ({}, False),
    ],
)
def test_only_the_sandbox_runs_no_instances(env: dict[str, str], expected: bool) -> None:
    assert runs_no_instances(env) is expected
