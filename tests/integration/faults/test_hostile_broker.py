"""Hostile values in every key of both brokers end no process, and honest people notice nothing of them.

Here are some of each key; ``python -m tests.integration.faults.hostile_broker`` writes all of them.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.integration.faults.hostile_broker import run
from tests.integration.faults.hostile_values import TARGETS, unknown_keys

SEED, EACH = 20261128, 2


def test_every_key_that_the_system_has_is_written_into() -> None:
    assert unknown_keys() == set()


@pytest.mark.timeout(900)
def test_no_process_is_lost_whatever_is_written_into_a_broker_and_honest_captures_are_recorded() -> None:
    one = asyncio.run(run("valkey", EACH, SEED))
    tried = f"{len(TARGETS)} keys x {one.written.total()} values tried, {len(one.lost)} processes lost"
    assert one.lost == [], tried
    assert one.findings == [], tried
    assert one.written.total() == EACH * len(TARGETS)
    assert set(one.written) == {"gateway", "extractor", "live", "recorder", "admin"}, "each wrote with its own rights"
    print(tried)
