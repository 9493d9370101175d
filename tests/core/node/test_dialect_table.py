"""The ways to speak to a node are a table, and the search in it is honest."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.invoking import forwarder
from wizard.core.errors import UsageError
from wizard.core.events import State
from wizard.core.node.dialect import (
    BY_NAME,
    CANDIDATES,
    DIALECT_VARIABLES,
    Tried,
    best,
    chosen,
    environment_with,
)
from wizard.core.node.verdicts import Grasp

LAMBDA = Path(__file__).resolve().parents[3] / "lambda" / "cw-resend-lambda"


def test_every_candidate_is_one_of_its_own_and_made_of_what_the_forwarder_takes() -> None:
    assert len(BY_NAME) == len(CANDIDATES)
    assert len({tuple(sorted(one.settings.items())) for one in CANDIDATES}) == len(CANDIDATES)
    text = (LAMBDA / "dialect.py").read_text(encoding="utf-8")
    for name in DIALECT_VARIABLES:
        assert f'"{name}"' in text
    forwarder()
    import protocol  # the forwarder is not a package

    for one in CANDIDATES:
        assert set(one.settings) <= set(DIALECT_VARIABLES)
        assert one.settings.get("X_NODE_STYLE", "two-messages") in protocol.STYLES
        assert one.settings.get("X_NODE_REQUEST_ID", "event") in protocol.IDS
        spoken = protocol.Encoder(one.settings).dialect
        assert spoken["connector_type"] == one.settings.get(
            "X_NODE_CONNECTOR_TYPE", "aws-api-gateway"
        )


def test_nothing_takes_another_products_name_unless_it_is_asked_to() -> None:
    assert not any(one.another for one in chosen(()))
    others = [one for one in CANDIDATES if one.another]
    assert {"layer7", "azure-apim"} == {one.settings["X_NODE_CONNECTOR_TYPE"] for one in others}
    assert chosen(["azure-multipart", "azure-multipart"]) == (BY_NAME["azure-multipart"],)
    assert chosen(())[0].settings == {}, "what is deployed comes first"


def test_a_name_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no way to speak") as caught:
        chosen(["layer8"])
    assert "layer7" in caught.value.next_step


def tried(name: str, state: State) -> Tried:
    return Tried(BY_NAME[name], Grasp(state, None, None, ""))


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ([("default", State.FAILED), ("multipart", State.DONE)], "multipart"),
        ([("default", State.WARNING), ("multipart", State.DONE)], "multipart"),
        ([("default", State.FAILED), ("multipart", State.WARNING)], "multipart"),
        ([("default", State.DONE), ("multipart", State.DONE)], "default"),
        ([("default", State.FAILED), ("multipart", State.UNCHECKED)], None),
        ([], None),
    ],
)
def test_the_best_is_one_that_was_understood_and_else_there_is_none(
    found: list[tuple[str, State]], name: str | None
) -> None:
    one = best(tried(key, state) for key, state in found)
    assert (one.name if one else None) == name


def test_setting_one_replaces_the_way_of_speaking_and_keeps_the_rest() -> None:
    now = {"X_NODE_CONNECTIONS": "8", "X_NODE_STYLE": "one-message", "X_NODE_REQUEST_ID": "log"}
    assert environment_with(now, BY_NAME["version-1.0-multipart"]) == {
        "X_NODE_CONNECTIONS": "8",
        "X_NODE_CONNECTOR_VERSION": "1.0",
        "X_NODE_STYLE": "multipart",
    }
    assert environment_with(now, BY_NAME["default"]) == {"X_NODE_CONNECTIONS": "8"}
