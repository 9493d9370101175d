"""A secret shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import sys
import traceback
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from wizard.core.secret import Secret
from wizard.flows.context import Options

TEXT = "plain-text-that-must-not-be-seen"


@dataclasses.dataclass
class Holder:
    name: str
    token: Secret


HELD = Holder("canary", Secret(TEXT))

WAYS: dict[str, Callable[[Secret], object]] = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "f-string": lambda s: f"{s}",
    "f-string with a width": lambda s: f"{s:>80}",
    "f-string for debugging": lambda s: f"{s=}",
    "percent": lambda s: "%s %r" % (s, s),  # noqa: UP031 - the old way is a way, too
    "format": lambda s: "{} {!r} {!s:.9}".format(s, s, s),  # noqa: UP032
    "in a list": lambda s: repr([s, {"token": s}, (s,)]),
    "pprint": pprint.pformat,
    "rich": pretty_repr,
    "dataclass": lambda s: repr(Holder("canary", s)),
    "json with a fallback": lambda s: json.dumps({"token": s}, default=str),
    "the names of what it has": lambda s: repr(dir(s)),
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_printing_shows_it(way: str) -> None:
    shown = str(WAYS[way](Secret(TEXT)))
    assert TEXT not in shown
    assert TEXT[:9] not in shown


@pytest.mark.parametrize(
    "keep",
    [
        lambda s: json.dumps({"token": s}),
        pickle.dumps,
        lambda s: pickle.dumps(s, protocol=0),
        lambda s: pickle.dumps(Holder("canary", s)),
        copy.copy,
        copy.deepcopy,
        lambda s: dataclasses.asdict(Holder("canary", s)),
        vars,
        hash,
        iter,
        bytes,
        lambda s: "" + s,
    ],
    ids=["json", "pickle", "pickle 0", "pickled holder", "copy", "deep copy", "asdict", "vars",
         "hash", "iteration", "bytes", "concatenation"],
)  # fmt: skip
def test_it_cannot_be_serialised_copied_or_joined_by_accident(
    keep: Callable[[Secret], object],
) -> None:
    with pytest.raises(TypeError) as refused:
        keep(Secret(TEXT))
    assert TEXT not in str(refused.value)


def test_no_log_record_holds_it() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.Logger("canary")
    logger.addHandler(handler)
    logger.warning("the token is %s, or %r", Secret(TEXT), HELD)
    try:
        raise ValueError(Secret(TEXT))
    except ValueError:
        logger.exception("refused")
    assert "the token is" in stream.getvalue()
    assert TEXT not in stream.getvalue()


def fail(token: Secret, holder: Holder) -> None:
    raise RuntimeError(f"cannot use {token} of {holder}")


def test_no_traceback_holds_it_even_one_with_local_variables() -> None:
    try:
        fail(Secret(TEXT), HELD)
    except RuntimeError as error:
        plain = "".join(traceback.format_exception(error))
        caught = traceback.TracebackException.from_exception(error, capture_locals=True)
        with_locals = "".join(caught.format())
        kind, value, trace = sys.exc_info()
        assert kind is not None
        assert value is not None
        screen = Console(file=io.StringIO(), width=200)
        screen.print(Traceback.from_exception(kind, value, trace, show_locals=True))
        drawn = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "token" in with_locals
    assert "token" in drawn
    for shown in (plain, with_locals, drawn):
        assert TEXT not in shown


def test_the_options_of_a_run_do_not_print_the_environment() -> None:
    options = Options(env={"AWS_SECRET_ACCESS_KEY": TEXT, "WALLARM_API_TOKEN": TEXT})
    assert TEXT not in repr(options)
    assert TEXT not in pretty_repr(options)


def test_it_is_given_to_whoever_asks_by_name_and_compares_by_value() -> None:
    assert Secret(TEXT).reveal() == TEXT
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT
    assert Secret(TEXT)
    assert not Secret("")


def test_it_cannot_be_given_attributes_that_would_print() -> None:
    with pytest.raises(AttributeError):
        Secret(TEXT).note = TEXT  # type: ignore[attr-defined]
