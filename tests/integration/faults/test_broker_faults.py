"""Brokers that die and come back, persist, gain a replica or are out of memory: nothing is lost, doubled or wrong.

A choice of the cases for each broker; ``python -m tests.integration.faults`` plays them all on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.faults.played import play_cases
from tests.support.brokers import Flavour

CHOICE: dict[Flavour, Sequence[str]] = {
    "valkey": (
        "frames broker killed and restarted",
        "frames broker gets an append-only file",
        "frames broker out of memory",
        "frames broker out of memory: in an upload",
        "no fault",  # the gateway may have refused the clients of the case before; these are recorded
    ),
    "redis": (
        "events broker killed and restarted",
        "frames broker gets a replica",
        "frames broker gets snapshots",
        "frames broker gets an append-only file: in an upload",
        "events broker out of memory",
    ),
}


@pytest.fixture(params=CHOICE)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return request.param  # type: ignore[no-any-return]


def test_whatever_happens_to_a_broker_nothing_is_lost_doubled_or_wrong(flavour: Flavour, tmp_path: Path) -> None:
    play_cases(CHOICE[flavour], flavour, tmp_path)
