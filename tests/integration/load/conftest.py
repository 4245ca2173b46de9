from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import BrokerPair, start_pair


@pytest.fixture
def brokers() -> Iterator[BrokerPair]:
    """Both roles on real servers of one kind: the tests measure the gateway."""
    yield from start_pair("valkey")
