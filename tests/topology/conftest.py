"""Fixtures of the tests of whole deployments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import process


@pytest.fixture(scope="session", autouse=True)
def _forked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fork the servers, which are stopped and started again, from a nursery that starts with the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "popen", lambda *words, **how: request.getfixturevalue("nursery").popen(*words, **how))
        yield
