"""``backend`` runs a test three times: on fakeredis, on a real Valkey and on a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

from tests.conftest import start_pair
from tests.contracts.scripting import Backend, ScriptedCapture


@pytest.fixture(scope="session", params=["fake", "valkey", "redis"])
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Both roles. Tests share the brokers and never flush them, so each uses unique ids."""
    if request.param == "fake":
        yield Backend("fake", fakeredis.FakeRedis(), fakeredis.FakeRedis())
        return
    for pair in start_pair(request.param):
        with pair.frames.client() as frames, pair.events.client() as events:
            yield Backend(request.param, frames, events)


@pytest.fixture
def capture(backend: Backend, unique: str) -> ScriptedCapture:
    """A capture of this test's own, not opened yet."""
    return ScriptedCapture(backend, f"capture-{unique}")
