"""What a client that asked for progress hears, and that it hears something every second."""

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
    """How many messages go out if nothing changes and the broker is asked at these times."""
    socket = _Socket()
    sender = ProgressSender(cast(Any, socket), "capture")
    for now in at:
        sender.show(Watch.at_open(), LIMITS, now)
        await asyncio.sleep(0)
    await sender.stop()
    return len(socket.sent)


def test_what_did_not_change_is_said_once_a_second() -> None:
    assert asyncio.run(_shown([0, 0.25, 0.5, 0.75])) == 1
    assert asyncio.run(_shown([0, 0.25, 0.5, 0.75, HEARTBEAT_S, 1.25, 2 * HEARTBEAT_S])) == 3
