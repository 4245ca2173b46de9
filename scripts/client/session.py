"""One session, in which a program opens captures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypedDict, Unpack
from uuid import uuid4

from contracts.messages.consent import ConsentStatement
from scripts.client.capture import Capture
from scripts.client.capture_socket import OnProgress
from scripts.client.connection import Connection
from scripts.client.delivery import Asking
from scripts.client.errors import ClientError, UsageError
from scripts.client.pace import Pace
from scripts.client.resending import ResendingCapture
from scripts.client.window import Window

__all__ = ["CaptureOptions", "Session", "SessionAbout"]


class SessionAbout(TypedDict, total=False):
    """Optional fields of a session's start. The gateway writes them into the session's log unchanged. None is the
    same as no value."""

    consent_given: bool | None
    consent: ConsentStatement | None
    is_training_data: bool
    training_intent_label: str
    session_notes: str
    device_id: str | None
    is_demo: bool


class CaptureOptions(TypedDict, total=False):
    """Optional arguments of `Session.capture`. None is the same as no value.

    Attributes:
        intent: what the gesture means; the capture's line in the log has it.
        study, prompt: the ids of the study and of its prompt that the person was shown; they need an ``intent``.
        start: the event time of the first frame; if None, the time of the call.
        capture_id, record_id: ids of the capture; if None, the client makes new ones. No id can be used twice. A
            program that stores the capture_id first can ask for the outcome after a crash.
        device_id, consent_given, consent, is_demo: written into the log unchanged. ``consent`` says which text a person
            was shown, and who answered.
        on_progress: called in the event loop's thread whenever the state changes. If it raises, the capture ends.
        pace: when the client may send the next frame; see `Pace`.
        camera: true if frames are sent as a camera takes them. Each frame's time is that of its call of `send`, by the
            monotonic clock, counted from the first frame. The block is entered when an extractor has the capture.
        resend: true to keep the frames in memory until the take is recorded. If the connection is lost, `Capture.send`
            keeps what follows, and the client sends the take again, with the same times in the same session.
    """

    intent: str | None
    study: str | None
    prompt: str | None
    start: datetime | None
    capture_id: str | None
    record_id: str | None
    device_id: str | None
    consent_given: bool | None
    consent: ConsentStatement | None
    is_demo: bool | None
    on_progress: OnProgress | None
    pace: Pace | None
    camera: bool
    resend: bool


class Session:
    """A user's session, made by `CaptureClient.session`. An async context manager: it starts the session and ends it,
    unless the session was there before."""

    def __init__(
        self,
        connection: Connection,
        user_id: str,
        session_id: str | None,
        start: Callable[[], Awaitable[str]],
        end: Callable[[str], Awaitable[None]],
        asking: Asking,
    ) -> None:
        self._connection = connection
        self._user_id = user_id
        self._session_id = session_id
        self._is_new = session_id is None
        self._start = start
        self._end = end
        self._asking = asking

    @property
    def user_id(self) -> str:
        """The user whose session it is."""
        return self._user_id

    @property
    def session_id(self) -> str:
        """``sess_`` and 16 hex digits.

        Raises:
            UsageError: the session is not started.
        """
        if self._session_id is None:
            raise UsageError("the session is not started: `async with` starts it, `with` for the other client")
        return self._session_id

    async def __aenter__(self) -> Self:
        """Start the session, unless it was there before.

        Raises:
            GatewayAway, GatewayRefused: the session could not be started.
        """
        if self._is_new and self._session_id is None:
            self._session_id = await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_new:
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
            fps: the highest number of frames in a second of event time.
            width, height: the size of every frame, in pixels.
            options: see `CaptureOptions`.

        Raises:
            UsageError: an id, the rate or the size is not valid.
        """
        fields = {
            "user_id": self.user_id,
            "session_id": self.session_id,
            "fps_target": fps,
            "width": width,
            "height": height,
            **{name: options.get(name) for name in ("intent", "study", "prompt")},
            "capture_id": _chosen(options.get("capture_id")),
            "record_id": _chosen(options.get("record_id")),
            "device_id": options.get("device_id"),
            "consent_given": options.get("consent_given"),
            "consent": options.get("consent"),
            "is_demo": options.get("is_demo"),
        }
        start = options.get("start") or datetime.now(UTC)

        def another(first_id: str) -> Window:
            return Window(start, {**fields, "resend_of": first_id, "capture_id": _new_id(), "record_id": _new_id()})

        window = Window(start, dict(fields))
        on_progress, pace, camera = options.get("on_progress"), options.get("pace"), options.get("camera", False)
        if options.get("resend", False):
            return ResendingCapture(self._connection, window, another, self._asking, on_progress, pace, camera)
        return Capture(self._connection, window, self._asking.wait, on_progress, pace, camera)


def _chosen(given: str | None) -> str:
    """Return the given id, which `Window` checks, or a new one."""
    return _new_id() if given is None else given


def _new_id() -> str:
    return str(uuid4())
