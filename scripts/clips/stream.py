"""Send one clip through the client, and return its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from math import ceil
from typing import Unpack

from contracts.rules.limits import CaptureLimits
from scripts.client import CaptureAborted, CaptureClient, CaptureOptions, CaptureOutcome, Frame
from scripts.clips.clip import Clip, ClipFrame

__all__ = ["stream_capture"]


async def stream_capture(
    client: CaptureClient, clip: Clip, *, user_id: str, session_id: str, **options: Unpack[CaptureOptions]
) -> CaptureOutcome:
    """Stream one clip and wait until it is recorded or aborted.

    Event time is the clip's own, so the same clip gives the same artifact however fast it goes. It begins at the
    option ``start``; without it, so that the clip ends about now, because it is sent faster than it was filmed. A
    capture that was refused or aborted is an outcome, not an error.

    Raises:
        ClipError: the clip turned out to be unusable; the capture is aborted.
        ClientError: the gateway is away, or the capture stands still.
    """
    last_ms = 0
    # the gateway waits five seconds for the first frame: a slow disk or decoder has its time before that
    first, rest = await asyncio.to_thread(_begun, clip)

    def frames() -> Iterator[Frame]:
        nonlocal last_ms
        for last_ms, jpeg in chain(first, rest):
            yield jpeg, timedelta(milliseconds=last_ms)

    size = {"fps": clip.fps_target, "width": clip.width, "height": clip.height}
    options["start"] = options.get("start") or _start(clip)
    capture = client.session(user_id, session_id=session_id).capture(**size, **options)
    try:
        async with capture:
            await capture.send_all(frames())
            await capture.close(timedelta(milliseconds=clip.end_ms(last_ms)))
        return await capture.finish()
    except CaptureAborted as aborted:
        return aborted.outcome


def _begun(clip: Clip) -> tuple[list[ClipFrame], Iterator[ClipFrame]]:
    """The clip's first frame, if it has any, and the others."""
    frames = clip.frames()
    return list(islice(frames, 1)), frames


def _start(clip: Clip) -> datetime:
    """When it began, had it been filmed until now, in whole seconds. How long it is may not be known before its end."""
    length_s = clip.expected_frames / clip.fps_target if clip.expected_frames else CaptureLimits().max_duration_s
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ceil(length_s))
