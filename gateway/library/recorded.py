"""Find a recorded capture, and give it out only if it is kept.

The durable record in the events broker lapses after 7 days; the session's log lasts. So the catalog knows every
recorded capture. It alone knows whether consent was withdrawn: the log is read to its last line before each answer.
"""

from __future__ import annotations

from functools import partial

from contracts.broker.roles import AsyncBroker
from contracts.messages.library import CaptureState
from contracts.process.retry import retry
from contracts.rules.errors import RequestRefused
from contracts.rules.ids import is_identifier
from contracts.state import readers
from contracts.state.records import CaptureRecord
from gateway.library.library import Library
from gateway.library.reader import CatalogCapture, read_recorded

__all__ = ["durable_record", "find_recorded", "kept_capture", "own_record", "refuse_if_gone", "unknown_capture"]


async def durable_record(events: AsyncBroker, capture_id: str) -> CaptureRecord | None:
    """The record of a capture in the events broker, which keeps it for 7 days; None if there is none.

    Raises:
        BrokerUnavailable: the events broker is unreachable.
        UnreadableValue: the value under the record's key cannot be read.
    """
    if not is_identifier(capture_id):
        return None
    return await retry(lambda: readers.read_record(events, capture_id))


async def find_recorded(
    library: Library,
    capture_id: str,
    known: CatalogCapture | CaptureRecord | None = None,
    people: frozenset[str] | None = None,
) -> CatalogCapture | None:
    """A recorded capture as its session's log describes it now; None if no log has it. ``known`` is what is known of
    it already: its session does not change. A capture that shows another person than these does not exist; None stands
    for all.

    Raises:
        RequestRefused: 503 ``library_unavailable`` or ``library_not_ready``: whether it is kept cannot be said.
    """
    look = partial(read_recorded, capture_id=capture_id, people=people)
    known = known or await library.read(look)
    if known is None:
        return None
    session = known.user_id, known.session_id
    return await library.read_session(*session, partial(look, session=session))


async def kept_capture(
    library: Library, events: AsyncBroker, capture_id: str, people: frozenset[str] | None = None
) -> CatalogCapture:
    """A recorded capture that may be given out. ``people`` as for `find_recorded`.

    Raises:
        RequestRefused: 404 ``unknown_capture`` or ``not_recorded``, 410 ``capture_withdrawn`` or ``capture_erased``,
            503 ``library_unavailable`` or ``library_not_ready``.
        BrokerUnavailable: the catalog does not have the capture yet, and the events broker is unreachable.
    """
    if not is_identifier(capture_id):
        raise unknown_capture()
    known = await library.glance(partial(read_recorded, capture_id=capture_id, people=people))
    record = own_record(await durable_record(events, capture_id), people) if known is None else None
    found = await find_recorded(library, capture_id, known or record, people)
    if found is None:
        raise _not_recorded() if known or record else unknown_capture()
    refuse_if_gone(found.state)
    return found


def own_record(record: CaptureRecord | None, people: frozenset[str] | None) -> CaptureRecord | None:
    """The record if it is of one of these people; None stands for all. What comes after is the same for another
    person's as for none, so it takes as long."""
    return record if record is None or people is None or record.user_id in people else None


def refuse_if_gone(state: CaptureState | None) -> None:
    """Refuse to give out a capture in this state, unless it is kept.

    Raises:
        RequestRefused: 410 ``capture_withdrawn`` or ``capture_erased``.
    """
    if state == "withdrawn":
        raise RequestRefused(410, "capture_withdrawn", "Consent to the capture is withdrawn.")
    if state == "erased":
        raise RequestRefused(410, "capture_erased", "The capture is erased.")


def unknown_capture() -> RequestRefused:
    """The refusal of a capture_id that neither a broker nor a log knows."""
    return RequestRefused(404, "unknown_capture", "There is no capture with this capture_id.")


def _not_recorded() -> RequestRefused:
    return RequestRefused(404, "not_recorded", "The capture is not recorded, or not yet.")
