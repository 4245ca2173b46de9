"""The client of a gateway, for programs with an event loop."""

from __future__ import annotations

import asyncio
import ssl
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

from contracts.messages.access import SignedIn
from contracts.messages.consent import ConsentText
from contracts.messages.http import Appended, CaptureReport, SessionEnded, SessionStarted
from contracts.messages.pipelines import PipelineInfo
from contracts.messages.public import BaseMessage, SessionEndRequest, SessionStartRequest, SessionValidateRequest
from contracts.messages.session import SessionAnswer, SessionStatus
from contracts.process.settings import load_settings
from contracts.rules.ids import SCHEMA_VERSION, format_utc, is_identifier
from scripts.client.capture_socket import PATH as CAPTURE_PATH
from scripts.client.connection import Connection, answered
from scripts.client.dead import DeadItems
from scripts.client.delivery import Asking
from scripts.client.errors import CaptureStalled, GatewayAway, GatewayRefused, UsageError
from scripts.client.library import CaptureLibrary
from scripts.client.live import LiveStream
from scripts.client.outcome import CaptureOutcome
from scripts.client.retention import RetentionClient
from scripts.client.session import Session, SessionAbout
from scripts.client.take import TEMPORARY
from scripts.client.trust import own_gateway_of, trusting
from scripts.client.window import invalid_fields

__all__ = ["CaptureClient"]

POLL_S = 0.05
AWAY_S = 15.0
"""How long `CaptureClient.outcome` waits for a gateway that does not answer, or that has no brokers, to recover."""

STANDSTILL_S = 120.0
"""`CaptureClient.outcome` stops waiting for a closed capture after so long without progress."""

_STARTED = TypeAdapter(SessionStarted)
_ENDED = TypeAdapter(SessionEnded)
_STATUS = TypeAdapter(SessionAnswer)
_APPENDED = TypeAdapter(Appended)
_REPORT = TypeAdapter(CaptureReport)
_CONSENT = TypeAdapter(ConsentText)
_SIGNED_IN = TypeAdapter(SignedIn)
_PIPELINES = TypeAdapter(list[PipelineInfo])

Request = TypeVar("Request", bound=BaseMessage)


class CaptureClient:
    """A client of one gateway. An async context manager; leave the blocks of its sessions, captures and live streams
    before its own.

    Every error is a `ClientError`; each method names the subclasses that a caller should expect.

    Args:
        url: the gateway's URL; if None, that of this machine's gateway, by ``A3CP_HOST`` and ``A3CP_PORT``.
        token: the gateway's ``A3CP_API_TOKEN``, if it has one. If both this and ``url`` are None, the environment's.
        trust: which certificates of a gateway with HTTPS are trusted. If None, those of public authorities and of the
            one in ``A3CP_TLS_CA``; if ``url`` is None too, that of this machine's gateway alone.

    Raises:
        ConfigurationError: the URL, the token, or a setting in the environment is not valid.
    """

    def __init__(
        self, url: str | None = None, token: str | None = None, *, trust: ssl.SSLContext | None = None
    ) -> None:
        if url is None:
            settings = load_settings()
            url, own = own_gateway_of(settings)
            trust = trust or own
            if token is None and settings.api_token is not None:
                token = settings.api_token.get_secret_value()
        elif trust is None and url.startswith("https:"):
            trust = trusting(load_settings().tls_ca)
        self._connection = Connection(url, token, trust)
        self.library = CaptureLibrary(self._connection)
        """Which captures there are, and what is said about them."""
        self.dead, self.retention = DeadItems(self._connection), RetentionClient(self._connection)
        """For the operator: what could not be recorded, and what is erased because its time is over."""

    @property
    def url(self) -> str:
        """The gateway's URL."""
        return self._connection.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the client. Captures and live streams that are still open lose their connection, and later calls raise
        `UsageError`. It may be repeated."""
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
        """A session; ``async with`` starts it, and ends it when the block is left. With ``session_id`` it is a session
        that was started before, and the block neither starts nor ends it. The log's start event has the `about` fields.
        """
        start = partial(self.start_session, user_id, performer_id=performer_id, **about)
        end = partial(self.end_session, user_id, performer_id=performer_id)
        return Session(self._connection, user_id, session_id, start, end, Asking(self.capture, self.outcome))

    async def start_session(
        self,
        user_id: str,
        *,
        performer_id: str = "system",
        record_id: str | None = None,
        **about: Unpack[SessionAbout],
    ) -> str:
        """Start a session, and return its ``session_id``. The client repeats a request whose answer was lost. A second
        call with the same ``record_id`` returns the same session.

        Raises:
            GatewayAway, GatewayRefused: the session could not be started.
            UsageError: an id is not valid.
        """
        request = _request(SessionStartRequest, user_id, record_id, performer_id=performer_id, **about)
        answer = await self._connection.ask_again("/session_manager/sessions.start", request)
        return answered(answer, _STARTED).session_id

    async def end_session(
        self, user_id: str, session_id: str, *, performer_id: str = "system", record_id: str | None = None
    ) -> None:
        """End a session. Captures that were closed before are still extracted. The client repeats a request whose
        answer was lost, and a second call with the same ``record_id`` succeeds again.

        Raises:
            GatewayAway, GatewayRefused: the session could not be ended, for example because another request has ended
                it (``session_closed``).
            UsageError: an id is not valid.
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
        """Ask for a session's status: ``active``, ``closed``, or ``invalid`` if it is unknown or another user's.

        Raises:
            GatewayAway, GatewayRefused: the gateway gave no status.
        """
        try:
            request = SessionValidateRequest(user_id=user_id, session_id=session_id)
        except ValidationError:
            return "invalid"
        path = "/session_manager/sessions.validate"
        return answered(await self._connection.ask_again(path, request.model_dump()), _STATUS).status

    async def consent_text(self) -> ConsentText:
        """Read the text to show to a person before the first capture. Its hash belongs into ``consent``.

        Raises:
            GatewayAway, GatewayRefused: the gateway gave no text.
        """
        return answered(await self._connection.ask("GET", "/consent"), _CONSENT)

    async def signed_in(self) -> SignedIn:
        """Ask whose token this client has: its name, its role, its people, and when it expires.

        Raises:
            GatewayAway, GatewayRefused: the gateway gave no answer, for example because the token is not valid.
        """
        return answered(await self._connection.ask("GET", "/access/me"), _SIGNED_IN)

    async def append(self, event: Mapping[str, Any]) -> datetime:
        """Append an event to a session's log, and return the time at which the recorder wrote it. ``user_id``,
        ``session_id`` and ``source`` are required; the client adds ``schema_version``, ``record_id`` and ``timestamp``
        if they are missing, and keeps every other field. It repeats a request whose answer was lost; the event is
        appended once.

        Raises:
            GatewayAway, GatewayRefused: the event is not appended, or it is not known yet whether it will be.
        """
        base = {"schema_version": SCHEMA_VERSION, "record_id": str(uuid4()), "timestamp": format_utc(datetime.now(UTC))}
        answer = await self._connection.ask_again("/schema-recorder/append", {**base, **event})
        return answered(answer, _APPENDED, status=201).recorded_at

    # --- captures -----------------------------------------------------------------------------------

    async def capture(self, capture_id: str) -> CaptureReport | None:
        """Ask for a capture's progress or outcome; None if the gateway does not know the capture, as after 7 days.

        Raises:
            GatewayAway, GatewayRefused: the gateway gave no report.
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
        """Wait until a capture is recorded or aborted, also if another program sent it. ``status`` says which, and
        `CaptureOutcome.checked` raises if it was aborted.

        Raises:
            UsageError: the gateway knows no such capture.
            CaptureStalled: the capture has made no progress for two minutes.
            GatewayAway, GatewayRefused: the gateway has not answered for 15 s, or refuses.
        """
        seen: tuple[object, ...] = ()
        moved_at = answered_at = time.monotonic()
        while True:
            try:
                report = await self.capture(capture_id)
            except (GatewayAway, GatewayRefused) as error:
                lasting = isinstance(error, GatewayRefused) and error.status not in TEMPORARY
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
        """Return the gateway's sentences about the parts that it does not reach; empty if it does not answer."""
        try:
            said = (await self._connection.ask("GET", "/readyz")).json()
            return tuple(str(sentence) for sentence in said.get("missing", ()))
        except (GatewayAway, ValueError, AttributeError, TypeError):
            return ()

    # --- the real-time lane -------------------------------------------------------------------------

    async def pipelines(self) -> list[PipelineInfo]:
        """List the pipelines that `live` offers.

        Raises:
            GatewayAway, GatewayRefused: the gateway gave no list, for example because its real-time lane is switched
                off.
        """
        return answered(await self._connection.ask("GET", "/pipelines"), _PIPELINES)

    def live(self, pipeline_id: str = "holistic") -> LiveStream:
        """A connection to the real-time lane; ``async with`` opens it."""
        return LiveStream(self._connection, pipeline_id)

    # --- bare WebSockets ----------------------------------------------------------------------------

    def capture_socket(self) -> AbstractAsyncContextManager[ClientConnection]:
        """Open a connection to the capture WebSocket, for tests and measurements that write the messages themselves.

        Raises:
            GatewayAway, GatewayRefused: the connection cannot be made.
        """
        return self._connection.socket(CAPTURE_PATH)


def _request(model: type[Request], user_id: str, record_id: str | None, **fields: Any) -> dict[str, Any]:
    """Build a session request as a JSON document, without the fields that are None."""
    base = {"schema_version": SCHEMA_VERSION, "record_id": str(uuid4()) if record_id is None else record_id}
    try:
        request = model.model_validate(base | {"user_id": user_id, "timestamp": datetime.now(UTC)} | fields)
    except ValidationError as error:
        raise UsageError(invalid_fields(error)) from None
    return request.model_dump(mode="json", exclude_none=True)
