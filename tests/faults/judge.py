"""What has to be true after a fault, whichever it was: the same end as without it."""

from __future__ import annotations

import re
import subprocess
import threading
from dataclasses import dataclass

from tests.faults.world import World, world

_NOTHING = "0 to add, 0 to change, 0 to remove"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    fault: str
    seen: str
    end: str
    seconds: float = 0.0


class NotAsExpected(AssertionError):  # noqa: N818
    """A fault did not end as it must; the text says how it did."""


class NotHere(Exception):  # noqa: N818
    """This machine cannot make the fault; the text says what it takes."""


def expect(condition: object, text: str) -> None:
    """Raise unless the condition holds."""
    if not condition:
        raise NotAsExpected(text)


class Reference:
    """What an undisturbed install leaves in an account; made once, for whoever asks first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inventory: tuple[str, ...] = ()

    def get(self) -> tuple[str, ...]:
        """The inventory, see `World.inventory`."""
        with self._lock:
            if not self._inventory:
                with world() as it:
                    done = it.run()
                    expect(done.returncode == 0, done.stderr[-1500:])
                    self._inventory = it.inventory()
            return self._inventory


def same_end(it: World, reference: Reference, ignore: tuple[str, ...] = ()) -> str:
    """Assert the end state; returns it in words."""
    expect(not it.unsettled(), f"left behind: {it.unsettled()}")
    found = [line for line in it.inventory() if not line.startswith(ignore or ("\0",))]
    wanted = [line for line in reference.get() if not line.startswith(ignore or ("\0",))]
    more = sorted(set(found) - set(wanted)) + [
        x for x in set(found) if found.count(x) > wanted.count(x)
    ]
    less = sorted(set(wanted) - set(found))
    expect(found == wanted, f"too much: {more}; missing: {less}")
    planned = it.planned()
    expect(planned == _NOTHING, f"a further install plans {planned}")
    return f"as undisturbed: {len(found)} things, nothing planned"


def told(done: subprocess.CompletedProcess[str], *words: str) -> str:
    """Assert that a run ended with a code of its own and these words; returns the code."""
    expect("Traceback" not in done.stderr, done.stderr[-1500:])
    for word in words:
        expect(word in done.stderr, f"not said: {word!r} in {done.stderr[-1500:]}")
    codes = re.findall(r"WAG-E-[A-Z]+-\d+", done.stderr)
    return codes[-1] if codes else f"exit {done.returncode}"


def finish(it: World, reference: Reference, seen: str, fault: str) -> Row:
    """Behave again, run the same command until it is done (at most twice), compare."""
    it.front.end()
    for _ in range(2):
        done = it.run()
        if done.returncode == 0:
            break
    expect(done.returncode == 0, f"resume failed: {done.stderr[-1500:]}")
    adopted = done.stderr.count("taken into the state")
    if adopted:
        seen += f"; {adopted} taken into the state"
    return Row(fault, seen, same_end(it, reference))
