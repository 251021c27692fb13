"""Witnesses to be asked, and the settings that name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from signal_log import clock
from signal_log.seal.witness import client as witness_client
from tests.integration.cosigned import LOG
from tests.witnessing import MemoryWitness


@pytest.fixture(autouse=True)
def _no_failures_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    witness_client._failures.clear()


@pytest.fixture
def witness() -> MemoryWitness:
    found = MemoryWitness(LOG)
    found.time = int(clock.now().timestamp())
    return found


@pytest.fixture
def use(settings: Any) -> Iterator[Any]:
    """Serve witnesses, or name addresses, and set ``WITNESSES`` to them."""
    with ExitStack() as stack:

        def use(*chosen: MemoryWitness | dict[str, str], quorum: int = 0) -> None:
            entries = [one if isinstance(one, dict) else stack.enter_context(one.serving()) for one in chosen]
            settings.SIGNAL_LOG = {**settings.SIGNAL_LOG, "WITNESSES": entries, "WITNESS_QUORUM": quorum}

        yield use
