"""Identifiers that climb folders, tear keys apart or hide what they are, in every field of every route and message:
each is refused, and leaves no file, no folder and no key."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from contracts.broker import keys
from contracts.messages.event import FeatureRefEvent, RawFeaturesRef
from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactError
from contracts.rules.paths import session_log_path
from contracts.state.events import encode_line
from contracts.storage.artifacts import ArtifactSource
from contracts.storage.object_store import ObjectStore
from recorder.verify import replay, verify_log
from scripts.commands.verify import verify_logs
from tests.attack.gateways import Attacked, attacked, is_valid_key
from tests.gateway.reached import Reached, reaching
from tests.support.messages import SESSION, START, Client, at

CLIMBING = [
    "..", ".", "../../etc/passwd", "a/b", "/etc/passwd", "a\\b", "..\\..\\a", "%2e%2e", "%2e%2e%2fa", "a%2fb", "~",
    ".hidden", "a\0b", "\0", "a\nb", "a\r\nb", "a\tb", " a", "a ", "", "x" * 129, "é", "\u202e", "a\u200bb", "．．",
    "ａ", "{a3cp}", "{", "}", "}{", "a}b{c", "a:b", "a*", "a?", "[a]", "a b", "$HOME", "`id`", "a;b", "a|b", "<a>",
]  # fmt: skip
SESSION_IDS = ["sess_../../../../x", "sess_0123456789ABCDEF", SESSION + "/", SESSION + "\n", "sess_" + "0" * 15, "x"]
RECORD_IDS = [
    "../../x", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "3f2504e04f8941d39a0c0305e82c3301",
    "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}", "3f2504e0-4f89-41d3-9a0c-0305e82c3301\n",
    "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301",
]  # fmt: skip
HOSTILE = {
    "user_id": CLIMBING, "performer_id": CLIMBING, "device_id": CLIMBING, "capture_id": CLIMBING,
    "session_id": CLIMBING + SESSION_IDS, "record_id": CLIMBING + RECORD_IDS,
}  # fmt: skip
NOT_TEXT: list[Any] = [None, 1, True, [], ["a"], {}, {"a": "b"}]

REQUESTS = {
    "/session_manager/sessions.start": ("user_id", "record_id", "performer_id", "device_id"),
    "/session_manager/sessions.end": ("user_id", "record_id", "performer_id", "session_id"),
    "/session_manager/sessions.validate": ("user_id", "session_id"),
    "/schema-recorder/append": ("user_id", "record_id", "performer_id", "session_id"),
}


def request_to(path: str, gateway: Reached) -> dict[str, Any]:
    if path.endswith("sessions.start"):
        return gateway.start_request()
    if path.endswith("sessions.end"):
        return gateway.end_request(SESSION)
    if path.endswith("sessions.validate"):
        return {"user_id": gateway.user_id, "session_id": SESSION}
    return gateway.start_request(session_id=SESSION, source="test")


@pytest.mark.parametrize("path", list(REQUESTS))
async def test_no_hostile_identifier_in_a_request_makes_a_file_or_a_key(path: str, tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        for field in REQUESTS[path]:
            for value in [*HOSTILE[field], *NOT_TEXT]:
                if value is None and field in ("performer_id", "device_id"):
                    continue  # an optional field, or one that is refused as missing
                answer = await gateway.post(path, request_to(path, gateway) | {field: value})
                assert answer.status_code in (400, 422), (field, value, answer.text)
                assert set(answer.json()) == {"error", "detail"}
        assert await gateway.state.events.keys("*") == []
        assert await gateway.state.frames.keys("*") == []
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("gateway")
    with attacked(folder) as gateway:
        yield gateway
        assert not (folder / "data").exists() and not (folder / "logs").exists()


FIELDS = ["user_id", "session_id", "capture_id", "record_id", "performer_id", "device_id"]


@pytest.mark.parametrize("field", FIELDS)
def test_no_hostile_identifier_in_a_message_opens_a_capture(gateway: Attacked, field: str) -> None:
    before = set(gateway.names())
    for value in HOSTILE[field]:
        with gateway.raw() as one:
            one.text(Client().open(**{field: value}))
            assert one.closed() == (1008, "schema_error"), (field, value)
    assert set(gateway.names()) == before


@pytest.mark.parametrize("field", ["user_id", "session_id", "capture_id", "record_id"])
def test_no_hostile_identifier_in_a_later_message_gets_into_a_key(gateway: Attacked, field: str) -> None:
    for value in HOSTILE[field][:8]:
        client = Client(capture_id=str(uuid.uuid4()))
        with gateway.raw() as one:
            one.text(client.open())
            one.text(client.meta(1, **{field: value}))
            assert one.closed() == (1008, "schema_error"), (field, value)
        gateway.until_nothing_is_open()
    assert all(is_valid_key(name) for name in gateway.names())


def test_the_longest_and_strangest_valid_identifiers_stay_in_their_own_keys(gateway: Attacked) -> None:
    for capture_id in ("-", "_", "a..b", "x" * 128, "a3cp", "state", "CON", "-rf", "0"):
        with gateway.raw() as one:
            one.text(Client(capture_id=capture_id).open())
            one.text("stop")
            assert one.closed() == (1003, "invalid_json")
        gateway.until_nothing_is_open()
        assert keys.capture_record(capture_id) in gateway.names()
    assert all(is_valid_key(name) for name in gateway.names())


def test_a_key_that_no_identifier_makes_is_recognized() -> None:
    """Without this the checks above could not fail."""
    for identifier in ("a}:state{", "a:b", "..", "a b"):
        assert not is_valid_key(keys.capture_record(identifier))
        assert not is_valid_key(keys.capture_keys(identifier).state)
        assert not is_valid_key(keys.user_captures(identifier))


async def test_no_capture_id_in_a_path_reaches_anything_but_its_own_record(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        await gateway.state.events.set("{a3cp}:capture:", "this key has the wrong type for a record")
        texts = [quote(value, safe="") for value in CLIMBING] + CLIMBING
        texts += [
            "%2e%2e/%2e%2e/x",
            "..%2f..%2fx",
            "%00",
            "%C0%AE%C0%AE",
            "%u002e",
            "x/../y",
            "%ff%fe",
            "%7Ba3cp%7D",
        ]
        for text in texts:
            try:
                answer = await gateway.client.get(f"/captures/{text}")
            except (httpx.InvalidURL, UnicodeError):  # the client refuses such a URL itself
                continue
            assert answer.status_code == 404 or answer.url.path in ("/", "/captures"), text


# --- values in a log are not trusted either ---------------------------------------------------------------


RECORD = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def line_with(uri: str, **changes: Any) -> bytes:
    event = FeatureRefEvent(
        schema_version="1.0.1", record_id=RECORD, user_id="user-1", session_id=SESSION, timestamp=START,
        capture_id="c", timestamp_start=START, timestamp_end=START,
        raw_features_ref=RawFeaturesRef(
            uri=uri, hash="sha256:" + "0" * 64, format="npz", dims=1662, shape=[1, 1662], dtype="float32", encoding="x"
        ),
    )  # fmt: skip
    document = orjson.loads(event.model_dump_json(exclude_none=True)) | changes
    return encode_line(orjson.dumps(document), at(0), 2**20)


@pytest.mark.parametrize(
    "uri",
    ["../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "s3://bucket/x", "users/user-1/../../x", "\0", "",
     f"users/user-2/sessions/{SESSION}/features/{RECORD}.npz", f"users/user-1/sessions/{SESSION}/features/../x.npz"],
)  # fmt: skip
def test_no_uri_in_a_log_makes_verify_or_replay_read_elsewhere(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = session_log_path(tmp_path / "logs", "user-1", SESSION)
    log.parent.mkdir(parents=True)
    log.write_bytes(line_with(uri))
    read: list[object] = []
    monkeypatch.setattr(ArtifactSource, "read", lambda _, uri, *__: read.append(uri) or b"")
    monkeypatch.setattr(ObjectStore, "names", lambda *_: [])  # these buckets would be asked for on the internet
    for objects in (None, ObjectStore("s3://another-bucket"), ObjectStore("s3://bucket/y")):
        artifacts = ArtifactSource(tmp_path / "data", objects)
        report = verify_log(log, artifacts)
        assert not report.ok and "its place" in report.findings[0].problem.replace("the record's place", "its place")
        with pytest.raises(ArtifactError):
            replay(RECORD, "user-1", SESSION, artifacts, tmp_path / "logs")
    assert read == []


@pytest.mark.parametrize("field", ["user_id", "session_id", "record_id"])
def test_no_identifier_given_to_replay_reads_elsewhere(field: str, tmp_path: Path) -> None:
    for value in HOSTILE[field]:
        given = {"record_id": RECORD, "user_id": "user-1", "session_id": SESSION} | {field: value}
        with pytest.raises(ArtifactError):
            replay(**given, artifacts=ArtifactSource(tmp_path / "data"), log_root=tmp_path / "logs")


def test_text_in_a_log_cannot_steer_the_terminal_of_the_operator_who_verifies_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A client with the token may append an event, and any of its texts may hold an escape sequence."""
    steering = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202e"
    log = session_log_path(tmp_path / "logs", "user-1", SESSION)
    log.parent.mkdir(parents=True)
    log.write_bytes(
        line_with(steering)
        + line_with("x", record_id=steering)
        + line_with("x", raw_features_ref={steering: 1})
        + line_with("x", user_id=steering, record_id=steering)
    )
    settings = Settings(data_root=tmp_path / "data", log_root=tmp_path / "logs")
    assert verify_logs(settings, []) == 1
    said = capsys.readouterr().out
    assert said.count("line ") >= 4
    assert all(character.isprintable() for character in said.replace("\n", "")), repr(said)
