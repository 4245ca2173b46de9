"""A client of the gateway: sessions, the capture socket, and the record of a capture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import websockets
from websockets.asyncio.client import ClientConnection, connect

from contracts.errors import A3CPError, ConfigurationError
from contracts.ids import SCHEMA_VERSION, format_utc

__all__ = ["Gateway", "GatewayError"]

REPEATS = 3
"""How often a session's start or end is tried; the request's own ``record_id`` makes a repeat safe."""


class GatewayError(A3CPError):
    """The gateway is away or refused; the text is one line. ``code`` is its error code, if it gave one."""

    def __init__(self, detail: str, code: str = "") -> None:
        super().__init__(detail)
        self.code = code


class Gateway:
    """One gateway, by its URL. An async context manager."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigurationError(f"--gateway: a gateway's URL is like http://127.0.0.1:8000, not {url!r}")
        self.url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        # a proxy of the environment is for the world outside, not for this machine
        self._outside = parts.hostname not in ("localhost", "127.0.0.1", "::1")
        self._http = httpx.AsyncClient(base_url=self.url, headers=self._headers, timeout=15.0, trust_env=self._outside)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def start_session(self, user_id: str, *, performer_id: str = "system") -> str:
        """Start a session; returns its ``session_id``.

        Raises:
            GatewayError: the gateway is away, or refused.
        """
        answer = await self._request("sessions.start", _base(user_id) | {"performer_id": performer_id})
        return str(answer["session_id"])

    async def end_session(self, user_id: str, session_id: str, *, performer_id: str = "system") -> None:
        """End a session.

        Raises:
            GatewayError: the gateway is away, or refused.
        """
        end = {"session_id": session_id, "performer_id": performer_id, "end_time": format_utc(datetime.now(UTC))}
        await self._request("sessions.end", _base(user_id) | end)

    async def _request(self, name: str, document: dict[str, Any]) -> dict[str, Any]:
        for attempt in range(REPEATS):
            answer = await self._send("POST", f"/session_manager/{name}", json=document)
            if answer.status_code != 503 or attempt == REPEATS - 1:
                break
            await asyncio.sleep(0.5)
        return _accepted(answer)

    async def capture(self, capture_id: str) -> dict[str, Any] | None:
        """What ``GET /captures/{capture_id}`` says; None if the gateway does not know it.

        Raises:
            GatewayError: the gateway is away, or refused.
        """
        answer = await self._send("GET", f"/captures/{capture_id}")
        return None if answer.status_code == 404 else _accepted(answer)

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return await self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise GatewayError(f"{self.url} does not answer ({_text(error)}); is `a3cp up` running?") from error

    def capture_socket(self) -> AbstractAsyncContextManager[ClientConnection]:
        """A connection to the capture WebSocket.

        Raises:
            GatewayError: the gateway is away, or refused the handshake.
        """
        return self._socket("/camera_feed_worker/capture")

    def live_socket(self, pipeline_id: str) -> AbstractAsyncContextManager[ClientConnection]:
        """A connection to the real-time lane: JPEGs in, `contracts.live` messages out.

        Raises:
            GatewayError: the gateway is away, or refused the handshake.
        """
        return self._socket(f"/ws/video/stream?pipeline_id={quote(pipeline_id)}")

    @asynccontextmanager
    async def _socket(self, path: str) -> AsyncIterator[ClientConnection]:
        url = self.url.replace("http", "ws", 1) + path
        options: dict[str, Any] = {} if self._outside else {"proxy": None}
        try:
            socket = await connect(url, additional_headers=self._headers, compression=None, **options)
        except websockets.exceptions.InvalidStatus as error:
            status = error.response.status_code
            mend = "; set A3CP_API_TOKEN" if status == 401 else ""
            raise GatewayError(f"{self.url} refused the connection with {status}{mend}") from error
        except (OSError, TimeoutError, websockets.exceptions.WebSocketException) as error:
            raise GatewayError(f"{self.url} does not answer ({_text(error)}); is `a3cp up` running?") from error
        async with socket:
            yield socket


def _base(user_id: str) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "record_id": str(uuid4()),
        "user_id": user_id,
        "timestamp": format_utc(datetime.now(UTC)),
    }


def _accepted(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = {}
    if answer.status_code == 200 and isinstance(document, dict):
        return document
    code, detail = ("", "") if not isinstance(document, dict) else (document.get("error"), document.get("detail"))
    mend = "; set A3CP_API_TOKEN" if answer.status_code == 401 else ""
    raise GatewayError(
        f"the gateway refused ({answer.status_code} {code or ''}): {detail or 'no reason'}{mend}", code or ""
    )


def _text(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
