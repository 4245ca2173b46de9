"""Nothing of a connection is left when it is gone: memory and descriptors are flat from round to round."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conftest import BrokerPair
from tests.integration.load.rounds import rounds
from tests.integration.load.stage import staged

pytestmark = pytest.mark.real

WARM_UP = 2
ROUNDS = 5
MEMORY_BYTES = 8 * 1024 * 1024
DESCRIPTORS = 48


def test_memory_and_descriptors_are_flat_from_round_to_round(brokers: BrokerPair, tmp_path: Path) -> None:
    async def main() -> None:
        async with staged(tmp_path, brokers, slots=16) as stage:
            levels = []
            async for level in rounds(stage, ROUNDS):
                print(level)
                levels.append(level)
            warm, last = levels[WARM_UP - 1], levels[-1]
            assert last.memory_bytes - warm.memory_bytes < MEMORY_BYTES
            assert last.descriptors - warm.descriptors < DESCRIPTORS

    asyncio.run(main())
