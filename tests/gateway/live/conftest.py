"""A broker for the real-time lane's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.live import lane
from tests.gateway.live.served import one_broker
from tests.support.brokers import BrokerProcess


@pytest.fixture(scope="session")
def broker() -> Iterator[BrokerProcess]:
    """A frames broker with the keys of the lane alone. Each test leaves it empty."""
    yield from one_broker()


@pytest.fixture
def patient_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lane wait long for a worker's answer, because the machine may be busy."""
    monkeypatch.setattr(lane, "ANSWER_WITHIN_S", 300.0)


@pytest.fixture
def own_broker() -> Iterator[BrokerProcess]:
    """A broker that a test may kill, pause and fill."""
    yield from one_broker()
