"""Make sure that nothing else runs on these folders and brokers, and keep it so, for a command that changes them."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from contracts.broker.roles import Broker, connect_sync
from contracts.broker.script import run_sync
from contracts.process.folder_lock import lock_alone
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError
from contracts.state.heartbeats import extractor_ages, live_worker_ages
from contracts.state.recording import LEADER_TTL_MS, acquire_leadership, release_leadership
from scripts.stack.embedded import EmbeddedBrokers
from scripts.stack.offline import offline_events, rewrite_file

__all__ = ["InUse", "OfflineBrokers", "alone"]

STOP = "stop every gateway, worker and recorder of these folders and brokers, then try again"


class InUse(A3CPError):
    """Something runs on these folders or brokers; the text says what, and what to do."""


@dataclass(frozen=True, slots=True)
class OfflineBrokers:
    """The events broker; the frames broker, unless it is the embedded one, which has nothing while no stack runs; and
    ``rewrite``, which rewrites the files of the embedded events broker."""

    events: Broker
    frames: Broker | None
    rewrite: Callable[[], Awaitable[None]]


@asynccontextmanager
async def alone(settings: Settings) -> AsyncIterator[OfflineBrokers]:
    """Give the brokers to this command alone.

    Raises:
        InUse: a process of these folders or brokers runs.
        StateInUse: an `a3cp up` runs on ``A3CP_STATE_DIR``.
        ConfigurationError: only one of the brokers' URLs is set.
        FatalError: the embedded events broker does not start.
    """
    with _no_gateway(settings):
        if settings.frames_url is None and settings.events_url is None:
            embedded = EmbeddedBrokers.prepare(settings.state_dir)
            try:
                async with offline_events(embedded) as events:
                    yield OfflineBrokers(events, None, lambda: rewrite_file(events))
            finally:
                embedded.release()
            return
        frames_url, events_url = settings.broker_urls()
        frames, events = connect_sync(frames_url), connect_sync(events_url)
        if extractor_ages(frames) or live_worker_ages(frames):
            raise InUse(f"a worker runs, or was killed less than 10 s ago: {STOP}")
        with _no_recorder(events):
            yield OfflineBrokers(events, frames, _nothing_to_rewrite)


async def _nothing_to_rewrite() -> None:
    """The operator's broker has files of its own; see the README."""


@contextmanager
def _no_gateway(settings: Settings) -> Iterator[None]:
    if not settings.log_root.is_dir():
        yield
        return
    lock = lock_alone(settings.log_root)
    if lock is None:
        raise InUse(f"a gateway or a backup runs on {settings.log_root.absolute()}: {STOP}")
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _no_recorder(events: Broker) -> Iterator[None]:
    """Be the active recorder, which appends nothing, so that no other one does."""
    name = f"forget-{uuid4().hex}"
    if not run_sync(events, acquire_leadership(name)):
        raise InUse(f"a recorder runs, or was killed less than 5 s ago: {STOP}")
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(LEADER_TTL_MS / 5000):
            run_sync(events, acquire_leadership(name))

    renewing = threading.Thread(target=renew, name="leadership", daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        run_sync(events, release_leadership(name))
