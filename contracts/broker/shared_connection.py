"""One connection to a broker that everybody shares: commands go out as they come, and answers come back in their order.

For what a process sends thousands of times a second, and what never blocks. redis-py's client lends each command a
connection of its own, with a time-out, a lock and a task's turn of its own; that was half of what a frame cost the
gateway beyond its socket. Here a command is one write, and its answer one future.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import hiredis
import redis
from redis.asyncio.connection import AbstractConnection

__all__ = ["SharedConnection", "packed"]

Word = str | bytes | int | float

_UNFINISHED = object()


class SharedConnection:
    """Connects when first used, and again after its connection was lost.

    Args:
        connection: makes a redis-py connection, which does what comes before the first command: TLS, AUTH, SELECT.
        answer_within_s: how long a reply may take. Then the connection is closed, and every command that waits on
            it fails: replies are matched to commands by their order alone.
    """

    def __init__(self, connection: Callable[[], AbstractConnection], answer_within_s: float) -> None:
        self._connection = connection
        self._answer_within_s = answer_within_s
        self._opening = asyncio.Lock()
        self._line: _Line | None = None

    async def ask(self, *words: Word) -> Any:
        """Send one command; returns its reply. Cancelling the caller does not disturb other callers.

        Raises:
            redis.exceptions.ResponseError: the broker's error reply.
            redis.exceptions.ConnectionError: the connection was lost; the command may have run.
            redis.exceptions.TimeoutError: the same, after waiting.
        """
        line = self._line
        if line is None or line.lost:
            line = await self._open()
        return await line.send(packed(words))

    def begin(self, *words: Word) -> asyncio.Future[Any] | None:
        """Send a command without waiting. Returns a future for the reply, or None if there is no open connection. Do
        not cancel the future: replies are matched by order."""
        line = self._line
        return None if line is None or line.lost else line.send(packed(words))

    async def aclose(self) -> None:
        """Close it; it opens again when it is used again."""
        line, self._line = self._line, None
        if line is not None:
            line.close()

    async def _open(self) -> _Line:
        async with self._opening:
            if self._line is None or self._line.lost:
                self._line = _Line(await self._transport(), self._answer_within_s)
            return self._line

    async def _transport(self) -> asyncio.StreamWriter:
        connection = self._connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        # redis-py has no public way to give a connection away
        writer, connection._writer, connection._reader = connection._writer, None, None
        assert writer is not None
        return writer


class _Line(asyncio.Protocol):
    """One connection from its handshake to its end."""

    def __init__(self, writer: asyncio.StreamWriter, answer_within_s: float) -> None:
        self.lost = False
        self._writer = writer  # it closes its transport when it is collected
        self._transport = writer.transport
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(
            protocolError=redis.exceptions.ConnectionError, replyError=_reply_error, notEnoughData=_UNFINISHED
        )
        self._waiting: deque[tuple[asyncio.Future[Any], float]] = deque()
        self._answer_within_s = answer_within_s
        self._timer: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    def send(self, command: Sequence[bytes]) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append((answer, self._loop.time()))
        self._transport.writelines(command)
        if self._timer is None:
            self._timer = self._loop.call_later(self._answer_within_s, self._look)
        return answer

    def close(self) -> None:
        self._end(redis.exceptions.ConnectionError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        try:
            while (answer := self._reader.gets()) is not _UNFINISHED:
                if not isinstance(answer, hiredis.PushNotification):  # that answers nothing
                    self._answered(answer)
        except redis.exceptions.ConnectionError as error:
            self._end(error)

    def _answered(self, answer: Any) -> None:
        if not self._waiting:
            raise redis.exceptions.ConnectionError("a reply came without a command")
        future, _ = self._waiting.popleft()
        if future.done():
            return  # the caller was cancelled
        if isinstance(answer, redis.exceptions.ResponseError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def connection_lost(self, error: Exception | None) -> None:
        self._end(redis.exceptions.ConnectionError(str(error or "the broker closed the connection")))

    def _look(self) -> None:
        """One timer for all: it goes off when the oldest command has waited for long enough, or was answered."""
        oldest_at = self._waiting[0][1] if self._waiting else math.inf
        left_s = oldest_at + self._answer_within_s - self._loop.time()
        if left_s <= 0:
            self._end(redis.exceptions.TimeoutError("the broker does not answer"))
        elif self._waiting:
            self._timer = self._loop.call_later(left_s, self._look)
        else:
            self._timer = None

    def _end(self, error: redis.exceptions.RedisError) -> None:
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()
        while self._waiting:
            future, _ = self._waiting.popleft()
            if not future.done():
                future.set_exception(type(error)(*error.args))


def _reply_error(text: str) -> redis.exceptions.ResponseError:
    return (redis.exceptions.NoScriptError if text.startswith("NOSCRIPT") else redis.exceptions.ResponseError)(text)


COPIED_BYTES = 1024
"""Longer words are written as they are, shorter ones are copied together."""


def packed(words: Sequence[Word]) -> list[bytes]:
    """A command as it is sent. A long word that is bytes is one of the pieces itself: frames are not copied."""
    pieces: list[bytes] = []
    text = [f"*{len(words)}\r\n"]
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
