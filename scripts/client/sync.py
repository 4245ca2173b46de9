"""The same client for programs without an event loop: every method of `CaptureClient`, without ``await``.

A method here runs the async client's method in another thread and waits for it. It has the same parameters and the same
documentation.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial, wraps
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, Unpack

from contracts.messages.library import LibraryCapture
from scripts.client.capture import Capture
from scripts.client.client import CaptureClient
from scripts.client.frames import Frame, frame_parts
from scripts.client.library import CaptureLibrary, LibraryFilters
from scripts.client.live import LiveAnswer, LiveStream
from scripts.client.pace import StreamState
from scripts.client.portal import Portal
from scripts.client.session import Session

__all__ = ["SyncCapture", "SyncCaptureClient", "SyncCaptureLibrary", "SyncLiveStream", "SyncSession"]

Behind = TypeVar("Behind", bound=AbstractAsyncContextManager[Any])
Made = TypeVar("Made", bound=AbstractAsyncContextManager[Any])
Object = TypeVar("Object")
MadeFront = TypeVar("MadeFront")
Parameters = ParamSpec("Parameters")
Answer = TypeVar("Answer")


class Front(Generic[Object]):
    """A blocking interface to an object of the async client."""

    def __init__(self, behind: Object, portal: Portal) -> None:
        self._behind = behind
        self._portal = portal


class Facade(Front[Behind]):
    """A blocking interface to an object that is a context manager; it is one too."""

    def __enter__(self) -> Self:
        self._portal.call(self._enter)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(partial(self._exit, kind, error, trace))

    async def _enter(self) -> None:
        await self._behind.__aenter__()

    async def _exit(self, *error: Any) -> None:
        await self._behind.__aexit__(*error)


def _blocking(
    method: Callable[Concatenate[Object, Parameters], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate[Front[Object], Parameters], Answer]:
    """Make a blocking method of an async one."""

    @wraps(method)
    def call(facade: Front[Object], /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Answer:
        own: Callable[Parameters, Coroutine[Any, Any, Answer]] = getattr(
            facade._behind, method.__name__
        )  # a subclass may have a method of its own
        return facade._portal.call(partial(own, *args, **kwargs))

    return call


def _making(
    method: Callable[Concatenate[Behind, Parameters], Made], front: Callable[[Made, Portal], MadeFront]
) -> Callable[Concatenate[Facade[Behind], Parameters], MadeFront]:
    """Make a method that returns the facade ``front`` of the object that the async client's method makes."""

    @wraps(method)
    def call(facade: Facade[Behind], /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> MadeFront:
        async def make() -> Made:
            return method(facade._behind, *args, **kwargs)

        return front(facade._portal.call(make), facade._portal)

    return call


class SyncCapture(Facade[Capture]):
    """`Capture`; leaving its block closes it and waits until it is recorded."""

    ready = _blocking(Capture.ready)
    send = _blocking(Capture.send)
    close = _blocking(Capture.close)
    finish = _blocking(Capture.finish)
    abort = _blocking(Capture.abort)

    def send_all(self, frames: Iterable[Frame]) -> None:
        """Send every frame: JPEGs, or pairs of a JPEG and its time. The iterable is read in this thread.

        Raises:
            The errors of `send`, and those of the iterable.
        """
        for frame in frames:
            self.send(*frame_parts(frame))

    @property
    def capture_id(self) -> str:
        """The id by which `SyncCaptureClient.outcome` finds the capture."""
        return self._behind.capture_id

    @property
    def record_id(self) -> str:
        """The id that names the artifact and the line in the session's log."""
        return self._behind.record_id

    @property
    def state(self) -> StreamState:
        """The capture's progress so far."""
        return self._behind.state


class SyncSession(Facade[Session]):
    """`Session`; ``with`` starts it, and ends it when the block is left."""

    capture = _making(Session.capture, SyncCapture)

    @property
    def user_id(self) -> str:
        """The user whose session it is."""
        return self._behind.user_id

    @property
    def session_id(self) -> str:
        """``sess_`` and 16 hex digits."""
        return self._behind.session_id


class SyncLiveStream(Facade[LiveStream]):
    """`LiveStream`; one thread may `send` while another reads `results`."""

    ask = _blocking(LiveStream.ask)
    send = _blocking(LiveStream.send)
    end = _blocking(LiveStream.end)
    next_result = _blocking(LiveStream.next_result)

    def results(self) -> Iterator[LiveAnswer]:
        """Yield the answers of `next_result` until `end`."""
        while (answer := self.next_result()) is not None:
            yield answer


class SyncCaptureLibrary(Front[CaptureLibrary]):
    """`CaptureLibrary` for programs without an event loop."""

    page = _blocking(CaptureLibrary.page)
    capture = _blocking(CaptureLibrary.capture)
    summary = _blocking(CaptureLibrary.summary)
    review = _blocking(CaptureLibrary.review)
    relabel = _blocking(CaptureLibrary.relabel)
    reassign = _blocking(CaptureLibrary.reassign)
    withdraw = _blocking(CaptureLibrary.withdraw)

    def captures(self, **filters: Unpack[LibraryFilters]) -> Iterator[LibraryCapture]:
        """Yield every capture, the newest first. Captures that are recorded meanwhile may be missing."""
        captures = self._behind.captures(**filters)
        while (capture := self._portal.call(partial(_next, captures))) is not None:
            yield capture


async def _next(captures: AsyncIterator[LibraryCapture]) -> LibraryCapture | None:
    return await anext(captures, None)


class SyncCaptureClient(Facade[CaptureClient]):
    """`CaptureClient` for programs without an event loop, and for notebooks. Threads may share it.

    Ctrl-C ends the call that waits; leaving the blocks then aborts the capture and ends the session.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, trust: ssl.SSLContext | None = None
    ) -> None:
        behind = CaptureClient(url, token, trust=trust)
        super().__init__(behind, Portal())
        self.library = SyncCaptureLibrary(behind.library, self._portal)
        """Which captures there are, and what is said about them."""

    start_session = _blocking(CaptureClient.start_session)
    end_session = _blocking(CaptureClient.end_session)
    session_status = _blocking(CaptureClient.session_status)
    append = _blocking(CaptureClient.append)
    consent_text = _blocking(CaptureClient.consent_text)
    signed_in = _blocking(CaptureClient.signed_in)
    capture = _blocking(CaptureClient.capture)
    outcome = _blocking(CaptureClient.outcome)
    pipelines = _blocking(CaptureClient.pipelines)
    session = _making(CaptureClient.session, SyncSession)
    live = _making(CaptureClient.live, SyncLiveStream)

    @property
    def url(self) -> str:
        """The gateway's URL."""
        return self._behind.url

    def close(self) -> None:
        """Close the client. Captures and live streams that are still open lose their connection; waiting and later
        calls raise `UsageError`. It may be repeated."""
        if not self._portal.closed:
            self._portal.close(self._behind.close)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
