"""Captures: on fake brokers for logic, on real ones for delivery, leases and memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fakeredis
import pytest

from tests.conftest import BrokerPair
from tests.workers.broker_capture import BrokerCapture


@pytest.fixture
def capture(tmp_path: Path, unique: str) -> BrokerCapture:
    """A capture on fake brokers of this test's own, opened and dispatched."""
    server = fakeredis.FakeServer()
    frames, events = fakeredis.FakeRedis(server=server, db=0), fakeredis.FakeRedis(server=server, db=1)
    return BrokerCapture(frames, events, tmp_path, unique).open()


@pytest.fixture
def real_capture(own_brokers: BrokerPair, tmp_path: Path, unique: str) -> Iterator[BrokerCapture]:
    """A capture on real brokers of this test's own, opened and dispatched."""
    with own_brokers.frames.client() as frames, own_brokers.events.client() as events:
        yield BrokerCapture(frames, events, tmp_path, unique).open()
