"""A deployment of the doctor's own: its hundred looks need not wait for all other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Deployed, installed


@pytest.fixture(scope="session")
def deployed() -> Iterator[Deployed]:
    with installed() as it:
        yield it
