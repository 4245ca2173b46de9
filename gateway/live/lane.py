"""The gateway's end of the real-time lane in the frames broker: slots at workers, frames out, answers in.

One `LiveLane` for a gateway process. It reads one stream, the process's outbox, and renews all slots with one call;
each connection has a `LiveConnection`. Everything a connection wrote is taken back when it is left.
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
from contracts.rules.errors import BrokerUnavailable, LiveRefusal, UnreadableValue
from contracts.state import live
from contracts.state.live import Answer, LiveFrame, WorkerSlot
from gateway.live.strikes import Strikes
from gateway.state import GatewayState
from gateway.tasks import cancel_all

__all__ = ["INTERNAL_ERROR", "LiveLane", "Outcome", "LiveConnection"]

ANSWER_WITHIN_S = 10.0
"""How long a frame may take in all: until there is a worker, until it has the frame, until its answer is here."""

INTERNAL_ERROR = LiveRefusal("internal_error", "The server made a mistake; its log says more.")

RETRY_S = 0.2
RENEW_S = 2.0
BLOCK_MS = 1_000
READ_COUNT = 64

log = get_logger()


Outcome = bytes | LiveRefusal | None
"""The outcome of a frame: its result as JSON; a refusal, if the worker reports an error or does not answer in time;
None, if the broker has no room for it."""


@dataclass(eq=False, slots=True)
class LiveConnection:
    """One connection's slot at a worker. ``answered`` is called with each frame's outcome."""

    live_id: str
    pipeline_id: str
    answered: Callable[[Outcome], None]
    slot: WorkerSlot | None = None
    frame: LiveFrame | None = None
    """While it is waited for: a worker that ends may not have had it yet, and then another one gets it."""
    sent: tuple[str, bytes] | None = None
    """The inbox and the entry of the frame on its way; nothing once its answer is here."""
    frame_index: int = -1
    deadline: asyncio.TimerHandle | None = None
    """While a frame is waited for."""
    step: asyncio.Task[None] | None = None


class LiveLane:
    """Who serves whom, as this gateway knows it. `run` must be running for answers to come."""

    def __init__(self, state: GatewayState) -> None:
        self._state = state
        self._frames = state.frames
        self._connections: dict[str, LiveConnection] = {}
        self._renewing = asyncio.Lock()
        self._strikes = Strikes()
        self.gateway = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    # --- one connection -----------------------------------------------------------------------------

    def enter(self, live_id: str, pipeline_id: str, answered: Callable[[Outcome], None]) -> LiveConnection:
        """Register a client's connection; it has a slot at a worker from its first frame on."""
        connection = self._connections[live_id] = LiveConnection(live_id, pipeline_id, answered)
        return connection

    def submit(self, connection: LiveConnection, frame_index: int, payload: bytes) -> None:
        """Let a worker look at a frame. One at a time for each connection.

        The lane calls ``connection.answered`` once, right where it reads the answer: a future or a task in between is
        one more turn of the event loop, and the client waits for it. It is not called once the connection is left.
        """
        connection.frame_index = frame_index
        connection.deadline = asyncio.get_running_loop().call_later(ANSWER_WITHIN_S, self._late, connection)
        connection.frame = LiveFrame(connection.live_id, frame_index, connection.pipeline_id, self.gateway, payload)
        if self._strikes.are_out(payload):
            self._finish(
                connection, LiveRefusal("invalid_frame", "Workers ended while they had this frame; send another one.")
            )
        else:
            connection.step = asyncio.create_task(self._send(connection, connection.frame))

    async def leave(self, connection: LiveConnection) -> None:
        """Take back the connection's slot, and its frame if no worker has taken it yet. If the broker is away, both
        lapse by themselves. A second call changes nothing."""
        self._connections.pop(connection.live_id, None)
        _cancel_deadline(connection)
        if connection.step is not None:
            await asyncio.wait({connection.step})  # what it writes is known only when it is done
        async with self._renewing:  # a renewal that is on its way would bring the slot back
            slot, connection.slot = connection.slot, None
        try:
            if slot is not None:
                await retry(lambda: live.leave(self._frames, slot))
            if connection.sent is not None:
                (inbox, entry_id), connection.sent = connection.sent, None
                await retry(lambda: run(self._frames, live.drop(inbox, [entry_id])))
        except (BrokerUnavailable, UnreadableValue) as error:
            log.warning("live session not taken back", live_id=connection.live_id, exc_info=error)

    async def _send(self, connection: LiveConnection, frame: LiveFrame) -> None:
        """Try until the frame is in a worker's inbox, or its answer is no longer awaited. Do not cancel this: `leave`
        has to know what it wrote."""
        try:
            while connection.deadline is not None and connection.frame_index == frame.frame_index:
                if self._usable() and await self._tried(connection, frame):
                    return
                await asyncio.sleep(RETRY_S)
        except Exception as error:
            log.error("live frame failed", live_id=connection.live_id, exc_info=error)
            self._finish(connection, INTERNAL_ERROR)

    def _usable(self) -> bool:
        """A broker gets no picture before its check, or if it persists."""
        return not self._state.refusal and not self._state.frames_unfit

    async def _tried(self, connection: LiveConnection, frame: LiveFrame) -> bool:
        """Whether that is all there is to do: it is not while there is no worker, or the broker is away."""
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
        """Take answers, and keep the slots, until it is cancelled; then the outbox is gone."""
        steps = {"live_answers": self._take, "live_places": self._renew}
        tasks = [asyncio.create_task(repeat(step, partial(self._failed, name))) for name, step in steps.items()]
        try:
            await asyncio.wait(tasks)
        finally:
            await cancel_all(tasks)
            with suppress(BrokerUnavailable), broker_errors("frames"):
                await self._frames.delete(live_outbox(self.gateway))

    def _failed(self, task: str, error: Exception, _delay_s: float) -> None:
        """Report an error of a task; the task goes on, so that the live lane never ends the gateway."""
        if isinstance(error, BrokerUnavailable | BrokerForbids):
            log.warning("the frames broker does not serve the live lane", task=task, exc_info=error)
        else:
            self._state.metrics.background.note(task, error)

    async def _take(self) -> None:
        outbox = live_outbox(self.gateway)
        try:
            with broker_errors("frames"):
                # everything that was read is deleted, so the oldest is always the next
                streams: Any = await self._frames.xread({outbox: "0-0"}, count=READ_COUNT, block=BLOCK_MS)
        except UnreadableValue:  # it is this gateway's own
            await self._frames.delete(outbox)
            raise
        for _, entries in streams:
            for _, fields in entries:
                self._deliver(fields)
            await asyncio.sleep(0)  # first the clients are told
            await run(self._frames, live.drop(outbox, [entry_id for entry_id, _ in entries]))

    def _deliver(self, fields: Mapping[bytes, bytes]) -> None:
        """Forget an answer that is no longer awaited, and the second answer to a frame."""
        try:
            answer = Answer.decode(fields)
        except (KeyError, ValueError) as error:
            log.error("answer not read", exc_info=error)
            return
        connection = self._connections.get(answer.live_id)
        if connection is not None and connection.frame_index == answer.frame_index:
            connection.sent = None
            self._finish(connection, LiveRefusal(answer.error, answer.text.decode()) if answer.error else answer.text)

    def _late(self, connection: LiveConnection) -> None:
        self._finish(connection, LiveRefusal("pipeline_failure", "No worker has answered in time."))

    def _finish(self, connection: LiveConnection, outcome: Outcome) -> None:
        if _cancel_deadline(connection):
            connection.answered(outcome)

    async def _renew(self) -> None:
        await asyncio.sleep(RENEW_S)
        async with self._renewing:
            slots = [connection.slot for connection in self._connections.values() if connection.slot is not None]
            gone = await run(self._frames, live.renew(slots)) if slots else []
        for slot in gone:
            connection = self._connections.get(slot.live_id)
            if connection is not None and connection.slot == slot:
                self._lost(connection)

    def _lost(self, connection: LiveConnection) -> None:
        """The worker is gone: a frame that it has not taken goes to another one, and so does the next."""
        connection.slot = None
        if connection.frame is not None:
            connection.step = asyncio.create_task(self._move(connection, connection.frame, connection.step))

    async def _move(self, connection: LiveConnection, frame: LiveFrame, before: asyncio.Task[None] | None) -> None:
        """Take the frame out of the inbox of the worker that is gone. If it was there, another worker gets it; if not,
        that worker had it in hand, and may have ended because of it: its client is told, and no other."""
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
            await asyncio.sleep(RETRY_S)  # its last answer may be in the outbox
            if connection.frame is frame:
                self._strikes.add(frame.payload)
                log.warning(
                    "a live worker ended with a frame", live_id=connection.live_id, pipeline_id=connection.pipeline_id
                )
                self._finish(connection, LiveRefusal("pipeline_failure", "The worker that had the frame is gone."))


def _cancel_deadline(connection: LiveConnection) -> bool:
    """Whether it was waiting until now."""
    deadline, connection.deadline, connection.frame = connection.deadline, None, None
    if deadline is not None:
        deadline.cancel()
    return deadline is not None
