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
from contracts.rules.errors import CaptureError, RequestRefused
from contracts.rules.ids import Identifier
from contracts.state import records
from contracts.state.captures import CaptureWindow
from contracts.state.video import StoredVideo
from gateway.capture import lifecycle
from gateway.http.refusals import json_response
from gateway.http.requests import require, validated
from gateway.state import GatewayState
from gateway.uploads.form import MAX_FIELD_BYTES, MAX_PARTS, FormReader
from gateway.uploads.incoming_upload import RETRY_AFTER_S, IncomingUpload, too_large, unready

__all__ = ["ROUTES", "too_slow"]

OVERHEAD_BYTES = MAX_PARTS * 2 * MAX_FIELD_BYTES
"""By how much a body may be longer than its file."""

SILENT_S = 10.0
"""How long a client may send nothing at all."""

GRACE_S = 20.0
LEAST_BYTES_PER_S = 64 * 1024

log = get_logger()


def too_slow(elapsed_s: float, received_bytes: int, max_s: float) -> bool:
    """Whether a client sends so slowly that its slot is worth more to others: 20 s, and then 64 KiB a second; and
    ``max_s`` for all of it."""
    return elapsed_s > min(GRACE_S + received_bytes / LEAST_BYTES_PER_S, max_s)


async def submit(request: Request) -> Response:
    """Take a video; 202 ``{job_id, capture_id}`` once it is dispatched."""
    state: GatewayState = request.app.state.gateway
    metrics = state.metrics.upload
    started_s = time.monotonic()
    try:
        with metrics.arriving.track_inprogress():
            window = await _take(state, request)
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


async def _take(state: GatewayState, request: Request) -> CaptureWindow:
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
        async with _until_told_to_stop(state.draining):
            await _receive(state, request, reader, incoming)
        form = _form(reader)
        await _check(state, form)  # before the broker is told anything more
        window = _window(state, form, await incoming.complete(form.user_id))
        await _open(state, window, incoming)
    except BaseException:
        await asyncio.shield(incoming.discard())
        raise
    finally:
        incoming.leave_queue()
    await lifecycle.close_capture(state, window)
    return window


async def _receive(state: GatewayState, request: Request, reader: FormReader, incoming: IncomingUpload) -> None:
    """Read the body to its end.

    Raises:
        RequestRefused: 408 ``request_timeout``, or whatever the form or the file is refused for, as soon as that is
            known.
        ClientDisconnect: the client went away.
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
        if received_bytes > max_bytes + OVERHEAD_BYTES:  # before and behind its parts a form may be endless
            raise too_large(max_bytes)
        if too_slow(time.monotonic() - started_s, received_bytes, max_s):
            raise _timeout()
        for piece in reader.feed(data):
            if user_id is None:
                user_id = await _user_of(state, reader)
            await incoming.add(piece, user_id)
    reader.finish()


@asynccontextmanager
async def _until_told_to_stop(draining: asyncio.Event) -> AsyncIterator[None]:
    """What is done in here has an end when the process is told to stop: a body may be minutes from its own.

    Raises:
        RequestRefused: 503 ``brokers_unready``, it was told so.
    """
    told = asyncio.create_task(draining.wait())
    try:
        async with asyncio.timeout(None) as timeout:

            def end(_: object) -> None:
                timeout.reschedule(0)

            told.add_done_callback(end)
            try:
                yield
            finally:
                told.remove_done_callback(end)
    except TimeoutError:
        raise unready() from None
    finally:
        told.cancel()


def _timeout() -> RequestRefused:
    return RequestRefused(408, "request_timeout", "The body comes too slowly.")


_NEEDED = [name for name, field in UploadForm.model_fields.items() if field.is_required()]


def _is_complete(reader: FormReader) -> bool:
    return all(name in reader.fields for name in _NEEDED)


class _User(StrictModel):
    user_id: Identifier


async def _user_of(state: GatewayState, reader: FormReader) -> str:
    """Whose upload it is, when its file begins: in whose slots it counts. Empty if its fields come behind the file.

    Raises:
        RequestRefused: it could not become a capture. A slot of a user is for a session that is this user's, so a
            client takes none in another one's name, and one whose fields come first is not kept until the end.
    """
    if not _is_complete(reader):
        if user_id := reader.fields.get("user_id"):
            validated(_User, {"user_id": user_id})
        return ""
    form = _form(reader)
    await _check(state, form)
    return form.user_id


def _form(reader: FormReader) -> UploadForm:
    """The fields; an empty one is as good as none."""
    fields = {name: value for name, value in reader.fields.items() if value}
    require(fields, "session_id")
    return validated(UploadForm, fields)


async def _check(state: GatewayState, form: UploadForm) -> None:
    """Whether this can become a capture, as far as can be said without changing anything.

    Raises:
        RequestRefused: 404 ``unknown_session``, 409 ``session_closed`` or ``duplicate_capture``.
    """
    call = records.recheck(form.user_id, form.session_id, form.capture_id)
    status = await retry(lambda: run(state.events, call))
    if status != "active":
        raise _refusal(CaptureError(status, ""))

    async def known() -> int:
        names = (keys.capture_record(form.capture_id), keys.window(form.session_id, form.record_id))
        with broker_errors("events"):
            return sum([int(await state.events.exists(name)) for name in names])

    if await retry(known):
        raise _refusal(CaptureError("duplicate_capture", ""))


def _window(state: GatewayState, form: UploadForm, video: StoredVideo) -> CaptureWindow:
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
        video=video,
    )


async def _open(state: GatewayState, window: CaptureWindow, incoming: IncomingUpload) -> None:
    """From here on it is a capture, which has its outcome whatever happens."""
    assert window.video is not None
    try:
        await lifecycle.open_capture(state, window, window.video.upload_id, incoming.keep)
    except CaptureError as error:
        raise _refusal(error) from error


_REFUSALS = {
    "session_invalid": (404, "unknown_session", "There is no session with this session_id of this user."),
    "session_closed": (409, "session_closed", "The session is closed."),
    "duplicate_capture": (409, "duplicate_capture", "This capture_id or this record_id was used before."),
    "too_many_captures": (429, "too_many_captures", "As many captures as may be open are; try again later."),
    "frames_broker_full": (429, "frames_broker_full", "The server has no room for this video; try again later."),
}


def _refusal(error: CaptureError) -> RequestRefused:
    away = (503, error.code, "The server cannot take a video at the moment; try again later.")
    status, code, detail = _REFUSALS.get(error.code, away)
    return RequestRefused(status, code, detail, retry_after_s=RETRY_AFTER_S if status in (429, 503) else None)


ROUTES = [Route("/video/submit", submit, methods=["POST"])]
