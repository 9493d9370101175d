"""`node-dialect`: which way of speaking the node understands."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from wizard.cli.console import Console, put
from wizard.cli.inputs import agrees, consent, load_answers, make_context, setting
from wizard.core.errors import ExitCode
from wizard.core.events import State
from wizard.core.node.dialect import CANDIDATES, Dialect, best, chosen, holds
from wizard.core.text import clean, count
from wizard.services.forwarder_packages import find_downloads
from wizard.services.tokens import take_environment

if TYPE_CHECKING:
    from wizard.flows.node import DialectSearch


def dialect(options: argparse.Namespace) -> int:
    """Try the candidates against the node, say what it understands, and offer to set it."""
    env = take_environment()
    if options.list:
        put(listing())
        return int(ExitCode.DONE)
    candidates = chosen(options.dialect)
    answers = load_answers(options, env)
    from wizard.flows.node import EVENTS, open_search

    with Console(as_json=setting(options, "json", env)) as console:
        context = make_context(options, env, console)
        with open_search(context, answers) as search:
            now = search.look()
            console.line(f"The forwarder speaks: {_words(dict(now.dialect))}")
            console.line(f"The node so far: {now.counters.summary}")
            messages = 2 * EVENTS * len(candidates)
            console.line(
                f"{count(len(candidates), 'way')} to try, {count(messages, 'message')} at most. "
                "They carry status 404, which API Discovery does not count."
            )
            if context.options.dry_run:
                console.data({"type": "Dialects", "understood": None, "tried": []})
                console.line("Dry run: nothing was sent.", State.SKIPPED)
                return int(ExitCode.DONE)
            consent(options, env, f"Send them to {now.url}?")
            tried = search.attempt(candidates)
            found = best(tried)
            console.data(
                {
                    "type": "Dialects",
                    "understood": found.name if found else None,
                    "tried": [
                        {
                            "name": one.dialect.name,
                            "state": one.grasp.state.value,
                            "text": one.grasp.text,
                            "statuses": list(one.statuses),
                            "forwarder_environment": dict(one.dialect.settings),
                        }
                        for one in tried
                    ],
                }
            )
            if found is None:
                unchecked = all(one.grasp.state is State.UNCHECKED for one in tried)
                return _none(console, tuple(map(str, find_downloads(env))), unchecked=unchecked)
            console.line(f"The node understands `{found.name}`: {found.title}.", State.DONE)
            _offer(options, env, console, search, found)
    return int(ExitCode.DONE)


def _none(console: Console, bundles: tuple[str, ...], *, unchecked: bool) -> int:
    if unchecked:
        console.line("Whether the node understands any of them could not be seen.", State.UNCHECKED)
        return int(ExitCode.UNCHECKED)
    console.line(
        "The node understands none of them. Wallarm's own bundle speaks as it wants: set "
        "lambda_package to it, or ask Wallarm which connector type your node expects.",
        State.FAILED,
    )
    for path in bundles:
        console.line(f"There is one here: lambda_package={clean(path)}")
    return int(ExitCode.FAILED)


def _offer(
    options: argparse.Namespace,
    env: Mapping[str, str],
    console: Console,
    search: DialectSearch,
    found: Dialect,
) -> None:
    if holds(search.answers.forwarder_environment, found):
        console.line("The answers say just that: nothing is to be changed.", State.DONE)
        return
    if not options.adopt and not agrees(options, env, "Write that into the answers?", person=True):
        wanted = json.dumps(dict(found.settings))
        console.line(f'Not written; it would be "forwarder_environment": {wanted}', State.SKIPPED)
        return
    search.adopt(found)
    console.line("`wallarm-apigw install` shows the change and makes it.", State.DONE)


def listing() -> str:
    """Every candidate, one a line; those with another product's name are marked."""
    return "\n".join(
        f"{one.name:<24} {one.title}" + (f"  (in the name of {one.another})" if one.another else "")
        for one in CANDIDATES
    )


def _words(spoken: dict[str, str]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in spoken.items())
