"""The gateway's library: which captures there are, and what a person says about one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal, TypedDict, TypeVar, Unpack
from urllib.parse import urlencode
from uuid import uuid4

from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.messages.http import Appended
from contracts.messages.library import (
    CaptureState,
    Consent,
    LibraryCapture,
    LibraryCaptureWithHistory,
    LibraryPage,
    LibraryQuery,
    LibrarySummary,
    ReassignRequest,
    RelabelRequest,
    ReviewRequest,
    ReviewVerdict,
    Withdrawn,
    WithdrawRequest,
)
from contracts.rules.ids import is_identifier
from contracts.rules.quality_reasons import QualityVerdict
from scripts.client.connection import Connection, answered
from scripts.client.errors import GatewayRefused, UsageError
from scripts.client.window import invalid_fields

__all__ = ["CaptureLibrary", "LibraryFilters", "StatedBy"]

_PAGE = TypeAdapter(LibraryPage)
_CAPTURE = TypeAdapter(LibraryCaptureWithHistory)
_SUMMARY = TypeAdapter(LibrarySummary)
_APPENDED = TypeAdapter(Appended)
_WITHDRAWN = TypeAdapter(Withdrawn)

MOST_PER_PAGE = 500

Model = TypeVar("Model", bound=BaseModel)


class LibraryFilters(TypedDict, total=False):
    """Which captures a list has. Each field narrows it.

    ``since`` and ``until`` are about the time of recording; ``until`` itself is not included. An empty ``label`` finds
    the captures without one; ``none`` finds those without a quality, or without a review. ``participant`` is the person
    whom a capture shows. Each word of ``search`` must occur in the label or in one of the ids.
    """

    user_id: str | None
    participant: str | None
    session_id: str | None
    label: str | None
    since: datetime | str | None
    until: datetime | str | None
    quality: QualityVerdict | Literal["none"] | None
    review: ReviewVerdict | Literal["none"] | None
    consent: Consent | None
    state: CaptureState | None
    study: str | None
    prompt: str | None
    search: str | None


class StatedBy(TypedDict, total=False):
    """Who says something about a capture, and the id of the event. A repeat with the same ``record_id`` counts once."""

    performer_id: str
    record_id: str


class CaptureLibrary:
    """The captures of one gateway's session logs: `CaptureClient.library`.

    A capture is named by its ``capture_id``, or is one of those that a list gave. Every method raises `GatewayAway` if
    the gateway does not answer, `GatewayRefused` if it refuses, and `UsageError` for an argument that is not valid.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(
        self, *, limit: int = 50, cursor: str | None = None, **filters: Unpack[LibraryFilters]
    ) -> LibraryPage:
        """One page of captures, the newest first: at most ``limit``, 1 to 500. ``cursor`` is the ``next`` of the page
        before, which had the same filters."""
        query = _checked(LibraryQuery, {**filters, "limit": limit, "cursor": cursor})
        given = query.model_dump(mode="json", exclude_none=True)
        return answered(await self._connection.ask("GET", f"/library/captures?{urlencode(given)}"), _PAGE)

    async def captures(self, **filters: Unpack[LibraryFilters]) -> AsyncIterator[LibraryCapture]:
        """Yield every capture, the newest first. Captures that are recorded meanwhile may be missing."""
        cursor: str | None = None
        while True:
            page = await self.page(limit=MOST_PER_PAGE, cursor=cursor, **filters)
            for capture in page.captures:
                yield capture
            if (cursor := page.next) is None:
                return

    async def capture(self, capture_id: str) -> LibraryCaptureWithHistory | None:
        """One capture with its history; None if there is no recorded capture with this id."""
        if not is_identifier(capture_id):
            return None
        try:
            return answered(await self._connection.ask("GET", f"/library/captures/{capture_id}"), _CAPTURE)
        except GatewayRefused as refused:
            if refused.code == "unknown_capture":
                return None
            raise

    async def summary(self) -> LibrarySummary:
        """How many captures there are, in all and by user, label, quality, review, consent and state."""
        return answered(await self._connection.ask("GET", "/library/summary"), _SUMMARY)

    async def review(
        self,
        capture: LibraryCapture | str,
        verdict: ReviewVerdict | None,
        *,
        reason: str | None = None,
        **about: Unpack[StatedBy],
    ) -> datetime:
        """Say whether a capture is kept, to be done again, or rejected; None takes the verdict back. Returns when the
        log had it; the last verdict counts."""
        return await self._say("/library/review", ReviewRequest, capture, about, verdict=verdict, reason=reason)

    async def relabel(self, capture: LibraryCapture | str, intent: str | None, **about: Unpack[StatedBy]) -> datetime:
        """Say what a capture means, in place of its label; None takes that back. Returns when the log had it."""
        return await self._say("/library/relabel", RelabelRequest, capture, about, intent=intent)

    async def reassign(self, capture: LibraryCapture | str, participant: str, **about: Unpack[StatedBy]) -> datetime:
        """Say that a capture shows another person; its files are not moved. Returns when the log had it."""
        return await self._say("/library/reassign", ReassignRequest, capture, about, participant=participant)

    async def withdraw(
        self,
        capture: LibraryCapture | str | None = None,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        erase: bool = False,
        **about: Unpack[StatedBy],
    ) -> Withdrawn:
        """Withdraw consent to a capture; without one, to a session of a user; with ``user_id`` alone, to all that shows
        this person. With ``erase`` workers remove the artifacts. Returns how many captures that are, and how many of
        them wait to be erased."""
        if isinstance(capture, str) and user_id is None:
            capture = await self._known(capture)
        if isinstance(capture, LibraryCapture):
            user_id, session_id, capture = capture.user_id, capture.session_id, capture.capture_id
        named = {"user_id": user_id, "session_id": session_id, "capture_id": capture}
        given = {name: value for name, value in named.items() if value is not None}
        request = _request(WithdrawRequest, about, **given, erase=erase)
        return answered(await self._connection.ask_again("/library/withdraw", request), _WITHDRAWN, status=202)

    async def _known(self, capture_id: str) -> LibraryCapture:
        found = await self.capture(capture_id)
        if found is None:
            raise UsageError(f"the library has no capture {capture_id!r}")
        return found

    async def _say(
        self, path: str, model: type[BaseModel], capture: LibraryCapture | str, about: StatedBy, **said: Any
    ) -> datetime:
        if isinstance(capture, str):
            capture = await self._known(capture)
        names = {"user_id": capture.user_id, "session_id": capture.session_id, "capture_id": capture.capture_id}
        request = _request(model, about, **names, **said)
        return answered(await self._connection.ask_again(path, request), _APPENDED, status=201).recorded_at


def _request(model: type[BaseModel], about: StatedBy, **fields: Any) -> dict[str, Any]:
    base = {"performer_id": "system", "record_id": str(uuid4()), **about}
    return _checked(model, {**base, **fields}).model_dump(mode="json", exclude_unset=True)


def _checked(model: type[Model], fields: dict[str, Any]) -> Model:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise UsageError(invalid_fields(error)) from None
