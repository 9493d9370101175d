"""A token stored under another key than the answers say is not left for the task to find."""

from __future__ import annotations

import pytest

from wizard.core.errors import UsageError
from wizard.flows.token import _same_key

KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
OTHER = "arn:aws:kms:us-east-1:123456789012:key/2"


@pytest.mark.parametrize(
    ("held_by", "wanted"), [("alias/aws/ssm", ""), (KEY, KEY)], ids=["managed", "own"]
)
def test_the_same_key_is_good(held_by: str, wanted: str) -> None:
    _same_key("/p", held_by, wanted)


@pytest.mark.parametrize(
    ("held_by", "wanted"),
    [("alias/aws/ssm", KEY), (OTHER, KEY), (KEY, "")],
    ids=["not yet", "another", "not any more"],
)
def test_another_key_asks_for_the_token_again(held_by: str, wanted: str) -> None:
    with pytest.raises(UsageError) as told:
        _same_key("/p", held_by, wanted)
    assert told.value.code == "WAG-E-TOKEN-006"
    assert held_by in told.value.why
    assert "Nothing was changed" in told.value.next_step
