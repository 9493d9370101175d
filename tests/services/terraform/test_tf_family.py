"""Terraform is found behind whatever was started in its place."""

from __future__ import annotations

import pytest

from wizard.services.terraform.family import Process, find_last, find_terraform

ARGS = ("apply", "-json", "/w/1.tfplan")


def process(pid: int, parent: int, program: str, *before: str) -> Process:
    return Process(pid, parent, program, (*before, *ARGS))


BASH = process(10, 1, "/usr/bin/bash", "bash", "/opt/bin/terraform")
REAL = process(11, 10, "/opt/tf/1.5.7/terraform", "terraform")
AWS = Process(
    12, 11, "/w/providers/terraform-provider-aws_v5.100.0_x5", ("terraform-provider-aws",)
)
SHELL = Process(13, 12, "/usr/bin/dash", ("sh", "-c", "helper"))


@pytest.mark.parametrize(
    ("family", "pid"),
    [
        ([REAL], 11),
        ([BASH, REAL, AWS, SHELL], 11),
        ([AWS, REAL, BASH], 11),
        ([BASH], None),
        ([process(10, 1, "/usr/bin/node", "node", "/opt/bin/terraform")], None),
        ([process(10, 1, "/usr/bin/python3.12", "python3", "tf.py")], None),
        ([process(10, 1, "/opt/x/terraform-bin", "terraform-bin")], 10),
        ([process(10, 1, "/nix/store/x/bin/.terraform-wrapped", "terraform")], 10),
        ([process(10, 1, "/home/x/.tfswitch/terraform_1.5.7", "terraform")], 10),
        ([process(10, 1, "/usr/local/bin/tofu (deleted)", "tofu")], 10),
        # a version manager's proxy has Terraform's own name: the innermost is the real one
        ([process(10, 1, "/opt/tenv/terraform", "terraform"), REAL], 11),
        # another name altogether: who starts providers is Terraform
        ([process(10, 1, "/opt/infra-engine", "x"), Process(12, 10, AWS.program)], 10),
        # a container's client hands a signal on
        ([BASH, process(11, 10, "/usr/bin/docker", "docker", "run", "hashicorp/terraform")], 11),
        # something else that the wrapper runs first
        ([BASH, Process(14, 10, "/usr/bin/curl", ("curl", "https://x.example"))], None),
        ([BASH, Process(14, 10, "/usr/bin/cat", ("cat",)), REAL], 11),
        ([], None),
    ],
)  # fmt: skip
def test_terraform_is_found_behind_its_wrappers(family: list[Process], pid: int | None) -> None:
    found = find_terraform(family, ARGS)
    assert (found.pid if found else None) == pid


def test_the_embedded_terraform_is_the_interpreter_that_was_started() -> None:
    started = process(10, 1, "/usr/bin/python3.12", "python3", "embedded.py")
    assert find_terraform([started], ("embedded.py", *ARGS), "/usr/bin/python3.12") is started
    assert find_terraform([started], ("embedded.py", *ARGS), "/opt/bin/terraform") is None


def test_where_nothing_looks_like_terraform_the_innermost_process_is_named() -> None:
    inner = Process(14, 10, "/usr/bin/odd", ("odd",))
    assert find_last([inner, BASH]) is inner
    assert find_last([REAL, BASH, AWS, SHELL]) is REAL


def test_a_process_that_is_its_own_parent_ends_no_search() -> None:
    odd = Process(5, 5, "/usr/bin/odd", ("odd",))
    assert find_terraform([odd], ARGS) is None
    assert find_last([odd]) is odd
