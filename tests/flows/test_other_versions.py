"""Files of an older version of this product are read and kept; newer ones are not touched.

So far there is one version only. A second and a third are made up here, and go through the same
doors as real ones: the saved answers, the answers file, the draft, the workspace, the bucket.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wizard.core import migrations
from wizard.core.answers import parse as answers_io
from wizard.core.answers import rules
from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.core.state_place import StatePlace
from wizard.flows.context import Options
from wizard.flows.deployment import answers
from wizard.flows.deployment import answers as saved
from wizard.services import files
from wizard.services.workspace import s3_state
from wizard.services.workspace import workspace as workspace_meta
from wizard.services.workspace.workspace import WorkspaceId, open_workspace

IDENTITY = WorkspaceId("123456789012", "eu-central-1", "api-gw-discovery")
NOW = 3
OLD = {"zone": "ACME.example", "node_dns_name": "node", "region": "eu-central-1"}  # version 1


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions on: 2 renamed a key, 3 wants it in small letters."""
    steps: migrations.Steps = {
        1: lambda d: {
            **{k: v for k, v in d.items() if k != "zone"}, "r53_domain_name": d.get("zone", ""),
        },
        2: lambda d: {**d, "r53_domain_name": d["r53_domain_name"].lower()},
    }  # fmt: skip
    monkeypatch.setattr(migrations, "ANSWERS", steps)
    for module in (migrations, rules, saved, s3_state):
        monkeypatch.setattr(module, "SCHEMA_VERSION", NOW)
    layout: migrations.Steps = {1: lambda d: {**d, "module": d.get("copy", "")}, 2: dict}
    monkeypatch.setattr(migrations, "LAYOUT", layout)
    monkeypatch.setattr(workspace_meta, "LAYOUT_VERSION", NOW)


def current(data: dict[str, Any]) -> Answers:
    return answers_io.build_answers(data)


@pytest.mark.usefixtures("later")
def test_saved_answers_of_an_older_version_are_understood_and_kept_when_they_are_replaced(
    tmp_path: Path,
) -> None:
    path = tmp_path / "answers.json"
    path.write_text(json.dumps(OLD))
    found = current(saved.answers_of(tmp_path))
    assert (found.schema_version, found.r53_domain_name) == (NOW, "acme.example")
    assert json.loads(path.read_text()) == OLD, "reading changes nothing"

    saved.keep_answers(path, found)
    kept = tmp_path / "answers.v1.json"
    assert json.loads(kept.read_text()) == OLD
    assert kept.stat().st_mode & 0o777 == 0o600
    assert saved.answers_of(tmp_path)["r53_domain_name"] == "acme.example"
    saved.keep_answers(path, found.with_(node_tag="0.25.5"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["answers.json", "answers.v1.json"]


@pytest.mark.usefixtures("later")
def test_an_answers_file_and_a_draft_of_an_older_version_are_understood(tmp_path: Path) -> None:
    text = json.dumps({**OLD, "schema_version": 1})
    assert current(answers_io.parse_file(text, "a.json")).r53_domain_name == "acme.example"
    options = Options(workspace=tmp_path, env={})
    answers.draft_file(options).write_text(text)
    draft = current(answers.load_draft(options))
    assert draft.r53_domain_name == "acme.example"
    answers.save_draft(options, draft)
    assert json.loads((tmp_path / "draft-answers.v1.json").read_text())["zone"] == "ACME.example"


@pytest.mark.usefixtures("later")
def test_a_workspace_of_an_older_layout_is_opened_and_its_description_kept(tmp_path: Path) -> None:
    described = {
        "account_id": IDENTITY.account_id, "region": IDENTITY.region,
        "name_prefix": IDENTITY.name_prefix, "layout": 1, "copy": "module-0123456789ab",
    }  # fmt: skip
    (tmp_path / "workspace.json").write_text(json.dumps(described))
    (tmp_path / "module-0123456789ab").mkdir()
    workspace = open_workspace(IDENTITY, root=tmp_path)
    assert workspace.module == workspace.root / "module-0123456789ab"
    workspace_meta.write_meta(workspace.root, module="module-ffffffffffff")
    assert json.loads((tmp_path / "workspace.v1.json").read_text()) == described
    assert json.loads((tmp_path / "workspace.json").read_text())["layout"] == NOW


class Bucket(s3_state.StateStore):
    """A bucket in memory."""

    def __init__(self) -> None:
        self.place = StatePlace("team", "123456789012", "eu-central-1", "api-gw-discovery")
        self.objects: dict[str, bytes] = {}

    def read_object(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def write_object(self, key: str, data: bytes) -> None:
        self.objects[key] = data


@pytest.mark.usefixtures("later")
def test_a_colleagues_older_answers_in_the_bucket_are_understood_and_kept() -> None:
    bucket = Bucket()
    bucket.objects[bucket.place.answers] = json.dumps(OLD).encode()
    found = current(bucket.saved_answers())
    assert found.r53_domain_name == "acme.example"
    bucket.save_answers(found.to_json())
    kept = files.kept_name(bucket.place.answers, 1)
    assert kept.endswith("/answers.v1.json")
    assert json.loads(bucket.objects[kept]) == OLD
    assert bucket.saved_answers()["schema_version"] == NOW


def test_what_a_newer_version_wrote_is_refused_at_every_door_and_stays_as_it_is(
    tmp_path: Path,
) -> None:
    newer = json.dumps({"schema_version": 9, "brand_new": True})
    (tmp_path / "answers.json").write_text(newer)
    bucket = Bucket()
    bucket.objects[bucket.place.answers] = newer.encode()
    for read in (
        lambda: saved.answers_of(tmp_path),
        lambda: answers_io.parse_file(newer, "a.json"),
        bucket.saved_answers,
    ):
        with pytest.raises(WizardError) as caught:
            read()
        assert caught.value.code == "WAG-E-VERSION-001"
        assert "newer version" in caught.value.what
    assert (tmp_path / "answers.json").read_text() == newer


def test_a_draft_of_a_newer_version_is_not_guessed_at_and_not_lost(tmp_path: Path) -> None:
    options = Options(workspace=tmp_path, env={})
    newer = json.dumps({"schema_version": 9, "brand_new": True})
    answers.draft_file(options).write_text(newer)
    assert answers.load_draft(options) == {}
    answers.save_draft(options, Answers())
    assert (tmp_path / "draft-answers.v9.json").read_text() == newer


def test_a_workspace_of_a_newer_layout_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    root = open_workspace(IDENTITY, root=tmp_path).root
    described = root / "workspace.json"
    newer = json.dumps({**json.loads(described.read_text()), "layout": 9})
    described.write_text(newer)
    with pytest.raises(WizardError, match="WAG-E-VERSION-001"):
        open_workspace(IDENTITY, root=tmp_path)
    assert described.read_text() == newer


def test_a_command_on_newer_answers_says_what_to_do_and_changes_nothing(tmp_path: Path) -> None:
    home, root = tmp_path / "home", tmp_path / "w"
    open_workspace(WorkspaceId("123456789012", "us-east-1", "api-gw-discovery"), root=root)
    newer = json.dumps({**json.loads(Answers().to_json()), "schema_version": 9})
    (root / "answers.json").write_text(newer)
    done = subprocess.run(
        [sys.executable, "-m", "wizard.cli", "install", "--dry-run", "--workspace", str(root)],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
             "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "WAG-E-VERSION-001" in done.stderr
    assert (root / "answers.json").read_text() == newer
    assert not list(root.glob("*.v9.json"))
