"""The AWS provider on the machine: where it is looked for, and what is not trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.services.terraform.machines import answering, home, mirror, script
from wizard.core.errors import UsageError
from wizard.services.terraform.client import Terraform, open_terraform
from wizard.services.terraform.errors import TerraformError
from wizard.services.terraform.find import (
    ProviderSource,
    SourceKind,
    find_binary,
    find_source,
    program_problem,
)
from wizard.services.workspace.workspace import Workspace


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


def elf(machine: int = 62) -> bytes:
    """The head of a program for Linux, of 64 bits, with two parts that end at 150 and 228."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02\x01"
    head[18:20] = machine.to_bytes(2, "little")
    head[32:40] = (64).to_bytes(8, "little")
    head[54:58] = (56).to_bytes(2, "little") + (2).to_bytes(2, "little")
    for begins, size in ((100, 50), (178, 50)):
        part = bytearray(56)
        part[8:16], part[32:40] = begins.to_bytes(8, "little"), size.to_bytes(8, "little")
        head += part
    return bytes(head)


MAC = b"\xcf\xfa\xed\xfe\x0c\x00\x00\x01" + bytes(64)


@pytest.mark.parametrize(
    ("body", "platform", "problem"),
    [
        (elf() + bytes(52), "linux_amd64", ""),
        (elf() + bytes(51), "linux_amd64", "it is cut off: 227 of at least 228 bytes"),
        (elf()[:40], "linux_amd64", "it is cut off"),
        (elf(183) + bytes(52), "linux_amd64", "for another processor, and this is linux_amd64"),
        (elf(183) + bytes(52), "linux_arm64", ""),
        (elf() + bytes(52), "darwin_arm64", "a program for linux, and this is darwin_arm64"),
        (MAC, "linux_amd64", "a program for darwin"),
        (MAC, "darwin_arm64", ""),
        (MAC, "darwin_amd64", "for another processor"),
        (b"MZ" + bytes(99), "linux_amd64", "a program for windows"),
        (b"", "linux_amd64", "it is empty"),
        (b"<html>404</html>" + bytes(99), "linux_amd64", "it is no program"),
        (b"#!/bin/sh\nexec it", "linux_amd64", ""),
        (elf(999) + bytes(52), "linux_riscv64", ""),
        (elf() + bytes(52), "freebsd_amd64", ""),
    ],
)
def test_a_provider_that_cannot_run_here_is_known_before_it_is_run(
    tmp_path: Path, body: bytes, platform: str, problem: str
) -> None:
    program = tmp_path / "terraform-provider-aws"
    program.write_bytes(body)
    program.chmod(0o755)
    found = program_problem(program, platform)
    assert (problem in found) if problem else found == ""


def test_a_provider_that_may_not_run_here_is_known(tmp_path: Path) -> None:
    program = tmp_path / "terraform-provider-aws"
    assert program_problem(program, "linux_amd64") == "no such file or directory"
    program.write_bytes(elf() + bytes(52))
    program.chmod(0o644)
    assert program_problem(program, "linux_amd64") == "it is not executable"


@pytest.mark.parametrize("cached", [True, False])
def test_what_was_kept_of_a_broken_provider_goes_and_what_is_the_users_stays(
    workspace: Workspace, tmp_path: Path, cached: bool
) -> None:
    """What `init` leaves is written here: a link to the folder that the provider came from."""
    binary = find_binary(str(script(tmp_path / "bin", "terraform", answering("1.11.4"))))
    module = tmp_path / "module"
    module.mkdir()
    (module / "main.tf").touch()
    workspace.install_module(module)
    source = ProviderSource(SourceKind.OPTION, "the folder that was named")
    terraform = Terraform(workspace, binary, source)
    terraform._check_provider(source)  # nothing there yet
    below = Path("registry.terraform.io/hashicorp/aws/5.100.0") / binary.platform
    real = (terraform.places.plugin_cache if cached else tmp_path / "mirror") / below
    real.mkdir(parents=True)
    program = real / "terraform-provider-aws_v5.100.0_x5"
    program.write_bytes(elf() + bytes(52))
    program.chmod(0o755)
    link = terraform.places.terraform_data / "providers" / below
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    terraform._check_provider(source)  # whole
    assert workspace.module is not None
    lock = workspace.module / ".terraform.lock.hcl"
    lock.write_text("sum of the broken one")
    program.write_bytes(elf())
    with pytest.raises(TerraformError, match="cannot be run") as caught:
        terraform._check_provider(source)
    assert f"{program.resolve()}: it is cut off" in caught.value.why
    assert program.exists() is not cached
    assert not lock.exists()


@pytest.mark.e2e
def test_a_provider_that_cannot_run_is_named_and_spoils_nothing_after_it(
    workspace: Workspace, tmp_path: Path, terraform_path: str
) -> None:
    real = find_source().plugin_dir
    if real is None:
        pytest.skip("needs a provider folder that is whole")
    aws_workspace(workspace, tmp_path)
    (found,) = real.glob("registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*")
    broken = tmp_path / "mirror" / found.relative_to(real)
    broken.parent.mkdir(parents=True)
    with found.open("rb") as file:
        broken.write_bytes(file.read(1 << 20))
    broken.chmod(0o755)

    def init(folder: Path) -> None:
        open_terraform(workspace, terraform=terraform_path, plugin_mirror=str(folder)).init()

    with pytest.raises(TerraformError) as caught:
        init(tmp_path / "mirror")
    assert caught.value.code == "WAG-E-TF-025"
    assert f"{broken}: it is cut off: 1,048,576 of" in caught.value.why
    init(real)
    open_terraform(workspace, terraform=terraform_path, plugin_mirror=str(real)).validate()
