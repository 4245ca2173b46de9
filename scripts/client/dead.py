"""The gateway's dead letters, for an operator."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from contracts.messages.operate import DeadItem, DeadItemWhole, DeadPage, DroppedItem, RetriedItem
from scripts.client.connection import Connection, answered

__all__ = ["DeadItems"]

_PAGE = TypeAdapter(DeadPage)
_WHOLE = TypeAdapter(DeadItemWhole)
_RETRIED = TypeAdapter(RetriedItem)
_DROPPED = TypeAdapter(DroppedItem)


class DeadItems:
    """What one gateway's recorder could not append: `CaptureClient.dead`.

    Every method raises `GatewayAway` if the gateway does not answer, and `GatewayRefused` if it refuses.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(self, cursor: str | None = None) -> DeadPage:
        """One page, the newest first. ``cursor`` is the ``next`` of the page before."""
        query = f"?{urlencode({'cursor': cursor})}" if cursor else ""
        return answered(await self._connection.ask("GET", f"/operate/dead{query}"), _PAGE)

    async def items(self) -> list[DeadItem]:
        """All of them, the newest first."""
        page = await self.page()
        items = page.items
        while page.next is not None:
            page = await self.page(page.next)
            items += page.items
        return items

    async def show(self, item_id: str) -> DeadItemWhole:
        """One of them, whole, and whether another try would fail."""
        return answered(await self._connection.ask("GET", _path(item_id)), _WHOLE)

    async def retry(self, item_id: str) -> datetime:
        """Try one again, once; returns when. After `GatewayAway` it may have been tried: a repeat is safe, and the
        refusal says so."""
        return answered(await self._connection.ask("POST", f"{_path(item_id)}/retry"), _RETRIED).retried_at

    async def drop(self, item_id: str) -> datetime:
        """Remove one for good; returns when."""
        return answered(await self._connection.ask("POST", f"{_path(item_id)}/drop"), _DROPPED).dropped_at


def _path(item_id: str) -> str:
    return f"/operate/dead/{quote(item_id, safe=':')}"
