"""A broker for the real-time lane's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.live import lane
from tests.gateway.live.served import one_broker
from tests.support.brokers import BrokerProcess


@pytest.fixture(scope="session")
def broker() -> Iterator[BrokerProcess]:
    """A frames broker of these tests alone, so that every key in it is the lane's. Each test leaves it empty."""
    yield from one_broker()


@pytest.fixture
def patient_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that waits as long for a worker's answer as a machine that is busy with other things may need."""
    monkeypatch.setattr(lane, "ANSWER_WITHIN_S", 300.0)


@pytest.fixture
def own_broker() -> Iterator[BrokerProcess]:
    """One that a test may kill, pause and fill."""
    yield from one_broker()
