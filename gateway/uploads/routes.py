"""``POST /video/submit``: receive a video and dispatch it as a capture.

A video that was answered with 202 is a capture: reserved, dispatched, with a durable record. Its job has the capture's
own id, so a client that did not get the answer can still ask.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.broker import keys
from contracts.broker.roles import broker_errors
from contracts.broker.script import run
from contracts.messages.base import StrictModel
from contracts.messages.capture import Annotation
from contracts.messages.upload import UploadAccepted, UploadForm
from contracts.process.logs import get_logger
from contracts.process.retry import retry
from contracts.process.spans import TraceSpan
from contracts.process.tracing import begin_trace
from contracts.rules.errors import CaptureError, RequestRefused
from contracts.rules.ids import Identifier
from contracts.rules.traceparent import read_traceparent
from contracts.state import records
from contracts.state.captures import CaptureWindow
from contracts.state.video import StoredVideo
from gateway.access.guard import recorder_name, require_own
from gateway.capture import lifecycle
from gateway.http.refusals import json_response
from gateway.http.requests import require, validated
from gateway.state import GatewayState
from gateway.uploads.form import MAX_FIELD_BYTES, MAX_PARTS, FormReader
from gateway.uploads.incoming_upload import RETRY_AFTER_S, IncomingUpload, too_large, unready

__all__ = ["ROUTES", "too_slow"]

OVERHEAD_BYTES = MAX_PARTS * 2 * MAX_FIELD_BYTES
"""How many bytes a body may have beside its file: room for the other fields."""

SILENT_S = 10.0
"""How long a client may send nothing, in seconds."""

GRACE_S = 20.0
LEAST_BYTES_PER_S = 64 * 1024

log = get_logger()


def too_slow(elapsed_s: float, received_bytes: int, max_s: float) -> bool:
    """Whether an upload takes too long, so that its slot should be free for others. It may take `GRACE_S` plus a second
    for every `LEAST_BYTES_PER_S`, and ``max_s`` at most."""
    return elapsed_s > min(GRACE_S + received_bytes / LEAST_BYTES_PER_S, max_s)


async def submit(request: Request) -> Response:
    """Receive a video. Answers 202 ``{job_id, capture_id}`` once the capture is dispatched."""
    state: GatewayState = request.app.state.gateway
    metrics = state.metrics.upload
    started_s = time.monotonic()
    parent = read_traceparent(request.headers.get("traceparent"))
    try:
        with metrics.arriving.track_inprogress(), begin_trace("upload", parent) as span:
            window = await _take(state, request, span)
    except RequestRefused as refused:
        metrics.refused.labels(refused.code).inc()
        raise
    assert window.video is not None
    metrics.accepted.inc()
    metrics.bytes.inc(window.video.byte_length)
    metrics.seconds.observe(time.monotonic() - started_s)
    log.info("video accepted", capture_id=window.capture_id, byte_length=window.video.byte_length)
    answer = UploadAccepted(job_id=window.capture_id, capture_id=window.capture_id)
    return json_response(answer.model_dump(), 202)


async def _take(state: GatewayState, request: Request, span: TraceSpan) -> CaptureWindow:
    max_bytes = state.settings.upload_max_bytes
    announced = request.headers.get("content-length", "")
    announced_bytes = int(announced[:20]) if announced.isdecimal() else 0
    if announced_bytes > max_bytes + OVERHEAD_BYTES:
        raise too_large(max_bytes)
    if state.refusal or state.draining.is_set():
        raise unready()
    reader = FormReader(request.headers.get("content-type", ""))
    incoming = IncomingUpload(state, min(announced_bytes, max_bytes), request.client.host if request.client else "")
    try:
        with span.child("receive"):
            async with _until_draining(state.draining):
                await _receive(state, request, reader, incoming)
        form = _form(reader)
        span.set({"a3cp.capture_id": form.capture_id, "a3cp.bytes": incoming.byte_length})
        require_own(request, form.user_id)
        await _check(state, form)  # before anything more is written to the broker
        window = _window(state, form, await incoming.complete(form.user_id), recorder_name(request))
        with span.child("open") as opening:
            await _open(state, window, incoming, opening)
    except BaseException:
        await asyncio.shield(incoming.discard())
        raise
    finally:
        incoming.leave_queue()
    await lifecycle.close_capture(state, window)
    return window


async def _receive(state: GatewayState, request: Request, reader: FormReader, incoming: IncomingUpload) -> None:
    """Read the body to its end, and store the file.

    Raises:
        RequestRefused: 408 ``request_timeout``, or the refusal of the form or of the file, as soon as it is known.
        ClientDisconnect: the client disconnected.
    """
    stream = aiter(request.stream())
    started_s, received_bytes = time.monotonic(), 0
    user_id: str | None = None
    max_bytes, max_s = state.settings.upload_max_bytes, state.settings.upload_max_s
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                data = await anext(stream, None)
        except TimeoutError:
            raise _timeout() from None
        if data is None:
            break
        received_bytes += len(data)
        if received_bytes > max_bytes + OVERHEAD_BYTES:  # the text before and after a form's parts has no limit itself
            raise too_large(max_bytes)
        if too_slow(time.monotonic() - started_s, received_bytes, max_s):
            raise _timeout()
        for piece in reader.feed(data):
            if user_id is None:
                user_id = await _user_of(state, request, reader)
            await incoming.add(piece, user_id)
    reader.finish()


@asynccontextmanager
async def _until_draining(draining: asyncio.Event) -> AsyncIterator[None]:
    """Cancel the block when the process begins to stop: reading a body could take minutes more.

    Raises:
        RequestRefused: 503 ``brokers_unready``, the process is stopping.
    """
    stopping = asyncio.create_task(draining.wait())
    try:
        async with asyncio.timeout(None) as timeout:

            def end(_: object) -> None:
                timeout.reschedule(0)

            stopping.add_done_callback(end)
            try:
                yield
            finally:
                stopping.remove_done_callback(end)
    except TimeoutError:
        raise unready() from None
    finally:
        stopping.cancel()


def _timeout() -> RequestRefused:
    return RequestRefused(408, "request_timeout", "The client sends the body too slowly.")


_NEEDED = [name for name, field in UploadForm.model_fields.items() if field.is_required()]


def _is_complete(reader: FormReader) -> bool:
    return all(name in reader.fields for name in _NEEDED)


class _User(StrictModel):
    user_id: Identifier


async def _user_of(state: GatewayState, request: Request, reader: FormReader) -> str:
    """The user in whose slots the upload counts, when its file begins. Empty if the fields come after the file.

    The user's session is checked first: a client must not fill another user's slots. It also lets a client that sends
    the fields first learn at once, and not after the whole file, that the upload will be refused.

    Raises:
        RequestRefused: the upload cannot become a capture.
    """
    if not _is_complete(reader):
        if user_id := reader.fields.get("user_id"):
            require_own(request, validated(_User, {"user_id": user_id}).user_id)
        return ""
    form = _form(reader)
    require_own(request, form.user_id)
    await _check(state, form)
    return form.user_id


def _form(reader: FormReader) -> UploadForm:
    """The validated fields. An empty field counts as absent: browsers send empty inputs."""
    fields = {name: value for name, value in reader.fields.items() if value}
    require(fields, "session_id")
    return validated(UploadForm, fields)


async def _check(state: GatewayState, form: UploadForm) -> None:
    """Check, without writing anything, that the upload can become a capture.

    Raises:
        RequestRefused: 400 ``consent_required``, 404 ``unknown_session``, 409 ``session_closed``,
            ``consent_withdrawn`` or ``duplicate_capture``.
    """
    call = records.recheck(form.user_id, form.session_id, form.capture_id)
    status = await retry(lambda: run(state.events, call))
    if status != "active":
        raise _refusal(CaptureError(status, ""))
    try:
        await lifecycle.check_consent(state, form.user_id, form.session_id, form.answer)
    except CaptureError as error:
        raise _refusal(error) from error

    async def known() -> int:
        names = (keys.capture_record(form.capture_id), keys.window(form.session_id, form.record_id))
        with broker_errors("events"):
            return sum([int(await state.events.exists(name)) for name in names])

    if await retry(known):
        raise _refusal(CaptureError("duplicate_capture", ""))


def _window(state: GatewayState, form: UploadForm, video: StoredVideo, recorded_by: str | None) -> CaptureWindow:
    limits = state.settings.capture
    return CaptureWindow(
        capture_id=form.capture_id,
        user_id=form.user_id,
        session_id=form.session_id,
        record_id=form.record_id,
        timestamp_start=form.timestamp_start or datetime.now(UTC),
        fps_target=limits.max_fps,
        width=limits.max_long_side,
        height=limits.max_short_side,
        max_duration_s=limits.max_duration_s,
        annotation=Annotation(intent=form.intent) if form.intent else None,
        consent_given=form.answer,
        consent=form.consent,
        video=video,
        recorded_by=recorded_by,
    )


async def _open(state: GatewayState, window: CaptureWindow, incoming: IncomingUpload, span: TraceSpan) -> None:
    """Open the capture. If this process dies from now on, the recorder's sweep writes the capture's outcome."""
    assert window.video is not None
    try:
        await lifecycle.open_capture(state, window, window.video.upload_id, incoming.keep, span=span)
    except CaptureError as error:
        raise _refusal(error) from error


_REFUSALS = {
    "session_invalid": (404, "unknown_session", "This user has no session with this session_id."),
    "session_closed": (409, "session_closed", "The session is closed."),
    "consent_withdrawn": (409, "consent_withdrawn", "Consent to this session is withdrawn."),
    "consent_required": (400, "consent_required", "This server takes no video of a person without consent."),
    "duplicate_capture": (409, "duplicate_capture", "This capture_id or this record_id was used before."),
    "too_many_captures": (429, "too_many_captures", "Too many captures are open; try again later."),
    "frames_broker_full": (429, "frames_broker_full", "The server has no memory for this video; try again later."),
}


def _refusal(error: CaptureError) -> RequestRefused:
    unavailable = (503, error.code, "The server cannot receive videos at the moment; try again later.")
    status, code, detail = _REFUSALS.get(error.code, unavailable)
    return RequestRefused(status, code, detail, retry_after_s=RETRY_AFTER_S if status in (429, 503) else None)


ROUTES = [Route("/video/submit", submit, methods=["POST"])]
