"""The Wallarm token in SSM: stored, replaced, deleted, never shown."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.core.errors import WizardError
from wizard.core.secret import Secret
from wizard.services.aws import token_parameter
from wizard.services.aws.session import Session


def test_the_token_is_stored_replaced_and_deleted_and_never_shown(
    session: Session, world: Any
) -> None:
    client = session.client("ssm")
    name = f"/wallarm-apigw/{world.name()}/token"
    assert token_parameter.key_of(client, name) is None
    token_parameter.store_token(client, name, Secret("first"), tags={"team": "a"})
    token_parameter.store_token(client, name, Secret("second"), tags={"team": "a"})
    assert token_parameter.key_of(client, name) == "alias/aws/ssm"
    stored: Any = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (stored["Value"], stored["Type"]) == ("second", "SecureString")
    assert token_parameter.delete_token(client, name)
    assert not token_parameter.delete_token(client, name)
    with pytest.raises(WizardError) as caught:
        token_parameter.store_token(client, "/aws/refused", Secret("s3cr3t-value"))
    assert "s3cr3t-value" not in f"{caught.value!s}{caught.value.__cause__!r}"


def test_a_key_of_ones_own_encrypts_the_token_now_and_when_it_is_replaced(
    session: Session, world: Any
) -> None:
    client = session.client("ssm")
    key = session.client("kms").create_key()["KeyMetadata"]["Arn"]
    name = f"/wallarm-apigw/{world.name()}/token"
    for value in ("first", "second"):
        token_parameter.store_token(client, name, Secret(value), key=key)
        assert token_parameter.key_of(client, name) == key
    token_parameter.delete_token(client, name)
