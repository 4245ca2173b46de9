"""A gateway for its clients: the application on fake brokers behind the real server, in a thread of its own, with a
recorder and an extractor small enough to read."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from contracts.broker import keys
from contracts.broker.script import run
from contracts.messages.public import FeatureRefEvent, RawFeaturesRef
from contracts.rules.ids import SCHEMA_VERSION, parse_utc
from contracts.rules.landmarks import DIMS, Row
from contracts.rules.limits import CaptureLimits
from contracts.state import captures, records
from contracts.state.captures import CaptureState
from contracts.state.events import EventEntry
from contracts.state.records import CaptureCounts
from gateway.capture import lifecycle
from gateway.library import library
from scripts.client.portal import Portal
from tests.gateway.reached import Reached, reaching
from tests.support.gateway import served

NOTHING = Row(0, True, bytes(4 * DIMS))


@dataclass
class TinyExtractor:
    """Takes every dispatched capture and finds a face in each frame. While ``busy``, it takes none. Its artifact has no
    bytes, but a hash: over the frames and their event times."""

    __test__ = False
    gateway: Reached
    busy: bool = False
    stopping: bool = False
    seen: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        while not self.stopping:
            dispatched: Any = await self.gateway.state.frames.xrange(keys.CAPTURES)
            for _, fields in [] if self.busy else dispatched:
                capture_id = fields[b"capture_id"].decode()
                if capture_id not in self.seen:
                    self.seen.add(capture_id)
                    self.tasks.add(asyncio.create_task(self._extract(capture_id)))
            await asyncio.sleep(0.005)
        await asyncio.gather(*self.tasks)

    async def _extract(self, capture_id: str) -> None:
        frames = self.gateway.state.frames
        claimed = await run(frames, captures.claim(capture_id, "1-0"))
        counted, content = 0, hashlib.sha256()
        while claimed is not None and not self.stopping:
            for _, fields in await frames.xrange(keys.capture_keys(capture_id).frames):
                if b"event" not in fields:
                    counted += 1
                    content.update(b"%s %s %s" % (fields[b"seq"], fields[b"timestamp_frame"], fields[b"payload"]))
                    size = int(fields[b"byte_length"])
                    found = {"face": True}
                    row = captures.row(
                        capture_id, claimed.token, int(fields[b"seq"]), NOTHING, size, restart=False, found=found
                    )
                    await run(frames, row)
                    continue
                if fields[b"event"] == b"close":
                    await self._publish(claimed, counted, content.hexdigest(), fields[b"timestamp_end"].decode())
                return
            await asyncio.sleep(0.005)

    async def _publish(self, claimed: CaptureState, frames: int, content: str, end: str) -> None:
        window = claimed.window
        event = FeatureRefEvent(
            schema_version=SCHEMA_VERSION,
            record_id=window.record_id,
            user_id=window.user_id,
            session_id=window.session_id,
            timestamp=parse_utc(end),
            capture_id=window.capture_id,
            timestamp_start=window.timestamp_start,
            timestamp_end=parse_utc(end),
            annotation=window.annotation,
            raw_features_ref=RawFeaturesRef(
                uri=f"users/{window.user_id}/{window.record_id}.npz",
                hash=f"sha256:{content}",
                format="npz",
                dims=DIMS,
                shape=[frames, DIMS],
                dtype="float32",
                encoding="none",
            ),
        ).model_dump_json(exclude_none=True)
        entry = EventEntry(event.encode(), window.user_id, window.session_id, window.record_id, window.capture_id)
        await run(self.gateway.state.events, records.publish(entry, CaptureCounts(frames, frames, {"face": frames})))


@dataclass
class ThreadedGateway:
    """A running gateway, for tests in other threads."""

    gateway: Reached
    extractor: TinyExtractor
    url: str
    portal: Portal

    def run(self, step: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the gateway's event loop."""

        async def same() -> Any:
            return await step

        return self.portal.call(same)

    def events(self, user_id: str, session_id: str) -> list[dict[str, Any]]:
        """The session's log."""
        self.gateway.user_id = user_id
        return [line["event"] for line in self.gateway.lines(session_id)]


@contextmanager
def gateway_in_a_thread(folder: Path, **settings: Any) -> Iterator[ThreadedGateway]:
    """A gateway that extracts and records captures of at least 0.2 s, unless ``limits`` says otherwise."""
    portal, exits = Portal(), AsyncExitStack()
    limits = CaptureLimits(**({"min_duration_s": 0.2} | settings.pop("limits", {})))

    async def start() -> ThreadedGateway:
        gateway = await exits.enter_async_context(reaching(folder, port=0, capture=limits, **settings))
        gateway.state.refusal = ""
        server, running, port = await served(gateway.app, gateway.state)
        extractor = TinyExtractor(gateway)
        extracting = asyncio.create_task(extractor.run())

        async def stop() -> None:
            extractor.stopping = True
            await extracting
            server.stop()
            await running

        exits.push_async_callback(stop)
        return ThreadedGateway(gateway, extractor, f"http://127.0.0.1:{port}", portal)

    # fakeredis knows no INFO; a list waits until it is up to date, however slow the machine is
    patient = mock.patch.multiple(library, FRESH_S=60.0, FIRST_S=60.0)
    with patient, mock.patch.object(lifecycle, "memory_share", mock.AsyncMock(return_value=0.0)):
        try:
            yield portal.call(start)
        finally:
            portal.call(exits.aclose)
            portal.close()
