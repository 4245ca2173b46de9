"""The client of a gateway, for programs with an event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError
from websockets.asyncio.client import ClientConnection

from contracts import BaseMessage, SessionEndRequest, SessionStartRequest, SessionValidateRequest
from contracts.messages.http import Appended, CaptureReport, SessionEnded, SessionStarted
from contracts.messages.pipelines import PipelineInfo
from contracts.messages.session import SessionAnswer, SessionStatus
from contracts.process.listeners import local_address_of
from contracts.process.settings import load_settings
from contracts.rules.ids import SCHEMA_VERSION, format_utc, is_identifier
from scripts.client.capture import PATH as CAPTURE_PATH
from scripts.client.connection import Connection, answered
from scripts.client.errors import CaptureStalled, GatewayAway, GatewayRefused, UsageError
from scripts.client.live import LiveStream, live_path
from scripts.client.outcome import CaptureOutcome
from scripts.client.session import Session, SessionAbout
from scripts.client.window import said_wrong

__all__ = ["CaptureClient"]

POLL_S = 0.05
AWAY_S = 15.0
"""How long a gateway that is away, or has no brokers, may come back while an outcome is waited for."""

_PASSING = {502, 503, 504}
"""What a gateway answers while its brokers are away, and what stands in front of it while it is itself."""

STANDSTILL_S = 120.0
"""A closed capture that gets no further for so long is left to itself."""

_STARTED = TypeAdapter(SessionStarted)
_ENDED = TypeAdapter(SessionEnded)
_STATUS = TypeAdapter(SessionAnswer)
_APPENDED = TypeAdapter(Appended)
_REPORT = TypeAdapter(CaptureReport)
_PIPELINES = TypeAdapter(list[PipelineInfo])

Request = TypeVar("Request", bound=BaseMessage)


class CaptureClient:
    """A client of one gateway. An async context manager; everything it makes is done with before it is closed.

    Every error is a `ClientError`; each method names the leaves that are to be expected.

    Args:
        url: of the gateway; if None, of this machine's, by the environment's ``A3CP_HOST`` and ``A3CP_PORT``.
        token: its ``A3CP_API_TOKEN``, if it has one; the environment's, if None and no URL is given either.

    Raises:
        ConfigurationError: the URL is none, or the token, or a setting of the environment.
    """

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        if url is None:
            settings = load_settings()
            url = local_address_of(settings.host, settings.port)
            if token is None and settings.api_token is not None:
                token = settings.api_token.get_secret_value()
        self._connection = Connection(url, token)

    @property
    def url(self) -> str:
        """Of the gateway."""
        return self._connection.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the client; whatever is asked of it afterwards is a `UsageError`, and a capture or a live stream that
        is still open is cut off. It may be repeated."""
        await self._connection.close()

    # --- sessions -----------------------------------------------------------------------------------

    def session(
        self,
        user_id: str,
        *,
        session_id: str | None = None,
        performer_id: str = "system",
        **about: Unpack[SessionAbout],
    ) -> Session:
        """A session, started by ``async with`` and ended when its block is left. With ``session_id`` it is that one,
        which is neither started nor ended. What else is said `about` it goes into the log.
        """
        start = partial(self.start_session, user_id, performer_id=performer_id, **about)
        end = partial(self.end_session, user_id, performer_id=performer_id)
        return Session(self._connection, user_id, session_id, start, end, self.outcome)

    async def start_session(
        self,
        user_id: str,
        *,
        performer_id: str = "system",
        record_id: str | None = None,
        **about: Unpack[SessionAbout],
    ) -> str:
        """Start a session; returns its ``session_id``. A lost answer is asked for again, and the same ``record_id``
        given again is the same session.

        Raises:
            GatewayAway, GatewayRefused: it could not be started.
            UsageError: an id cannot be.
        """
        request = _request(SessionStartRequest, user_id, record_id, performer_id=performer_id, **about)
        answer = await self._connection.ask_again("/session_manager/sessions.start", request)
        return answered(answer, _STARTED).session_id

    async def end_session(
        self, user_id: str, session_id: str, *, performer_id: str = "system", record_id: str | None = None
    ) -> None:
        """End a session. A lost answer is asked for again, and the same ``record_id`` given again is answered again;
        captures that were closed before are still extracted.

        Raises:
            GatewayAway, GatewayRefused: it could not be ended, for one because it is (``session_closed``).
            UsageError: an id cannot be.
        """
        request = _request(
            SessionEndRequest,
            user_id,
            record_id,
            session_id=session_id,
            performer_id=performer_id,
            end_time=datetime.now(UTC),
        )
        answered(await self._connection.ask_again("/session_manager/sessions.end", request), _ENDED)

    async def session_status(self, user_id: str, session_id: str) -> SessionStatus:
        """``active``, ``closed``, or ``invalid`` for one that is unknown or another user's.

        Raises:
            GatewayAway, GatewayRefused: it did not say.
        """
        try:
            request = SessionValidateRequest(user_id=user_id, session_id=session_id)
        except ValidationError:
            return "invalid"
        path = "/session_manager/sessions.validate"
        return answered(await self._connection.ask_again(path, request.model_dump()), _STATUS).status

    async def append(self, event: Mapping[str, Any]) -> datetime:
        """Put an event of your own into a session's log; returns when it was written. ``user_id``, ``session_id`` and
        ``source`` are needed; ``schema_version``, ``record_id`` and ``timestamp`` are added if they are missing; all
        else is kept as it is. A lost answer is asked for again, and the same event is appended once.

        Raises:
            GatewayAway, GatewayRefused: it could not be appended, or it is not known yet whether it will be.
        """
        base = {"schema_version": SCHEMA_VERSION, "record_id": str(uuid4()), "timestamp": format_utc(datetime.now(UTC))}
        answer = await self._connection.ask_again("/schema-recorder/append", {**base, **event})
        return answered(answer, _APPENDED, status=201).recorded_at

    # --- captures -----------------------------------------------------------------------------------

    async def capture(self, capture_id: str) -> CaptureReport | None:
        """A capture's progress or outcome; None if the gateway does not know it. It forgets a capture after 7 days.

        Raises:
            GatewayAway, GatewayRefused: it did not say.
        """
        if not is_identifier(capture_id):
            return None
        try:
            return answered(await self._connection.ask("GET", f"/captures/{capture_id}"), _REPORT)
        except GatewayRefused as refused:
            if refused.code == "unknown_capture":
                return None
            raise

    async def outcome(self, capture_id: str) -> CaptureOutcome:
        """Wait until a capture is recorded or aborted, also if another program sent it.

        `CaptureOutcome.checked` tells which.

        Raises:
            UsageError: the gateway knows no such capture.
            CaptureStalled: it gets no further.
            GatewayAway, GatewayRefused: the gateway is away, and has not come back.
        """
        seen: tuple[object, ...] = ()
        moved_at = answered_at = time.monotonic()
        while True:
            try:
                report = await self.capture(capture_id)
            except (GatewayAway, GatewayRefused) as error:
                lasting = isinstance(error, GatewayRefused) and error.status not in _PASSING
                if lasting or time.monotonic() - answered_at > AWAY_S:
                    raise
            else:
                answered_at = time.monotonic()
                if report is None:
                    raise UsageError(f"the gateway knows no capture {capture_id!r}")
                if (outcome := CaptureOutcome.of(report)) is not None:
                    return outcome
                if seen != (seen := (report.status, report.accepted, report.extracted)):
                    moved_at = answered_at
                elif answered_at - moved_at > STANDSTILL_S:
                    raise CaptureStalled(capture_id, report.status, await self._missing())
            await asyncio.sleep(POLL_S)

    async def _missing(self) -> tuple[str, ...]:
        """What the gateway says that it lacks; nothing if it does not say."""
        try:
            said = (await self._connection.ask("GET", "/readyz")).json()
            return tuple(str(sentence) for sentence in said.get("missing", ()))
        except (GatewayAway, ValueError, AttributeError, TypeError):
            return ()

    # --- the real-time lane -------------------------------------------------------------------------

    async def pipelines(self) -> list[PipelineInfo]:
        """What `live` may be asked for.

        Raises:
            GatewayAway, GatewayRefused: it did not say, for one because its lane is switched off.
        """
        return answered(await self._connection.ask("GET", "/pipelines"), _PIPELINES)

    def live(self, pipeline_id: str = "holistic") -> LiveStream:
        """A connection of the real-time lane, opened by ``async with``."""
        return LiveStream(self._connection, pipeline_id)

    # --- the bare wire ------------------------------------------------------------------------------

    def capture_socket(self) -> AbstractAsyncContextManager[ClientConnection]:
        """A connection to the capture WebSocket, for who writes its messages itself: tests and measurements.

        Raises:
            GatewayAway, GatewayRefused: there is none.
        """
        return self._connection.socket(CAPTURE_PATH)

    def live_socket(self, pipeline_id: str) -> AbstractAsyncContextManager[ClientConnection]:
        """The same, to the real-time lane: JPEGs in, `contracts.messages.live` messages out.

        Raises:
            GatewayAway, GatewayRefused: there is none.
        """
        return self._connection.socket(live_path(pipeline_id))


def _request(model: type[Request], user_id: str, record_id: str | None, **fields: Any) -> dict[str, Any]:
    """A session request as a document; what is None is left out."""
    base = {"schema_version": SCHEMA_VERSION, "record_id": str(uuid4()) if record_id is None else record_id}
    try:
        request = model.model_validate(base | {"user_id": user_id, "timestamp": datetime.now(UTC)} | fields)
    except ValidationError as error:
        raise UsageError(said_wrong(error)) from None
    return request.model_dump(mode="json", exclude_none=True)
