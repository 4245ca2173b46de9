"""One gateway for all tests of a module; each test uses its own users and captures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scripts.client.served import ThreadedGateway, gateway_in_a_thread


@pytest.fixture(scope="module")
def threaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreadedGateway]:
    with gateway_in_a_thread(tmp_path_factory.mktemp("gateway")) as threaded:
        yield threaded
