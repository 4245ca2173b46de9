"""``GET /captures/{capture_id}``: the outcome of a capture, or its progress."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.broker.roles import AsyncBroker
from contracts.messages.capture import Found
from contracts.messages.event import RawFeaturesRef
from contracts.messages.http import CaptureReport
from contracts.messages.library import CaptureState
from contracts.messages.quality import Quality
from contracts.process.logs import get_logger
from contracts.process.retry import retry
from contracts.rules.errors import BrokerUnavailable, UnreadableValue
from contracts.rules.ids import is_identifier, parse_utc
from contracts.state import readers
from contracts.state.records import CaptureRecord
from gateway.access.guard import own_people
from gateway.http.refusals import json_response
from gateway.library.library import Library
from gateway.library.reader import CatalogCapture
from gateway.library.recorded import durable_record, find_recorded, own_record, unknown_capture
from gateway.state import GatewayState

__all__ = ["ROUTES", "InFlight", "as_json", "describe", "read_flight", "report", "report_from_log"]

log = get_logger()


@dataclass(frozen=True, slots=True)
class InFlight:
    """The progress of a capture, from its state in the frames broker. ``expected`` is the approximate number of frames
    of an uploaded video; 0 if it is unknown, or if the capture is not an upload."""

    open: bool
    claimed: bool
    accepted: int
    extracted: int
    found: Found
    expected: int = 0


def report(record: CaptureRecord, flight: InFlight | None) -> CaptureReport:
    """Build the answer from the durable record and, if there is one, from the state in the frames broker."""
    counts = flight or record.counts
    reference = record.raw_features_ref() if record.outcome == "published" else None
    return CaptureReport(
        capture_id=record.capture_id,
        user_id=record.user_id,
        session_id=record.session_id,
        record_id=record.record_id,
        open=flight is not None and flight.open and not record.outcome,
        status=record.status(claimed=flight is not None and flight.claimed),
        accepted=counts.accepted,
        extracted=counts.extracted,
        found=flight.found if flight else record.found(),
        error_code=record.error_code or None,
        # model_construct: pass the recorded reference on unchanged, without validating it again
        raw_features_ref=RawFeaturesRef.model_construct(**reference) if reference else None,
        recorded_at=parse_utc(record.recorded_at) if record.recorded_at else None,
        quality=record.quality() if record.outcome == "published" else None,
    )


def report_from_log(found: CatalogCapture) -> CaptureReport:
    """Build the answer for a capture whose durable record has lapsed, from the log alone."""
    return CaptureReport(
        capture_id=found.capture_id,
        user_id=found.user_id,
        session_id=found.session_id,
        record_id=found.record_id,
        open=False,
        status="recorded",
        accepted=found.frames,
        extracted=found.frames,
        found=Found(**found.found) if found.found else None,
        raw_features_ref=RawFeaturesRef.model_construct(**found.reference),
        recorded_at=parse_utc(found.recorded_at),
        quality=Quality.read(found.quality),
    )


async def show(request: Request) -> Response:
    """Answer with the report of one capture."""
    state: GatewayState = request.app.state.gateway
    library: Library = request.app.state.library
    capture_id: str = request.path_params["capture_id"]
    people = own_people(request)
    record = own_record(await durable_record(state.events, capture_id), people)
    if record is not None:
        return as_json(await describe(state, library, record, people))
    found = await find_recorded(library, capture_id, people=people) if is_identifier(capture_id) else None
    if found is None:
        raise unknown_capture()
    return as_json(_with_state(report_from_log(found), found.state))


async def describe(
    state: GatewayState, library: Library, record: CaptureRecord, people: frozenset[str] | None = None
) -> CaptureReport:
    """The report of a capture with a durable record. It also reads the frames broker, unless the capture is published,
    and the session's log, if the capture is recorded. ``people`` as for `find_recorded`.

    Raises:
        RequestRefused: 503 ``library_unavailable``: the capture is recorded, and may be withdrawn. 404
            ``unknown_capture``: it was assigned to another person.
    """
    # the counts of an aborted capture may be in the frames broker only; a published one has all in its record
    flight = await read_flight(state.frames, record.capture_id) if record.outcome != "published" else None
    described = report(record, flight)
    if described.status != "recorded":
        return described
    found = await find_recorded(library, record.capture_id, record, people)
    if found is None and people is not None:
        raise unknown_capture()
    return _with_state(described, found.state) if found else described


def _with_state(described: CaptureReport, state: CaptureState) -> CaptureReport:
    reference = described.raw_features_ref if state == "kept" else None
    return described.model_copy(update={"state": state, "raw_features_ref": reference})


def as_json(described: CaptureReport) -> Response:
    """The answer with a report."""
    return json_response(described.model_dump(mode="json", exclude_none=True))


async def read_flight(frames: AsyncBroker, capture_id: str) -> InFlight | None:
    """Read a capture's state in the frames broker. None if it has expired, cannot be read, or the broker is
    unreachable: the report then uses the record alone."""
    try:
        state = await retry(lambda: readers.read_summary(frames, capture_id))
    except (BrokerUnavailable, UnreadableValue) as error:
        log.warning("capture reported without its state", capture_id=capture_id, exc_info=error)
        return None
    if state is None:
        return None
    accepted = max(state.accepted, state.extracted)  # a video's `accepted` is 0 until the extractor has read it all
    return InFlight(state.status == "open", state.claimed, accepted, state.extracted, state.found, state.expected)


ROUTES = [Route("/captures/{capture_id}", show, methods=["GET"])]
