"""The gateway's side of the real-time lane in the frames broker: it joins workers, sends frames and reads answers.

A gateway process has one `LiveLane`. It reads one stream, the process's outbox, and renews all slots with one call.
Each connection has a `LiveConnection`. When a connection ends, the lane removes everything that it wrote for it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from contracts.broker.keys import live_inbox, live_outbox
from contracts.broker.roles import BrokerForbids, BrokerFull, broker_errors
from contracts.broker.script import run
from contracts.process.logs import get_logger
from contracts.process.retry import repeat, retry
from contracts.process.spans import NO_SPAN, TraceSpan
from contracts.process.tracing import begin_frame
from contracts.rules.errors import BrokerUnavailable, LiveRefusal, UnreadableValue
from contracts.rules.formats import OtherFormat
from contracts.state import live
from contracts.state.live import Answer, LiveFrame, WorkerSlot
from gateway.live.suspect_frames import SuspectFrames
from gateway.state import GatewayState
from gateway.tasks import cancel_all

__all__ = ["INTERNAL_ERROR", "LiveLane", "Outcome", "LiveConnection"]

ANSWER_WITHIN_S = 10.0
"""How long a frame may take, in seconds: until a worker is free, until it has the frame, and until its answer comes."""

INTERNAL_ERROR = LiveRefusal("internal_error", "The server failed unexpectedly; its log says why.")

RETRY_S = 0.2
RENEW_S = 2.0
BLOCK_MS = 1_000
READ_COUNT = 64

log = get_logger()


Outcome = bytes | LiveRefusal | None
"""The outcome of a frame: its result as JSON; a refusal if the worker reports an error or does not answer in time; None
if the broker is out of memory."""


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One connection's slot at a worker. ``answered`` is called with each frame's outcome."""

    live_id: str
    pipeline_id: str
    answered: Callable[[Outcome], None]
    slot: WorkerSlot | None = None
    frame: LiveFrame | None = None
    """The frame whose answer is awaited. If its worker ends before it took the frame, another worker gets it."""
    sent: tuple[str, bytes] | None = None
    """The inbox and the entry ID of the frame that was sent; None once its answer has come."""
    frame_index: int = -1
    deadline: asyncio.TimerHandle | None = None
    """The timer of the frame whose answer is awaited; None if there is none."""
    step: asyncio.Task[None] | None = None
    """The task that sends or moves the frame."""
    span: TraceSpan = NO_SPAN
    """The trace of the frame whose answer is awaited, if it has one."""


class LiveLane:
    """The live connections of this gateway and their workers. `run` must be running, or no answer arrives."""

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._frames = state.frames
        self._connections: dict[str, LiveConnection] = {}
        self._renewing = asyncio.Lock()
        self._suspects = SuspectFrames()
        self.gateway = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    # --- one connection -----------------------------------------------------------------------------

    def enter(self, live_id: str, pipeline_id: str, answered: Callable[[Outcome], None]) -> LiveConnection:
        """Register a client's connection. It gets a slot at a worker with its first frame."""
        connection = self._connections[live_id] = LiveConnection(live_id, pipeline_id, answered)
        return connection

    def submit(self, connection: LiveConnection, frame_index: int, payload: bytes) -> None:
        """Send a frame to a worker. A connection may have one frame in work at a time.

        The lane calls ``connection.answered`` once with the outcome, unless `leave` was called. It calls it directly
        where it reads the answer: a future or a task in between would delay the client by a turn of the event loop.
        """
        connection.frame_index = frame_index
        connection.deadline = asyncio.get_running_loop().call_later(ANSWER_WITHIN_S, self._time_out, connection)
        span = connection.span = begin_frame("frame", connection.pipeline_id)
        connection.frame = LiveFrame(
            connection.live_id, frame_index, connection.pipeline_id, self.gateway, payload, span.traceparent
        )
        if self._suspects.is_refused(payload):
            self._finish(
                connection, LiveRefusal("invalid_frame", "Workers ended while they had this frame; send another one.")
            )
        else:
            connection.step = asyncio.create_task(self._send(connection, connection.frame))

    async def leave(self, connection: LiveConnection) -> None:
        """Remove the connection's slot from the broker, and its frame if no worker has taken it yet. If the broker is
        unreachable, both expire by themselves. A second call does nothing."""
        self._connections.pop(connection.live_id, None)
        if _cancel_deadline(connection):
            connection.span.end("left")
        if connection.step is not None:
            await asyncio.wait({connection.step})  # only then is it known what it has written
        async with self._renewing:  # a renewal that is under way would add the slot again
            slot, connection.slot = connection.slot, None
        try:
            if slot is not None:
                await retry(lambda: live.leave(self._frames, slot))
            if connection.sent is not None:
                (inbox, entry_id), connection.sent = connection.sent, None
                await retry(lambda: run(self._frames, live.drop(inbox, [entry_id])))
        except (BrokerUnavailable, UnreadableValue) as error:
            log.warning("cannot remove the live session from the broker", live_id=connection.live_id, exc_info=error)

    async def _send(self, connection: LiveConnection, frame: LiveFrame) -> None:
        """Retry until the frame is in a worker's inbox, or its answer is no longer awaited. Do not cancel this: `leave`
        must know what it has written."""
        try:
            while connection.deadline is not None and connection.frame_index == frame.frame_index:
                if self._may_send() and await self._try_to_send(connection, frame):
                    return
                await asyncio.sleep(RETRY_S)
        except Exception as error:
            log.error("live frame failed", live_id=connection.live_id, exc_info=error)
            self._finish(connection, INTERNAL_ERROR)

    def _may_send(self) -> bool:
        """Whether the broker was checked and does not write to a disk: only then may it get a picture."""
        return not self._state.refusal and not self._state.frames_unfit

    async def _try_to_send(self, connection: LiveConnection, frame: LiveFrame) -> bool:
        """Send the frame. Returns False if that must be retried: no worker is free, or the broker is unreachable."""
        try:
            slot = connection.slot
            if slot is None:
                slot = connection.slot = await run(self._frames, live.join(connection.live_id))
            if slot is None:
                return False
            entry_id = await run(self._frames, live.put_frame(slot.worker, frame))
            connection.sent = live_inbox(slot.worker), entry_id
        except BrokerFull:
            self._finish(connection, None)
        except BrokerUnavailable as error:
            log.debug("live frame not sent", live_id=connection.live_id, exc_info=error)
            return False
        return True

    # --- all connections ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Read answers and renew the slots until cancelled; then delete the outbox."""
        steps = {"live_answers": self._read_answers, "live_places": self._renew}
        tasks = [asyncio.create_task(repeat(step, partial(self._failed, name))) for name, step in steps.items()]
        try:
            await asyncio.wait(tasks)
        finally:
            await cancel_all(tasks)
            with suppress(BrokerUnavailable), broker_errors("frames"):
                await self._frames.delete(live_outbox(self.gateway))

    def _failed(self, task: str, error: Exception, _delay_s: float) -> None:
        """Log and count an error of a task. The task continues: an error of the live lane must not end the gateway."""
        if isinstance(error, BrokerUnavailable | BrokerForbids):
            log.warning("the frames broker does not serve the live lane", task=task, exc_info=error)
        else:
            self._state.metrics.background.note(task, error)

    async def _read_answers(self) -> None:
        outbox = live_outbox(self.gateway)
        try:
            with broker_errors("frames"):
                # "0-0" reads from the oldest entry: entries are deleted after they are read, so all are new
                streams: Any = await self._frames.xread({outbox: "0-0"}, count=READ_COUNT, block=BLOCK_MS)
        except UnreadableValue:  # the key is not a stream; it belongs to this gateway alone, which may delete it
            await self._frames.delete(outbox)
            raise
        for _, entries in streams:
            for _, fields in entries:
                self._deliver(fields)
            await asyncio.sleep(0)  # let the answers go out to the clients before waiting for the broker
            await run(self._frames, live.drop(outbox, [entry_id for entry_id, _ in entries]))

    def _deliver(self, fields: Mapping[bytes, bytes]) -> None:
        """Pass an answer to its connection. Ignore it if it is no longer awaited, or is the second one to a frame."""
        try:
            answer = Answer.decode(fields)
        except OtherFormat as error:
            self._state.metrics.left.inc()
            log.error("cannot read a live worker's answer", why=error.why)
            return
        except (KeyError, ValueError) as error:
            log.error("cannot read a live worker's answer", exc_info=error)
            return
        connection = self._connections.get(answer.live_id)
        if connection is not None and connection.frame_index == answer.frame_index:
            connection.sent = None
            self._finish(connection, LiveRefusal(answer.error, answer.text.decode()) if answer.error else answer.text)

    def _time_out(self, connection: LiveConnection) -> None:
        self._finish(connection, LiveRefusal("pipeline_failure", "No worker answered in time."))

    def _finish(self, connection: LiveConnection, outcome: Outcome) -> None:
        if _cancel_deadline(connection):
            connection.answered(outcome)
            connection.span.end(outcome.code if isinstance(outcome, LiveRefusal) else "" if outcome else "dropped")

    async def _renew(self) -> None:
        await asyncio.sleep(RENEW_S)
        async with self._renewing:
            slots = [connection.slot for connection in self._connections.values() if connection.slot is not None]
            gone = await run(self._frames, live.renew(slots)) if slots else []
        for slot in gone:
            connection = self._connections.get(slot.live_id)
            if connection is not None and connection.slot == slot:
                self._on_worker_gone(connection)

    def _on_worker_gone(self, connection: LiveConnection) -> None:
        """Give up the slot at a worker that ended. Another worker gets the next frames, and the current one unless the
        worker had taken it."""
        connection.slot = None
        if connection.frame is not None:
            connection.step = asyncio.create_task(self._move(connection, connection.frame, connection.step))

    async def _move(self, connection: LiveConnection, frame: LiveFrame, before: asyncio.Task[None] | None) -> None:
        """Remove the frame from the inbox of the worker that ended, and send it to another one.

        If it was not in the inbox, that worker had taken it, and may have crashed on it: then the frame is not sent
        again, and its client gets ``pipeline_failure``."""
        if before is not None:
            await asyncio.wait({before})
        while connection.frame is frame and connection.sent is not None:
            inbox, entry_id = connection.sent
            try:
                was_there = await run(self._frames, live.drop(inbox, [entry_id]))
            except BrokerUnavailable as error:
                log.debug("live frame not moved", live_id=connection.live_id, exc_info=error)
                await asyncio.sleep(RETRY_S)
                continue
            if was_there:
                connection.sent = None
                await self._send(connection, frame)
                return
            await asyncio.sleep(RETRY_S)  # the worker's last answer may still be in the outbox
            if connection.frame is frame:
                self._suspects.add(frame.payload)
                log.warning(
                    "a live worker ended with a frame", live_id=connection.live_id, pipeline_id=connection.pipeline_id
                )
                self._finish(connection, LiveRefusal("pipeline_failure", "The worker that had the frame has ended."))


def _cancel_deadline(connection: LiveConnection) -> bool:
    """Cancel the deadline. Returns whether there was one, which means that the answer was still awaited."""
    deadline, connection.deadline, connection.frame = connection.deadline, None, None
    if deadline is not None:
        deadline.cancel()
    return deadline is not None
