"""One video on its way into the frames broker: bounded, in chunks, and gone again unless it is completed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from contracts import upload_store
from contracts.broker import BrokerFull, broker_errors, memory_share
from contracts.errors import BrokerUnavailable, RequestRefused
from contracts.keys import uploaded_video
from contracts.scripts import run
from contracts.upload import CHUNK_BYTES, HEAD_BYTES, Place, StoredVideo, looks_like_video
from gateway.again import once_more
from gateway.state import GatewayState

__all__ = ["RETRY_AFTER_S", "Arrival"]

MEMORY_SHARE = 0.50
"""A video that would make the frames broker fuller than this is not taken: from 70 % on no capture is either."""

RENEW_S = 15.0
RETRY_AFTER_S = 30

T = TypeVar("T")

log = structlog.get_logger()


class Arrival:
    """A video that arrives. ``announced_bytes`` is about how long it will be at most.

    Its methods raise `RequestRefused`: 413 ``file_too_large``, 415 ``not_a_video``, 429 ``too_many_uploads`` or
    ``frames_broker_full``, 503 ``upload_lost``; and `BrokerUnavailable`. After that, and in any case unless it became a
    capture, `discard` is due.
    """

    def __init__(self, state: GatewayState, announced_bytes: int) -> None:
        self.byte_length = 0
        self._state = state
        self._id = secrets.token_hex(16)
        self._announced_bytes = announced_bytes
        self._buffer = bytearray()
        self._chunks = 0
        self._place: Place | None = None
        self._renew_at = 0.0

    async def add(self, piece: bytes, user_id: str) -> None:
        """Take in the next piece of the file; ``user_id`` is empty as long as nobody knows it."""
        self.byte_length += len(piece)
        max_bytes = self._state.settings.upload_max_bytes
        if self.byte_length > max_bytes:
            raise RequestRefused(413, "file_too_large", f"A video may have {max_bytes} bytes.")
        self._buffer += piece
        if self._place is None and self.byte_length >= HEAD_BYTES:
            await self._begin(user_id)
        while len(self._buffer) >= CHUNK_BYTES:
            await self._put()
        if self._place and asyncio.get_running_loop().time() >= self._renew_at:
            await self._take(self._place)
            await _patiently(self._still_arriving)

    async def complete(self, user_id: str) -> StoredVideo:
        """The file is at its end: what of it is not in the broker goes there, and all of it waits."""
        if self._place is None:
            await self._begin(user_id)
        if self._buffer:
            await self._put()
        await self._take(Place(self._id, self.byte_length, user_id), complete=True)
        await _patiently(lambda: upload_store.keep(self._state.frames, self._id))
        if await _patiently(self._stored_chunks) != self._chunks:
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

    async def discard(self) -> None:
        """Nothing of it stays. If the broker does not answer, it goes by itself."""
        self._buffer.clear()
        if self._place is None:
            return
        place = self._place
        try:
            await once_more(lambda: upload_store.drop(self._state.frames, place))
        except BrokerUnavailable as error:
            log.warning("an upload is left to lapse", exc_info=error)

    async def _begin(self, user_id: str) -> None:
        if not looks_like_video(bytes(self._buffer[:HEAD_BYTES])):
            raise RequestRefused(415, "not_a_video", "The file is no MP4, QuickTime, WebM or Matroska video.")
        frames, key = self._state.frames, uploaded_video(self._id)
        share = await _patiently(lambda: memory_share(frames, key, self._announced_bytes))
        if share > MEMORY_SHARE:
            raise _full()
        await self._take(Place(self._id, self._announced_bytes, user_id))

    async def _take(self, place: Place, *, complete: bool = False) -> None:
        call = upload_store.take(place, self._state.settings, complete=complete)
        self._place = self._place or place  # whatever becomes of the call, there may be one to let go of
        answer = await _patiently(lambda: run(self._state.frames, call))
        if answer != "OK":
            whose = "you have" if answer == "user" else "there are"
            detail = f"As many videos as {whose} room for are waiting or arriving; try again later."
            raise RequestRefused(429, "too_many_uploads", detail, retry_after_s=RETRY_AFTER_S)
        self._place = place
        self._renew_at = asyncio.get_running_loop().time() + RENEW_S

    async def _put(self) -> None:
        chunk = bytes(self._buffer[:CHUNK_BYTES])
        call = upload_store.put(self._id, self._chunks, chunk)
        await _patiently(lambda: run(self._state.frames, call))
        del self._buffer[:CHUNK_BYTES]
        self._chunks += 1

    async def _still_arriving(self) -> None:
        with broker_errors("frames"):
            await self._state.frames.expire(uploaded_video(self._id), upload_store.ARRIVING_TTL_S)

    async def _stored_chunks(self) -> int:
        with broker_errors("frames"):
            return int(await self._state.frames.hlen(uploaded_video(self._id)))


async def _patiently(step: Callable[[], Awaitable[T]]) -> T:
    """A step that may be repeated; a broker that is full is a refusal."""
    try:
        return await once_more(step)
    except BrokerFull as error:
        raise _full() from error


def _full() -> RequestRefused:
    detail = "The server has no room for this video at the moment; try again later."
    return RequestRefused(429, "frames_broker_full", detail, retry_after_s=RETRY_AFTER_S)
