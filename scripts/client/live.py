"""One connection to the real-time lane: a JPEG in, its landmarks out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Annotated, Any, Self
from urllib.parse import quote

import websockets
from pydantic import Discriminator, Tag, TypeAdapter
from websockets.asyncio.client import ClientConnection

from contracts.messages.base import StrictModel
from contracts.messages.live import LiveDropped, LiveResult, LiveWarning, PipelineResult
from scripts.client.connection import Connection, parsed
from scripts.client.errors import GatewayAway, LiveEnded, UsageError
from scripts.client.frames import Jpeg, jpeg_bytes

__all__ = ["LiveAnswer", "LiveStream", "live_path"]

LiveAnswer = LiveResult | LiveDropped | LiveWarning


class _Error(StrictModel):
    """A `contracts.messages.live.LiveError`; a newer gateway may have other codes."""

    error: str
    detail: str


def _kind(message: Any) -> str | None:
    """Tell a message's kind by its distinctive field. Pydantic alone cannot: these fields have defaults, so a model
    would accept another kind's message."""
    named = message if isinstance(message, dict) else {}
    return next((name for name in ("error", "result", "dropped", "warning") if name in named), None)


_message: TypeAdapter[LiveAnswer | _Error] = TypeAdapter(
    Annotated[
        Annotated[LiveResult, Tag("result")]
        | Annotated[LiveDropped, Tag("dropped")]
        | Annotated[LiveWarning, Tag("warning")]
        | Annotated[_Error, Tag("error")],
        Discriminator(_kind),
    ]
)


def live_path(pipeline_id: str) -> str:
    """The path of a pipeline's WebSocket."""
    return f"/ws/video/stream?pipeline_id={quote(pipeline_id, safe='')}"


class LiveStream:
    """A connection, made by `CaptureClient.live`. An async context manager.

    Either `ask` for one JPEG after the other, or `send` them as they come and read `results` in another task. The
    gateway works on one JPEG at a time and drops those that come meanwhile. Both ways may be mixed, and several tasks
    may use them.
    """

    def __init__(self, connection: Connection, pipeline_id: str) -> None:
        self._connection = connection
        self._path = live_path(pipeline_id)
        self._exits = AsyncExitStack()
        self._socket: ClientConnection | None = None
        self._sending, self._receiving = asyncio.Lock(), asyncio.Lock()
        self._sent = self._told = 0
        self._asked: dict[int, asyncio.Future[PipelineResult | None]] = {}
        self._answers: deque[LiveAnswer] = deque()
        self._ended = False
        self._waiting: asyncio.Timeout | None = None
        self._error: LiveEnded | GatewayAway | UsageError | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            GatewayAway: the gateway does not answer.
            GatewayRefused: the handshake was refused.
        """
        if self._socket is not None:
            raise UsageError("a live stream is opened once: make another one")
        self._socket = await self._exits.enter_async_context(self._connection.socket(self._path))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    async def ask(self, jpeg: Jpeg) -> PipelineResult | None:
        """Send a JPEG and wait for the landmarks in it; None if the gateway dropped it.

        Raises:
            LiveEnded: the gateway ended the stream, for example because it cannot decode the JPEG.
            GatewayAway: the connection was lost.
        """
        answer: asyncio.Future[PipelineResult | None] = asyncio.get_running_loop().create_future()
        await self._send(jpeg, answer)
        try:
            while not answer.done():
                await self._receive(until=answer.done)
            return answer.result()
        finally:
            answer.cancel()  # a later answer has no reader

    async def send(self, jpeg: Jpeg) -> None:
        """Send a JPEG; `results` yields the answer.

        Raises:
            LiveEnded: the gateway ended the stream.
            GatewayAway: the connection was lost.
        """
        await self._send(jpeg, None)

    async def end(self) -> None:
        """Declare that no JPEG follows: `results` ends after the answer to the last one."""
        self._ended = True
        if self._waiting is not None:
            self._waiting.reschedule(0)  # wakes the task in `_receive`, which then sees the end

    async def next_result(self) -> LiveAnswer | None:
        """Wait for the next answer to a sent JPEG, in order; None after `end` and the last answer.

        An answer is a `LiveResult`, or a `LiveDropped` if the gateway was still working on another JPEG. Between them a
        `LiveWarning` says that the gateway drops too many.

        Raises:
            LiveEnded: the gateway ended the stream.
            GatewayAway: the connection was lost.
        """
        while not self._answers and not self._over():
            await self._receive(until=lambda: bool(self._answers) or self._over())
        return self._answers.popleft() if self._answers else None

    async def results(self) -> AsyncIterator[LiveAnswer]:
        """Yield the answers of `next_result` until `end`.

        Raises:
            The errors of `next_result`.
        """
        while (answer := await self.next_result()) is not None:
            yield answer

    def _over(self) -> bool:
        return self._ended and self._told == self._sent

    async def _send(self, jpeg: Jpeg, answer: asyncio.Future[PipelineResult | None] | None) -> None:
        payload = jpeg_bytes(jpeg)
        async with self._sending:
            socket = self._connected()
            if self._ended:
                raise UsageError("the live stream was ended: make another one")
            if answer is not None:
                self._asked[self._sent] = answer
            self._sent += 1
            try:
                await socket.send(payload)
            except websockets.exceptions.ConnectionClosed:
                while True:  # a message that is not read yet may give the reason
                    await self._receive(until=lambda: False)
            except asyncio.CancelledError:
                self._error = UsageError("a frame was cut off in the middle: make another live stream")
                raise

    async def _receive(self, until: Callable[[], bool]) -> None:
        """Receive one message, unless another task has received the awaited one meanwhile."""
        async with self._receiving:
            socket = self._connected()
            if until():
                return
            try:
                async with asyncio.timeout(None) as self._waiting:
                    text = await socket.recv()
            except TimeoutError:
                return
            except websockets.exceptions.ConnectionClosed as closed:
                reason = closed.rcvd.reason if closed.rcvd is not None else ""
                self._error = self._connection.lost(reason or "connect again")
                raise self._error from None
            finally:
                self._waiting = None
            self._take(parsed(_message, text))

    def _take(self, message: LiveAnswer | _Error) -> None:
        if isinstance(message, _Error):
            self._error = LiveEnded(message.error, message.detail)
            raise self._error
        if isinstance(message, LiveWarning):
            self._answers.append(message)
            return
        self._told = message.frame_index + 1
        answer = self._asked.pop(message.frame_index, None)
        if answer is None:
            self._answers.append(message)
        elif not answer.done():
            answer.set_result(message.result if isinstance(message, LiveResult) else None)

    def _connected(self) -> ClientConnection:
        if self._error is not None:
            raise self._error
        if self._socket is None:
            raise UsageError("the live stream is not open: `async with` opens it, `with` for the other client")
        return self._socket
