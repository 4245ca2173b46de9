"""``GET /captures/{capture_id}``: the outcome of a capture, or its progress."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts import Found, RawFeaturesRef
from contracts.broker.roles import AsyncBroker
from contracts.messages.http import CaptureReport
from contracts.process.logs import get_logger
from contracts.process.retry import retry
from contracts.rules.errors import BrokerUnavailable, RequestRefused, UnreadableValue
from contracts.rules.ids import is_identifier, parse_utc
from contracts.state import readers
from contracts.state.records import CaptureRecord
from gateway.http.refusals import json_response
from gateway.state import GatewayState

__all__ = ["ROUTES", "InFlight", "describe", "known_record", "read_flight", "report"]

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


async def show(request: Request) -> Response:
    """Answer with the report of one capture."""
    state: GatewayState = request.app.state.gateway
    record = await known_record(state.events, request.path_params["capture_id"])
    return json_response(await describe(state, record))


async def describe(state: GatewayState, record: CaptureRecord) -> dict[str, Any]:
    """The report of one capture as JSON. It also reads the frames broker, unless the capture is published."""
    # the counts of an aborted capture may be in the frames broker only; a published one has all in its record
    flight = await read_flight(state.frames, record.capture_id) if record.outcome != "published" else None
    return report(record, flight).model_dump(mode="json", exclude_none=True)


async def known_record(events: AsyncBroker, capture_id: str) -> CaptureRecord:
    """Read the durable record of a capture.

    Raises:
        RequestRefused: 404 ``unknown_capture``, there is no record.
        BrokerUnavailable: the events broker is unreachable.
        UnreadableValue: the value under the record's key cannot be read.
    """
    record = None
    if is_identifier(capture_id):
        record = await retry(lambda: readers.read_record(events, capture_id))
    if record is None:
        raise RequestRefused(404, "unknown_capture", "There is no capture with this capture_id.")
    return record


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
