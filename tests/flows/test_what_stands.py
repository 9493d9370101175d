"""A refusal in the middle of an apply ends with what stands, what it costs, and the way back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.flows.node import add_what_remains, add_what_stands, what_stands
from wizard.services.terraform.errors import TerraformError
from wizard.services.workspace.state import StateFacts

NAT = "aws_nat_gateway.this[0]"
NETWORK = ("aws_vpc.this[0]", 'aws_subnet.public["us-east-1a"]', "aws_eip.nat[0]")


def deployment(held: tuple[str, ...] | WizardError | None, **answers: Any) -> Any:
    def state_facts() -> StateFacts | None:
        if isinstance(held, WizardError):
            raise held
        return None if held is None else StateFacts("", 1, len(held), {}, addresses=held)

    return cast("Any", SimpleNamespace(state_facts=state_facts, answers=Answers(**answers)))


DAMAGED = WizardError("WAG-E-WS-020", "damaged")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ((*NETWORK, NAT), "(4 resources) costs up to about $36 a month"),
        (NETWORK, "(3 resources) costs up to about $4 a month"),
        (NETWORK[:1], "(1 resource) costs no fixed price"),
        (("aws_lb.node[0]",), "(1 resource) costs up to about $16 a month"),
        (DAMAGED, "(as far as it came) costs up to about $86 a month"),
    ],
)
def test_what_was_made_is_counted_and_priced_until_it_is_removed(
    made: tuple[str, ...] | WizardError, said: str
) -> None:
    text = what_stands(deployment(made))
    assert said in text
    assert "`wallarm-apigw uninstall`" in text
    assert "switched no stage" in text


def test_where_nothing_was_made_nothing_is_said_to_cost_anything() -> None:
    text = what_stands(deployment(None))
    assert text.startswith("Terraform made nothing, and nothing costs anything.")
    assert "switched no stage" in text


@pytest.mark.parametrize(
    ("error", "certain"),
    [
        (TerraformError("WAG-E-TF-107", "A quota"), True),
        (TerraformError("WAG-E-TF-016", "Killed", in_doubt=True), False),
        (TerraformError("WAG-E-TF-114", "The disk is full"), False),
        (TerraformError("WAG-E-TF-117", "AWS could not be reached"), False),
        (TerraformError("WAG-E-TF-118", "The state could not be stored"), False),
        (WizardError("WAG-E-LOGS-004", "No room for a filter"), True),
    ],
)
def test_nothing_is_said_to_be_there_only_where_terraform_could_record_it(
    error: WizardError, certain: bool
) -> None:
    add_what_stands(deployment(None), error)
    assert ("Terraform made nothing" in error.next_step) == certain
    assert ("What stands (as far as it came)" in error.next_step) != certain


def test_without_a_node_nothing_has_a_fixed_price() -> None:
    made = deployment(("aws_lambda_function.forwarder",), node_url="node.example.com")
    assert "no fixed price" in what_stands(made)


def test_the_next_step_of_the_refusal_stays_first() -> None:
    error = WizardError("WAG-E-TF-108", "A quota", next_step="Ask AWS for more.")
    add_what_stands(deployment(NETWORK), error)
    assert error.next_step.startswith("Ask AWS for more. What stands (3 resources)")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (
            (*NETWORK, NAT),
            "What still stands (4 resources) costs up to about $36 a month",
        ),
        (None, ""),
        (DAMAGED, ""),
    ],
)
def test_a_refused_removal_ends_with_what_is_left_of_it(
    left: tuple[str, ...] | WizardError | None, said: str
) -> None:
    error = WizardError("WAG-E-TF-106", "Not allowed", next_step="`iam-policy deploy` prints it.")
    add_what_remains(deployment(left), error)
    assert error.next_step.startswith("`iam-policy uninstall` prints it."), "a policy of its own"
    assert said in error.next_step
    assert ("What is removed stays removed." in error.next_step) == bool(said)
