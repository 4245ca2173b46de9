"""The jobs of uploaded videos: ``GET /video/status/{job_id}`` and ``GET /video/results/{job_id}``."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.messages.upload import UploadStatus
from contracts.rules.errors import RequestRefused
from contracts.state.records import CaptureRecord
from gateway.access.guard import own_people
from gateway.capture import report
from gateway.capture.report import InFlight
from gateway.http.refusals import json_response
from gateway.library.recorded import durable_record, own_record, refuse_if_gone
from gateway.state import GatewayState

__all__ = ["ROUTES", "progress_of"]


def progress_of(record: CaptureRecord, flight: InFlight | None) -> UploadStatus:
    """The status of a job, from the capture's durable record, and from its state in flight if there is one."""
    state = record.status(claimed=flight is not None and flight.claimed)
    if state == "aborted":
        return UploadStatus(status="failed", progress=_share(flight), error=record.error_code)
    if state == "recorded":
        return UploadStatus(status="done", progress=1.0)
    if record.outcome == "published":
        return UploadStatus(status="running", progress=1.0)
    return UploadStatus(status="running" if state == "extracting" else "queued", progress=_share(flight))


def _share(flight: InFlight | None) -> float:
    if flight is None or not flight.expected:
        return 0.0
    return round(min(1.0, flight.extracted / flight.expected), 3)


async def status(request: Request) -> Response:
    """Answer with a job's status and progress."""
    state: GatewayState = request.app.state.gateway
    record = await _job(state, request)
    flight = await report.read_flight(state.frames, record.capture_id) if not record.outcome else None
    return json_response(progress_of(record, flight).model_dump(exclude_none=True))


async def results(request: Request) -> Response:
    """Answer as ``GET /captures/{capture_id}`` does for the job's capture, unless it is withdrawn or erased."""
    state: GatewayState = request.app.state.gateway
    library, people = request.app.state.library, own_people(request)
    described = await report.describe(state, library, await _job(state, request), people)
    refuse_if_gone(described.state)
    return report.as_json(described)


async def _job(state: GatewayState, request: Request) -> CaptureRecord:
    """Read the record of a job's capture.

    Raises:
        RequestRefused: 404 ``unknown_job``; there is no such capture, or it is not an upload.
    """
    record = own_record(await durable_record(state.events, request.path_params["job_id"]), own_people(request))
    if record is None or record.upload is None:
        raise RequestRefused(404, "unknown_job", "There is no job with this job_id.")
    return record


ROUTES = [
    Route("/video/status/{job_id}", status, methods=["GET"]),
    Route("/video/results/{job_id}", results, methods=["GET"]),
]
