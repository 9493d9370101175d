"""A refusal in the middle of an apply ends with what stands, what it costs, and the way back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from wizard.core.answers.model import Answers
from wizard.core.errors import WizardError
from wizard.flows.node import add_what_stands, what_stands


def deployment(resources: int | WizardError, **answers: Any) -> Any:
    def check_state() -> int:
        if isinstance(resources, WizardError):
            raise resources
        return resources

    return cast("Any", SimpleNamespace(workspace=SimpleNamespace(check_state=check_state),
                                       answers=Answers(**answers)))  # fmt: skip


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (deployment(12), "12 resources"),
        (deployment(1), "1 resource)"),
        (deployment(0), "as far as it came"),
        (deployment(WizardError("WAG-E-WS-020", "damaged")), "as far as it came"),
    ],
)
def test_what_was_made_is_counted(made: Any, said: str) -> None:
    text = what_stands(made)
    assert said in text
    assert "$86 a month" in text
    assert "`wallarm-apigw uninstall`" in text
    assert "switched no stage" in text


def test_without_a_node_nothing_has_a_fixed_price() -> None:
    assert "no fixed price" in what_stands(deployment(9, node_url="node.example.com"))


def test_the_next_step_of_the_refusal_stays_first() -> None:
    error = WizardError("WAG-E-TF-108", "A quota", next_step="Ask AWS for more.")
    add_what_stands(deployment(3), error)
    assert error.next_step.startswith("Ask AWS for more. What stands (3 resources)")
