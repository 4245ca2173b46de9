"""Every entry and hash has a format number; this release reads its own and the one before, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from contracts.broker import keys
from contracts.messages.capture import Annotation
from contracts.rules import formats
from contracts.rules.errors import UnreadableValue
from contracts.rules.formats import Kind, OtherFormat, check_format
from contracts.state import dead_letters, erasures, records, sessions
from contracts.state.dispatch import DispatchEntry
from contracts.state.erasures import ErasureRequest
from contracts.state.event_entries import read_entry
from contracts.state.events import EventEntry, Receipt, append_events
from contracts.state.letters import DeadLetter
from contracts.state.live import Answer, LiveFrame
from contracts.state.records import CaptureRecord
from contracts.state.window import read_window, window_texts
from tests.contracts.scripting import Backend, ScriptedCapture, erasure_request
from tests.contracts.scripting import window as window_of
from tests.guards.sources import ROOT
from tests.support.releases import CHECK, LITERAL, newer_release

SESSION = "sess_0123456789abcdef"
EVENT = b'{"user_id":"u1","session_id":"%s"}' % SESSION.encode()
RECORD = str(uuid4()).encode()
ENTRY = EventEntry(EVENT, "u1", SESSION, str(uuid4()))


@pytest.mark.parametrize("kind", formats.WRITTEN)
def test_this_release_s_format_and_the_one_before_are_read(kind: Kind) -> None:
    now = formats.WRITTEN[kind]
    assert [check_format(kind, b"%d" % number) for number in (now - 1, now)] == [now - 1, now]
    with pytest.raises(OtherFormat, match=f"format {now + 1}, this process reads {now - 1} and {now}; a newer release"):
        check_format(kind, b"%d" % (now + 1))


def test_what_has_no_number_has_format_1_which_the_next_release_does_not_read() -> None:
    assert check_format("event", None) == 1
    with newer_release(), pytest.raises(OtherFormat, match="an older release wrote it"):
        check_format("event", None)


@pytest.mark.parametrize("value", [b"", b"0", b"-1", b"2.0", b" 2", b"\xff", b"1234567", "²".encode()])
def test_a_value_that_is_no_number_is_unreadable_and_no_other_release_s(value: bytes) -> None:
    with pytest.raises(ValueError, match="not a number"):
        check_format("event", value)


def test_the_scripts_write_and_read_the_formats_of_the_table() -> None:
    texts = {path.name: path.read_text() for path in (ROOT / "contracts/state/lua").rglob("*.lua")}
    assert set(formats.WRITTEN.values()) == {2}, "a script's literal then needs its kind"
    assert {number for text in texts.values() for number in LITERAL.findall(text)} == {"2"}
    checks = {name: CHECK.findall(text) for name, text in texts.items() if CHECK.search(text)}
    assert {found[1:] for found_in in checks.values() for found in found_in} == {("1", "2")}
    assert set(checks) == {"claim.lua", "reserve.lua", "session_start.lua", "session_end.lua", "allow_erasure.lua"}
    added = {name: len(re.findall(r"'XADD'", text)) for name, text in texts.items() if "'XADD'" in text}
    # the entries of push, end_stream, live_put, dead_letter and retry_letter are arguments, or a frame stream's
    given = {"push.lua", "end_stream.lua", "live_put.lua", "dead_letter.lua", "retry_letter.lua"}
    assert all(len(LITERAL.findall(texts[name])) >= count for name, count in added.items() if name not in given)


def as_fields(words: Any) -> dict[bytes, bytes]:
    pairs = words.items() if isinstance(words, Mapping) else zip(words[::2], words[1::2], strict=True)
    return {name.encode(): value if isinstance(value, bytes) else str(value).encode() for name, value in pairs}


def a_letter() -> dict[bytes, bytes]:
    call = dead_letters.dead_letter("1-0", Receipt(error="invalid_event"), {b"event": b"?"}, datetime.now(UTC))
    words = [word if isinstance(word, bytes) else str(word).encode() for word in call.arguments[9:]]
    fields = dict(zip(words[::2], words[1::2], strict=True))
    return {name: value for name, value in fields.items() if name != b"format"}


def check_dispatch(fields: Mapping[bytes, bytes]) -> None:
    DispatchEntry.check(fields)
    assert DispatchEntry.decode(fields).capture_id == "c"


ENTRIES: dict[str, tuple[Callable[[], dict[bytes, bytes]], Callable[[Mapping[bytes, bytes]], Any]]] = {
    "dispatch": (lambda: as_fields(DispatchEntry("c", "u1", SESSION).encode()), check_dispatch),
    "event": (lambda: as_fields(ENTRY.encode()), read_entry),
    "erasure": (
        lambda: as_fields(erasure_request("c").encode()),
        ErasureRequest.decode,
    ),
    "live frame": (lambda: as_fields(LiveFrame("a", 1, "pose", "gateway", b"jpeg").encode()), LiveFrame.decode),
    "live answer": (lambda: as_fields(Answer("a", 1, b"{}").encode()), Answer.decode),
    "dead letter": (a_letter, lambda fields: DeadLetter.decode("1-0", fields)),
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_an_entry_of_either_release_is_read_and_a_newer_one_is_left(name: str) -> None:
    make, read = ENTRIES[name]
    field = b"letter_format" if name == "dead letter" else b"format"
    fields = make()
    assert fields.pop(field) == b"2"
    read(fields)  # as release 0.2.0 wrote it
    read(make())
    with newer_release():
        newer = make()
        read(newer)
    assert newer[field] == b"3"
    with pytest.raises(OtherFormat):
        read(newer)


def test_the_entry_of_a_frame_has_exactly_the_fields_of_the_contract(capture: ScriptedCapture) -> None:
    capture.open()
    capture.push(1)
    [(_, fields)] = capture.backend.frames.xrange(capture.keys.frames)  # type: ignore[misc]
    assert set(fields) == {
        b"capture_id", b"seq", b"timestamp_frame", b"payload", b"byte_length", b"encoding", b"width", b"height",
        b"user_id", b"session_id",
    }  # fmt: skip


# --- hashes -----------------------------------------------------------------------------------------------


def test_a_capture_of_a_newer_release_is_not_claimed_and_costs_no_delivery(capture: ScriptedCapture) -> None:
    with newer_release():
        capture.open()
    before = capture.state()
    assert before["format"] == "3"
    with pytest.raises(OtherFormat):
        capture.claim()
    assert capture.state() == before
    with newer_release():
        claimed = capture.claim()
    assert claimed is not None
    assert claimed.deliveries == 1


def test_a_state_without_a_number_is_claimed(capture: ScriptedCapture) -> None:
    capture.open()
    capture.backend.frames.hdel(capture.keys.state, "format")
    assert capture.claim() is not None


def test_a_session_of_a_newer_release_is_refused_and_not_changed(backend: Backend, unique: str) -> None:
    session, user = f"sess_{unique}", f"user-{unique}"
    entry = EventEntry(EVENT, user, session, str(uuid4()))
    with newer_release():
        backend.run(sessions.start_session("r1", b"{}", entry))
    before = backend.events.hgetall(keys.session(session))
    for call in (
        sessions.start_session("r1", b"{}", entry),
        sessions.end_session("r2", b"{}", entry),
        records.reserve(window_of(f"c-{unique}", user_id=user, session_id=session), "socket", 4, datetime.now(UTC)),
    ):
        with pytest.raises(OtherFormat):
            backend.run(call)
    assert backend.events.hgetall(keys.session(session)) == before
    with newer_release():
        assert backend.run(sessions.end_session("r2", b"{}", entry)).word == "new"
    found: Any = backend.events.xrange(keys.EVENTS)
    mine = [name for name, fields in found if fields[b"user_id"] == user.encode()]
    assert backend.events.xdel(keys.EVENTS, *mine) == 2  # other tests share the broker, and read all of the stream


def test_a_record_of_a_newer_release_is_not_read() -> None:
    fields = {b"capture_id": b"c", b"user_id": b"u1", b"session_id": SESSION.encode(), b"record_id": b"%s" % RECORD}
    assert CaptureRecord.decode(fields | {b"format": b"2"}) == CaptureRecord.decode(fields)
    with pytest.raises(OtherFormat):
        CaptureRecord.decode(fields | {b"format": b"3"})


def test_a_note_of_an_erasure_is_left_to_the_release_that_wrote_it(backend: Backend, unique: str) -> None:
    request = erasure_request(f"c-{unique}")
    with newer_release():
        assert backend.run(erasures.allow(request))
    with pytest.raises(OtherFormat):
        erasures.is_allowed(backend.events, request)
    with pytest.raises(OtherFormat):
        backend.run(erasures.allow(request))
    with newer_release():
        assert erasures.is_allowed(backend.events, request)
    backend.events.hset(keys.erasure(request.capture_id), "format", "none")
    with pytest.raises(UnreadableValue):
        erasures.is_allowed(backend.events, request)


def test_the_open_field_has_only_what_release_0_2_0_reads() -> None:
    said = {"annotation": Annotation(intent="yes"), "device_id": "tablet", "consent_given": True, "is_demo": False}
    plain = window_of("c").model_copy(update=said)
    assert window_texts(plain) == (plain.model_dump_json(exclude_none=True), "")
    more = plain.model_copy(update={"recorded_by": "nurse"})
    opened, whole = window_texts(more)
    assert opened == plain.model_dump_json(exclude_none=True)
    assert read_window(opened.encode(), whole.encode()) == more
    assert read_window(opened.encode(), None) == plain


def test_what_an_annotation_has_beside_its_label_is_not_in_the_open_field() -> None:
    study = Annotation.model_validate({"intent": "yes", "study": "s1", "prompt": "p1", "resend_of": "c0", "later": 1})
    window = window_of("c").model_copy(update={"annotation": study})
    opened, whole = window_texts(window)
    assert '"annotation":{"intent":"yes"}' in opened
    assert read_window(opened.encode(), whole.encode()) == window


def test_a_capture_is_claimed_with_its_whole_window(capture: ScriptedCapture) -> None:
    capture.window = capture.window.model_copy(update={"recorded_by": "nurse"})
    capture.open()
    claimed = capture.claim()
    assert claimed is not None
    assert claimed.window == capture.window


def test_a_client_s_recorded_by_is_marked_although_a_gateway_of_0_2_0_did_not() -> None:
    event = b'{"user_id":"u1","session_id":"%s","recorded_by":"nurse"}' % SESSION.encode()
    fields = as_fields(EventEntry(event, "u1", SESSION, str(uuid4())).encode())
    assert not read_entry(fields).by_client, "a gateway of this release decides that itself"
    del fields[b"format"]
    assert read_entry(fields).by_client
    assert not read_entry(fields | {b"event": EVENT}).by_client


def test_a_session_whose_consent_was_withdrawn_is_closed_for_gateways_of_0_2_0_and_can_be_ended(
    backend: Backend, unique: str
) -> None:
    session, user = f"sess_{unique}", f"user-{unique}"
    entry = EventEntry(EVENT, user, session, str(uuid4()))
    backend.run(sessions.start_session("r1", b"{}", entry))
    backend.run(append_events([entry], {session}))
    status = backend.events.hget(keys.session(session), "status")
    assert status != b"active", "all that a gateway of 0.2.0 asks"
    window = window_of(f"c-{unique}", user_id=user, session_id=session)
    assert backend.run(records.reserve(window, "socket", 4, datetime.now(UTC))) == "consent_withdrawn"
    assert backend.run(sessions.end_session("r2", b"{}", entry)).word == "new"
    backend.run(append_events([entry], {session}))
    assert backend.events.hget(keys.session(session), "status") == b"closed"
    found: Any = backend.events.xrange(keys.EVENTS)
    backend.events.xdel(keys.EVENTS, *[name for name, fields in found if fields[b"user_id"] == user.encode()])
