"""``POST /library/withdraw``: consent to a capture, a session or all that shows a person is withdrawn, with or without
erasure.

It becomes one event in the log of each session concerned. All events are queued together, so a gateway that dies leaves
all of them or none. A repeat adds the events that the logs do not have yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.library import ConsentWithdrawn, Withdrawn, WithdrawRequest
from contracts.process.logs import get_logger
from contracts.rules.errors import BrokerUnavailable, RequestRefused, UnreadableValue
from contracts.state.events import EventEntry, event_bytes
from gateway.access.guard import recorder_name, require_own
from gateway.http.refusals import json_response
from gateway.http.requests import parse_body, read_body, require, validated
from gateway.library.erasures import Erasures
from gateway.library.library import Library
from gateway.library.recorded import durable_record
from gateway.library.statements import why_unknown
from gateway.library.withdrawn import Covered, Subject, read_covered, reassigned_to, session_of
from gateway.operate.captures import FailedCaptures
from gateway.sessions.recording import record_all
from gateway.state import GatewayState

__all__ = ["ROUTES", "withdrawal_of"]

log = get_logger()


def withdrawal_of(
    asked: WithdrawRequest, subject: Subject, now: datetime, recorded_by: str | None = None
) -> ConsentWithdrawn:
    """The event that a request becomes in the log of one session. It has the request's ``record_id``. ``recorded_by``
    names the client's entry in the access file."""
    return ConsentWithdrawn(
        schema_version=asked.schema_version,
        record_id=asked.record_id,
        user_id=subject.user_id,
        session_id=subject.session_id,
        timestamp=asked.timestamp or now,
        performer_id=asked.performer_id,
        capture_id=subject.capture_id,
        erase=asked.erase,
        recorded_by=recorded_by,
    )


async def withdraw(request: Request) -> Response:
    """Withdraw consent. Answers 202 ``{withdrawn, erasing}``, which are numbers of captures."""
    document = parse_body(await read_body(request))
    require(document, "user_id", "performer_id")
    asked = validated(WithdrawRequest, document)
    require_own(request, asked.user_id)
    withdrawal = _Withdrawal(request, asked)
    subjects = await withdrawal.subjects()
    await withdrawal.drop_failed_capture(subjects)
    await withdrawal.record([subject for subject in subjects if not await withdrawal.is_said(subject)])
    await withdrawal.drop_failed_captures(subjects)
    answer = await withdrawal.answer(subjects)
    if answer.erasing:
        erasures: Erasures = request.app.state.erasures
        erasures.ask_soon()
    return json_response(answer.model_dump(), 202)


class _Withdrawal:
    """One request to withdraw consent. Its methods raise `RequestRefused`, and as `record_all` does."""

    def __init__(self, request: Request, asked: WithdrawRequest) -> None:
        self._state: GatewayState = request.app.state.gateway
        self._library: Library = request.app.state.library
        self._asked = asked
        self._recorded_by = recorder_name(request)

    async def subjects(self) -> list[Subject]:
        """What the request is about."""
        asked = self._asked
        if asked.capture_id is not None:
            return [Subject(asked.user_id, await self._session(asked.capture_id), asked.capture_id)]
        if asked.session_id is not None:
            return [Subject(asked.user_id, asked.session_id)]
        sessions = await self._library.sessions_of(asked.user_id)
        elsewhere = await self._library.read(partial(reassigned_to, participant=asked.user_id), whole=True)
        if not sessions and not elsewhere:
            raise _unknown_session("There is nothing of this user.")
        return [*(Subject(asked.user_id, session_id) for session_id in sessions), *elsewhere]

    async def _session(self, capture_id: str) -> str:
        if self._asked.session_id is not None:
            return self._asked.session_id
        find = partial(session_of, user_id=self._asked.user_id, capture_id=capture_id)
        if (found := await self._library.read(find)) is not None:
            return found
        record = await durable_record(self._state.events, capture_id)  # one that is open, or was recorded just now
        if record is None or record.user_id != self._asked.user_id:
            raise RequestRefused(404, "unknown_capture", "This user has no capture with this capture_id.")
        return record.session_id

    async def is_said(self, subject: Subject) -> bool:
        """Whether the withdrawal is in the subject's log, so that this request is a repeat. If it is not, check that it
        may be said."""
        covered = await self._covered(subject)
        if covered.said:
            return True
        if subject.capture_id is None:
            if not await self._library.has_session(subject.user_id, subject.session_id):
                raise _unknown_session("This user has no session with this session_id.")
        elif not covered.states:
            refusal = await why_unknown(self._state.events, subject.user_id, subject.session_id, subject.capture_id)
            if refusal.code != "not_recorded":
                raise refusal  # a capture that is not recorded yet is withdrawn as soon as it is
        elif "erased" in covered.states and self._asked.capture_id is not None:
            raise RequestRefused(409, "capture_erased", "The capture is erased already.")
        return False

    async def _covered(self, subject: Subject) -> Covered:
        look = partial(read_covered, subject=subject, record_id=self._asked.record_id, erase=self._asked.erase)
        return await self._library.read_session(subject.user_id, subject.session_id, look)

    async def record(self, subjects: Sequence[Subject]) -> None:
        """Append the event of each subject to its log. Together with it, a whole session is closed to new captures, and
        those that are open in it are aborted at their next check."""
        now = datetime.now(UTC)
        events = [withdrawal_of(self._asked, subject, now, self._recorded_by) for subject in subjects]
        await record_all(
            self._state,
            [EventEntry(event_bytes(event), event.user_id, event.session_id, event.record_id) for event in events],
            {event.session_id for event in events if event.capture_id is None},
        )

    async def drop_failed_capture(self, subjects: Sequence[Subject]) -> None:
        """Remove the frames that are kept of the named capture if it failed. It is aborted, so that no event says that
        it is withdrawn."""
        if self._asked.capture_id is not None:
            await self._drop_failed(subjects)

    async def drop_failed_captures(self, subjects: Sequence[Subject]) -> None:
        """Remove the frames that are kept of failed captures in the sessions. If the broker is away, they expire: in a
        session whose consent was withdrawn no capture can be tried again."""
        if self._asked.capture_id is None:
            try:
                await self._drop_failed(subjects)
            except (BrokerUnavailable, UnreadableValue) as error:
                log.warning("failed captures are left to expire", detail=str(error))

    async def _drop_failed(self, subjects: Sequence[Subject]) -> None:
        sessions = [subject.session_id for subject in subjects]
        await FailedCaptures(self._state).withdrawn(self._asked.user_id, sessions, self._asked.capture_id)

    async def answer(self, subjects: Sequence[Subject]) -> Withdrawn:
        """Count the captures. One that is named and not recorded yet counts too."""
        covered = [await self._covered(subject) for subject in subjects]
        if self._asked.capture_id is not None and not covered[0].states:
            return Withdrawn(withdrawn=1, erasing=int(self._asked.erase))
        return Withdrawn(
            withdrawn=sum(len(each.states) for each in covered), erasing=sum(each.erasing for each in covered)
        )


def _unknown_session(detail: str) -> RequestRefused:
    return RequestRefused(404, "unknown_session", detail)


ROUTES = [Route("/library/withdraw", withdraw, methods=["POST"])]
