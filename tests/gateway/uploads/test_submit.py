"""``POST /video/submit``: an accepted video becomes a capture, a refused one leaves no key in either broker."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import pytest
import redis

from contracts.broker import keys
from contracts.broker.script import run
from contracts.rules.errors import BrokerUnavailable, CaptureError
from contracts.state import captures, records
from contracts.state import uploads as upload_store
from contracts.state.captures import CaptureState
from contracts.state.events import EventEntry
from contracts.state.records import CaptureCounts
from contracts.state.video import CHUNK_BYTES
from gateway.capture import lifecycle
from gateway.uploads import incoming_upload, routes
from gateway.uploads.routes import too_slow
from tests.gateway.reached import Reached, assert_refused, reaching

VIDEO = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 5000  # 2.4 chunks
TYPE = {"Content-Type": "multipart/form-data; boundary=XX"}


@pytest.fixture(autouse=True)
def roomy() -> Iterator[mock.AsyncMock]:
    """Fake brokers have no INFO, so their memory share is patched."""
    share = mock.AsyncMock(return_value=0.1)
    with mock.patch.object(lifecycle, "memory_share", share), mock.patch.object(incoming_upload, "memory_share", share):
        yield share


@asynccontextmanager
async def uploading(folder: Path, **settings: Any) -> AsyncIterator[tuple[Reached, dict[str, str]]]:
    """A gateway with a session, and the fields of an upload into it."""
    async with reaching(folder, **settings) as gateway:
        gateway.state.refusal = ""
        session_id = (await gateway.start()).json()["session_id"]
        ids = {"record_id": str(uuid.uuid4()), "capture_id": f"capture-{uuid.uuid4().hex}"}
        yield gateway, {"user_id": gateway.user_id, "session_id": session_id, **ids}


async def submit(gateway: Reached, fields: dict[str, str], video: bytes = VIDEO) -> Any:
    return await gateway.client.post("/video/submit", data=fields, files={"file": ("a.mp4", video)})


async def frames_keys(gateway: Reached) -> set[str]:
    return {name.decode() for name in await gateway.state.frames.keys()}


async def nothing_is_left(gateway: Reached, fields: dict[str, str]) -> None:
    assert await frames_keys(gateway) == set()
    assert not await gateway.state.events.exists(keys.capture_record(fields["capture_id"]))


async def test_a_video_becomes_a_capture_that_waits_for_its_extractor(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        frames, capture_id = gateway.state.frames, fields["capture_id"]
        answer = await submit(gateway, {**fields, "intent": "more", "timestamp_start": "2026-01-31T12:00:00Z"})
        assert (answer.status_code, answer.json()) == (202, {"job_id": capture_id, "capture_id": capture_id})
        ((dispatch_id, entry),) = await frames.xrange(keys.UPLOADS)
        assert entry[b"capture_id"] == capture_id.encode()
        state = await run(frames, captures.claim(capture_id, dispatch_id.decode()))
        assert isinstance(state, CaptureState) and state.status == "closed"
        window = state.window
        assert window.video is not None and window.video.byte_length == len(VIDEO)
        assert window.annotation is not None and window.annotation.intent == "more"
        stored = keys.uploaded_video(window.video.upload_id)
        chunks = await frames.hgetall(stored)
        assert [len(chunks[b"%d" % number]) for number in range(3)][:2] == [CHUNK_BYTES, CHUNK_BYTES]
        assert b"".join(chunks[b"%d" % number] for number in range(3)) == VIDEO
        for key in (stored, keys.capture_keys(capture_id).state, keys.UPLOAD_PLACES):
            assert 3500 < await frames.ttl(key) <= 3600
        assert await gateway.state.events.zscore(keys.UNFINISHED, capture_id) is not None
        assert not await gateway.state.events.exists(keys.user_captures(gateway.user_id))


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"session_id": ""}, 400, "missing_session_id"),
        ({"session_id": "sess_0123456789abcdef"}, 404, "unknown_session"),
        ({"session_id": "../etc"}, 422, "schema_error"),
        ({"user_id": "another-user"}, 404, "unknown_session"),
        ({"user_id": ""}, 422, "schema_error"),
        ({"capture_id": ".."}, 422, "schema_error"),
        ({"record_id": "no uuid"}, 422, "schema_error"),
        ({"timestamp_start": "yesterday"}, 422, "schema_error"),
        ({"timestamp_start": "9999-12-31T23:59:59Z"}, 422, "schema_error"),
        ({"intent": "x" * 257}, 422, "schema_error"),
        ({"unknown": "x"}, 422, "schema_error"),
    ],
)
async def test_fields_that_break_a_rule_are_refused_and_leave_nothing(
    tmp_path: Path, change: dict[str, str], status: int, code: str
) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        assert_refused(await submit(gateway, fields | change), status, code)
        await nothing_is_left(gateway, fields)


@pytest.mark.parametrize("file", [b"", b"GIF89a" + bytes(100), b"#EXTM3U\nfile:///etc/passwd\n"])
async def test_a_file_that_is_no_video_is_refused_and_leaves_nothing(tmp_path: Path, file: bytes) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        assert_refused(await submit(gateway, fields, file), 415, "not_a_video")
        await nothing_is_left(gateway, fields)


async def test_a_closed_session_and_a_used_capture_id_are_refused(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        assert (await submit(gateway, fields)).status_code == 202
        assert_refused(await submit(gateway, fields), 409, "duplicate_capture")
        assert_refused(await submit(gateway, fields | {"capture_id": "another"}), 409, "duplicate_capture")
        await gateway.end(fields["session_id"])
        fresh = {"capture_id": "third", "record_id": str(uuid.uuid4())}
        assert_refused(await submit(gateway, fields | fresh), 409, "session_closed")
        assert len(await gateway.state.frames.zrange(keys.UPLOAD_PLACES, 0, -1)) == 1


async def test_a_file_that_is_too_large_is_refused_by_its_length_or_on_its_way(tmp_path: Path) -> None:
    async with uploading(tmp_path, upload_max_bytes=2_000_000) as (gateway, fields):
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO[:100]
            while True:
                read += 65536
                yield bytes(65536)

        announced = {**TYPE, "Content-Length": str(10**9)}
        answer = await gateway.client.post("/video/submit", content=endless(), headers=announced)
        assert_refused(answer, 413, "file_too_large")
        assert read == 0
        answer = await gateway.client.post("/video/submit", content=endless(), headers=TYPE)
        assert_refused(answer, 413, "file_too_large")
        assert read < 4_000_000
        await nothing_is_left(gateway, fields)


async def test_if_the_fields_come_first_a_refusal_comes_before_the_file(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        read = 0

        async def form() -> AsyncIterator[bytes]:
            nonlocal read
            for name, value in {**fields, "session_id": "sess_0123456789abcdef"}.items():
                yield f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            while True:
                read += 65536
                yield VIDEO[:65536]

        answer = await gateway.client.post("/video/submit", content=form(), headers=TYPE)
        assert_refused(answer, 404, "unknown_session")
        assert read == 65536
        await nothing_is_left(gateway, fields)


async def test_the_fields_may_come_after_the_file(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        head = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        tail = "".join(
            f'\r\n--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
            for name, value in fields.items()
        )
        content = head + VIDEO + tail.encode() + b"\r\n--XX--\r\n"
        answer = await gateway.client.post("/video/submit", content=content, headers=TYPE)
        assert answer.status_code == 202


async def test_a_client_that_leaves_in_the_middle_leaves_no_key(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        stored: list[set[str]] = []

        async def form() -> AsyncIterator[bytes]:
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO
            stored.append(await frames_keys(gateway))
            raise ConnectionResetError

        await gateway.client.post("/video/submit", content=form(), headers=TYPE)
        assert len(stored[0]) == 2, "the place and the chunks"
        await nothing_is_left(gateway, fields)


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"upload_max_videos": 1}, "too_many_uploads"), ({"upload_max_total_bytes": 2_000_000}, "too_many_uploads")],
)
async def test_more_videos_or_bytes_than_there_is_room_for_get_a_429_with_retry_after(
    tmp_path: Path, settings: dict[str, int], code: str
) -> None:
    async with uploading(tmp_path, **settings) as (gateway, fields):
        assert (await submit(gateway, fields)).status_code == 202
        before = await frames_keys(gateway)
        answer = await submit(gateway, fields | {"capture_id": "second", "record_id": str(uuid.uuid4())})
        assert_refused(answer, 429, code)
        assert answer.headers["retry-after"] == "30"
        assert await frames_keys(gateway) == before


async def test_a_broker_that_is_short_of_memory_refuses_videos(tmp_path: Path, roomy: mock.AsyncMock) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        roomy.return_value = 0.6  # there is memory for a capture, but not for a video
        assert_refused(await submit(gateway, fields), 429, "frames_broker_full")
        roomy.return_value = 0.1
        oom = redis.exceptions.OutOfMemoryError("OOM command not allowed")
        with mock.patch.object(gateway.state.frames, "evalsha", side_effect=oom):
            assert_refused(await submit(gateway, fields), 429, "frames_broker_full")
        await nothing_is_left(gateway, fields)


async def test_a_broker_that_lost_the_chunks_is_noticed_before_the_answer(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):

        async def form() -> AsyncIterator[bytes]:
            for name, value in fields.items():
                yield f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO
            for name in await frames_keys(gateway):  # as a restart does
                await gateway.state.frames.delete(name)
            yield b"\r\n--XX--\r\n"

        answer = await gateway.client.post("/video/submit", content=form(), headers=TYPE)
        assert_refused(answer, 503, "upload_lost")
        await nothing_is_left(gateway, fields)


@pytest.mark.parametrize("lease_s", [60, 3600], ids=["while it arrives", "once it is reserved"])
async def test_a_slot_whose_answer_was_lost_is_released_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lease_s: int
) -> None:
    async def lossy(broker: Any, call: Any) -> Any:
        answer = await run(broker, call)
        if call.name == "upload_slot" and lease_s * 1000 in call.arguments:
            raise BrokerUnavailable("frames", "the answer was lost")
        return answer

    monkeypatch.setattr(incoming_upload, "run", lossy)
    async with uploading(tmp_path) as (gateway, fields):
        assert (await submit(gateway, fields)).status_code == 503
        assert await frames_keys(gateway) == set()
        code = await gateway.state.events.hget(keys.capture_record(fields["capture_id"]), "error_code")
        assert code == (b"forward_failed" if lease_s == 3600 else None)


async def test_the_chunks_of_a_gateway_that_died_before_it_reserved_expire_in_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        ttls: list[int] = []

        async def look(*_: Any, span: Any) -> None:
            frames = gateway.state.frames
            ttls.extend([await frames.ttl(key) for key in await frames_keys(gateway)])
            raise CaptureError("too_many_captures", "")

        monkeypatch.setattr(lifecycle, "open_capture", look)
        assert_refused(await submit(gateway, fields), 429, "too_many_captures")
        assert len(ttls) == 2 and all(0 < ttl <= 60 for ttl in ttls)
        await nothing_is_left(gateway, fields)


async def test_a_video_that_is_recorded_while_the_answers_of_its_dispatch_are_lost_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        ids = [fields[name] for name in ("user_id", "session_id", "record_id", "capture_id")]

        async def lost(*_: Any) -> bool:
            await run(gateway.state.events, records.publish(EventEntry(b"{}", *ids), CaptureCounts(1, 1)))
            raise BrokerUnavailable("frames", "the answer was lost")

        monkeypatch.setattr(lifecycle, "OPEN_WITHIN_S", 0.0)
        monkeypatch.setattr(upload_store, "wait", lost)
        assert (await submit(gateway, fields)).status_code == 202
        assert await gateway.state.events.hget(keys.capture_record(fields["capture_id"]), "outcome") == b"published"


async def test_no_chunk_goes_to_a_broker_that_began_to_persist(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):

        async def half() -> AsyncIterator[bytes]:
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO
            assert len(await frames_keys(gateway)) == 2
            gateway.state.frames_unfit = "appendonly is on"
            yield VIDEO
            raise AssertionError("the rest of the body is read too")

        answer = await gateway.client.post("/video/submit", content=half(), headers=TYPE)
        assert_refused(answer, 503, "brokers_unready")
        await nothing_is_left(gateway, fields)


async def test_an_upload_is_refused_if_others_took_its_room_while_it_arrived(
    tmp_path: Path, roomy: mock.AsyncMock
) -> None:
    roomy.side_effect = [0.1, 0.2, 0.6]
    large = VIDEO + bytes(2 * incoming_upload.CHECK_CHUNKS * CHUNK_BYTES)
    async with uploading(tmp_path) as (gateway, fields):
        assert_refused(await submit(gateway, fields, large), 429, "frames_broker_full")
        assert roomy.await_count == 3
        first, second, third = [call.args[2] for call in roomy.await_args_list]
        assert first - second == second - third == incoming_upload.CHECK_CHUNKS * CHUNK_BYTES, "the bytes still to come"
        await nothing_is_left(gateway, fields)


@pytest.mark.parametrize("whole", [b"", b'--XX\r\nContent-Disposition: form-data; name="file"\r\n\r\n\r\n--XX--\r\n'])
async def test_a_form_that_never_begins_or_never_ends_is_read_no_further_than_a_bound(
    tmp_path: Path, whole: bytes
) -> None:
    async with uploading(tmp_path, upload_max_bytes=1_000_000) as (gateway, fields):
        read = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal read
            yield whole or b"preamble"
            while True:
                read += 65536
                yield bytes(65536)

        answer = await gateway.client.post("/video/submit", content=endless(), headers=TYPE)
        assert_refused(answer, 413, "file_too_large")
        assert read < 2_000_000
        await nothing_is_left(gateway, fields)


async def test_a_client_that_sends_too_slowly_or_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "SILENT_S", 0.05)
    async with uploading(tmp_path) as (gateway, fields):

        async def silent() -> AsyncIterator[bytes]:
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO
            await asyncio.Event().wait()

        answer = await gateway.client.post("/video/submit", content=silent(), headers=TYPE)
        assert_refused(answer, 408, "request_timeout")
        await nothing_is_left(gateway, fields)


async def test_a_gateway_that_stops_does_not_wait_for_the_rest_of_a_video(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):

        async def half() -> AsyncIterator[bytes]:
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO
            assert len(await frames_keys(gateway)) == 2
            gateway.state.draining.set()
            await asyncio.Event().wait()

        answer = await gateway.client.post("/video/submit", content=half(), headers=TYPE)
        assert_refused(answer, 503, "brokers_unready")
        assert answer.headers["retry-after"] == "5"
        await nothing_is_left(gateway, fields)


def test_an_upload_has_20_s_and_then_needs_64_kib_a_second_up_to_its_deadline() -> None:
    assert not too_slow(20, 0, 900)
    assert too_slow(21, 60_000, 900)
    assert not too_slow(899, 200 * 1024 * 1024, 900)
    assert too_slow(901, 200 * 1024 * 1024, 900)
    assert too_slow(31, 2**30, 30)


async def test_a_video_that_never_comes_to_its_end_is_refused_however_fast_it_comes(tmp_path: Path) -> None:
    async with uploading(tmp_path, upload_max_s=0.05) as (gateway, fields):

        async def endless() -> AsyncIterator[bytes]:
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO
            while True:
                await asyncio.sleep(0)
                yield b"x"

        answer = await gateway.client.post("/video/submit", content=endless(), headers=TYPE)
        assert_refused(answer, 408, "request_timeout")
        await nothing_is_left(gateway, fields)


async def test_a_job_s_report_has_its_progress_and_its_outcome(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        frames, events, job = gateway.state.frames, gateway.state.events, fields["capture_id"]

        async def ask() -> dict[str, Any]:
            return dict((await gateway.client.get(f"/video/status/{job}")).json())

        await submit(gateway, fields)
        assert await ask() == {"status": "queued", "progress": 0.0}
        state = await run(frames, captures.claim(job, "1-0"))
        assert state is not None
        await run(frames, captures.measure(job, state.token, expected=40, accepted=0))
        await frames.hset(keys.capture_keys(job).state, "extracted", 10)
        assert await ask() == {"status": "running", "progress": 0.25}
        assert (await gateway.client.get(f"/video/results/{job}")).json()["accepted"] == 10
        await run(events, records.abort(gateway.user_id, job, "video_damaged", CaptureCounts(10, 10)))
        assert await ask() == {"status": "failed", "progress": 0.0, "error": "video_damaged"}
        results = (await gateway.client.get(f"/video/results/{job}")).json()
        assert results == (await gateway.client.get(f"/captures/{job}")).json()
        assert (results["status"], results["error_code"]) == ("aborted", "video_damaged")


async def test_a_job_that_was_never_submitted_is_unknown(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        camera = {**fields, "opened_at": ""}
        await gateway.state.events.hset(keys.capture_record("camera"), mapping=camera)
        for name in ("unknown", "camera", "a%2Fb"):
            for route in ("status", "results"):
                answer = await gateway.client.get(f"/video/{route}/{name}")
                assert answer.status_code == 404, name


@pytest.mark.parametrize("user_id", ["a/b", "../x", "\x1b[2J", "u" * 129, ".u", "a b"])
async def test_an_invalid_user_id_takes_no_slot(tmp_path: Path, user_id: str) -> None:
    async with uploading(tmp_path) as (gateway, fields):

        async def form() -> AsyncIterator[bytes]:
            yield f'--XX\r\nContent-Disposition: form-data; name="user_id"\r\n\r\n{user_id}\r\n'.encode()
            yield b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + VIDEO
            raise AssertionError("the rest is read")

        answer = await gateway.client.post("/video/submit", content=form(), headers=TYPE)
        assert_refused(answer, 422, "schema_error")
        assert "user_id" in answer.json()["detail"]
        await nothing_is_left(gateway, fields)


def begun(fields: dict[str, str]) -> bytes:
    """A form as far as the first bytes of its video."""
    parts = [
        f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    return (
        "".join(parts).encode()
        + b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + VIDEO[:100]
    )


@asynccontextmanager
async def silent_uploads(gateway: Reached, forms: list[bytes], **headers: str) -> AsyncIterator[list[Any]]:
    """Uploads that send the given bytes and then nothing until the block ends."""
    go, sent = asyncio.Event(), 0

    async def silent(form: bytes) -> AsyncIterator[bytes]:
        nonlocal sent
        yield form
        sent += 1
        await go.wait()

    uploads = [gateway.client.post("/video/submit", content=silent(form), headers=TYPE | headers) for form in forms]
    tasks = [asyncio.create_task(upload) for upload in uploads]
    async with asyncio.timeout(300):
        while sent + sum(task.done() for task in tasks) < len(forms):
            await asyncio.sleep(0.005)
    try:
        yield tasks
    finally:
        go.set()
        await asyncio.gather(*tasks)


@pytest.mark.parametrize(
    "change", [{"session_id": "sess_00000000000000ff"}, {"session_id": ""}, {"user_id": "another"}]
)
async def test_an_upload_without_an_active_session_takes_no_slot_of_the_user(
    tmp_path: Path, change: dict[str, str]
) -> None:
    async with (
        uploading(tmp_path, upload_max_videos=4) as (gateway, fields),
        silent_uploads(gateway, [begun(fields | change)] * 5) as tasks,
    ):
        assert {(await task).status_code for task in tasks} <= {400, 404, 422}
        assert await frames_keys(gateway) == set()
        assert (await submit(gateway, fields)).status_code == 202


async def test_uploads_whose_user_is_not_known_yet_do_not_keep_a_user_out(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        only_user = {"user_id": fields["user_id"]}
        async with silent_uploads(gateway, [begun(only_user)] * 10) as tasks:
            assert sum(task.done() for task in tasks) == 6, "four of them have a place"
            members = await gateway.state.frames.zrange(keys.UPLOAD_PLACES, 0, -1)
            assert len(members) == 4 and all(member.endswith(b"/") for member in members)
            assert (await submit(gateway, fields)).status_code == 202


async def test_one_address_sends_half_of_the_videos_at_a_time(tmp_path: Path) -> None:
    async with uploading(tmp_path, upload_max_videos=4) as (gateway, fields):
        async with silent_uploads(gateway, [begun(fields)] * 3) as tasks:
            [refused] = [task for task in tasks if task.done()]
            assert_refused(refused.result(), 429, "too_many_uploads")
            elsewhere = httpx.ASGITransport(gateway.app, client=("192.0.2.7", 1))
            async with httpx.AsyncClient(transport=elsewhere, base_url="http://gateway.test") as client:
                answer = await client.post("/video/submit", data=fields, files={"file": ("a.mp4", VIDEO)})
            assert answer.status_code == 202
        assert not gateway.state.counts.arriving_here()


async def test_announced_bytes_that_do_not_come_take_no_room_from_others(tmp_path: Path) -> None:
    async with (
        uploading(tmp_path) as (gateway, fields),
        silent_uploads(gateway, [begun(fields)] * 2, **{"Content-Length": "200000000"}),
    ):
        places = await gateway.state.frames.zrange(keys.UPLOAD_PLACES, 0, -1)
        assert [int(place.split(b"/")[1]) for place in places] == [incoming_upload.GROWTH_BYTES] * 2
        assert (await submit(gateway, fields)).status_code == 202


async def test_a_slot_grows_with_the_bytes_received(tmp_path: Path) -> None:
    async with uploading(tmp_path) as (gateway, fields):
        lengths: list[int] = []

        async def form() -> AsyncIterator[bytes]:
            yield begun(fields)
            for _ in range(3):
                yield bytes(incoming_upload.GROWTH_BYTES)
                [place] = await gateway.state.frames.zrange(keys.UPLOAD_PLACES, 0, -1)
                lengths.append(int(place.split(b"/")[1]) // incoming_upload.GROWTH_BYTES)
            raise ConnectionResetError

        await gateway.client.post("/video/submit", content=form(), headers=TYPE)
        assert lengths == [1, 2, 3]
        await nothing_is_left(gateway, fields)
