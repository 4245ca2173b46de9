"""HTTP and WebSockets to one gateway, and what their failures mean."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

import httpx
import websockets
from pydantic import TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection, connect

from contracts.messages.http import Refusal
from contracts.rules.access import is_token
from contracts.rules.errors import ConfigurationError
from scripts.client.errors import ClientError, GatewayAway, GatewayRefused, UsageError
from scripts.client.proxies import proxy_of

__all__ = ["Connection", "answered", "parsed"]

Value = TypeVar("Value")

REPEATS = 3
"""How many times the client tries a request that may be repeated."""

REPEAT_AFTER_S = 0.5
ANSWER_WITHIN_S = 15.0
CLOSE_WITHIN_S = 2.0


class Connection:
    """One gateway, by its URL. ``trust`` is for one with HTTPS.

    Raises:
        ConfigurationError: the URL, the token, or the proxy that the environment names is not valid.
    """

    def __init__(self, url: str, token: str | None, trust: ssl.SSLContext | None = None) -> None:
        parts = _parts_of(url)
        if token and not is_token(token):
            raise ConfigurationError("token=: letters, digits and !#$%&'*+-.^_`|~ only, and no line break at its end")
        self._base = parts.geturl().rstrip("/")
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")
        self.closed = False
        self._sockets: set[ClientConnection] = set()
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._proxy = proxy_of(parts, getproxies())
        self._tls: dict[str, Any] = {"ssl": trust} if trust and parts.scheme == "https" else {}
        try:
            # without a transport httpx would read the environment's proxies by other rules than websockets
            transport = httpx.AsyncHTTPTransport(proxy=self._proxy, verify=trust or True)
            self._http = httpx.AsyncClient(
                base_url=self._base, headers=self._headers, timeout=ANSWER_WITHIN_S, transport=transport
            )
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ConfigurationError(f"the proxy that the environment names cannot be used: {error}") from error

    async def close(self) -> None:
        """Close every HTTP connection, and abort every WebSocket that is still open. It may be repeated."""
        self.closed = True
        for socket in self._sockets:
            socket.transport.abort()
        await self._http.aclose()

    async def ask(self, method: str, path: str, document: Any = None) -> httpx.Response:
        """Send a request once, with ``document`` as its JSON body.

        Raises:
            GatewayAway: the gateway did not answer.
        """
        self._check_open()
        try:
            return await self._http.request(method, path, json=document)
        except httpx.HTTPError as error:
            raise self._away(error) from error

    async def ask_again(self, path: str, document: Any) -> httpx.Response:
        """Post a request until it is answered, three times at most. The gateway recognises a repeat by its
        ``record_id``, so it takes effect once.

        Raises:
            GatewayAway: the gateway did not answer.
        """
        for _ in range(REPEATS - 1):
            try:
                answer = await self.ask("POST", path, document)
            except GatewayAway as error:
                if isinstance(error.__cause__, httpx.ConnectError):  # no connection, so no answer was lost
                    raise
            else:
                if answer.status_code != 503:
                    return answer
            await asyncio.sleep(REPEAT_AFTER_S)
        return await self.ask("POST", path, document)

    @asynccontextmanager
    async def socket(self, path: str) -> AsyncIterator[ClientConnection]:
        """Open a WebSocket; it is closed when the block is left.

        Raises:
            GatewayAway: the gateway does not answer.
            GatewayRefused: the handshake was refused.
        """
        self._check_open()
        url = self._base.replace("http", "ws", 1) + path
        try:
            socket = await connect(
                url,
                additional_headers=self._headers,
                compression=None,
                close_timeout=CLOSE_WITHIN_S,
                proxy=self._proxy,
                **self._tls,
            )
        except websockets.exceptions.InvalidStatus as error:
            raise _refusal(error.response.status_code, bytes(error.response.body or b"")) from error
        except (OSError, TimeoutError, websockets.exceptions.WebSocketException) as error:
            raise self._away(error) from error
        self._sockets.add(socket)
        try:
            async with socket:
                yield socket
        finally:
            self._sockets.discard(socket)

    def lost(self, what: str) -> GatewayAway:
        """The error for a connection that was lost."""
        return GatewayAway(f"the connection to {self.url} was lost: {what}")

    def _away(self, error: BaseException) -> GatewayAway:
        if untrusted := _untrusted(error):
            how = "name the file of its authority in A3CP_TLS_CA"
            return GatewayAway(f"the certificate of {self.url} is not trusted ({untrusted}); {how}")
        said = " ".join(str(error).split())[:200] or type(error).__name__
        way = f" through the proxy {_shown(self._proxy)}" if self._proxy else ""
        closed = isinstance(error, httpx.ReadError | httpx.RemoteProtocolError | websockets.exceptions.InvalidMessage)
        if closed and self.url.startswith("http:"):
            return GatewayAway(
                f"{self.url} closed the connection without an answer{way}: it stopped, or it serves https:"
            )
        return GatewayAway(f"{self.url} does not answer{way} ({said}); is `a3cp up` running?")

    def _check_open(self) -> None:
        if self.closed:
            raise UsageError("the client is closed: make another one")


def _parts_of(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna")
        whole = host and parts.port != 0 and httpx.URL(url).host and not (parts.query or parts.fragment)
        if parts.scheme in ("http", "https") and whole:
            return parts
    except (ValueError, httpx.InvalidURL):
        pass
    shown = url.rpartition("@")[2]  # the part before the @ may hold a password
    raise ConfigurationError(
        f"url=, or --gateway: a gateway's URL is like http://127.0.0.1:8000 or http://[::1]:8000, not {shown!r}"
    )


def _untrusted(error: BaseException | None) -> str:
    """Why a certificate was refused, if that is what the error comes from."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error.verify_message if error is not None else ""


def _shown(proxy: str) -> str:
    return urlsplit(proxy).netloc.rpartition("@")[2]


def answered(answer: httpx.Response, form: TypeAdapter[Value], status: int = 200) -> Value:
    """Read the answer to a request, which has this ``status`` if the gateway accepted the request.

    Raises:
        GatewayRefused: the answer has another status.
        ClientError: its body is not a message of an A3CP gateway.
    """
    if answer.status_code != status:
        raise _refusal(answer.status_code, answer.content)
    return parsed(form, answer.content)


def parsed(adapter: TypeAdapter[Value], text: bytes | str) -> Value:
    """Read a message, without the fields that a newer gateway may have added.

    Raises:
        ClientError: it is not a message of an A3CP gateway.
    """
    try:
        return adapter.validate_json(text, extra="ignore")
    except ValidationError as error:
        raise ClientError("this is not an answer of an A3CP gateway; check the URL") from error


def _refusal(status: int, body: bytes) -> GatewayRefused:
    try:
        said = Refusal.model_validate_json(body, extra="ignore")
    except ValidationError:
        return GatewayRefused(status, "", "")
    return GatewayRefused(status, said.error, said.detail)
