"""A broker for the real-time lane's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.live.served import one_broker
from tests.support.brokers import BrokerProcess


@pytest.fixture(scope="session")
def broker() -> Iterator[BrokerProcess]:
    """A frames broker of these tests alone, so that every key in it is the lane's. Each test leaves it empty."""
    yield from one_broker()


@pytest.fixture
def own_broker() -> Iterator[BrokerProcess]:
    """One that a test may kill, pause and fill."""
    yield from one_broker()
