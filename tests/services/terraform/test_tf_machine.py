"""Environment, space and history of a machine on which Terraform runs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from wizard.core.errors import WizardError
from wizard.services.terraform import storage
from wizard.services.terraform.environment import network_notes, terraform_environment
from wizard.services.terraform.history import History


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


def test_a_temporary_folder_where_no_socket_can_be_is_left_out(tmp_path: Path) -> None:
    folders = {"good": tmp_path, "long": tmp_path / ("long-" * 20), "gone": tmp_path / "gone"}
    folders["long"].mkdir()
    kept = {name: terraform_environment({"TMPDIR": str(folder)}, None, data_dir=tmp_path)
            for name, folder in folders.items()}  # fmt: skip
    assert {name for name, env in kept.items() if "TMPDIR" in env} == {"good"}


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


def disks(root: Path, **gigabytes: float) -> Callable[[Path], int]:
    """A disk for each folder below a root, with so much space; 50 GB where nothing is said."""

    def free(folder: Path) -> int:
        name = folder.relative_to(root).parts[0]
        return int(gigabytes.get(name, 50) * (1 << 30))

    return free


@pytest.mark.parametrize(
    ("gigabytes", "working", "cache"),
    [
        ({}, "w", "d"),
        ({"w": 1}, "tmp", "d"),
        ({"d": 1}, "w", "tmp"),
        ({"w": 1, "d": 1}, "tmp", "tmp"),
        ({"w": 3, "d": 3, "tmp": 50}, "w", "d"),
        ({"w": 1, "d": 1, "tmp": 0.5}, "w", "d"),  # less there than here helps nobody
        ({"w": 2, "d": 2, "tmp": 2.5}, "tmp", "tmp"),
    ],
)
def test_what_is_big_goes_by_the_space_on_the_disk_that_it_is_written_to(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gigabytes: dict[str, float],
    working: str,
    cache: str,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    for name in ("tmp", "w"):
        (tmp_path / name).mkdir()
    found = storage.places(tmp_path / "w", tmp_path / "d", free_on=disks(tmp_path, **gigabytes))
    assert found.terraform_data.relative_to(tmp_path).parts[0] == working
    assert found.plugin_cache.relative_to(tmp_path).parts[0] == cache
    assert len(found.temporary) == (working, cache).count("tmp")


def test_on_a_small_home_the_big_files_go_to_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "w").mkdir()
    small = storage.places(tmp_path / "w", tmp_path / "d", free_on=disks(tmp_path, w=0.9, d=0.9))
    roomy = storage.places(tmp_path / "w", tmp_path / "d", free_on=disks(tmp_path))
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
