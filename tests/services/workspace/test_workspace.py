"""One folder per deployment, for its owner only, whole or unchanged."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wizard.core.errors import UsageError, WizardError
from wizard.services import files
from wizard.services.files import private_dir, write_private
from wizard.services.lock import Lock
from wizard.services.workspace import module as assets
from wizard.services.workspace.module import BACKEND_FILE, IMPORTS_FILE
from wizard.services.workspace.workspace import (
    Workspace,
    WorkspaceId,
    describe_workspace,
    list_workspaces,
    open_workspace,
)

IDENTITY = WorkspaceId("123456789012", "eu-central-1", "api-gw-discovery")
STATE = {
    "version": 4,
    "resources": [
        {"mode": "managed", "type": "aws_vpc", "name": "one", "instances": [{}, {}]},
        {"mode": "data", "instances": [{}]},
    ],
}


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home" / "data"))


@pytest.fixture
def workspace() -> Workspace:
    return open_workspace(IDENTITY)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    (folder / "templates").mkdir(parents=True)
    (folder / "main.tf").write_text("# one\n")
    (folder / "templates" / "user-data.sh").write_text("#!/bin/sh\n")
    return folder


def test_a_deployment_has_a_folder_of_its_own_that_nobody_else_can_read(
    workspace: Workspace,
) -> None:
    assert workspace.root.parts[-3:] == ("123456789012", "eu-central-1", "api-gw-discovery")
    workspace.write_variables({"region": "eu-central-1"})
    for path in (workspace.root, *workspace.root.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir(mode=0o755)
    root = open_workspace(IDENTITY, root=tmp_path / "w").root
    assert root.stat().st_mode & 0o777 == 0o700


def test_the_environment_can_name_the_folder(tmp_path: Path) -> None:
    env = {"WALLARM_APIGW_WORKSPACE": str(tmp_path / "w")}
    assert open_workspace(IDENTITY, env=env).root == tmp_path / "w"


def test_a_folder_is_bound_to_its_deployment(tmp_path: Path) -> None:
    open_workspace(IDENTITY, root=tmp_path / "w")
    other = WorkspaceId("999999999999", "eu-central-1", "api-gw-discovery")
    with pytest.raises(WizardError) as caught:
        open_workspace(other, root=tmp_path / "w")
    assert caught.value.code == "WAG-E-WS-004"
    assert "123456789012" in caught.value.why


@pytest.mark.parametrize("part", ["", "..", "a/b", "."])
def test_no_name_leads_out_of_the_data_folder(part: str) -> None:
    with pytest.raises(UsageError):
        open_workspace(WorkspaceId("123456789012", "eu-central-1", part))


def test_a_workspace_of_a_newer_version_is_not_touched(workspace: Workspace) -> None:
    meta = workspace.root / "workspace.json"
    meta.write_text(json.dumps({**json.loads(meta.read_text()), "layout": 99}))
    with pytest.raises(WizardError) as caught:
        open_workspace(IDENTITY)
    assert caught.value.code == "WAG-E-VERSION-001"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}"])
def test_a_damaged_description_is_told_and_not_overwritten(workspace: Workspace, text: str) -> None:
    meta = workspace.root / "workspace.json"
    meta.write_text(text)
    with pytest.raises(WizardError) as caught:
        open_workspace(IDENTITY)
    assert caught.value.code == "WAG-E-WS-006"
    assert meta.read_text() == text
    assert describe_workspace(workspace.root) is None


def test_the_wallarm_token_never_becomes_a_variable(workspace: Workspace) -> None:
    with pytest.raises(ValueError, match="SSM"):
        workspace.write_variables({"wallarm_api_token": "secret"})
    assert not workspace.variables_file.exists()


def test_the_module_is_copied_once_per_content(workspace: Workspace, source: Path) -> None:
    first = workspace.install_module(source)
    assert (first / "templates" / "user-data.sh").read_text() == "#!/bin/sh\n"
    assert workspace.install_module(source) == first
    (source / "main.tf").write_text("# two\n")
    second = workspace.install_module(source)
    assert second != first
    assert workspace.module == second
    assert first.is_dir()  # the version before stays, for a way back


def test_what_was_built_now_takes_the_place_of_what_lay_there(
    workspace: Workspace, source: Path
) -> None:
    (source / "package.zip").write_bytes(b"old")
    module = workspace.install_module(source, {"package.zip": b"new"})
    assert (module / "package.zip").read_bytes() == b"new"
    assert workspace.install_module(source, {"package.zip": b"new"}) == module


def test_the_installed_source_of_the_forwarder_builds_the_package_that_ships() -> None:
    shipped = assets.terraform_module() / "cw-resend-lambda.zip"
    assert assets.forwarder_package() == shipped.read_bytes()


def test_a_copy_that_somebody_changed_is_made_again(workspace: Workspace, source: Path) -> None:
    module = workspace.install_module(source)
    (module / "main.tf").write_text("# tampered\n")
    (module / "extra.tf").write_text("# not ours\n")
    assert workspace.install_module(source) == module
    assert (module / "main.tf").read_text() == "# one\n"
    assert not (module / "extra.tf").exists()


def test_state_and_secrets_beside_the_module_are_not_copied(
    workspace: Workspace, source: Path
) -> None:
    for name in ("terraform.tfstate", "terraform.tfstate.backup", "terraform.tfvars", "x.tfplan"):
        (source / name).write_text("private")
    (source / ".terraform").mkdir()
    (source / ".terraform" / "x").write_text("big")
    module = workspace.install_module(source)
    names = {p.name for p in module.rglob("*")}
    assert names == {"main.tf", "templates", "user-data.sh", BACKEND_FILE}


def test_an_upgrade_keeps_the_provider_version(workspace: Workspace, source: Path) -> None:
    first = workspace.install_module(source)
    (first / ".terraform.lock.hcl").write_text("provider {}\n")
    (source / "main.tf").write_text("# two\n")
    second = workspace.install_module(source)
    assert (second / ".terraform.lock.hcl").read_text() == "provider {}\n"


def test_old_module_versions_go_but_never_one_with_an_unsaved_state(
    workspace: Workspace, source: Path
) -> None:
    modules = []
    for i in range(5):
        (source / "main.tf").write_text(f"# {i}\n")
        modules.append(workspace.install_module(source))
        os.utime(modules[-1], (i, i))
        if i == 0:
            (modules[0] / "errored.tfstate").write_text("{}")
    assert modules[0].is_dir()
    assert not modules[1].exists()
    assert workspace.unsaved.files == (modules[0] / "errored.tfstate",)


def test_the_state_stays_here_until_it_is_moved_elsewhere(
    workspace: Workspace, source: Path
) -> None:
    module = workspace.install_module(source)
    backend = json.loads((module / BACKEND_FILE).read_text())["terraform"]["backend"]
    assert backend == {"local": {"path": str(workspace.state.path)}}
    workspace.set_backend("s3", {"bucket": "b", "key": "k", "use_lockfile": True})
    assert not workspace.state_is_local
    (source / "main.tf").write_text("# two\n")
    moved = json.loads((workspace.install_module(source) / BACKEND_FILE).read_text())
    assert list(moved["terraform"]["backend"]) == ["s3"]


def test_deployments_are_listed_with_what_they_hold(workspace: Workspace) -> None:
    workspace.state.path.parent.mkdir()
    workspace.state.path.write_text(json.dumps(STATE))
    broken = open_workspace(WorkspaceId("123456789012", "us-east-1", "other"))
    broken.state.path.parent.mkdir()
    broken.state.path.write_text('{"version": 4, "resour')
    with workspace.locked("install"):
        found = {info.name_prefix: info for info in list_workspaces()}
    mine = found[IDENTITY.name_prefix]
    assert mine.resources == 2
    assert f"process {os.getpid()}" in mine.holder
    assert "install" in mine.holder
    assert found[broken.id.name_prefix].resources is None
    assert all(not info.holder for info in list_workspaces())


@pytest.mark.parametrize("text", ["{", "[]", '{"resources": 3}', '{"resources": [7]}', "\x00\x00"])
def test_a_damaged_state_is_an_error_and_stays_as_it_is(workspace: Workspace, text: str) -> None:
    workspace.state.path.parent.mkdir()
    workspace.state.path.write_text(text)
    with pytest.raises(WizardError) as caught:
        workspace.check_state()
    assert caught.value.code == "WAG-E-WS-020"
    assert workspace.state.path.read_text() == text


def test_a_state_that_terraform_only_just_began_is_no_damage(workspace: Workspace) -> None:
    workspace.state.path.parent.mkdir()
    workspace.state.path.touch()
    assert workspace.check_state() == 0


def test_what_a_killed_run_left_is_swept_and_nothing_else(workspace: Workspace) -> None:
    workspace.write_variables({})
    workspace.state.path.parent.mkdir()
    workspace.state.path.write_text(json.dumps(STATE))
    kept = {p for p in workspace.root.rglob("*") if p.is_file()}
    (workspace.plans / "1.tfplan").write_text("secret")
    (workspace.root / ".answers.json.x1").write_text("half")
    (workspace.root / ".module-77").mkdir()
    (workspace.state.path.parent / "reserve").write_text("space")
    (workspace.root / "module-77").mkdir()
    (workspace.root / "module-77" / IMPORTS_FILE).write_text("{}")
    workspace.sweep()
    assert {p for p in workspace.root.rglob("*") if p.is_file()} == kept
    assert not (workspace.root / ".module-77").exists()


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "answers.json"
    files.write_private(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WizardError) as caught:
        files.write_private(path, "new")
    assert caught.value.code == "WAG-E-WS-001"
    assert caught.value.what == "The disk is full"
    assert path.read_text() == "old"
    assert list(tmp_path.glob(".*")) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WizardError) as caught:
        open_workspace(IDENTITY, root=tmp_path / "file" / "w")
    assert caught.value.code == "WAG-E-WS-001"


def test_an_installation_without_the_module_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "wizard")
    with pytest.raises(WizardError) as caught:
        assets.terraform_module()
    assert caught.value.code == "WAG-E-ASSET-001"


@pytest.mark.parametrize("where", ["wizard/_bundled/terraform", "terraform"])
def test_the_module_is_found_in_a_checkout_and_in_an_installed_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    folder = tmp_path / where
    folder.mkdir(parents=True)
    (folder / "main.tf").touch()
    monkeypatch.setattr(assets, "_PACKAGE", tmp_path / "wizard")
    assert assets.terraform_module() == folder


def test_every_folder_above_a_workspace_is_private(tmp_path: Path) -> None:
    deep = tmp_path / "share" / "workspaces" / "123456789012" / "eu-west-1" / "x"
    private_dir(deep)
    made = [deep, *deep.parents[:4]]
    assert [oct(folder.stat().st_mode & 0o777) for folder in made] == ["0o700"] * 5


def test_a_folder_in_which_nothing_came_about_goes_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    workspace = open_workspace(WorkspaceId("123456789012", "eu-west-1", "x"))
    with workspace.locked("test"):
        workspace.sweep()
        workspace.remove_unused()
    assert [path.name for path in tmp_path.rglob("*")] == ["wallarm-apigw"]


@pytest.mark.parametrize("made_before", [True, False])
def test_a_folder_that_was_there_or_holds_anything_stays(
    tmp_path: Path, monkeypatch, made_before: bool
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    who = WorkspaceId("123456789012", "eu-west-1", "x")
    workspace = open_workspace(who)
    if made_before:
        workspace = open_workspace(who)
    else:
        write_private(workspace.answers_file, "{}")
    with workspace.locked("test"):
        workspace.remove_unused()
    assert workspace.root.is_dir()


def test_a_lock_on_a_folder_that_its_holder_takes_away_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = Lock(path).acquire()
    path.unlink()
    first.release()
    with Lock(path) as second:
        assert second.held
        assert path.exists()


def test_a_lock_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(WizardError) as caught:
        Lock(tmp_path / "gone" / "lock").acquire()
    assert caught.value.code == "WAG-E-WS-001"
    assert str(tmp_path / "gone" / "lock") in caught.value.why
