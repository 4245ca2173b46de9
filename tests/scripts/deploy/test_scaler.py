"""What KEDA's redis-streams scaler would see of our group, on real brokers.

`reading` is the scaler's own rule (KEDA 2.12 and newer): without a consumer group it asks XLEN, with ``lagCount`` it
asks for the group's lag in XINFO GROUPS, else for the count in XPENDING; the Go client reads a lag that is null as 0 or
-1. The tests show that the trigger which is written down sees every capture that needs an extractor, and why the
other two do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis

from contracts.broker import keys
from contracts.broker.roles import ensure_group_sync
from contracts.broker.script import run_sync
from contracts.state import captures
from tests.conftest import BrokerPair
from tests.scripts.deploy.manifests import objects
from tests.support.waiting import wait_until
from tests.workers.broker_capture import BrokerCapture
from workers.extract.dispatch import QUEUES

LAG_UNKNOWN = 0
PENDING = {"stream": keys.CAPTURES, "consumerGroup": keys.EXTRACTOR_GROUP, "pendingEntriesCount": "1"}
LAG = {"stream": keys.CAPTURES, "consumerGroup": keys.EXTRACTOR_GROUP, "lagCount": "1", "activationLagCount": "0"}


def scaled_object() -> dict[str, Any]:
    [found] = [found for found in objects("keda") if found["kind"] == "ScaledObject"]
    spec: dict[str, Any] = found["spec"]
    return spec


def triggers() -> dict[str, dict[str, str]]:
    """The metric of each trigger, by its name in the formula."""
    return {found["name"]: found["metadata"] for found in scaled_object()["triggers"]}


def wanted(broker: redis.Redis) -> int:
    """The number of extractors that the ScaledObject requests: the sum of its triggers, with a target of 1."""
    return sum(reading(broker, metadata) for metadata in triggers().values())


def reading(broker: redis.Redis, metadata: Mapping[str, str]) -> int:
    """The number that the scaler reports."""
    stream, group = metadata["stream"], metadata.get("consumerGroup")
    if group is None:
        return int(broker.xlen(stream))
    if "lagCount" not in metadata:
        return int(broker.xpending(stream, group)["pending"])
    [known] = [known for known in broker.xinfo_groups(stream) if known["name"] == group.encode()]
    return LAG_UNKNOWN if known["lag"] is None else int(known["lag"])


class Waiting:
    """Captures that the test opens as a gateway does, and takes and ends as extractors do."""

    def __init__(self, frames: redis.Redis, events: redis.Redis, folder: Path, unique: str) -> None:
        self.frames = frames
        self._new: Callable[[], BrokerCapture] = lambda: BrokerCapture(frames, events, folder, unique)
        ensure_group_sync(frames, "frames", keys.CAPTURES, keys.EXTRACTOR_GROUP)
        self._capture = self._new()

    def open(self, count: int) -> None:
        for _ in range(count):
            self._new().open(reserve=False)

    def extractor(self, name: str) -> Any:
        return self._capture.dependencies(name).dispatch

    def numbers(self) -> tuple[int, int, int]:
        """The numbers by the ScaledObject's triggers, by pending entries and by the lag."""
        return wanted(self.frames), reading(self.frames, PENDING), reading(self.frames, LAG)


@pytest.fixture
def waiting(own_brokers: BrokerPair, tmp_path: Path, unique: str) -> Waiting:
    return Waiting(own_brokers.frames.client(), own_brokers.events.client(), tmp_path, unique)


@pytest.mark.parametrize("count", [0, 1, 10])
def test_every_capture_that_waits_is_counted(waiting: Waiting, count: int) -> None:
    waiting.open(count)
    assert waiting.numbers() == (count, 0, count)  # no extractor has one yet, so none is pending


def test_a_claimed_capture_is_counted_until_it_has_its_outcome(waiting: Waiting) -> None:
    waiting.open(10)
    one, two = waiting.extractor("one"), waiting.extractor("two")
    first, second = wait_until(one.take), wait_until(two.take)
    assert waiting.numbers() == (10, 2, 8)
    first.lease.acknowledge(waiting.frames)
    assert waiting.numbers() == (9, 1, 8)
    second.lease.acknowledge(waiting.frames)
    assert waiting.numbers() == (8, 0, 8)


def test_the_lag_is_unknown_once_captures_end_out_of_order(waiting: Waiting) -> None:
    """Two extractors are enough for that. With the lag, the scaler would read 0 and remove extractors."""
    waiting.open(10)
    one, two = waiting.extractor("one"), waiting.extractor("two")
    wait_until(one.take)
    wait_until(two.take).lease.acknowledge(waiting.frames)
    [group] = waiting.frames.xinfo_groups(keys.CAPTURES)
    assert group["lag"] is None
    assert waiting.numbers() == (9, 1, LAG_UNKNOWN)


def test_a_capture_that_was_handed_back_is_counted_once(waiting: Waiting) -> None:
    waiting.open(1)
    one, two = waiting.extractor("one"), waiting.extractor("two")
    wait_until(one.take).lease.hand_back(waiting.frames)
    assert waiting.numbers()[0] == 1
    again = wait_until(two.take)
    assert waiting.numbers()[0] == 1
    again.lease.acknowledge(waiting.frames)
    assert waiting.numbers() == (0, 0, 0)


def test_after_many_captures_only_unfinished_ones_are_counted(waiting: Waiting) -> None:
    """With ends in any order, take-overs and new captures, the length is the number of unfinished captures."""
    extractors = [waiting.extractor(str(number)) for number in range(3)]
    unfinished = 0
    for turn in range(12):
        waiting.open(3)
        held = [wait_until(extractor.take) for extractor in extractors]
        unfinished += 3
        for claimed in held[turn % 3 :]:
            claimed.lease.acknowledge(waiting.frames)
            unfinished -= 1
        for claimed in held[: turn % 3]:
            claimed.lease.hand_back(waiting.frames)
        assert wanted(waiting.frames) == unfinished
    while unfinished:
        claimed = wait_until(extractors[0].take)
        claimed.lease.acknowledge(waiting.frames)
        unfinished -= 1
        assert wanted(waiting.frames) == unfinished


@pytest.mark.parametrize("count", [0, 1, 10])
def test_every_upload_that_waits_is_counted_too(waiting: Waiting, count: int) -> None:
    waiting.open(1)
    entries = [waiting.frames.xadd(keys.UPLOADS, {"job_id": str(number)}) for number in range(count)]
    assert wanted(waiting.frames) == 1 + count
    for number, entry in enumerate(entries):
        run_sync(waiting.frames, captures.acknowledge(entry.decode(), keys.UPLOADS))
        assert wanted(waiting.frames) == count - number


def test_the_triggers_ask_for_one_extractor_for_each_entry_of_every_queue() -> None:
    modifiers = scaled_object()["advanced"]["scalingModifiers"]
    assert {metadata["stream"] for metadata in triggers().values()} == set(QUEUES)
    assert modifiers["formula"].split(" + ") == list(triggers())
    assert modifiers["target"] == "1"
    for metadata in triggers().values():
        assert metadata["streamLength"] == "1"
        assert "consumerGroup" not in metadata  # with a consumer group KEDA ignores streamLength


def test_at_least_one_extractor_runs_so_that_a_gateway_can_be_ready() -> None:
    assert 1 <= scaled_object()["minReplicaCount"] < scaled_object()["maxReplicaCount"]
