"""One gateway for all the tests of a module; each has users and captures of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scripts.client.served import Place, gateway_in_a_thread


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with gateway_in_a_thread(tmp_path_factory.mktemp("gateway")) as place:
        yield place
