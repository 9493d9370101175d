"""The support bundle: shown first, complete enough to help, and without a single secret."""

from __future__ import annotations

import json
import re
import time
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.e2e.conftest import Deployed

pytestmark = pytest.mark.e2e

SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYplantedKEY"
SESSION = "IQoJb3JpZ2luX2VjEPLANTEDsessiontoken//////////wEaCXVz"
FILES = {
    "versions.txt", "answers.json", "report.txt", "report.json", "journal.jsonl", "state.txt",
    "plan.txt", "terraform.log",
    "logs/node.txt", "logs/forwarder.txt", "logs/ecs.txt",
}  # fmt: skip


def test_it_is_listed_first_and_not_written_without_consent(
    deployed: Deployed, tmp_path: Path
) -> None:
    target = tmp_path / "bundle.zip"
    silent = deployed.cli("support-bundle", "--show", "--file", str(target))
    assert silent.returncode == 2
    assert all(name in silent.stderr for name in FILES), silent.stderr
    assert "WAG-LOG-005  Does a subscription filter" in silent.stdout, "all of it is shown"
    assert re.search(r"^\S+ plan: [1-9]\d+ to add, 0 to change", silent.stdout, re.MULTILINE)
    assert "--- terraform apply: exit code 0" in silent.stdout
    assert not target.exists()


def test_planted_secrets_are_nowhere_in_it(deployed: Deployed, tmp_path: Path) -> None:
    token = deployed.box.token
    log = deployed.workspace / "logs" / "terraform.log"
    journal = deployed.workspace / "journal.jsonl"
    held, kept = log.read_bytes(), journal.read_bytes()
    last = json.loads(kept.decode().splitlines()[-1])
    logs, group = deployed.client("logs"), deployed.outputs.node_log_group
    logs.create_log_stream(logGroupName=group, logStreamName="planted")
    now = int(time.time() * 1000)
    line = f"WALLARM_API_TOKEN={token} and {quote(token, safe='')}"
    logs.put_log_events(
        logGroupName=group,
        logStreamName="planted",
        logEvents=[{"timestamp": now, "message": line}],
    )
    target = tmp_path / "bundle.zip"
    try:
        with log.open("ab") as out:
            out.write(f"\nsaid {SECRET_KEY} and {SESSION} and {token}\n".encode())
        entry = last | {"seq": last["seq"] + 1, "detail": f"AWS said {token} {SECRET_KEY}"}
        journal.write_bytes(kept + json.dumps(entry).encode() + b"\n")
        done = deployed.cli(
            "support-bundle", "--file", str(target), "--yes",
            AWS_SECRET_ACCESS_KEY=SECRET_KEY, AWS_SESSION_TOKEN=SESSION,
        )  # fmt: skip
    finally:
        log.write_bytes(held)
        journal.write_bytes(kept)
        logs.delete_log_stream(logGroupName=group, logStreamName="planted")
    assert done.returncode == 0, done.stderr
    assert "not sent anywhere" in done.stderr
    with zipfile.ZipFile(target) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(files) == FILES
    assert "<redacted>" in files["terraform.log"]
    assert "WAG-LOG-005" in files["report.txt"]
    assert "aws_lambda_function.forwarder" in files["state.txt"]
    for secret in (token, quote(token, safe=""), SECRET_KEY, SESSION):
        assert [name for name, text in files.items() if secret in text] == []
    assert target.stat().st_mode & 0o077 == 0


def test_a_file_that_exists_is_never_overwritten(deployed: Deployed, tmp_path: Path) -> None:
    target = tmp_path / "bundle.zip"
    target.write_bytes(b"mine")
    done = deployed.cli("support-bundle", "--file", str(target), "--yes")
    assert done.returncode == 1
    assert "--file" in done.stderr
    assert target.read_bytes() == b"mine"
