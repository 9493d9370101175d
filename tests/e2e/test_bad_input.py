"""Bad input is one clear error with the next step, before anything was changed."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import need_terraform, stage_images
from wizard.sandbox import Sandbox

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("bad-input")]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox.start() as sandbox:
        yield sandbox


@pytest.fixture
def run(box: Sandbox, tmp_path: Path) -> Run:
    """`wallarm-apigw install` with good answers, of which a test spoils one."""

    def call(
        *arguments: str, answers: dict[str, Any] | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        file = tmp_path / "answers.json"
        good = {"region": box.region, "stages": [box.sample_stages[0]]}
        file.write_text(json.dumps(good | (answers or {})), encoding="utf-8")
        base = {k: v for k, v in os.environ.items() if k not in box.unset}
        home = {"HOME": str(tmp_path / "home"), "XDG_DATA_HOME": str(tmp_path / "home" / "data")}
        done = subprocess.run(
            [sys.executable, "-m", "wizard.cli", "install", "--answers", str(file),
             "--workspace", str(tmp_path / "workspace"), *arguments],
            env={**base, **box.env, **home, "NO_COLOR": "1", "WALLARM_APIGW_YES": "1", **env},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        assert "Next" in done.stderr, done.stderr
        return done

    return call


@pytest.fixture(autouse=True)
def _nothing_is_changed(box: Sandbox) -> Iterator[None]:
    client = _client(box)
    before = stage_images(client)
    yield
    assert stage_images(client) == before
    assert client("lambda").list_functions()["Functions"] == []
    assert client("ssm").describe_parameters()["Parameters"] == []


def _client(box: Sandbox) -> Callable[[str], Any]:
    import boto3

    session = boto3.Session("sandbox", "sandbox", region_name=box.region)
    return lambda service: session.client(service, endpoint_url=box.endpoint_url)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"name_prefix": "x" * 39}, "at most 38"),
        ({"name_prefix": "My_Prefix"}, "name_prefix"),
        ({"x_wallarm_application_id": 0}, "x_wallarm_application_id"),
        ({"wallarm_api_host": "https://api.wallarm.com/"}, "wallarm_api_host"),
        ({"region": "nowhere-1"}, "region"),
        ({"region": "eu-nowhere-1"}, "eu-nowhere-1"),
        ({"node_tag": "0.20.0"}, "0.21.0"),
        ({"stage": ["a/b"]}, "stages"),
        ({"stages": []}, "stage"),
        ({"account_id": "210987654321"}, "210987654321"),
        ({"r53_domain_name": "example.com"}, "node_dns_name"),
        ({"certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/1"}, "node_dns_name"),
        ({"node_url": "node.example.com:65536"}, "a port from 1 to 65535"),
    ],
)
def test_an_answer_that_cannot_be_used_is_named(
    run: Run, answers: dict[str, Any], said: str
) -> None:
    done = run(answers=answers)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr


def test_a_certificate_that_cannot_serve_the_node_is_refused(run: Run, box: Sandbox) -> None:
    acm = _client(box)("acm")
    other = acm.request_certificate(DomainName="*.example.org")["CertificateArn"]
    gone = f"{other[:-3]}000"
    for arn, said in (
        (other, "is for *.example.org, not for node.example.com"),
        (gone, "does not exist in this account and Region"),
    ):
        named = {"r53_domain_name": "example.com", "node_dns_name": "node", "certificate_arn": arn}
        done = run(answers=named)
        assert done.returncode == 2
        assert "[WAG-E-CERT-001]" in done.stderr
        assert said in " ".join(done.stderr.split())


def test_a_wrong_stage_is_answered_with_the_closest_ones(run: Run, box: Sandbox) -> None:
    right = box.sample_stages[0]
    done = run(answers={"stages": [right[:-1]]})
    assert done.returncode == 2
    assert f"closest: {right}" in done.stderr


def test_a_malformed_token_is_never_repeated(run: Run) -> None:
    done = run(WALLARM_API_TOKEN="not/the/token/" + "x" * 20)
    assert done.returncode == 2
    assert "64 characters" in done.stderr
    assert "not/the/token" not in done.stderr + done.stdout


def test_a_token_file_that_others_can_read_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("A" * 64)
    file.chmod(0o644)
    done = run("--token-file", str(file))
    assert done.returncode == 2
    assert "chmod 600" in done.stderr


def test_a_missing_token_says_where_to_get_one(run: Run) -> None:
    done = run(WALLARM_API_TOKEN="")
    assert done.returncode == 2
    assert "Node deployment" in done.stderr


def test_without_credentials_it_says_how_to_log_in(run: Run) -> None:
    done = run(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert done.returncode == 2
    assert "aws configure" in done.stderr


class ExpiredAws(http.server.BaseHTTPRequestHandler):
    """An AWS that answers every call with one refusal."""

    def do_POST(self) -> None:
        body = (
            b"<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The "
            b"security token included in the request is expired</Message></Error></ErrorResponse>"
        )
        self.send_response(403)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


def test_expired_credentials_say_how_to_log_in_again(run: Run) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), ExpiredAws) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = run(AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    assert done.returncode == 1
    assert "WAG-E-AWS-002" in done.stderr
    assert "security token included in the request is expired" in done.stderr
    assert "aws sso login" in done.stderr


def test_an_unknown_profile_is_named_with_those_that_exist(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("[profile production]\nregion = us-east-1\n")
    done = run("--profile", "prodction", AWS_CONFIG_FILE=str(config))
    assert done.returncode == 2
    assert "production" in done.stderr


def test_an_account_without_apis_is_told_plainly(run: Run) -> None:
    done = run(answers={"region": "eu-west-3"})
    assert done.returncode == 2
    assert "eu-west-3" in done.stderr


def test_a_missing_terraform_says_how_to_get_one(run: Run) -> None:
    done = run(PATH="/usr/bin-without-terraform")
    assert done.returncode == 1
    assert "Terraform" in done.stderr


def test_a_terraform_that_is_too_old_is_refused(run: Run, tmp_path: Path) -> None:
    old = tmp_path / "terraform"
    version = {"terraform_version": "0.13.7", "provider_selections": {}}
    old.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(version)}\nEND\n")
    old.chmod(0o755)
    done = run("--terraform", str(old))
    assert done.returncode == 1
    assert "0.13.7" in done.stderr
    assert "1.0" in done.stderr


def test_a_provider_that_cannot_be_had_says_where_it_was_looked_for(
    run: Run, tmp_path: Path
) -> None:
    need_terraform()
    empty = tmp_path / "mirror"
    empty.mkdir()
    done = run("--plugin-mirror", str(empty))
    assert done.returncode == 2
    assert str(empty) in done.stderr


def test_without_a_terminal_nobody_is_asked_and_nothing_is_done_without_consent(run: Run) -> None:
    need_terraform()
    done = run("--non-interactive", WALLARM_APIGW_YES="0")
    assert done.returncode == 2
    assert "--yes" in done.stderr
