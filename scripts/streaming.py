"""One clip through the client, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from scripts.client import (
    CaptureAborted,
    CaptureClient,
    CaptureOutcome,
    Frame,
    OnProgress,
    Pace,
)
from scripts.clip import Clip

__all__ = ["stream_capture"]


async def stream_capture(
    client: CaptureClient,
    clip: Clip,
    *,
    user_id: str,
    session_id: str,
    intent: str | None = None,
    capture_id: str | None = None,
    record_id: str | None = None,
    start: datetime | None = None,
    on_progress: OnProgress | None = None,
    pace: Pace | None = None,
) -> CaptureOutcome:
    """Stream one clip and wait until it is recorded or aborted.

    Event time is the clip's own, from ``start`` (now, if None) on, so the same clip gives the same artifact however
    fast it goes. A capture that was refused or aborted is an outcome, not an error.

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
        start=start or datetime.now(UTC).replace(microsecond=0),
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
