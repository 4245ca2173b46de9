"""The gateway's HTTP/1.1: uvicorn's protocol with limits on everything but the body (`gateway.http.requests` limits
that). It closes a connection so that the client can still read the last answer."""

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
"""The limit for a request line with its headers, for the bytes between two chunks of a body, and for its trailers. One
read from the socket may exceed it."""

MAX_WAITING_REQUESTS = 16
"""How many pipelined requests may wait on a connection. One read from the socket may contain ten thousand."""

UNWANTED_BYTES = 12 * 1024 * 1024
"""After an early answer, how many bytes of a body without Content-Length the server still reads and discards. A client
whose connection is closed while it sends might not read the answer."""

UNREADABLE_BYTES = 4 * 1024 * 1024
"""How many bytes after an invalid request the server reads and discards, for the same reason."""

ANNOUNCED_BYTES = 256 * 1024 * 1024
"""After an early answer, the server reads and discards a whole body if its Content-Length is not above this: enough for
the longest video that a well-behaved client sends. Discarding costs bandwidth but no memory."""

HEAD_WITHIN_S = 30.0
"""The time limit for a request's head, and for discarding the rest of a body, in seconds."""

KEEP_ALIVE_S = 75
"""How long a connection may be idle between two requests, in seconds. Load balancers usually wait 60 s; the server must
wait longer, because a balancer may lose a request that it sends while the server closes."""

_HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+;=%:\[\]-]*")


class BoundedHttp(HttpToolsProtocol):
    """Limits heads, trailers and idle connections, and answers invalid HTTP with a refusal in JSON.

    If a request asks to upgrade to another protocol than WebSocket, the server ignores the Upgrade header and answers
    the request (RFC 9110, 7.8).
    """

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._in_head = True
        self._head_bytes = self._unwanted_bytes = self._drained_bytes = 0
        self._head_again = b""
        self._error_detail = ""
        self._last_refusal: bytes | None = None
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
        self.cycle = self._running = None  # type: ignore[assignment]  # break the reference cycle, so both are freed now

    def data_received(self, data: bytes) -> None:
        if self._last_refusal is not None:
            self._ignore(len(data))
            return
        self._made_progress = False
        self._unset_keepalive_if_required()
        if not self._answering():
            self._set_deadline()
        self._parse(data)
        if self._last_refusal is not None:
            return
        self._head_bytes = 0 if self._made_progress else self._head_bytes + len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, "head_too_large", f"The headers are longer than {MAX_HEAD_BYTES} bytes.")
        if not self._in_head and self.cycle is not None and self.cycle.response_complete:
            self._unwanted_bytes += len(data)
            if self._unwanted_bytes > self._drained_bytes:
                self.transport.close()

    def _ignore(self, length: int) -> None:
        """Count and discard bytes that follow an invalid request, while the answers before it are still being sent."""
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
                self._replace_parser()
            except httptools.HttpParserError:
                self._refuse(400, "invalid_http", self._error_detail or "Invalid HTTP request received.")
                return

    def _replace_parser(self) -> None:
        """Start a new parser: llhttp accepts no request after the last one of a connection."""
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does

    def _become_websocket(self, rest: bytes) -> None:
        self.parser = None  # type: ignore[assignment]  # break the reference cycle, so both are freed now
        self.handle_websocket_upgrade()
        if rest:
            cast(asyncio.Protocol, self.transport.get_protocol()).data_received(rest)

    # --- the parser's callbacks ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # ignore trailers: no route uses them, and a client may send millions
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._made_progress = True
        self._unwanted_bytes = 0
        self._cancel_deadline()
        self._check_host()
        if self.parser.should_upgrade():
            self._handle_upgrade()
            return
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # RFC 9110, 10.1.1: ignore Expect in HTTP/1.0
        self._drained_bytes = self._drain_limit()
        super().on_headers_complete()
        if len(self.pipeline) > MAX_WAITING_REQUESTS:
            self._reject("Too many requests wait on this connection.")

    def _reject(self, sentence: str) -> None:
        self._error_detail = sentence
        raise ValueError(sentence)  # httptools raises HttpParserError then, and `_parse` refuses the request

    def _check_host(self) -> None:
        """Require exactly one Host header, which only HTTP/1.0 may omit (RFC 9112, 3.2)."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() != "1.0"):
            self._reject("Send exactly one Host header.")
        if hosts and not _HOST.fullmatch(hosts[0]):
            self._reject("The Host header is not a valid host.")

    def _handle_upgrade(self) -> None:
        if self.parser.get_method() == b"CONNECT":
            self._reject("This server is not a proxy.")
        if not self._should_upgrade():
            # The parser stops after a head with Upgrade, so a new parser reads the head again without that header.
            version = self.parser.get_http_version().encode()
            lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
            lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
            self._head_again = b"\r\n".join([*lines, b"", b""])
        elif self._answering():
            self._reject("Wait for the earlier answers before you send a handshake.")
        else:
            super().on_headers_complete()

    def _get_upgrade(self) -> bytes | None:
        if self.parser.get_http_version() == "1.0":  # RFC 9110, 7.8: ignore Upgrade in HTTP/1.0
            return None
        values = [value for name, value in self.headers if name == b"connection"]
        connection = [token.strip().lower() for token in b",".join(values).split(b",")]
        upgrades = [value.strip().lower() for name, value in self.headers if name == b"upgrade"]
        return b",".join(upgrades) if b"upgrade" in connection else None

    def _drain_limit(self) -> int:
        """How many bytes of this request's body the server still reads and discards after an early answer."""
        announced = next((value for name, value in self.headers if name == b"content-length"), b"")
        length = int(announced[:20]) if announced.isdigit() else 0
        return ANNOUNCED_BYTES if UNWANTED_BYTES < length <= ANNOUNCED_BYTES else UNWANTED_BYTES

    def on_body(self, body: bytes) -> None:
        self._made_progress = True
        if not self.parser.should_upgrade():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self.cycle.more_body = False  # uvicorn leaves it True if the answer was complete before the body
            self._cancel_deadline()

    # --- answers ------------------------------------------------------------------------------------

    def _answering(self) -> bool:
        running = self._running
        return running is not None and not (running.response_complete or running.disconnected)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        cycle.transport = _AnswerTransport(self)  # type: ignore[assignment]
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
        if self._last_refusal is not None:
            self._send_last_refusal()
        elif self._in_head or self.cycle.more_body:
            self._set_deadline()

    def close_after_answer(self) -> None:
        """Close after the last answer. If the client is still sending that request, wait until it has sent it."""
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
        most_bytes = self._drained_bytes if self._last_refusal is None else UNREADABLE_BYTES
        linger(self.transport, self, most_bytes=most_bytes, within_s=HEAD_WITHIN_S)

    def shutdown(self) -> None:
        if self._lingers:
            self.transport.close()
        else:
            super().shutdown()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Refuse an invalid request after the answers to the earlier requests, then close."""
        self._last_refusal = refusal_bytes(status, code, detail)
        if self.cycle is not None and self.cycle.more_body:  # the invalid bytes are in this request's body
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.pipeline and self.pipeline[0][0] is self.cycle:
                self.pipeline.popleft()
        if not self._answering():
            self._send_last_refusal()

    def _send_last_refusal(self) -> None:
        running = self._running
        # the application has already answered this request, in part at least: a second answer would confuse the client
        answered = running is not None and running.response_started and running.more_body
        if self._last_refusal is not None and not answered:
            self.transport.write(self._last_refusal)
        self._linger()


class _AnswerTransport:
    """The transport that uvicorn writes answers to. Its ``close`` waits for a client that is still sending."""

    def __init__(self, protocol: BoundedHttp) -> None:
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing
        self.close = protocol.close_after_answer
