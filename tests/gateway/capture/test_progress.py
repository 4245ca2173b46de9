"""The progress messages of a client that asked for them: on each change, and once a second."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from contracts.rules.limits import CaptureLimits
from contracts.state.captures import Watch
from gateway.capture.progress import HEARTBEAT_S, ProgressSender

LIMITS = CaptureLimits()


class _Socket:
    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send_text(self, text: str) -> None:
        self.sent.append(text)


async def _shown(at: list[float]) -> int:
    """The number of messages for polls at these times, if the progress does not change."""
    socket = _Socket()
    sender = ProgressSender(cast(Any, socket), "capture")
    for now in at:
        sender.show(Watch.at_open(), LIMITS, now)
        await asyncio.sleep(0)
    await sender.stop()
    return len(socket.sent)


def test_unchanged_progress_is_sent_once_a_second() -> None:
    assert asyncio.run(_shown([0, 0.25, 0.5, 0.75])) == 1
    assert asyncio.run(_shown([0, 0.25, 0.5, 0.75, HEARTBEAT_S, 1.25, 2 * HEARTBEAT_S])) == 3
