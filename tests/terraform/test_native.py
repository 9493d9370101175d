"""The module's own `terraform test` files pass, and cover every validation and every condition."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.terraform.test_module import declared
from tests.terraform.tool import MODULE, clean_environment, one_provider, prepared, terraform

pytestmark = pytest.mark.e2e

FOLDER = "tests/mocked"
FILES = sorted(path.name for path in (MODULE / FOLDER).glob("*.tftest.hcl"))
_VARIABLE = re.compile(r'^variable "([^"]+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_VALIDATION = re.compile(r"^  validation \{\n.*?^  \}\n", re.MULTILINE | re.DOTALL)
_CHECK = re.compile(r'^  check_(\w+)\s+=.*?tobool\(\s*"(.*?)"\s*\)$', re.MULTILINE | re.DOTALL)
_NOT_REFUSED = re.compile(r"The checkable object, var\.(\w+), was expected to report an error")

TOKEN = 'wallarm_api_token_ssm_parameter = "/t"'

# Values that are well-formed each by itself, and make no sense together: by the check's name.
TOGETHER: dict[str, tuple[str, ...]] = {
    "dns": (TOKEN, 'node_dns_name = "node"'),
    "token": ('name_prefix = "abc"',),
    "host": (TOKEN, 'wallarm_api_host = "api.example.com"'),
    "ca": (
        TOKEN,
        r'node_ca_certificate = "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----"',
    ),
    "metrics": (TOKEN, 'node_metrics = "node.example.com:9000"'),
    "environment": (
        TOKEN,
        'forwarder_environment = { for i in range(20) : "X_A${i}" => format("%0200d", 0) }',
    ),
    "own_certificate": (
        TOKEN,
        'certificate_arn = "arn:aws:acm:us-east-1:123456789012:certificate/0"',
    ),
    "vpc": (TOKEN, 'private_subnet_ids = ["subnet-0123456789abcdef0"]'),
    "subnets": (
        TOKEN,
        'vpc_id = "vpc-0123456789abcdef0"',
        'private_subnet_ids = ["subnet-0123456789abcdef0"]',
        'public_subnet_ids = ["subnet-0123456789abcdef1"]',
    ),
    "architecture": (TOKEN, 'node_instance_type = "m7g.large"'),
    "certificate": (
        TOKEN,
        'r53_domain_name = "example.com"',
        'node_dns_name = format("a%052d", 0)',
    ),
    "region": (TOKEN, 'alarm_topic_arn = "arn:aws:sns:eu-central-1:123456789012:on-call"'),
}


def need_terraform_test() -> None:
    """Skip, or fail where end-to-end tests are required, unless Terraform can mock a provider."""
    why = "no terraform on PATH"
    if shutil.which("terraform"):
        answer = terraform(["version", "-json"], MODULE).stdout
        version = str(json.loads(answer[answer.index("{") :])["terraform_version"])
        if tuple(int(part) for part in version.split("-")[0].split(".")) >= (1, 7):
            return
        why = f"Terraform {version} cannot mock a provider; 1.7 can"
    if os.environ.get("REQUIRE_E2E") == "1":
        pytest.fail(f"REQUIRE_E2E=1, and {why}")
    pytest.skip(why)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An initialised copy of the module, with its tests, and a provider that waits for them."""
    need_terraform_test()
    folder = tmp_path_factory.mktemp("native")
    copy = prepared(folder)
    with one_provider(copy, folder / "provider.txt"):
        yield copy


@pytest.fixture
def changeable(module: Path) -> Iterator[Path]:
    """The same copy; its variables and tests are put back afterwards."""
    variables = (module / "variables.tf").read_text("utf-8")
    yield module
    (module / "variables.tf").write_text(variables, "utf-8")
    shutil.rmtree(module / "tests/together", ignore_errors=True)


def run_tests(module: Path, folder: str = FOLDER, *names: str) -> tuple[int, str]:
    """Run test files; the exit code and what was said, in one line."""
    chosen = [f"-filter={folder}/{name}" for name in names]
    done = terraform(
        ["test", "-no-color", f"-test-directory={folder}", *chosen],
        module,
        accept=(0, 1),
    )
    return done.returncode, re.sub(r"[\s│╷╵]+", " ", done.stdout + done.stderr)


@pytest.mark.parametrize("name", FILES)
def test_the_modules_own_tests_pass(module: Path, name: str) -> None:
    code, said = run_tests(module, FOLDER, name)
    assert code == 0, said
    assert re.search(r"Success! [1-9]\d* passed, 0 failed", said)


def test_each_validation_is_needed_by_a_test(changeable: Path) -> None:
    """Without its first validations, then its second, the module accepts what it should refuse."""
    source = (changeable / "variables.tf").read_text("utf-8")
    counts = {name: len(_VALIDATION.findall(body)) for name, body in _VARIABLE.findall(source)}
    assert max(counts.values()) == 2, "take the third validations away as well"
    for number in (0, 1):
        (changeable / "variables.tf").write_text(without(source, number), "utf-8")
        code, said = run_tests(changeable, FOLDER, "validations.tftest.hcl")
        assert code == 1
        assert set(_NOT_REFUSED.findall(said)) == {n for n, c in counts.items() if c > number}


def without(source: str, number: int) -> str:
    """`variables.tf` without the validation of that number, counted in each variable."""

    def one_less(variable: re.Match[str]) -> str:
        blocks = _VALIDATION.findall(variable[0])
        return variable[0].replace(blocks[number], "") if len(blocks) > number else variable[0]

    return _VARIABLE.sub(one_less, source)


def test_every_condition_that_joins_variables_refuses_and_says_what_to_write(
    changeable: Path,
) -> None:
    checks = dict(_CHECK.findall((changeable / "main.tf").read_text("utf-8")))
    assert set(checks) == set(TOGETHER)
    folder = changeable / "tests/together"
    folder.mkdir()
    for name, values in TOGETHER.items():
        (folder / f"{name}.tftest.hcl").write_text(
            f'mock_provider "aws" {{\n  source = "./{FOLDER}/answers"\n}}\n'
            f'run "refused" {{\n  command = plan\n  variables {{\n'
            + "\n".join(values)
            + "\n  }\n}\n",
            "utf-8",
        )
    said = refusals(changeable, "tests/together")
    for name, message in checks.items():
        text = said.get(f"tests/together/{name}.tftest.hcl", "nothing")
        assert message in text, name
        assert [key for key, other in checks.items() if key != name and other in text] == []


def test_an_arn_of_another_region_is_refused(changeable: Path) -> None:
    names = {
        "kms_key_arn": "kms:eu-central-1:123456789012:key/0",
        "wallarm_api_token_kms_key_arn": "kms:eu-central-1:123456789012:key/0",
        "alarm_topic_arn": "sns:eu-central-1:123456789012:on-call",
        "certificate_arn": "acm:eu-central-1:123456789012:certificate/0",
    }
    folder = changeable / "tests/together"
    folder.mkdir()
    for name, rest in names.items():
        (folder / f"{name}.tftest.hcl").write_text(
            f'mock_provider "aws" {{\n  source = "./{FOLDER}/answers"\n}}\n'
            f'run "refused" {{\n  command = plan\n  variables {{\n{TOKEN}\n'
            'r53_domain_name = "example.com"\nnode_dns_name = "node"\n'
            f'{name} = "arn:aws:{rest}"\n  }}\n}}\n',
            "utf-8",
        )
    said = refusals(changeable, "tests/together")
    for name in names:
        assert "of the Region in region" in said.get(f"tests/together/{name}.tftest.hcl", ""), name


def test_every_example_of_the_page_can_be_planned(changeable: Path) -> None:
    """As it is copied; only the path of somebody's own zip is another one here."""
    page = (MODULE / "README.md").read_text("utf-8")
    examples = re.findall(r"```hcl\n(.*?)```", page, re.DOTALL)
    example = (MODULE / "terraform.tfvars.example").read_text("utf-8")
    examples.append(example.replace("your-token-here", "A" * 64))
    runs = [
        f'run "example_{number}" {{\n  command = plan\n  variables {{\n{text}\n  }}\n}}\n'
        for number, text in enumerate(examples)
    ]
    folder = changeable / "tests/together"
    folder.mkdir()
    (folder / "examples.tftest.hcl").write_text(
        f'mock_provider "aws" {{\n  source = "./{FOLDER}/answers"\n}}\n'
        f"variables {{\n  {TOKEN}\n}}\n"
        + "".join(runs).replace("/home/me/cw-resend-lambda.zip", f"./{FOLDER}/answers/bundle.zip"),
        "utf-8",
    )
    code, said = run_tests(changeable, "tests/together")
    assert code == 0, said
    assert f"{len(examples)} passed, 0 failed" in said
    assert len(examples) > 8


def refusals(module: Path, folder: str) -> dict[str, str]:
    """What was said against the run in each test file of a folder, by the file's name."""
    done = terraform(
        ["test", "-json", f"-test-directory={folder}"],
        module,
        accept=(1,),
    )
    said: dict[str, str] = {}
    for event in map(json.loads, done.stdout.splitlines()):
        if event["type"] == "diagnostic":
            file = event.get("@testfile", "")
            said[file] = f"{said.get(file, '')} {event['diagnostic']['detail']}"
    return said


def test_every_message_says_what_to_write_instead() -> None:
    """In the imperative, so that the reader knows what to do and not only what was wrong."""
    source = (MODULE / "variables.tf").read_text("utf-8")
    messages = re.findall(r'error_message = "(.*)"$', source, re.MULTILINE)
    assert len(messages) == source.count("error_message") > 40
    advice = re.compile(r"\b(Write|Use|use|Keep|write)\b")
    assert [message for message in messages if not advice.search(message)] == []


def test_every_variable_is_given_a_value_in_a_test() -> None:
    tests = "".join((MODULE / FOLDER / name).read_text("utf-8") for name in FILES)
    given = set(re.findall(r"^    ?  ?(\w+) += ", tests, re.MULTILINE))
    assert declared("variable") - given == set()


def test_nothing_of_this_asks_aws() -> None:
    assert not [name for name in clean_environment() if name.startswith("AWS_")]
    for name in FILES:
        text = (MODULE / FOLDER / name).read_text("utf-8")
        assert text.count('mock_provider "aws"') == 1, name
        assert 'provider "aws"' not in text.replace('mock_provider "aws"', ""), name
