"""What is found on the machine: Terraform, the provider, space, and the environment it runs in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from wizard.core.errors import UsageError, WizardError
from wizard.services.terraform import storage
from wizard.services.terraform.binary import Binary, find_binary
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.environment import network_notes, terraform_environment
from wizard.services.terraform.errors import TerraformError
from wizard.services.terraform.history import History
from wizard.services.terraform.mirror import ProviderSource, SourceKind, find_source
from wizard.services.workspace import Workspace

HOST = "registry.terraform.io"


def script(folder: Path, name: str, body: str, mode: int = 0o755) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + body)
    path.chmod(mode)
    return path


def answering(version: str) -> str:
    return f'echo \'{{"terraform_version":"{version}","platform":"linux_amd64"}}\''


# -- the binary --------------------------------------------------------------------------------


def test_terraform_on_path_is_preferred_to_tofu(tmp_path: Path) -> None:
    script(tmp_path / "bin", "tofu", answering("1.9.0"))
    env = {"PATH": str(tmp_path / "bin")}
    assert find_binary(env=env).flavor == "tofu"
    assert find_binary(env=env).registry_host == "registry.opentofu.org"
    script(tmp_path / "bin", "terraform", answering("1.5.7"))
    found = find_binary(env=env)
    assert (found.flavor, found.version, found.init_speaks_json) == ("terraform", "1.5.7", False)


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


# -- the provider ------------------------------------------------------------------------------


def mirror(folder: Path, *, packed: bool = False, platform: str = "linux_amd64") -> Path:
    base = folder / HOST / "hashicorp" / "aws"
    if packed:
        base.mkdir(parents=True)
        (base / f"terraform-provider-aws_5.1.0_{platform}.zip").touch()
    else:
        (base / "5.1.0" / platform).mkdir(parents=True)
        (base / "5.1.0" / platform / "terraform-provider-aws_v5.1.0_x5").touch()
    return folder


def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir(exist_ok=True)
    return {"HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "none")}


@pytest.mark.parametrize("packed", [False, True])
def test_the_option_names_the_folder_and_nothing_else_is_asked(
    tmp_path: Path, packed: bool
) -> None:
    folder = mirror(tmp_path / "m", packed=packed)
    env = home(tmp_path)
    (tmp_path / "home" / ".terraformrc").write_text("provider_installation {\n direct {}\n}\n")
    source = find_source(str(folder), env, searched=())
    assert (source.kind, source.plugin_dir) == (SourceKind.OPTION, folder)
    by_env = find_source("", {**env, "WALLARM_APIGW_PLUGIN_MIRROR": str(folder)}, searched=())
    assert by_env.plugin_dir == folder
    assert not source.may_fall_back


def test_an_option_without_the_provider_for_this_platform_is_refused(tmp_path: Path) -> None:
    folder = mirror(tmp_path / "m", platform="darwin_arm64")
    with pytest.raises(UsageError) as caught:
        find_source(str(folder), home(tmp_path))
    assert caught.value.code == "WAG-E-TF-010"


@pytest.mark.parametrize(
    "text",
    [
        'provider_installation {\n  filesystem_mirror {\n path = "/x"\n }\n}\n',
        '# mine\nplugin_cache_dir = "/c"\nprovider_installation{ direct {} }\n',
        '{\n "provider_installation": {"direct": {}}\n}',
    ],
)
def test_the_users_own_configuration_is_left_alone(tmp_path: Path, text: str) -> None:
    env = home(tmp_path)
    config = tmp_path / "home" / ".terraformrc"
    config.write_text(text)
    source = find_source("", env, searched=(str(mirror(tmp_path / "opt" / "p").parent),))
    assert (source.kind, source.plugin_dir) == (SourceKind.CONFIGURATION, None)
    assert str(config) in source.explanation
    assert config.read_text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        'plugin_cache_dir = "/c"\n',
        "# provider_installation {\n",
        "/* provider_installation {*/",
    ],
)
def test_a_configuration_that_says_nothing_of_providers_decides_nothing(
    tmp_path: Path, text: str
) -> None:
    env = home(tmp_path)
    (tmp_path / "home" / ".terraformrc").write_text(text)
    assert find_source("", env, searched=()).kind is SourceKind.REGISTRY


def test_a_named_configuration_that_does_not_exist_is_passed_over(tmp_path: Path) -> None:
    env = {**home(tmp_path), "TF_CLI_CONFIG_FILE": str(tmp_path / "missing")}
    assert find_source("", env, searched=()).kind is SourceKind.REGISTRY
    (tmp_path / "home" / ".terraformrc").write_text("provider_installation { direct {} }\n")
    assert find_source("", env, searched=()).kind is SourceKind.CONFIGURATION


def test_the_folders_terraform_knows_are_left_to_terraform(tmp_path: Path) -> None:
    env = home(tmp_path)
    mirror(tmp_path / "home" / ".terraform.d" / "plugins")
    source = find_source("", env, searched=())
    assert (source.kind, source.plugin_dir) == (SourceKind.IMPLIED, None)


@pytest.mark.parametrize("below", ["", "plugins", "terraform/providers"])
def test_a_provider_folder_that_lies_around_is_found(tmp_path: Path, below: str) -> None:
    folder = mirror(tmp_path / "opt" / "some-vendor" / below)
    source = find_source("", home(tmp_path), searched=(str(tmp_path / "opt"),))
    assert (source.kind, source.plugin_dir) == (SourceKind.FOUND, folder)
    assert source.may_fall_back
    assert str(folder) in source.explanation


def test_a_provider_that_anybody_could_have_put_there_is_not_run(tmp_path: Path) -> None:
    folder = mirror(tmp_path / "opt" / "shared")
    folder.chmod(0o777)
    source = find_source("", home(tmp_path), searched=(str(tmp_path / "opt"),))
    assert source.kind is SourceKind.REGISTRY


def test_the_search_is_shallow_and_bounded(tmp_path: Path) -> None:
    mirror(tmp_path / "opt" / "a" / "b" / "c" / "d")
    for i in range(600):
        (tmp_path / "opt" / f"{i:04}").mkdir()
    mirror(tmp_path / "opt" / "zzz")
    source = find_source("", home(tmp_path), searched=(str(tmp_path / "opt"), "/does/not/exist"))
    assert source.kind is SourceKind.REGISTRY


AWS_ONLY = 'terraform {\n required_providers {\n aws = { source = "hashicorp/aws" }\n }\n}\n'


def aws_workspace(workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "main.tf").write_text(AWS_ONLY)
    workspace.install_module(source)


@pytest.mark.e2e
def test_the_provider_is_had_from_whatever_this_machine_offers(
    workspace: Workspace, tmp_path: Path, terraform_path: str
) -> None:
    aws_workspace(workspace, tmp_path)
    terraform = open_terraform(workspace, terraform=terraform_path)
    try:
        source = terraform.init()
    except TerraformError:
        if os.environ.get("REQUIRE_E2E") == "1":
            raise
        pytest.skip("the AWS provider cannot be had on this machine")
    assert source.explanation
    terraform.validate()
    if source.plugin_dir is not None:
        big = [
            p
            for p in workspace.root.rglob("*")
            if not p.is_symlink() and p.is_file() and p.stat().st_size > 1 << 20
        ]
        assert big == []  # linked, not copied


@pytest.mark.e2e
def test_a_folder_that_cannot_deliver_is_given_up_for_the_next_source(
    workspace: Workspace,
    tmp_path: Path,
    terraform_path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = find_source()
    if real.plugin_dir is None:
        pytest.skip("needs a provider folder to stand for the next source")
    config = tmp_path / "terraform.rc"
    config.write_text(
        'provider_installation {\n filesystem_mirror {\n path = "%s"\n }\n}\n' % real.plugin_dir  # noqa: UP031
    )
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(config))
    aws_workspace(workspace, tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    terraform = Terraform(
        workspace,
        find_binary(terraform_path),
        ProviderSource(SourceKind.FOUND, "an empty folder", empty),
    )
    assert terraform.init().kind is SourceKind.REGISTRY
    with pytest.raises(TerraformError):
        Terraform(
            workspace,
            find_binary(terraform_path),
            ProviderSource(SourceKind.OPTION, "an empty folder", empty),
        ).init()


# -- environment and space ---------------------------------------------------------------------


def test_terraform_gets_credentials_and_nothing_that_changes_what_it_does(tmp_path: Path) -> None:
    config = tmp_path / "rc"
    config.touch()
    env = terraform_environment(
        {
            "PATH": "/bin",
            "AWS_PROFILE": "old",
            "AWS_CA_BUNDLE": "/ca",
            "WALLARM_API_TOKEN": "secret",
            "WALLARM_APIGW_API_TOKEN": "secret",
            "TF_VAR_region": "x",
            "TF_CLI_ARGS": "-destroy",
            "TF_WORKSPACE": "other",
            "TF_LOG": "TRACE",
            "TF_DATA_DIR": "/elsewhere",
            "TF_TOKEN_app_terraform_io": "kept",
            "TF_CLI_CONFIG_FILE": str(config),
            "HTTPS_PROXY": "http://proxy:3128",
        },
        {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_PROFILE": None},
        data_dir=tmp_path / "data",
        plugin_cache=tmp_path / "cache",
    )
    assert env == {
        "PATH": "/bin",
        "AWS_CA_BUNDLE": "/ca",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "TF_TOKEN_app_terraform_io": "kept",
        "TF_CLI_CONFIG_FILE": str(config),
        "HTTPS_PROXY": "http://proxy:3128",
        "TF_DATA_DIR": str(tmp_path / "data"),
        "TF_PLUGIN_CACHE_DIR": str(tmp_path / "cache"),
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "CHECKPOINT_DISABLE": "1",
    }


def test_a_configuration_file_that_is_missing_and_a_ca_for_plain_http_are_left_out(
    tmp_path: Path,
) -> None:
    env = terraform_environment(
        {
            "TF_CLI_CONFIG_FILE": str(tmp_path / "missing"),
            "AWS_CA_BUNDLE": "/ca",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        },
        None,
        data_dir=tmp_path,
    )
    assert "TF_CLI_CONFIG_FILE" not in env
    assert "AWS_CA_BUNDLE" not in env


def test_the_way_to_the_network_is_told_without_the_proxys_password() -> None:
    notes = network_notes(
        {
            "HTTPS_PROXY": "http://jane:s3cret@proxy.corp:3128",
            "NO_PROXY": "10.0.0.0/8",
            "AWS_CA_BUNDLE": "/no/such/ca.pem",
        }
    )
    assert notes == (
        "proxy proxy.corp:3128 (HTTPS_PROXY)",
        "no proxy for 10.0.0.0/8 (NO_PROXY)",
        "certificates from /no/such/ca.pem (AWS_CA_BUNDLE), which does not exist",
    )


def test_on_a_small_home_the_big_files_go_to_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "w").mkdir()
    small = storage.places(tmp_path / "w", tmp_path / "d", free=900 << 20)
    roomy = storage.places(tmp_path / "w", tmp_path / "d", free=50 << 30)
    assert small.temporary
    assert small.terraform_data.is_relative_to(tmp_path / "tmp")
    assert small.plugin_cache.is_relative_to(tmp_path / "tmp")
    assert small.terraform_data.stat().st_mode & 0o777 == 0o700
    assert roomy.terraform_data == tmp_path / "w" / "terraform-data"
    assert roomy.plugin_cache == tmp_path / "d" / "plugin-cache"


def test_two_runs_never_fill_the_provider_cache_at_once(tmp_path: Path) -> None:
    with (
        storage.plugin_cache_lock(tmp_path),
        pytest.raises(WizardError, match="WAG-E-TF-021"),
        storage.plugin_cache_lock(tmp_path, wait=0.1),
    ):
        pass


def test_an_almost_full_disk_is_told_before_anything_is_deployed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    with pytest.raises(WizardError, match="WAG-E-WS-009"), storage.Reserve(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_space_kept_back_is_given_up_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    with storage.Reserve(tmp_path) as reserve:
        assert (tmp_path / "reserve").stat().st_size == storage.Reserve.SIZE
        reserve.check()
        assert not reserve.used
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
        reserve.check()
        assert not (tmp_path / "reserve").exists()


# -- what was learned --------------------------------------------------------------------------


def test_durations_are_learned_as_medians_of_the_last_runs(tmp_path: Path) -> None:
    history = History(tmp_path / "durations.json")
    for seconds in (100.0, 10.0, 20.0):
        history.record([("aws_lb", "create", seconds)])
    assert History(tmp_path / "durations.json").medians() == {"aws_lb:create": 20.0}
    for _ in range(40):
        history.record([("aws_lb", "create", 5.0)])
    assert history.medians() == {"aws_lb:create": 5.0}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"aws_lb:create": "x"}', '{"a": [-1, "y"]}'])
def test_a_damaged_history_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "durations.json"
    path.write_text(text)
    history = History(path)
    assert history.medians() == {}
    history.record([("a", "create", 1.0)])
    assert history.medians() == {"a:create": 1.0}


def test_a_history_that_cannot_be_written_fails_no_deployment(tmp_path: Path) -> None:
    History(tmp_path / "missing" / "durations.json").record([("a", "create", 1.0)])


def test_a_version_is_compared_as_numbers() -> None:
    binary = Binary(("terraform",), "1.10.0-beta1", "terraform", "linux_amd64", "on PATH")
    assert binary.numbers == (1, 10, 0)
    assert binary.init_speaks_json
