"""Uploaded videos in the frames role: their slots, which bound how much is stored, and their chunks.

A video's slot and its chunks are in different hash slots of a cluster, so each needs a step of its own and expires by
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from contracts.broker.keys import UPLOAD_PLACES, capture_keys, uploaded_video
from contracts.broker.roles import AsyncBroker, Broker, broker_errors
from contracts.broker.script import Argument, Call
from contracts.process.settings import Settings
from contracts.state.captures import ENDED_TTL_S
from contracts.state.video import VideoSlot

__all__ = [
    "ARRIVING_TTL_S",
    "Placed",
    "drop",
    "drop_sync",
    "keep",
    "keep_sync",
    "parse_slots",
    "put",
    "read_chunk",
    "read_slots",
    "read_slots_sync",
    "take",
    "wait",
]

ARRIVING_TTL_S = 60
"""How long the chunks of a video outlive a gateway that is silent while they arrive."""

Placed = Literal["OK", "full", "user"]
"""``full``: too many videos, or bytes, are stored; ``user``: too many are this user's."""


def take(place: VideoSlot, settings: Settings, *, complete: bool, whole_bytes: int = 0) -> Call[Placed]:
    """Take a slot, renew it, or replace the upload's slot by this one.

    It lasts a minute; if the video is ``complete``, as long as a closed capture waits. It counts with its own length;
    ``whole_bytes``, the length that the video will have, must fit too, but is not reserved. One user may have at most
    half of all bytes, or one video.
    """
    of_one_user = max(settings.upload_max_total_bytes // 2, settings.upload_max_bytes)
    arguments: list[Argument] = [
        place.upload_id, place.byte_length, place.user_id, 1000 * (ENDED_TTL_S if complete else ARRIVING_TTL_S),
        settings.upload_max_videos, settings.upload_max_total_bytes, settings.capture.max_captures_per_user,
        of_one_user, whole_bytes,
    ]  # fmt: skip
    return Call("frames", "upload_slot", [UPLOAD_PLACES], arguments, lambda answer: cast(Placed, answer.decode()))


def put(upload_id: str, number: int, chunk: bytes) -> Call[None]:
    """Store a chunk, `contracts.messages.upload.CHUNK_BYTES` long unless it is the last."""
    arguments: list[Argument] = [number, ARRIVING_TTL_S, chunk]
    return Call("frames", "upload_put", [uploaded_video(upload_id)], arguments, lambda _: None)


def parse_slots(members: Sequence[bytes]) -> tuple[list[VideoSlot], list[bytes]]:
    """Read members of the zset; returns the slots, and the members that are not slots."""
    slots, unreadable = [], []
    for member in members:
        try:
            slots.append(VideoSlot.read(member.decode()))
        except ValueError:
            unreadable.append(member)
    return slots, unreadable


async def read_slots(broker: AsyncBroker) -> tuple[list[VideoSlot], list[bytes]]:
    """`parse_slots` of all videos in the broker.

    Raises:
        BrokerUnavailable: the frames broker did not answer.
        UnreadableValue: the key does not hold a zset.
    """
    with broker_errors("frames"):
        members: Any = await broker.zrange(UPLOAD_PLACES, 0, -1)
    return parse_slots(members)


def read_slots_sync(broker: Broker) -> list[VideoSlot]:
    """The slots of `read_slots`, for a process that blocks."""
    with broker_errors("frames"):
        members: Any = broker.zrange(UPLOAD_PLACES, 0, -1)
    return parse_slots(members)[0]


async def keep(broker: AsyncBroker, upload_id: str) -> bool:
    """Keep a complete video for its extractor as long as a closed capture is kept; false if it is gone.

    Raises:
        BrokerUnavailable: the broker is away; this may be repeated.
    """
    with broker_errors("frames"):
        return bool(await broker.expire(uploaded_video(upload_id), ENDED_TTL_S))


def keep_sync(broker: Broker, upload_id: str) -> bool:
    """`keep` for a process that blocks."""
    with broker_errors("frames"):
        return bool(broker.expire(uploaded_video(upload_id), ENDED_TTL_S))


async def wait(broker: AsyncBroker, capture_id: str) -> bool:
    """Keep the state of a dispatched capture as long as its video; false if it is gone.

    Raises:
        BrokerUnavailable: the broker is away; this may be repeated.
    """
    with broker_errors("frames"):
        return bool(await broker.expire(capture_keys(capture_id).state, ENDED_TTL_S))


async def drop(broker: AsyncBroker, *places: VideoSlot) -> None:
    """Delete a video and every slot that it may have. May be repeated.

    Raises:
        BrokerUnavailable: the broker is unavailable; this may be repeated, and both expire by themselves.
    """
    with broker_errors("frames"):
        await broker.delete(uploaded_video(places[0].upload_id))
        await broker.zrem(UPLOAD_PLACES, *[place.member for place in places])


def drop_sync(broker: Broker, place: VideoSlot) -> None:
    """`drop` for a process that blocks."""
    with broker_errors("frames"):
        broker.delete(uploaded_video(place.upload_id))
        broker.zrem(UPLOAD_PLACES, place.member)


def read_chunk(broker: Broker, upload_id: str, number: int) -> bytes | None:
    """Read one chunk; None if it is gone.

    Raises:
        BrokerUnavailable: the broker is away; this may be repeated.
    """
    with broker_errors("frames"):
        return cast("bytes | None", broker.hget(uploaded_video(upload_id), str(number)))
