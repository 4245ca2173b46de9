"""What a gateway erases because its time is over, for an operator."""

from __future__ import annotations

from datetime import datetime

from pydantic import TypeAdapter

from contracts.messages.operate import RetentionDone, RetentionReport
from contracts.rules.ids import format_utc
from scripts.client.connection import Connection, answered

__all__ = ["RetentionClient"]

_REPORT = TypeAdapter(RetentionReport)
_DONE = TypeAdapter(RetentionDone)


class RetentionClient:
    """`CaptureClient.retention`. Every method raises `GatewayAway` if the gateway does not answer, and `GatewayRefused`
    if it refuses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def report(self) -> RetentionReport:
        """What is due now, and how many captures each study keeps."""
        return answered(await self._connection.ask("GET", "/operate/retention"), _REPORT)

    async def erase(self, until: datetime) -> RetentionDone:
        """Have a batch erased of what was due at ``until``. A repeat is safe."""
        body = {"until": format_utc(until)}
        return answered(await self._connection.ask("POST", "/operate/retention", body), _DONE)
