"""HTTP/1.1 as the gateway takes it: uvicorn's parser, with bounds on everything but the body, and ends that a client
gets to read."""

from __future__ import annotations

import asyncio
import re
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.http.refusals import refusal_bytes
from gateway.server.lingering import linger
from gateway.server.unread_body import ClosesIfUnread

__all__ = ["KEEP_ALIVE_S", "MAX_HEAD_BYTES", "MAX_WAITING_REQUESTS", "BoundedHttp"]

MAX_HEAD_BYTES = 64 * 1024
"""How long the request line and the headers may be together, give or take one read from the socket; and what is
between two pieces of a body, or behind its end."""

MAX_WAITING_REQUESTS = 16
"""How many requests of a connection may wait for the answers before them. One read may hold ten thousand."""

UNWANTED_BYTES = 12 * 1024 * 1024
"""How much of a body without an announced length is still read, and thrown away, when its request has been answered: a
client that is cut off while it sends might not see the answer."""

UNREADABLE_BYTES = 4 * 1024 * 1024
"""The same of what follows a request that cannot be read."""

ANNOUNCED_BYTES = 256 * 1024 * 1024
"""How long an announced body may be to be read to its end, as the longest video that an honest client may send. Reading
costs bandwidth and no memory."""

HEAD_WITHIN_S = 30.0
"""How long a connection may take to send a request's head, and the rest of a body that is no longer wanted."""

KEEP_ALIVE_S = 75
"""How long a connection may be idle between two requests: longer than the usual 60 s of a balancer, so that the
balancer closes it. If the server does, the balancer may lose a request that it sends at the same time."""

_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+;=%:\[\]-]*")


class BoundedHttp(HttpToolsProtocol):
    """Holds no endless heads and trailers, and no connections that never ask; what is not HTTP is told so in JSON.

    A request to change to another protocol than WebSocket is served as one without that wish: RFC 9110, 7.8.
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._in_head = True
        self._head_bytes = self._unwanted_bytes = self._drained_bytes = 0
        self._head_again = b""
        self._complaint = ""
        self._last_words: bytes | None = None
        self._lingers = False
        self._running: RequestResponseCycle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_WITHIN_S, self.transport.close)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        super().connection_lost(exc)
        self.pipeline.clear()
        self.cycle = self._running = None  # type: ignore[assignment]  # it and this object hold each other

    def data_received(self, data: bytes) -> None:
        if self._last_words is not None:
            self._ignore(len(data))
            return
        self._moved_on = False
        self._unset_keepalive_if_required()
        if not self._answering():
            self._set_deadline()
        self._parse(data)
        if self._last_words is not None:
            return
        self._head_bytes = 0 if self._moved_on else self._head_bytes + len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, "head_too_large", f"The headers are longer than {MAX_HEAD_BYTES} bytes.")
        if not self._in_head and self.cycle is not None and self.cycle.response_complete:
            self._unwanted_bytes += len(data)
            if self._unwanted_bytes > self._drained_bytes:
                self.transport.close()

    def _ignore(self, length: int) -> None:
        """What follows a request that cannot be read cannot be read either; the answers before it are not there yet."""
        self._unwanted_bytes += length
        if self._unwanted_bytes > UNREADABLE_BYTES:
            self.transport.close()

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                rest = data[upgrade.args[0] :]
                if not self._head_again:
                    self._become_websocket(rest)
                    return
                data, self._head_again = self._head_again + rest, b""
                self._begin_again()
            except httptools.HttpParserError:
                self._refuse(400, "invalid_http", self._complaint or "Invalid HTTP request received.")
                return

    def _begin_again(self) -> None:
        """With a parser that has read nothing: one that has read the last request of a connection reads no other."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def _become_websocket(self, rest: bytes) -> None:
        self.parser = None  # type: ignore[assignment]  # it and this object hold each other
        self.handle_websocket_upgrade()
        if rest:
            cast(asyncio.Protocol, self.transport.get_protocol()).data_received(rest)

    # --- the parser's callbacks ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # no route asks for trailers, and there may be millions
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._moved_on = True
        self._unwanted_bytes = 0
        self._cancel_deadline()
        self._check_host()
        if self.parser.should_upgrade():
            self._upgrade_wished()
            return
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # RFC 9110, 10.1.1
        self._drained_bytes = self._worth_draining()
        super().on_headers_complete()
        if len(self.pipeline) > MAX_WAITING_REQUESTS:
            self._complain("Too many requests wait on this connection.")

    def _complain(self, sentence: str) -> None:
        self._complaint = sentence
        raise ValueError(sentence)  # the parser stops, and it is told as what is not HTTP

    def _check_host(self) -> None:
        """RFC 9112, 3.2: exactly one, which HTTP/1.0 may leave out."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            self._complain("A request has exactly one Host header.")
        if hosts and not _HOST.fullmatch(hosts[0]):
            self._complain("The Host header is no host.")

    def _upgrade_wished(self) -> None:
        if self.parser.get_method() == b"CONNECT":
            self._complain("This is no proxy.")
        if not self._should_upgrade():
            # The parser gives up the rest of such a request; it gets it again without the wish.
            version = self.parser.get_http_version().encode()
            lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
            lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            self._head_again = b"\r\n".join([*lines, b"", b""])
        elif self._answering():
            self._complain("A handshake waits for the answers before it.")
        else:
            super().on_headers_complete()

    def _get_upgrade(self) -> bytes | None:
        if self.parser.get_http_version() == "1.0":  # RFC 9110, 7.8
            return None
        values = [value for name, value in self.headers if name == b"connection"]
        connection = [token.strip().lower() for token in b",".join(values).split(b",")]
        upgrades = [value.strip().lower() for name, value in self.headers if name == b"upgrade"]
        return b",".join(upgrades) if b"upgrade" in connection else None

    def _worth_draining(self) -> int:
        """How much of this request's body is read once it has been answered."""
        announced = next((value for name, value in self.headers if name == b"content-length"), b"")
        length = int(announced[:20]) if announced.isdigit() else 0
        return ANNOUNCED_BYTES if UNWANTED_BYTES < length <= ANNOUNCED_BYTES else UNWANTED_BYTES

    def on_body(self, body: bytes) -> None:
        self._moved_on = True
        if not self.parser.should_upgrade():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self.cycle.more_body = False  # uvicorn leaves it where the answer came first
            self._cancel_deadline()

    # --- answers ------------------------------------------------------------------------------------

    def _answering(self) -> bool:
        running = self._running
        return running is not None and not (running.response_complete or running.disconnected)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.transport = _LastAnswer(self)  # type: ignore[assignment]
        super()._start_asgi_task(cycle, ClosesIfUnread(app, cycle, self._announced_too_much(cycle)))

    def _announced_too_much(self, cycle: RequestResponseCycle) -> bool:
        announced = next((value for name, value in cycle.scope["headers"] if name == b"content-length"), b"0")
        return not announced.isdigit() or int(announced[:20]) > ANNOUNCED_BYTES

    def on_response_complete(self) -> None:
        if self._lingers:
            self.server_state.total_requests += 1
            return
        super().on_response_complete()
        if self._answering():
            return
        if self._last_words is not None:
            self._say_last_words()
        elif self._in_head or self.cycle.more_body:
            self._set_deadline()

    def end(self) -> None:
        """Close after the last answer; if its request is still on its way, not before the client has sent it."""
        answered = self._running
        if answered is not None and answered.response_complete and answered.more_body:
            self._linger()
        else:
            self.transport.close()

    def _linger(self) -> None:
        self._lingers = True
        self.pipeline.clear()
        self._cancel_deadline()
        self._unset_keepalive_if_required()
        most_bytes = self._drained_bytes if self._last_words is None else UNREADABLE_BYTES
        linger(self.transport, self, most_bytes=most_bytes, within_s=HEAD_WITHIN_S)

    def shutdown(self) -> None:
        if self._lingers:
            self.transport.close()
        else:
            super().shutdown()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Answer what cannot be read, behind the answers to the requests before it."""
        self._last_words = refusal_bytes(status, code, detail)
        if self.cycle is not None and self.cycle.more_body:  # it is this one that cannot be read
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.pipeline and self.pipeline[0][0] is self.cycle:
                self.pipeline.popleft()
        if not self._answering():
            self._say_last_words()

    def _say_last_words(self) -> None:
        running = self._running
        answered = running is not None and running.response_started and running.more_body  # by other words, or half
        if self._last_words is not None and not answered:
            self.transport.write(self._last_words)
        self._linger()


class _LastAnswer:
    """The transport that answers are written to: its ``close`` waits for a client that is still sending."""

    def __init__(self, protocol: BoundedHttp) -> None:
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing
        self.close = protocol.end
