"""Store one video in the frames broker while it arrives: in chunks and within limits. An incomplete one is removed."""

from __future__ import annotations

import asyncio
import secrets
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
"""The gateway refuses a video that would raise the memory in use above this share of the frames broker's ``maxmemory``.
It is below the share at which captures are refused (0.70), so that videos cannot keep captures out."""

CHECK_CHUNKS = 16
"""After how many chunks, 8 MB in all, the gateway checks the broker's memory again and enlarges the video's slot. A
slot counts with little more than the bytes that have arrived, so a client that announces much and sends little does not
keep others out."""

GROWTH_BYTES = CHECK_CHUNKS * CHUNK_BYTES

RENEW_S = 15.0
RETRY_AFTER_S = 30

T = TypeVar("T")

log = get_logger()


class IncomingUpload:
    """A video that arrives from the address ``peer``. ``announced_bytes`` is its maximum length; 0 if it is unknown.

    Its methods raise `RequestRefused` (413 ``file_too_large``, 415 ``not_a_video``, 429 ``too_many_uploads`` or
    ``frames_broker_full``, 503 ``upload_lost`` or ``brokers_unready``) and `BrokerUnavailable`. Unless the video became
    a capture, the caller must call `discard`.
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
        # every slot that was requested: each may be in the broker, because the answer of a request may be lost
        self._slots: list[VideoSlot] = []
        self._renew_at = 0.0

    async def add(self, piece: bytes, user_id: str) -> None:
        """Store the next piece of the file. ``user_id`` is empty until the user's session has been checked."""
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
        """Store the rest of the file. The broker still treats the video as an arriving one, until `keep`."""
        if not self._slots:
            await self._begin(user_id)
        if self._buffer:
            await self._put()
        await self._take(VideoSlot(self._id, self.byte_length, user_id))
        await _retry(self._still_arriving)
        if await _retry(self._stored_chunks) != self._chunks:
            raise RequestRefused(
                503, "upload_lost", "The broker lost a part of the video; send it again.", retry_after_s=1
            )
        limits = self._state.settings.capture
        return StoredVideo(
            upload_id=self._id,
            byte_length=self.byte_length,
            min_duration_s=limits.min_duration_s,
            max_frames=limits.max_frames,
        )

    async def keep(self) -> None:
        """Extend the video's lifetime in the broker. Its capture is reserved now, so the recorder's sweep ends it if
        this process dies."""
        await self._take(self._slots[-1], complete=True)
        await _retry(lambda: uploads.keep(self._state.frames, self._id))

    def leave_queue(self) -> None:
        """Stop counting the video among those that arrive from its address."""
        if self._counted:
            self._counted = False
            self._state.counts.add_arriving(self._peer, -1)

    async def discard(self) -> None:
        """Remove the video and its slots from the broker. If the broker does not answer, they expire by themselves."""
        self._buffer.clear()
        if not self._slots:
            return
        try:
            await retry(lambda: uploads.drop(self._state.frames, *self._slots))
        except BrokerUnavailable as error:
            log.warning("cannot remove an upload from the broker, it will expire", exc_info=error)

    async def _begin(self, user_id: str) -> None:
        if not looks_like_video(bytes(self._buffer[:HEAD_BYTES])):
            raise RequestRefused(415, "not_a_video", "The file is not an MP4, QuickTime, WebM or Matroska video.")
        self._join_queue()
        await self._check_memory()
        first_bytes = min(GROWTH_BYTES, self._announced_bytes or self._state.settings.upload_max_bytes)
        await self._take(VideoSlot(self._id, first_bytes, user_id), whole_bytes=self._announced_bytes)

    def _join_queue(self) -> None:
        """Count the video for its address. One address may use half of all slots at a time."""
        counts = self._state.counts
        if counts.arriving(self._peer) >= max(1, self._state.settings.upload_max_videos // 2):
            raise _too_many("Your address is sending as many videos as one address may send at a time")
        counts.add_arriving(self._peer, 1)
        self._counted = True

    async def _check_memory(self) -> None:
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
            whose = "The user's" if answer == "user" else "All"
            raise _too_many(f"{whose} slots for videos are in use")
        self._renew_at = asyncio.get_running_loop().time() + RENEW_S

    async def _put(self) -> None:
        if self._state.frames_unfit:  # the broker has begun to write to a disk, which must never hold a frame
            raise unready()
        if self._chunks and self._chunks % CHECK_CHUNKS == 0:
            await self._check_memory()
            grown = (self._chunks + CHECK_CHUNKS) * CHUNK_BYTES
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
    """The refusal of a video with more than ``max_bytes`` bytes."""
    return RequestRefused(413, "file_too_large", f"The video is too large. The limit is {max_bytes / 1e6:.1f} MB.")


def unready() -> RequestRefused:
    """The refusal while a broker is not ready, or while the process is stopping."""
    detail = "The server cannot receive videos at the moment."
    return RequestRefused(503, "brokers_unready", detail, retry_after_s=5)


def _too_many(why: str) -> RequestRefused:
    return RequestRefused(429, "too_many_uploads", f"{why}; try again later.", retry_after_s=RETRY_AFTER_S)


def _full() -> RequestRefused:
    detail = "The server has no memory for this video at the moment; try again later."
    return RequestRefused(429, "frames_broker_full", detail, retry_after_s=RETRY_AFTER_S)
