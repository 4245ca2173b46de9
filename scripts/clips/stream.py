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
    """Send one clip as a capture, and wait until it is recorded or aborted.

    Event times are the clip's own, so the same clip gives the same artifact, however fast it is sent. They begin at the
    option ``start``; without it they begin so that the clip ends about now. A refused or aborted capture is returned as
    an outcome, not raised.

    Raises:
        ClipError: a later part of the clip is unusable; the capture is aborted.
        ClientError: the gateway does not answer, or the capture makes no progress.
    """
    last_ms = 0
    # the gateway waits five seconds for the first frame, so a slow disk or decoder must deliver it before the open
    first, rest = await asyncio.to_thread(_with_first_frame, clip)

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


def _with_first_frame(clip: Clip) -> tuple[list[ClipFrame], Iterator[ClipFrame]]:
    """Read the clip's first frame; returns it in a list, empty if there is none, and an iterator of the others."""
    frames = clip.frames()
    return list(islice(frames, 1)), frames


def _start(clip: Clip) -> datetime:
    """The start of a clip that ends about now, in whole seconds. A clip of unknown length counts as the longest one."""
    length_s = clip.expected_frames / clip.fps_target if clip.expected_frames else CaptureLimits().max_duration_s
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ceil(length_s))
