"""Hostile values in every key of both brokers end no process, and honest people notice nothing of them.

Here are some of each key; ``python -m tests.integration.faults.hostile_broker`` writes all of them.
"""

from __future__ import annotations

import asyncio

import pytest

from contracts.broker import keys
from tests.integration.faults.hostile_broker import run
from tests.integration.faults.hostile_values import TARGETS, Target, items_of, unknown_keys

SEED, EACH = 20261128, 2


def test_every_key_that_the_system_has_is_written_into() -> None:
    assert unknown_keys() == set()


@pytest.mark.parametrize("key", ["a3cp:new", lambda capture_id: f"{{a3cp}}:new:{capture_id}"], ids=["name", "function"])
def test_a_new_key_is_unknown_until_hostile_values_are_written_into_it(
    key: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "NEW", key, raising=False)
    assert unknown_keys() == {"NEW"}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_two_values_of_a_key_have_the_same_name_in_a_report(target: Target) -> None:
    names = [item.what for item in items_of(target, "worker", "gateway")]
    assert len(set(names)) == len(names)


@pytest.mark.timeout(900)
def test_no_process_is_lost_whatever_is_written_into_a_broker_and_honest_captures_are_recorded() -> None:
    one = asyncio.run(run("valkey", EACH, SEED))
    assert one.lost == [], one.summary
    assert one.findings == [], one.summary
    assert one.tried == {target.name: EACH for target in TARGETS}
    assert set(one.written) == {"gateway", "extractor", "live", "recorder", "admin"}, "each wrote with its own rights"
    print(one.summary)
