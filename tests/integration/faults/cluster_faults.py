"""Both roles on clusters of three masters: slots move, and masters die, while captures run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from contracts.broker import keys
from tests.integration.faults.clusters import BrokerCluster, cluster_pair
from tests.integration.faults.harness import Plan, Rig, rig_on
from tests.integration.faults.process_faults import Case
from tests.integration.faults.rigs import RigKind
from tests.integration.faults.upload_faults import TOLD_AWAY as UPLOADS_AWAY
from tests.support.brokers import Flavour
from tests.support.waiting import until

__all__ = ["CASES"]

HALF_MOVED_S = 0.2
"""How long everybody meets a slot that is half moved."""


@asynccontextmanager
async def on_clusters(flavour: Flavour, folder: Path, **options: Any) -> AsyncIterator[Rig]:
    """Both roles on clusters, without proxies."""
    with cluster_pair(flavour) as pair:
        async with rig_on(pair, folder, **options) as rig:
            yield rig


async def in_hand(rig: Rig) -> list[str]:
    """Wait until frames of an open capture are extracted; returns all the captures that have no outcome yet."""

    async def extracted() -> bool:
        states = [keys.capture_keys(capture_id).state for capture_id in await unfinished()]
        return any([int(await rig.frames.hget(state, "extracted") or 0) > 3 for state in states])

    async def unfinished() -> list[str]:
        return [name.decode() for name in await rig.events.zrange(keys.UNFINISHED, 0, -1)]

    await until(extracted, "frames are extracted")
    return await unfinished()


async def slots_move(rig: Rig, armed: asyncio.Event) -> None:
    """The slots of the shared streams and of every claimed capture."""
    frames, events = rig.brokers.frames, rig.brokers.events
    assert isinstance(frames, BrokerCluster) and isinstance(events, BrokerCluster)
    armed.set()
    states = [keys.capture_keys(capture_id).state for capture_id in await in_hand(rig)]
    shared = [(frames, keys.CAPTURES), (frames, keys.UPLOADS), (frames, keys.UPLOAD_PLACES), (frames, keys.EXTRACTORS)]
    shared += [(events, keys.EVENTS)]
    for cluster, key in shared + [(frames, state) for state in states]:
        await asyncio.to_thread(cluster.move, key, midway=lambda: time.sleep(HALF_MOVED_S))


async def events_master_dies(rig: Rig, armed: asyncio.Event) -> None:
    """The master that has the events, killed and restarted from its append-only file."""
    assert isinstance(rig.brokers.events, BrokerCluster)
    armed.set()
    await in_hand(rig)
    master = rig.brokers.events.owner(keys.EVENTS)
    master.kill()
    await asyncio.to_thread(master.restart)


CLUSTERS = RigKind(on_clusters)

CASES: dict[str, Case] = {
    "cluster: slots move": Case(slots_move, Plan(max_pace_s=0.12, uploads=2), UPLOADS_AWAY, 4, CLUSTERS),
    "cluster: a master of the events dies": Case(
        events_master_dies, Plan(max_pace_s=0.12, uploads=1), UPLOADS_AWAY, 1, CLUSTERS
    ),
}
