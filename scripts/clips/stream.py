"""Send one clip through the client, and return its outcome."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil

from contracts.rules.limits import CaptureLimits
from scripts.client import (
    CaptureAborted,
    CaptureClient,
    CaptureOutcome,
    Frame,
    OnProgress,
    Pace,
)
from scripts.clips.clip import Clip

__all__ = ["stream_capture"]


async def stream_capture(
    client: CaptureClient,
    clip: Clip,
    *,
    user_id: str,
    session_id: str,
    intent: str | None = None,
    device_id: str | None = None,
    is_demo: bool | None = None,
    capture_id: str | None = None,
    record_id: str | None = None,
    start: datetime | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
) -> CaptureOutcome:
    """Stream one clip and wait until it is recorded or aborted.

    Event time is the clip's own, so the same clip gives the same artifact however fast it goes. It begins at ``start``;
    if that is None, so that the clip ends about now, because it is sent faster than it was filmed. A capture that was
    refused or aborted is an outcome, not an error.

    Raises:
        ClipError: the clip turned out to be unusable; the capture is aborted.
        ClientError: the gateway is away, or the capture stands still.
    """
    last_ms = 0

    def frames() -> Iterator[Frame]:
        nonlocal last_ms
        for last_ms, jpeg in clip.frames():
            yield jpeg, timedelta(milliseconds=last_ms)

    capture = client.session(user_id, session_id=session_id).capture(
        fps=clip.fps_target,
        width=clip.width,
        height=clip.height,
        intent=intent,
        device_id=device_id,
        is_demo=is_demo,
        start=start or _start(clip),
        capture_id=capture_id,
        record_id=record_id,
        on_progress=on_progress,
        pace=pace,
    )
    try:
        async with capture:
            await capture.send_all(frames())
            await capture.close(timedelta(milliseconds=clip.end_ms(last_ms)))
        return await capture.finish()
    except CaptureAborted as aborted:
        return aborted.outcome


def _start(clip: Clip) -> datetime:
    """When it began, had it been filmed until now, in whole seconds. How long it is may not be known before its end."""
    length_s = clip.expected_frames / clip.fps_target if clip.expected_frames else CaptureLimits().max_duration_s
    return datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=ceil(length_s))
