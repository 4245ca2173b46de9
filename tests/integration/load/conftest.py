from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import BrokerPair, start_pair


@pytest.fixture
def brokers() -> Iterator[BrokerPair]:
    """Both roles on real servers of the test's own: what is measured is the gateway, so one kind of server will do."""
    yield from start_pair("valkey")
