"""``POST /schema-recorder/append`` answers after the line is in the file, or refuses as the contract says."""

from __future__ import annotations

import functools
import uuid
from pathlib import Path
from typing import Any

import orjson
import pytest

from contracts.broker import keys
from contracts.broker.roles import connect
from contracts.rules.paths import session_log_path
from contracts.state.events import EventEntry, Receipt, await_receipt
from gateway.sessions import recording
from tests.gateway.reached import AWAY, Reached, assert_refused, reaching

PATH = "/schema-recorder/append"
SESSION = "sess_0123456789abcdef"


def message(gateway: Reached, **changes: Any) -> dict[str, Any]:
    document = {
        "schema_version": "1.0.1",
        "record_id": str(uuid.uuid4()),
        "user_id": gateway.user_id,
        "session_id": SESSION,
        "timestamp": "2026-01-31T12:00:00Z",
        "source": "tests",
    }
    return {name: value for name, value in (document | changes).items() if value is not ...}


def make_log_directory(gateway: Reached) -> Path:
    path = session_log_path(gateway.state.settings.log_root, gateway.user_id, SESSION)
    path.parent.mkdir(parents=True)
    return path


async def test_success_is_201_with_the_minimal_body_after_the_line_is_there(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        make_log_directory(gateway)
        document = message(gateway)
        answer = await gateway.post(PATH, document)
        [line] = gateway.lines(SESSION)
        assert answer.status_code == 201
        assert answer.json() == {"record_id": document["record_id"], "recorded_at": line["recorded_at"]}
        assert line["event"] == document


@pytest.mark.parametrize(
    ("fields", "by"),
    [
        ({}, None),
        ({"event": "note", "consent_given": False, "training_intent_label": "x"}, None),
        ({"event": "session.start", "source": "session_manager", "training_intent_label": "evil"}, "client"),
        ({"event": "session.start", "training_intent_label": "evil"}, "client"),
        ({"source": "library", "event": "capture.relabelled", "intent": "evil"}, "client"),
        ({"source": "landmark_extractor", "raw_features_ref": {"shape": []}}, "client"),
    ],
)
async def test_an_event_with_a_name_of_the_pipeline_is_recorded_as_a_client_s(
    tmp_path: Path, fields: dict[str, Any], by: str | None
) -> None:
    async with reaching(tmp_path) as gateway:
        make_log_directory(gateway)
        document = message(gateway, **fields)
        answers = [await gateway.post(PATH, document) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [201, 201]
        [line] = gateway.lines(SESSION)
        assert line["event"] == document
        assert line.get("by") == by
        assert len(line) == (2 if by is None else 3)


async def test_event_is_preserved_verbatim_but_for_insignificant_whitespace(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        path = make_log_directory(gateway)
        tail = '"z" : 1.50, "a": [1e3, 1e400, 18446744073709551617],  "text": "a \\u00e9 \\n b"'
        body = orjson.dumps(message(gateway))[:-1].decode() + ",\n " + tail + " }\n"
        assert (await gateway.post(PATH, body.encode())).status_code == 201
        assert path.read_bytes().endswith(
            b',"z":1.50,"a":[1e3,1e400,18446744073709551617],"text":"a \\u00e9 \\n b"}}\n'
        )


async def test_same_bytes_again_answer_with_the_first_recorded_at(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        make_log_directory(gateway)
        document = message(gateway)
        first = await gateway.post(PATH, document)
        again = await gateway.post(PATH, orjson.dumps(document, option=orjson.OPT_INDENT_2))
        other = await gateway.post(PATH, document | {"note": "another event with the same record_id"})
        assert first.json() == again.json()
        assert other.status_code == 201
        assert len(gateway.lines(SESSION)) == 2


@pytest.mark.parametrize("missing", [..., None])
@pytest.mark.parametrize("field", ["user_id", "session_id", "source"])
async def test_missing_user_session_or_source_is_400(tmp_path: Path, field: str, missing: Any) -> None:
    async with reaching(tmp_path) as gateway:
        make_log_directory(gateway)
        answer = await gateway.post(PATH, message(gateway, **{field: missing}, timestamp="wrong too"))
        assert_refused(answer, 400, f"missing_{field}")
        assert gateway.recorder.seen == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'"text"',
        b"{} {}",
        b'{"user_id":"\xff"}',
        b'{"a":NaN}',
        b"[" * 100_000,
        b'{"a":' * 1000 + b"1" + b"}" * 1000,
        '{"a":1}'.encode("utf-16"),
    ],
)
async def test_body_that_is_no_json_object_is_422(tmp_path: Path, body: bytes) -> None:
    async with reaching(tmp_path) as gateway:
        assert_refused(await gateway.post(PATH, body), 422, "schema_error")


@pytest.mark.parametrize("value", ["NaN", "-Infinity", '"\\ud800"', "01", "1.", "True", "[" * 5000 + "]" * 5000])
async def test_a_body_that_is_no_json_is_422_and_not_queued(value: str, tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        body = orjson.dumps(message(gateway))[:-1].decode() + f',"x":{value}}}'
        assert_refused(await gateway.post(PATH, body.encode()), 422, "schema_error")
        assert await gateway.state.events.xlen(keys.EVENTS) == 0


async def test_a_repeated_name_is_422_so_that_the_validated_value_is_the_recorded_one(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        make_log_directory(gateway)
        body = orjson.dumps(message(gateway))
        for twice in (b',"user_id":"victim"}', b',"us\\u0065r_id":"victim"}', b',"x":[{"y":1,"y":2}]}'):
            detail = assert_refused(await gateway.post(PATH, body[:-1] + twice), 422, "schema_error")
            assert "twice" in detail and "victim" not in detail
        assert gateway.recorder.seen == 0


@pytest.mark.parametrize("changes", [{"user_id": "../x"}, {"session_id": "nope"}, {"source": ""}, {"record_id": "1"}])
async def test_schema_error_is_422(tmp_path: Path, changes: dict[str, Any]) -> None:
    async with reaching(tmp_path) as gateway:
        detail = assert_refused(await gateway.post(PATH, message(gateway, **changes)), 422, "schema_error")
        assert detail.startswith(next(iter(changes)))


async def test_an_oversized_event_is_413_before_it_is_queued_and_one_of_the_limit_is_recorded(tmp_path: Path) -> None:
    async with reaching(tmp_path, max_event_bytes=2048) as gateway:
        make_log_directory(gateway)
        document = message(gateway, fill="")
        room = 2048 - len(orjson.dumps(document)) - len(b'{"recorded_at":"2026-01-31T12:00:00.000Z","event":}\n')
        assert (await gateway.post(PATH, document | {"fill": "x" * room})).status_code == 201
        over = await gateway.post(PATH, document | {"fill": "x" * (room + 1)})
        assert_refused(over, 413, "event_too_large")
        assert_refused(await gateway.post(PATH, b" " * 200_000), 413, "event_too_large")
        assert gateway.recorder.seen == 1


async def test_missing_session_path_is_409_and_creates_nothing(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        assert_refused(await gateway.post(PATH, message(gateway)), 409, "missing_session_path")
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("code", "status"), [("recorder_io_error", 500), ("event_too_large", 413), ("invalid_event", 422)]
)
async def test_receipt_with_an_error_has_its_own_status(tmp_path: Path, code: str, status: int) -> None:
    async with reaching(tmp_path) as gateway:
        gateway.recorder.refuse = Receipt(error=code, detail="why")
        assert assert_refused(await gateway.post(PATH, message(gateway)), status, code) == "why"


async def test_without_a_recorder_503_and_the_event_stays_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "await_receipt", functools.partial(await_receipt, timeout_s=0.02))
    async with reaching(tmp_path, recorder=False) as gateway:
        document = message(gateway)
        detail = assert_refused(await gateway.post(PATH, document), 503, "recorder_unavailable")
        assert "queued" in detail
        [(_, fields)] = await gateway.state.events.xrange(keys.EVENTS)
        entry = EventEntry.decode(fields)
        assert orjson.loads(entry.event) == document
        assert (entry.user_id, entry.session_id) == (gateway.user_id, SESSION)
        assert entry.record_id == document["record_id"]


async def test_without_the_events_broker_503(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, events=connect(AWAY)) as gateway:
        assert_refused(await gateway.post(PATH, message(gateway)), 503, "broker_unavailable")
