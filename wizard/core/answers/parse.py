"""From files, environment and options to `Answers`: every problem is named, all at once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, get_type_hints

from wizard.core import migrations
from wizard.core.answers.model import ECS, Answers
from wizard.core.answers.rules import Violation, problems
from wizard.core.errors import UsageError
from wizard.core.text import closest

ENV_PREFIX = "WALLARM_APIGW_"
PATHS = ("lambda_package",)  # answers that name a file

_FIELDS = {f.name: f for f in dataclasses.fields(Answers)}
KEYS = tuple(_FIELDS)
_TYPES = get_type_hints(Answers)
_NEVER = ("wallarm_api_token", "token", "aws_secret_access_key")


def env_name(key: str) -> str:
    """The environment variable that sets an answer."""
    return ENV_PREFIX + key.upper()


def load_json(text: str) -> Any:
    """What a file that a person wrote holds. Raises ValueError with where it is wrong, also for a
    key that stands twice in one object: JSON takes the last, its writer may have meant the first.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise ValueError(f"the key {twice!r} stands twice in one object")
        return found

    try:
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise ValueError(where) from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def parse_file(text: str, source: str) -> dict[str, Any]:
    """The keys of an answers file of any version. Raises UsageError for what is no JSON object."""
    try:
        data = load_json(text)
    except ValueError as error:
        raise UsageError(
            "WAG-E-ANSWERS-001",
            f"{source} is not valid JSON",
            why=str(error),
            next_step="Correct the file, or print a fresh one with `wallarm-apigw answers`.",
        ) from error
    if not isinstance(data, dict):
        raise UsageError(
            "WAG-E-ANSWERS-001",
            f"{source} must hold one JSON object",
            next_step="Print an example with `wallarm-apigw answers`.",
        )
    return migrations.migrate_answers(data, source)


def from_env(env: Mapping[str, str]) -> dict[str, Any]:
    """The answers set by environment variables. Lists are comma-separated, tags are `k=v,k=v`; an
    empty variable sets nothing.
    """
    out: dict[str, Any] = {}
    for key in _FIELDS:
        text = env.get(env_name(key))
        if text and text.strip() and key != "schema_version":
            out[key] = from_text(key, text)
    return out


def from_text(key: str, text: str) -> Any:
    """One answer written as text, converted to its type. Raises UsageError when it cannot be."""
    unknown = _key_problem(key)
    if unknown:
        raise _refuse([unknown])
    kind = _TYPES[key]
    text = text.strip()
    if kind is int:
        try:
            return int(text)
        except ValueError:
            raise _malformed(key, f"a whole number; got {text!r}", f"{key}=2") from None
    if kind is bool:
        if text.lower() in ("1", "true", "yes", "on"):
            return True
        if text.lower() in ("", "0", "false", "no", "off"):
            return False
        raise _malformed(key, f"true or false; got {text!r}", f"{key}=true")
    if kind is str:
        return text
    items = [part.strip() for part in text.split(",") if part.strip()]
    if kind == dict[str, str]:
        pairs = [item.partition("=") for item in items]
        if any(not name or not equals for name, equals, _ in pairs):
            raise _malformed(key, "name=value,name=value", f"{key}=team=payments,stage=prod")
        return {name.strip(): value.strip() for name, _, value in pairs}
    return tuple(items)


def _malformed(key: str, wanted: str, example: str) -> UsageError:
    return UsageError(
        "WAG-E-ANSWERS-003",
        f"{key} must be {wanted}",
        next_step=f"Write it like this: {example}. Nothing was changed.",
        keys=(key,),
    )


def build_answers(*layers: Mapping[str, Any], check: bool = True) -> Answers:
    """Answers from layers, later ones win. Raises one UsageError listing all that is wrong."""
    merged = joined(*layers)
    broken = [v for key, value in merged.items() if (v := _type_problem(key, value))]
    if broken:
        raise _refuse(broken)
    answers = Answers(**{key: _convert(value) for key, value in merged.items()})
    if check:
        ensure_valid(answers)
    return answers


def joined(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers of several layers, later ones win.

    Where the node runs and its address belong together: a layer that names the one alone decides
    about the other, too.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        if "node_url" in layer and "node_place" not in layer:
            merged.pop("node_place", None)
        if layer.get("node_place") == ECS and "node_url" not in layer:
            merged.pop("node_url", None)
        merged.update((key, value) for key, value in layer.items() if not _unset(key, value))
    return merged


def _unset(key: str, value: Any) -> bool:
    """Whether an empty text stands where no answer can be empty: then another layer's counts."""
    return value == "" and key in _FIELDS and bool(_FIELDS[key].default)


def ensure_valid(answers: Answers) -> None:
    """Raise one UsageError that names every broken rule."""
    broken = problems(answers)
    if broken:
        raise _refuse(list(broken))


def _refuse(broken: list[Violation]) -> UsageError:
    keys = tuple(dict.fromkeys(key for violation in broken for key in violation.keys))
    return UsageError(
        "WAG-E-ANSWERS-002",
        "Some answers cannot be used: " + "; ".join(v.message for v in broken),
        next_step="Correct " + ", ".join(keys) + " and run the command again. Nothing was changed.",
        keys=keys,
    )


def _key_problem(key: str) -> Violation | None:
    if key in _NEVER:
        return Violation(
            (key,),
            f"{key} is a secret and does not belong in answers; "
            "use WALLARM_API_TOKEN or --token-file",
        )
    if key not in _FIELDS:
        near = closest(key, _FIELDS, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return Violation((key,), f"{key} is not a known key{hint}")
    return None


def _type_problem(key: str, value: Any) -> Violation | None:
    unknown = _key_problem(key)
    if unknown:
        return unknown
    kind = _TYPES[key]
    if kind in (int, bool, str):
        fits = type(value) is kind
        wanted = {int: "a whole number", bool: "true or false", str: "a text"}[kind]
    elif kind == dict[str, str]:
        fits = isinstance(value, dict) and all(
            isinstance(k, str) and isinstance(v, str) for k, v in value.items()
        )
        wanted = "an object of texts"
    else:
        fits = isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value)
        wanted = "a list of texts"
    return None if fits else Violation((key,), f"{key} must be {wanted}")


def _convert(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
