"""One session: a context in which captures are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypedDict, Unpack
from uuid import uuid4

from scripts.client.capture import Capture, OnProgress
from scripts.client.connection import Connection
from scripts.client.errors import ClientError, UsageError
from scripts.client.outcome import CaptureOutcome
from scripts.client.pace import Pace
from scripts.client.window import Window

__all__ = ["CaptureOptions", "Session", "SessionAbout"]


class SessionAbout(TypedDict, total=False):
    """What may be said of a session when it starts; it goes into the log as it is."""

    consent_given: bool
    is_training_data: bool
    training_intent_label: str
    session_notes: str
    device_id: str
    is_demo: bool


class CaptureOptions(TypedDict, total=False):
    """What may be said of a capture when it is opened; a value of None is the same as none.

    Attributes:
        intent: what the gesture means, as its line in the log will say.
        start: the event time at which it begins; now, if None.
        capture_id, record_id: chosen by the client, if None. A capture_id that is known before can be asked for after
            a crash; neither can be used again.
        device_id, consent_given, is_demo: go into the log as they are.
        on_progress: called whenever there is something new, in the event loop's thread; what it raises ends the
            capture.
        pace: when frames may go.
        camera: the frames are sent as they are taken. Each has the time at which it is given to `send`, by a clock
            that is never set, counted from the first one; the capture is entered when an extractor has time for it.
    """

    intent: str | None
    start: datetime | None
    capture_id: str | None
    record_id: str | None
    device_id: str | None
    consent_given: bool | None
    is_demo: bool | None
    on_progress: OnProgress | None
    pace: Pace | None
    camera: bool


class Session:
    """A user's session, made by `CaptureClient.session`. An async context manager: it starts the session and ends it,
    unless it is one that was there before."""

    def __init__(
        self,
        connection: Connection,
        user_id: str,
        session_id: str | None,
        start: Callable[[], Awaitable[str]],
        end: Callable[[str], Awaitable[None]],
        settled: Callable[[str], Awaitable[CaptureOutcome]],
    ) -> None:
        self._connection = connection
        self._user_id = user_id
        self._session_id = session_id
        self._begins = session_id is None
        self._start = start
        self._end = end
        self._settled = settled

    @property
    def user_id(self) -> str:
        """Whose it is."""
        return self._user_id

    @property
    def session_id(self) -> str:
        """``sess_`` and 16 hex digits.

        Raises:
            UsageError: it has not been started.
        """
        if self._session_id is None:
            raise UsageError("the session is not started: `async with` starts it, `with` for the other client")
        return self._session_id

    async def __aenter__(self) -> Self:
        """Start the session, unless it is one that was there before.

        Raises:
            GatewayAway, GatewayRefused: it could not be started.
        """
        if self._begins and self._session_id is None:
            self._session_id = await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._begins:
            return
        try:
            await self._end(self.session_id)
        except ClientError as not_ended:
            if error is None:
                raise
            error.add_note(f"and session {self.session_id} was not ended: {not_ended}")

    def capture(self, *, fps: int, width: int, height: int, **options: Unpack[CaptureOptions]) -> Capture:
        """A capture in this session, opened by ``async with``.

        Args:
            fps: how many frames a second of event time there will be, at the most.
            width, height: of every frame, in pixels.
            options: see `CaptureOptions`.

        Raises:
            UsageError: an id, the rate or the size cannot be.
        """
        fields = {
            "user_id": self.user_id,
            "session_id": self.session_id,
            "fps_target": fps,
            "width": width,
            "height": height,
            "intent": options.get("intent"),
            "capture_id": _chosen(options.get("capture_id")),
            "record_id": _chosen(options.get("record_id")),
            "device_id": options.get("device_id"),
            "consent_given": options.get("consent_given"),
            "is_demo": options.get("is_demo"),
        }
        window = Window(options.get("start") or datetime.now(UTC), fields)
        on_progress, pace, camera = options.get("on_progress"), options.get("pace"), options.get("camera", False)
        return Capture(self._connection, window, self._settled, on_progress, pace, camera)


def _chosen(given: str | None) -> str:
    """The given id, which may be wrong and is refused later; a new one if there is none."""
    return str(uuid4()) if given is None else given
