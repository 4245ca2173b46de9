"""A connection to a broker that all callers of a process share. Answers are matched to commands by their order.

It is for commands that a process sends thousands of times a second and that never block. redis-py's client takes one
connection, one time-out, one lock and several turns of the event loop for each command; without counting the socket,
that was half of the gateway's time for a frame. Here a command is one write and one callback.
"""

from __future__ import annotations

import asyncio
import math
import socket
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import hiredis
import redis
from redis.asyncio.connection import AbstractConnection

__all__ = ["Changes", "SharedConnection", "Template", "bulk"]


Word = str | bytes | int | float

_UNFINISHED = object()


class SharedConnection:
    """Connects on first use, and again after the connection was lost.

    Args:
        connection: creates a redis-py connection, which does the handshake: TLS, AUTH, SELECT.
        answer_within_s: how long an answer may take, in seconds. After that the connection is closed and every waiting
            command fails: without one answer, the order of the others cannot be trusted.
    """

    def __init__(self, connection: Callable[[], AbstractConnection], answer_within_s: float) -> None:
        self._connection = connection
        self._answer_within_s = answer_within_s
        self._opening = asyncio.Lock()
        self._open_connection: _OpenConnection | None = None

    async def ask(self, *words: Word) -> Any:
        """Send one command and return its answer. Cancelling the caller does not affect other callers.

        Raises:
            redis.exceptions.ResponseError: the broker answered with an error.
            redis.exceptions.ConnectionError: the connection was lost; the command may have run.
            redis.exceptions.TimeoutError: no answer came in time; the command may have run.
        """
        connection = self._open_connection
        if connection is None or connection.lost:
            connection = await self._open()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        connection.send(_packed(words), partial(_resolve, answer))
        return await answer

    def begin(self, command: Sequence[bytes], on_answer: Callable[[Any], None]) -> bool:
        """Send an encoded command without waiting. Returns whether there is an open connection.

        ``on_answer`` is called in the turn of the loop in which the answer comes, with the answer or with one of the
        errors of `ask`. That is cheaper than a future, which takes another turn.
        """
        connection = self._open_connection
        if connection is None or connection.lost:
            return False
        connection.send(command, on_answer)
        return True

    async def aclose(self) -> None:
        """Close the connection. The next command opens a new one."""
        connection, self._open_connection = self._open_connection, None
        if connection is not None:
            connection.close()

    async def _open(self) -> _OpenConnection:
        async with self._opening:
            if self._open_connection is None or self._open_connection.lost:
                self._open_connection = _OpenConnection(await self._transport(), self._answer_within_s)
            return self._open_connection

    async def _transport(self) -> asyncio.StreamWriter:
        connection = self._connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        # redis-py has no public way to hand over its socket after the handshake
        writer, connection._writer, connection._reader = connection._writer, None, None
        assert writer is not None
        return writer


class _OpenConnection(asyncio.Protocol):
    """One connection, from the end of its handshake until it is lost or closed."""

    def __init__(self, writer: asyncio.StreamWriter, answer_within_s: float) -> None:
        self.lost = False
        self._writer = writer  # keep it: a StreamWriter closes its transport when it is garbage-collected
        self._transport = writer.transport
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=redis.exceptions.ConnectionError, replyError=_reply_error, notEnoughData=_UNFINISHED
        )
        self._waiting: deque[tuple[Callable[[Any], None], float]] = deque()
        self._is_answering = False
        self._unsent: list[bytes] = []
        self._answer_within_s = answer_within_s
        self._timer: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)
        _enlarge_buffer(self._transport.get_extra_info("socket"))

    def send(self, command: Sequence[bytes], on_answer: Callable[[Any], None]) -> None:
        self._waiting.append((on_answer, self._loop.time()))
        if self._is_answering:
            self._unsent += command
        else:
            self._transport.writelines(command)
        if self._timer is None:
            self._timer = self._loop.call_later(self._answer_within_s, self._check_oldest)

    def close(self) -> None:
        self._fail_all(redis.exceptions.ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Handle the answers. What their callbacks send is written together afterwards: one system call for all."""
        self._reader.feed(data)
        self._is_answering = True
        try:
            while (answer := self._reader.gets()) is not _UNFINISHED:
                if not isinstance(answer, hiredis.PushNotification):  # the broker sends it unasked
                    self._answer_oldest(answer)
        except redis.exceptions.ConnectionError as error:
            self._fail_all(error)
        finally:
            self._is_answering = False
        if self._unsent and not self.lost:
            unsent, self._unsent = self._unsent, []
            self._transport.writelines(unsent)

    def _answer_oldest(self, answer: Any) -> None:
        if not self._waiting:
            raise redis.exceptions.ConnectionError("the broker sent an answer without a command")
        on_answer, _ = self._waiting.popleft()
        try:
            on_answer(answer)
        except Exception as error:  # it must not end the connection, which others use too
            self._loop.call_exception_handler({"message": "a broker's answer was not handled", "exception": error})

    def connection_lost(self, error: Exception | None) -> None:
        self._fail_all(redis.exceptions.ConnectionError(str(error or "the broker closed the connection")))

    def _check_oldest(self) -> None:
        """Fail if the oldest command has waited too long; else set the timer for the command that is oldest now. One
        timer serves all commands: setting one per command would cost more than sending it."""
        oldest_at = self._waiting[0][1] if self._waiting else math.inf
        left_s = oldest_at + self._answer_within_s - self._loop.time()
        if left_s <= 0:
            self._fail_all(redis.exceptions.TimeoutError("the broker does not answer"))
        elif self._waiting:
            self._timer = self._loop.call_later(left_s, self._check_oldest)
        else:
            self._timer = None

    def _fail_all(self, error: redis.exceptions.RedisError) -> None:
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()
        while self._waiting:
            self._answer_oldest(type(error)(*error.args))


def _resolve(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return  # its caller was cancelled
    if isinstance(answer, redis.exceptions.RedisError):
        future.set_exception(answer)
    else:
        future.set_result(answer)


UNSENT_BYTES = 1024 * 1024
"""How much of a Unix socket's unread bytes the system should hold; it may hold less (``net.core.wmem_max``). By default
it holds 208 KiB, three frames, and each write beyond that is made in parts."""


def _enlarge_buffer(connection: socket.socket | None) -> None:
    if connection is not None and connection.family == socket.AF_UNIX:  # of TCP the system itself adapts the buffers
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNSENT_BYTES)


def _reply_error(text: str) -> redis.exceptions.ResponseError:
    return (redis.exceptions.NoScriptError if text.startswith("NOSCRIPT") else redis.exceptions.ResponseError)(text)


COPIED_BYTES = 1024
"""Words shorter than this are copied into one buffer; longer ones are written without a copy."""


Changes = tuple[tuple[str, ...], bytes, tuple[str, ...]]
"""The words of a command that are not always the same: texts, each as `bulk` writes it, bytes, and again texts."""


def bulk(text: str) -> str:
    """Encode one word of a command, which must be ASCII."""
    return f"${len(text)}\r\n{text}\r\n"


class Template:
    """A command most of whose words are always the same. They are encoded once.

    Args:
        words: the command's words; None for each word that `encode` gets.
        bytes_at: which of the words is the one of bytes.
    """

    def __init__(self, words: Sequence[Word | None], bytes_at: int) -> None:
        self._before = f"*{len(words)}\r\n{_pattern(words[:bytes_at])}$%d\r\n"
        self._after = f"\r\n{_pattern(words[bytes_at + 1 :])}"

    def encode(self, before: tuple[str, ...], value: bytes, after: tuple[str, ...]) -> tuple[bytes, ...]:
        """The command's pieces, as `SharedConnection.begin` takes them. ``value`` is a piece itself, and not copied."""
        return (self._before % (*before, len(value))).encode(), value, (self._after % after).encode()


def _pattern(words: Sequence[Word | None]) -> str:
    """The words as a pattern of the operator ``%``."""
    literal = (None if word is None else b"".join(_encoded([word])).decode() for word in words)
    return "".join("%s" if text is None else text.replace("%", "%%") for text in literal)


def _packed(words: Sequence[Word]) -> list[bytes]:
    """Encode a command in RESP. Returns the pieces to write. A long word of bytes, such as a frame, becomes a piece
    itself and is not copied."""
    pieces = _encoded(words)
    pieces[0] = b"*%d\r\n%b" % (len(words), pieces[0])
    return pieces


def _encoded(words: Sequence[Word]) -> list[bytes]:
    pieces: list[bytes] = []
    text: list[str] = []
    for word in words:
        if not isinstance(word, bytes):
            word = word if isinstance(word, str) else str(word)
            text.append(f"${len(word) if word.isascii() else len(word.encode())}\r\n{word}\r\n")
        else:
            text.append(f"${len(word)}\r\n")
            pieces.append("".join(text).encode())
            text = ["\r\n"]
            if len(word) < COPIED_BYTES:
                pieces[-1] += word
            else:
                pieces.append(word)
    pieces.append("".join(text).encode())
    return pieces
