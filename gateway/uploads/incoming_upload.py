"""One video on its way into the frames broker: bounded, in chunks, and gone again unless it is completed."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from contracts.broker.keys import uploaded_video
from contracts.broker.roles import BrokerFull, broker_errors, memory_share
from contracts.broker.script import run
from contracts.messages.upload import HEAD_BYTES, looks_like_video
from contracts.process.logs import get_logger
from contracts.process.retry import retry
from contracts.rules.errors import BrokerUnavailable, RequestRefused
from contracts.state import uploads
from contracts.state.video import CHUNK_BYTES, StoredVideo, VideoSlot
from gateway.state import GatewayState

__all__ = ["RETRY_AFTER_S", "IncomingUpload", "too_large", "unready"]

MEMORY_SHARE = 0.50
"""A video that would make the frames broker fuller than this is not taken: from 70 % on no capture is either."""

LOOK_CHUNKS = 16
"""After how many chunks the gateway checks for room again, and by how much a slot grows: 8 MB. A slot counts with the
bytes that have arrived, so that clients that announce much and send little keep no room from others."""

GROWTH_BYTES = LOOK_CHUNKS * CHUNK_BYTES

RENEW_S = 15.0
RETRY_AFTER_S = 30

T = TypeVar("T")

log = get_logger()


class IncomingUpload:
    """A video that arrives from ``peer``. ``announced_bytes`` is how long it will be at most, 0 if nothing says so.

    Its methods raise `RequestRefused`: 413 ``file_too_large``, 415 ``not_a_video``, 429 ``too_many_uploads`` or
    ``frames_broker_full``, 503 ``upload_lost`` or ``brokers_unready``; and `BrokerUnavailable`. After that, and in any
    case unless it became a capture, `discard` is due.
    """

    def __init__(self, state: GatewayState, announced_bytes: int, peer: str = "") -> None:
        self.byte_length = 0
        self._peer = peer
        self._counted = False
        self._state = state
        self._id = secrets.token_hex(16)
        self._announced_bytes = announced_bytes
        self._buffer = bytearray()
        self._chunks = 0
        self._slots: list[VideoSlot] = []  # each of which may be in the broker: an answer may have been lost
        self._renew_at = 0.0

    async def add(self, piece: bytes, user_id: str) -> None:
        """Take in the next piece of the file; ``user_id`` is empty unless the user's session has been looked up."""
        self.byte_length += len(piece)
        max_bytes = self._state.settings.upload_max_bytes
        if self.byte_length > max_bytes:
            raise too_large(max_bytes)
        self._buffer += piece
        if not self._slots and self.byte_length >= HEAD_BYTES:
            await self._begin(user_id)
        while len(self._buffer) >= CHUNK_BYTES:
            await self._put()
        if self._slots and asyncio.get_running_loop().time() >= self._renew_at:
            await self._take(self._slots[-1])
            await _retry(self._still_arriving)

    async def complete(self, user_id: str) -> StoredVideo:
        """The file is at its end: what of it is not in the broker goes there. It still is as one that arrives."""
        if not self._slots:
            await self._begin(user_id)
        if self._buffer:
            await self._put()
        await self._take(VideoSlot(self._id, self.byte_length, user_id))
        await _retry(self._still_arriving)
        if await _retry(self._stored_chunks) != self._chunks:
            raise RequestRefused(
                503, "upload_lost", "The broker lost the video meanwhile; send it again.", retry_after_s=1
            )
        limits = self._state.settings.capture
        return StoredVideo(
            upload_id=self._id,
            byte_length=self.byte_length,
            min_duration_s=limits.min_duration_s,
            max_frames=limits.max_frames,
        )

    async def keep(self) -> None:
        """Keep the whole video in the broker: its capture is reserved, so the sweep ends it if this process dies."""
        await self._take(self._slots[-1], complete=True)
        await _retry(lambda: uploads.keep(self._state.frames, self._id))

    def leave_queue(self) -> None:
        """It has arrived, or will not: it is no longer one of those that its peer sends."""
        if self._counted:
            self._counted = False
            self._state.arriving[self._peer] -= 1
            self._state.arriving += Counter()  # names without a count go

    async def discard(self) -> None:
        """Nothing of it stays. If the broker does not answer, it goes by itself."""
        self._buffer.clear()
        if not self._slots:
            return
        try:
            await retry(lambda: uploads.drop(self._state.frames, *self._slots))
        except BrokerUnavailable as error:
            log.warning("an upload is left to lapse", exc_info=error)

    async def _begin(self, user_id: str) -> None:
        if not looks_like_video(bytes(self._buffer[:HEAD_BYTES])):
            raise RequestRefused(415, "not_a_video", "The file is no MP4, QuickTime, WebM or Matroska video.")
        self._join_queue()
        await self._look_for_room()
        first_bytes = min(GROWTH_BYTES, self._announced_bytes or self._state.settings.upload_max_bytes)
        await self._take(VideoSlot(self._id, first_bytes, user_id), whole_bytes=self._announced_bytes)

    def _join_queue(self) -> None:
        """Half of all slots are enough for what comes from one address at a time."""
        arriving = self._state.arriving
        if arriving[self._peer] >= max(1, self._state.settings.upload_max_videos // 2):
            raise _too_many("As many videos as one address may send at a time are arriving from yours")
        arriving[self._peer] += 1
        self._counted = True

    async def _look_for_room(self) -> None:
        frames, key = self._state.frames, uploaded_video(self._id)
        missing_bytes = max(0, self._announced_bytes - self._chunks * CHUNK_BYTES)
        if await _retry(lambda: memory_share(frames, key, missing_bytes)) > MEMORY_SHARE:
            raise _full()

    async def _take(self, slot: VideoSlot, *, complete: bool = False, whole_bytes: int = 0) -> None:
        call = uploads.take(slot, self._state.settings, complete=complete, whole_bytes=whole_bytes)
        if slot not in self._slots:
            self._slots.append(slot)
        answer = await _retry(lambda: run(self._state.frames, call))
        if answer != "OK":
            whose = "you have" if answer == "user" else "there are"
            raise _too_many(f"As many videos as {whose} room for are waiting or arriving")
        self._renew_at = asyncio.get_running_loop().time() + RENEW_S

    async def _put(self) -> None:
        if self._state.frames_unfit:  # it has begun to persist
            raise unready()
        if self._chunks and self._chunks % LOOK_CHUNKS == 0:
            await self._look_for_room()
            grown = (self._chunks + LOOK_CHUNKS) * CHUNK_BYTES
            await self._take(VideoSlot(self._id, grown, self._slots[-1].user_id), whole_bytes=self._announced_bytes)
        chunk = bytes(self._buffer[:CHUNK_BYTES])
        call = uploads.put(self._id, self._chunks, chunk)
        await _retry(lambda: run(self._state.frames, call))
        del self._buffer[:CHUNK_BYTES]
        self._chunks += 1

    async def _still_arriving(self) -> None:
        with broker_errors("frames"):
            await self._state.frames.expire(uploaded_video(self._id), uploads.ARRIVING_TTL_S)

    async def _stored_chunks(self) -> int:
        with broker_errors("frames"):
            return int(await self._state.frames.hlen(uploaded_video(self._id)))


async def _retry(step: Callable[[], Awaitable[T]]) -> T:
    """Retry an idempotent step once; refuse the video if the broker is full."""
    try:
        return await retry(step)
    except BrokerFull as error:
        raise _full() from error


def too_large(max_bytes: int) -> RequestRefused:
    """The refusal of a video that has more than ``max_bytes`` bytes."""
    return RequestRefused(413, "file_too_large", f"The video is too large. The limit is {max_bytes / 1e6:.1f} MB.")


def unready() -> RequestRefused:
    """The refusal while the brokers are not as they must be, and when the process is told to stop."""
    detail = "The server cannot take a video at the moment."
    return RequestRefused(503, "brokers_unready", detail, retry_after_s=5)


def _too_many(why: str) -> RequestRefused:
    return RequestRefused(429, "too_many_uploads", f"{why}; try again later.", retry_after_s=RETRY_AFTER_S)


def _full() -> RequestRefused:
    detail = "The server has no room for this video at the moment; try again later."
    return RequestRefused(429, "frames_broker_full", detail, retry_after_s=RETRY_AFTER_S)
