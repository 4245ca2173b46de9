"""The list of hostile values has every key that the system has.

Writing them is a run of its own: ``python -m tests.integration.faults.hostile_broker``.
"""

from __future__ import annotations

from tests.integration.faults.hostile_values import unknown_keys


def test_every_key_that_the_system_has_is_written_into() -> None:
    assert unknown_keys() == set()
