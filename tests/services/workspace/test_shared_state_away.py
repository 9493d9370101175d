"""The bucket of a shared state, and the claim, while AWS does not answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from wizard.core.errors import WizardError
from wizard.core.facts import Identity
from wizard.core.state_place import StatePlace
from wizard.services.aws.deployment.installation import read_claim, read_forwarders
from wizard.services.workspace import s3_state
from wizard.services.workspace.s3_state import StateStore


class Away:
    """Every call's connection is reset."""

    def client(self, _: str) -> Any:
        return self

    def __getattr__(self, _: str) -> Any:
        def call(*_: Any, **__: Any) -> None:
            raise ConnectionClosedError(endpoint_url="https://s3.example")

        return call


STORE = StateStore(Away(), StatePlace("team", "123456789012", "eu-central-1", "api-gw-discovery"))
WHO = Identity("123456789012", "arn:aws:iam::123456789012:user/jane", "eu-central-1")


@pytest.mark.parametrize(
    "ask",
    [
        STORE.facts, STORE.saved_answers, STORE.moved, STORE.holder, STORE.terraform_lock,
        lambda: STORE.lock("install", "/w"), lambda: STORE.names("x"),
        lambda: STORE.write_object("x", b""), lambda: STORE.delete_object("x"),
        lambda: list(STORE.journal()), lambda: s3_state.read_bucket(Away(), WHO, "team"),
        lambda: s3_state.make_bucket(Away(), WHO, "team"), lambda: s3_state.find_buckets(Away()),
        lambda: read_forwarders(Away(), "it"), lambda: read_claim(Away(), "x"),
    ],
)  # fmt: skip
def test_an_aws_that_went_away_is_an_error_in_words(ask: Callable[[], object]) -> None:
    with pytest.raises(WizardError) as caught:
        ask()
    assert "s3.example" in caught.value.why
