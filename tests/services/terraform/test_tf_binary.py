"""Terraform on the machine: which one is taken, and what will not do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.services.terraform.machines import answering, script
from wizard.core.errors import WizardError
from wizard.services.terraform.errors import failed
from wizard.services.terraform.find import Binary, find_binary


def test_terraform_on_path_is_preferred_to_tofu(tmp_path: Path) -> None:
    script(tmp_path / "bin", "tofu", answering("1.9.0"))
    env = {"PATH": str(tmp_path / "bin")}
    assert find_binary(env=env).flavor == "tofu"
    assert find_binary(env=env).registry_host == "registry.opentofu.org"
    script(tmp_path / "bin", "terraform", answering("1.5.7"))
    found = find_binary(env=env)
    assert (found.flavor, found.version, found.init_speaks_json) == ("terraform", "1.5.7", False)


@pytest.mark.parametrize(
    ("version", "reads"), [("1.0.11", False), ("1.4.7", False), ("1.5.0", True), ("1.11.4", True)]
)
def test_import_blocks_are_given_only_to_a_terraform_that_reads_them(
    tmp_path: Path, version: str, reads: bool
) -> None:
    script(tmp_path / "bin", "terraform", answering(version))
    assert find_binary(env={"PATH": str(tmp_path / "bin")}).reads_import_blocks is reads


def test_the_option_beats_the_environment_beats_path(tmp_path: Path) -> None:
    paths = [script(tmp_path / n, "terraform", answering(f"1.{n}.0")) for n in "123"]
    env = {"PATH": str(tmp_path / "1"), "WALLARM_APIGW_TERRAFORM": str(paths[1])}
    assert find_binary(str(paths[2]), env).version == "1.3.0"
    assert find_binary(env=env).version == "1.2.0"


@pytest.mark.parametrize(
    ("body", "mode", "code"),
    [
        (answering("0.15.5"), 0o755, "WAG-E-TF-003"),
        (answering("1.0.0"), 0o644, "WAG-E-TF-002"),
        ("echo 'Terraform v0.12.31'", 0o755, "WAG-E-TF-002"),
        ("echo broken >&2; exit 1", 0o755, "WAG-E-TF-002"),
        ("echo '[]'", 0o755, "WAG-E-TF-002"),
        ("kill -9 $$", 0o755, "WAG-E-TF-002"),
    ],
)
def test_what_will_not_do_is_told_before_anything_starts(
    tmp_path: Path, body: str, mode: int, code: str
) -> None:
    path = script(tmp_path / "bin", "terraform", body, mode)
    with pytest.raises(WizardError) as caught:
        find_binary(str(path), {"PATH": "/usr/bin:/bin"})
    assert caught.value.code == code
    assert "--terraform PATH" in caught.value.next_step


def test_a_file_that_is_no_program_is_told(tmp_path: Path) -> None:
    path = tmp_path / "terraform"
    path.write_bytes(b"\x7fELF garbage")
    path.chmod(0o755)
    with pytest.raises(WizardError) as caught:
        find_binary(str(path), {"PATH": "/usr/bin:/bin"})
    assert caught.value.code == "WAG-E-TF-002"


def test_no_terraform_at_all_says_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.services.terraform.embedded.available", lambda: False)
    with pytest.raises(WizardError) as caught:
        find_binary(env={"PATH": str(tmp_path)})
    assert caught.value.code == "WAG-E-TF-001"
    assert "developer.hashicorp.com" in caught.value.next_step


def test_the_version_check_does_not_see_the_users_terraform_variables(tmp_path: Path) -> None:
    path = script(tmp_path / "bin", "terraform", f'test -z "$TF_CLI_ARGS" && {answering("1.8.0")}')
    assert find_binary(str(path), {"PATH": "/bin", "TF_CLI_ARGS": "-help"}).version == "1.8.0"


def test_a_version_is_compared_as_numbers() -> None:
    binary = Binary(("terraform",), "1.10.0-beta1", "terraform", "linux_amd64", "on PATH")
    assert binary.numbers == (1, 10, 0)
    assert binary.init_speaks_json


SHIM = """
folder=$PWD
while [ "$folder" != / ] && [ ! -f "$folder/.terraform-version" ]; do
    folder=$(dirname "$folder")
done
[ -f "$folder/.terraform-version" ] || { echo "no version is set for terraform" >&2; exit 126; }
"""  # as tfenv, tenv, asdf and mise do


def test_a_version_manager_is_asked_where_terraform_will_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script(tmp_path / "bin", "terraform", SHIM + answering("1.8.0"))
    project, data = tmp_path / "project", tmp_path / "data"
    for folder in (project, data):
        folder.mkdir()
    monkeypatch.chdir(project)
    env = {"PATH": f"{path.parent}:/usr/bin:/bin"}
    (project / ".terraform-version").write_text("1.8.0")
    with pytest.raises(WizardError) as caught:
        find_binary(env=env, workspace=data / "not" / "yet")
    assert f"exit code 126 in {data}: no version is set for terraform" in caught.value.why
    (project / ".terraform-version").rename(data / ".terraform-version")
    assert find_binary(env=env, workspace=data / "not" / "yet").version == "1.8.0"


def test_without_a_workspace_it_is_where_workspaces_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = script(tmp_path / "bin", "terraform", SHIM + answering("1.8.0"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / ".terraform-version").write_text("1.8.0")
    assert find_binary(str(path), {"PATH": "/usr/bin:/bin"}).version == "1.8.0"


OPENTOFU = """case "$*" in
"version -json") echo '{"terraform_version": "1.8.0", "platform": "linux_amd64"}' ;;
version) echo "OpenTofu v1.8.0" ;;
esac"""


def test_opentofu_under_terraforms_name_is_known_for_what_it_is(tmp_path: Path) -> None:
    path = script(tmp_path / "bin", "terraform", OPENTOFU)
    assert find_binary(str(path), {"PATH": "/usr/bin:/bin"}).registry_host == (
        "registry.opentofu.org"
    )


@pytest.mark.parametrize(
    ("returncode", "stderr", "named"),
    [
        (1, "", True),  # no words: perhaps they went elsewhere
        (1, "No valid credential sources found", True),  # they were there when we asked
        (1, "Error acquiring the state lock", False),
        (-9, "", False),
    ],
)
def test_a_script_that_may_have_changed_folder_or_environment_is_named(
    returncode: int, stderr: str, named: bool
) -> None:
    told = failed("plan", (), stderr, returncode, script="/opt/bin/terraform")
    assert ("/opt/bin/terraform is a script" in told.next_step) is named
    assert "is a script" not in failed("plan", (), stderr, returncode).next_step
