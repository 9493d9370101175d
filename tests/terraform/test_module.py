"""The module on paper: formatted, valid, and no newer than the Terraform it promises."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.snippets.lint import snippets
from tests.terraform.tool import MODULE, initialise, need_terraform, prepared, terraform
from wizard.core.facts import ApiType
from wizard.core.stages.owner import Tool

# What a module for Terraform 1.0 may not contain, and since when Terraform knows it.
NEWER = {
    r"\boptional\(": "1.3",
    r"\b(pre|post)condition\s*\{": "1.2",
    r"\breplace_triggered_by\b": "1.2",
    r'"terraform_data"': "1.4",
    r"^(check|import|moved|removed)\b": "1.1 or later",
    r"\b(startswith|endswith|timecmp)\(": "1.2 or later",
    r"\b(strcontains|plantimestamp|templatestring|issensitive)\(": "1.5 or later",
    r"\bnullable\s*=": "1.1",
    r"^\s+cloud\s*\{": "1.1",
    r"\bprovider::": "1.8",
    r"\bephemeral\b|_wo\b": "1.10 or later",
}


# What the subscription filter does not wait for: it would deliver without them.
OPERATIONS = {"aws_cloudwatch_metric_alarm", "aws_cloudwatch_dashboard"}
# Nothing is in the one; the others are for what was kept by the time.
NOT_ON_THE_WAY = {
    "aws_default_security_group.this",
    "aws_cloudwatch_event_rule.replay",
    "aws_cloudwatch_event_target.replay",
    "aws_cloudwatch_log_group.replay",
    "aws_iam_role.replay",
    "aws_iam_role_policy.replay",
    "aws_lambda_function.replay",
    "aws_lambda_function_event_invoke_config.replay",
    "aws_lambda_permission.replay",
}
FILTER = "aws_cloudwatch_log_subscription_filter.forwarder"
CALLED = MODULE / "modules" / "connector"
# AWS has no tags for these; instances get theirs from the group and the launch template.
NO_TAGS = {
    "aws_acm_certificate_validation",
    "aws_autoscaling_group",
    "aws_cloudwatch_dashboard",
    "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_subscription_filter",
    "aws_ecs_cluster_capacity_providers",
    "aws_iam_role_policy",
    "aws_lambda_function_event_invoke_config",
    "aws_lambda_permission",
    "aws_route",
    "aws_route53_record",
    "aws_route_table_association",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
}
_WHOLE_RESOURCE = re.compile(r'^resource "(\w+)" "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_EDGE = re.compile(r'"\[root\] (.+?)(?: \(expand\))?" -> "\[root\] (.+?)(?: \(expand\))?"')
_RESOURCE = re.compile(r'^resource "([a-z0-9_]+)" "([a-z0-9_]+)"', re.MULTILINE)
_VARIABLE = re.compile(r'^variable "(\w+)" \{.*?^\}', re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An initialised copy of the module, which nobody changes."""
    need_terraform()
    return prepared(tmp_path_factory.mktemp("module"))


@pytest.fixture(scope="module")
def waits_for(copy: Path) -> Callable[[str], set[str]]:
    """Every resource that Terraform makes before this one, and removes after it."""
    edges: dict[str, set[str]] = {}
    drawn = terraform(["graph", "-type=plan"], copy).stdout
    for one, other in _EDGE.findall(drawn):
        edges.setdefault(one, set()).add(other)

    def found(address: str) -> set[str]:
        seen: set[str] = set()
        todo = {address}
        while todo:
            todo |= edges.get(todo.pop(), set()) - seen
            seen |= todo
        return {name for name in seen if name.startswith("aws_")}

    return found


@pytest.mark.e2e
def test_the_filter_is_made_last_and_removed_first(waits_for: Callable[[str], set[str]]) -> None:
    """CloudWatch Logs skips what it cannot deliver: nothing of the way may be missing under it."""
    everything = {
        f"{kind}.{name}"
        for path in MODULE.glob("*.tf")
        for kind, name in _RESOURCE.findall(path.read_text(encoding="utf-8"))
        if kind not in OPERATIONS
    }
    assert len(everything) > 50
    assert everything - waits_for(FILTER) - {FILTER} == NOT_ON_THE_WAY


@pytest.mark.e2e
def test_the_schedule_is_gone_before_what_it_replays_through(
    waits_for: Callable[[str], set[str]],
) -> None:
    before = waits_for("aws_cloudwatch_event_target.replay")
    assert {"aws_lambda_permission.replay", "aws_lambda_function.replay"} <= before
    assert {"aws_iam_role_policy.replay", "aws_lambda_function.forwarder"} <= waits_for(
        "aws_lambda_function.replay"
    )


@pytest.mark.e2e
def test_the_right_to_take_network_interfaces_back_outlives_them(
    waits_for: Callable[[str], set[str]],
) -> None:
    """Lambda needs its role for that, long after the function is gone; the group waits for it."""
    before = waits_for("aws_security_group.forwarder")
    assert {"aws_iam_role_policy.forwarder_vpc", "aws_iam_role.forwarder"} <= before
    before = waits_for("aws_lambda_function.forwarder")
    assert "aws_iam_role_policy.forwarder_vpc" in before


# Over these, and with the last two, an instance joins the cluster and leaves it again.
WAY_OUT = {
    "aws_nat_gateway.this",
    "aws_route.nat",
    "aws_route_table_association.private",
    "aws_iam_role_policy.instance",
    "aws_iam_instance_profile.instance",
}


@pytest.mark.e2e
def test_instances_have_their_way_out_before_they_come_and_until_they_are_gone(
    waits_for: Callable[[str], set[str]],
) -> None:
    """Otherwise they stay registered when they end, and the cluster cannot be deleted.

    The group of instances may be gone before they are; their security group cannot.
    """
    instances, theirs = "aws_autoscaling_group.node", "aws_security_group.node"
    assert {*WAY_OUT, "aws_vpc_security_group_egress_rule.node_out"} <= waits_for(instances)
    assert theirs in waits_for(instances)
    assert {*WAY_OUT, "aws_ecs_cluster.this"} <= waits_for(theirs)


@pytest.mark.e2e
def test_a_role_is_handed_over_only_after_something_slow(
    waits_for: Callable[[str], set[str]],
) -> None:
    """In a role's first seconds IAM says now and then that it may not be passed."""
    assert "aws_lb.node" in waits_for("aws_ecs_task_definition.node")
    slow = {"aws_lb.node", "aws_s3_bucket_lifecycle_configuration.undelivered"}
    assert slow <= waits_for("aws_lambda_function.forwarder")


@pytest.mark.e2e
def test_the_module_is_formatted() -> None:
    need_terraform()
    done = terraform(["fmt", "-check", "-recursive", "-diff"], MODULE, accept=(0, 3))
    assert done.returncode == 0, done.stdout


@pytest.mark.e2e
def test_the_module_is_valid(copy: Path) -> None:
    terraform(["validate", "-no-color"], copy)


AROUND = {  # what the owner's configuration has where the snippet says `as it is`
    ApiType.REST: ('  rest_api_id   = "a1"\n  deployment_id = "d1"\n  stage_name    = "prod"'),
    ApiType.HTTP: ('  api_id = "a1"\n  name   = "prod"'),
    ApiType.WEBSOCKET: ('  api_id = "a1"\n  name   = "prod"'),
}


@pytest.mark.e2e
def test_the_snippets_for_owners_are_formatted_and_valid_before_the_log_group_and_after(
    copy: Path,
) -> None:
    folder = copy / "of-owners"
    folder.mkdir()
    texts: list[str] = []
    for _, _, kind, text in snippets(Tool.TERRAFORM):
        own = text.replace("your_stage", f"stage_{len(texts)}")
        texts.append(own.replace("  # … as it is …", AROUND[kind]))
    (variable,) = {
        part for text in texts for part in re.findall(r"variable .*?^}\n", text, re.S | re.M)
    }
    body = "\n".join(text.replace(variable, "").lstrip() for text in texts)
    (folder / "main.tf").write_text(f"{variable}\n{body}", encoding="utf-8")
    initialise(folder)
    terraform(["validate", "-no-color"], folder)
    done = terraform(["fmt", "-check", "-diff"], folder, accept=(0, 3))
    assert done.returncode == 0, done.stdout
    (folder / "main.tf").write_text(body.replace("destination_arn", "destination"), "utf-8")
    assert terraform(["validate", "-no-color"], folder, accept=(1,)).returncode == 1


def test_the_example_names_only_variables_that_exist() -> None:
    example = (MODULE / "terraform.tfvars.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#? ?([a-z0-9_]+)\s+= ", example, re.MULTILINE))
    assert len(named) > 20
    assert named <= declared("variable")


def test_the_language_is_that_of_terraform_1_0() -> None:
    found = [
        f"{path.name}: {pattern} needs Terraform {version}"
        for path in sorted(MODULE.glob("*.tf"))
        for pattern, version in NEWER.items()
        if re.search(pattern, without_comments(path.read_text(encoding="utf-8")), re.MULTILINE)
    ]
    assert found == []
    assert 'required_version = ">= 1.0"' in (MODULE / "versions.tf").read_text(encoding="utf-8")


def test_a_validation_looks_at_its_own_variable_alone() -> None:
    """Terraform 1.9 is the first that lets it look at another."""
    text = without_comments((MODULE / "variables.tf").read_text(encoding="utf-8"))
    looked_at = {
        variable[1]: set(re.findall(r"\b(?:var|local|data)\.(\w+)", variable[0]))
        for variable in _VARIABLE.finditer(text)
    }
    assert len(looked_at) > 40
    assert {name: seen - {name} for name, seen in looked_at.items() if seen - {name}} == {}


def test_a_message_of_a_validation_is_a_sentence() -> None:
    """Terraform before 1.2 refuses one that has no capital at its start or no stop at its end."""
    text = (MODULE / "variables.tf").read_text(encoding="utf-8")
    messages = re.findall(r'^ +error_message = "(.*)"$', text, re.MULTILINE)
    assert len(messages) > 40
    wrong = [m for m in messages if not (m[0].isupper() and m[-1] in ".?" and "${" not in m)]
    assert wrong == []


def test_descriptions_of_security_groups_are_what_ec2_accepts() -> None:
    """Not even an umlaut; and a group's own can never be changed afterwards."""
    text = (MODULE / "security_groups.tf").read_text(encoding="utf-8")
    found = re.findall(r'^  description +(?:= )"(.*)"$', text, re.MULTILINE)
    assert len(found) == text.count('resource "')
    plain = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")
    assert [words for words in found if not plain.fullmatch(words)] == []


def test_no_rule_lets_an_address_in() -> None:
    rule = re.compile(r'^resource "aws_vpc_security_group_ingress_rule" .*?^\}', re.M | re.S)
    text = "".join(path.read_text(encoding="utf-8") for path in MODULE.glob("*.tf"))
    assert len(rule.findall(text)) == 4
    assert [rule for rule in rule.findall(text) if "cidr" in rule or "prefix_list" in rule] == []
    assert "aws_security_group_rule" not in text
    assert not re.search(r"^  (ingress|egress) (\{|=)", text, re.M)


def test_no_name_belongs_to_one_partition_alone() -> None:
    """China, GovCloud and the European Sovereign Cloud begin ARNs, and end hosts, otherwise."""
    found = [
        f"{path.name}: {line.strip()}"
        for path in sorted(MODULE.glob("*.tf"))
        for line in without_comments(path.read_text(encoding="utf-8")).splitlines()
        if re.search(r"amazonaws[.]com|arn:aws[:\"]", line)
        and not re.match(r"\s*(error_message|description|ecr)\s*=", line)
    ]
    assert found == []


def test_the_module_for_other_configurations_is_the_same_without_a_provider() -> None:
    """Terraform refuses count, for_each and aliases for a module that configures a provider."""
    links = {path.name: path for path in CALLED.iterdir() if path.is_symlink()}
    assert {path.name for path in MODULE.glob("*.tf")} - set(links) == {"provider.tf"}
    assert {path.name: path.resolve() for path in links.values()} == {
        name: MODULE / name for name in links
    }
    assert "cw-resend-lambda.zip" in links
    own = [path for path in CALLED.glob("*.tf") if not path.is_symlink()]
    assert [path.name for path in own] == ["caller.tf"]
    for path in CALLED.glob("*.tf"):
        assert 'provider "' not in path.read_text(encoding="utf-8"), path.name
    here, there = (local_values(path) for path in (*own, MODULE / "provider.tf"))
    here -= {"tags_to_write"}  # a step on the way to own_tags
    assert here == there == {"region", "own_tags"}, "what each of the two gives to the common files"


def test_everything_that_can_carry_tags_names_them() -> None:
    """In the root module the provider writes them; where the module is called nobody else does."""
    untagged = [
        f"{kind}.{name}"
        for path in MODULE.glob("*.tf")
        for kind, name, body in _WHOLE_RESOURCE.findall(path.read_text(encoding="utf-8"))
        if not re.search(r"^  tags += (merge\()?local.own_tags", body, re.M)
    ]
    assert len(untagged) > 15
    assert [one for one in untagged if one.split(".")[0] not in NO_TAGS] == []


def test_only_the_aws_provider_is_used() -> None:
    kinds = {
        kind.split("_")[0]
        for path in MODULE.glob("*.tf")
        for kind in re.findall(
            r'^(?:resource|data) "([a-z0-9_]+)"', path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    assert kinds == {"aws"}


def test_the_account_wide_api_gateway_role_is_left_alone() -> None:
    assert all(
        "aws_api_gateway_account" not in path.read_text(encoding="utf-8")
        for path in MODULE.glob("*.tf")
    )


def local_values(path: Path) -> set[str]:
    """Names in a file's one block of local values."""
    (block,) = re.findall(r"^locals \{\n(.*?)^\}", path.read_text("utf-8"), re.M | re.S)
    return set(re.findall(r"^  (\w+) += ", block, re.M))


def declared(kind: str) -> set[str]:
    """Names of the module's variables or outputs."""
    return {
        name
        for path in MODULE.glob("*.tf")
        for name in re.findall(
            rf'^{kind} "([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE
        )
    }


def without_comments(text: str) -> str:
    return re.sub(r"#[^\n]*", "", text)
