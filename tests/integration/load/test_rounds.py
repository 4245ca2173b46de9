"""A connection that ended leaves no memory and no descriptor: both are flat from round to round."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import BrokerPair
from tests.integration.load.loaded_gateway import loaded_gateway
from tests.integration.load.rounds import assert_flat, rounds

pytestmark = pytest.mark.real

ROUNDS = 5


async def test_memory_and_descriptors_are_flat_from_round_to_round(brokers: BrokerPair, tmp_path: Path) -> None:
    async with loaded_gateway(tmp_path, brokers, slots=16) as loaded:
        levels = []
        async for level in rounds(loaded, ROUNDS):
            print(level)
            levels.append(level)
        assert_flat(levels)
