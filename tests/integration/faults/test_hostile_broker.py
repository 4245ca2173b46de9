"""Hostile values in every key of both brokers end no process, and honest people notice nothing of them.

Here are some of each key; ``python -m tests.integration.faults.hostile_broker`` writes all of them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from contracts.broker import keys
from tests.integration.faults import hostile_turns
from tests.integration.faults.hostile_broker import Attack, attack, run
from tests.integration.faults.hostile_turns import Standstill
from tests.integration.faults.hostile_values import TARGETS, Item, Target, items_of, unknown_keys
from tests.integration.faults.mutants import HOSTILE_MUTANTS, Mutant, mutate

SEED, EACH = 20261128, 2


def test_the_fuzzer_writes_into_every_key_of_the_system() -> None:
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
def test_hostile_values_in_a_broker_end_no_process_and_honest_captures_are_recorded() -> None:
    one = asyncio.run(run("valkey", EACH, SEED))
    assert one.lost == [], one.summary
    assert one.findings == [], one.summary
    assert one.tried == {target.name: EACH for target in TARGETS}
    assert set(one.written) == {"gateway", "extractor", "live", "recorder", "admin"}, "each wrote with its own rights"
    print(one.summary)


async def test_the_fuzzer_names_the_key_and_value_that_end_a_process_or_hold_an_extractor_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends, stays = HOSTILE_MUTANTS.values()
    tree = mutate(tmp_path / "tree", ends, stays)
    async with attack("valkey", tmp_path / "stack", lambda _name, _line: None, tree) as one:
        await one.write(_item(one, ends))
        assert [found.startswith(ends.finding + ends.case) for found in one.lost] == [True], one.lost
        monkeypatch.setattr(hostile_turns, "PATIENCE_TURNS", 100)  # what is waited for never comes
        with pytest.raises(Standstill) as stands:
            await one.write(_item(one, stays))
        assert str(stands.value).startswith(stays.finding + stays.case)
        assert one.summary.startswith("2 keys x 2 values tried (")


def _item(one: Attack, mutant: Mutant) -> Item:
    key, _, value = mutant.case.partition(": ")
    [target] = [target for target in TARGETS if target.name == key]
    [item] = [item for item in items_of(target, one.worker, one.outbox) if item.what == value]
    return item


def test_a_wait_ends_when_another_loop_had_many_turns_and_not_before() -> None:
    had = {"gateway": 5, "recorder": 7}
    asked: list[int] = []

    async def never() -> bool:
        asked.append(had["recorder"])
        had["recorder"] += 1 if had["recorder"] < 17 else hostile_turns.PATIENCE_TURNS
        return False

    async def turns() -> dict[str, int]:
        return dict(had)

    with pytest.raises(Standstill, match="it is over"):
        asyncio.run(hostile_turns.while_others_turn(never, turns, "it is over"))
    assert asked == list(range(7, 18))
