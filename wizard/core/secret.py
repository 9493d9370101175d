"""A value that must never be printed.

`repr`, `str`, formatting, JSON and pickling of a `Secret` show nothing; only `reveal()` gives the
text, so every place that uses a secret can be found by searching for that word.
"""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Wraps a secret text. Compares by value, is not hashable, cannot be serialised."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The secret itself. Hand it straight to what needs it; never store the result."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")
