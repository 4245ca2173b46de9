"""Consent: the text that clients show, what the log keeps of the answer, and what `A3CP_CONSENT=required` refuses."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
import pytest

from contracts.broker import keys
from contracts.broker.script import run
from contracts.messages.consent import ConsentStatement, ConsentText
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.state import captures, sessions
from contracts.state.captures import CaptureState
from contracts.state.events import EventEntry, append_events
from gateway.capture import lifecycle
from gateway.consent.text import MAX_TEXT_BYTES, load_consent_text
from gateway.uploads import incoming_upload
from gateway.uploads.incoming_upload import IncomingUpload
from tests.gateway.capture.served import Served, serving
from tests.gateway.reached import assert_refused, reaching
from tests.support.messages import SESSION, Client, jpeg
from tests.support.waiting import until

STATEMENT = {"text": "sha256:" + "a" * 64, "given_by": "guardian"}


# --- the text ------------------------------------------------------------------------------------------


async def test_the_text_is_the_one_that_is_shipped_until_a_study_has_its_own(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        shipped = ConsentText.model_validate_json((await gateway.client.get("/consent")).content)
    assert "record" in shipped.text and not shipped.required
    assert shipped.hash == "sha256:" + hashlib.sha256(shipped.text.encode()).hexdigest()
    own = tmp_path / "consent.md"
    own.write_bytes("# Dürfen wir?\r\n".encode())
    async with reaching(tmp_path, recorder=False, consent="required", consent_file=own) as gateway:
        answer = (await gateway.client.get("/consent")).json()
    assert answer == {
        "text": "# Dürfen wir?\r\n",
        "hash": "sha256:" + hashlib.sha256(own.read_bytes()).hexdigest(),
        "required": True,
        "retention_days": None,
    }


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b" \n", "empty"),
        (b"x" * (MAX_TEXT_BYTES + 1), "longer than"),
    ],
)
def test_a_text_that_cannot_be_shown_stops_the_gateway_at_its_start(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "consent.md"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"A3CP_CONSENT_FILE: .*{why}"):
        load_consent_text(Settings(consent_file=file))


# --- what the log keeps --------------------------------------------------------------------------------


async def test_the_log_keeps_the_answer_the_text_s_hash_and_who_gave_it(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        answer = await gateway.start(consent_given=True, consent=STATEMENT)
        assert answer.status_code == 200 and answer.json()["consent"] == STATEMENT
        event = gateway.lines(answer.json()["session_id"])[0]["event"]
    assert (event["consent_given"], event["consent"]) == (True, STATEMENT)


@pytest.mark.parametrize(
    "consent",
    [
        {},
        {"text": "a" * 64, "given_by": "self"},
        {**STATEMENT, "given_by": "a friend"},
        {**STATEMENT, "name": "x"},
        {**STATEMENT, "text": STATEMENT["text"].upper()},
        "yes",
    ],
)
async def test_a_statement_of_another_form_is_refused(tmp_path: Path, consent: Any) -> None:
    async with reaching(tmp_path) as gateway:
        assert_refused(await gateway.start(consent_given=True, consent=consent), 422, "schema_error")


async def claimed(served: Served, client: Client) -> CaptureState:
    state = await run(served.state.frames, captures.claim(client.capture_id, "1-0"))
    assert state is not None
    return state


async def test_the_extractor_gets_the_capture_s_statement() -> None:
    async with serving() as served:
        await served.session()
        client = Client()
        async with served.socket() as socket:
            await socket.send(client.open(consent_given=True, consent=STATEMENT), client.meta(1), jpeg())
            await socket.frame(client, 2)
            await socket.frame(client, 3)
            window = (await waited(served, client)).window
    assert (window.consent_given, window.consent) == (True, ConsentStatement.model_validate(STATEMENT))


async def waited(served: Served, client: Client) -> CaptureState:
    await until(lambda: served.state.frames.exists(keys.capture_keys(client.capture_id).frames), "it is open")
    return await claimed(served, client)


# --- required ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("consent_given", [..., None, False])
async def test_required_consent_refuses_a_session_without_a_yes(tmp_path: Path, consent_given: Any) -> None:
    async with reaching(tmp_path, consent="required") as gateway:
        refused = await gateway.start(consent_given=consent_given)
        assert_refused(refused, 400, "consent_required")
        assert not list((tmp_path / "logs").rglob("*.jsonl"))
        assert (await gateway.start(consent_given=True)).status_code == 200


OUTCOMES = [
    ("required", True, ..., "opened"),
    ("required", True, True, "opened"),
    ("required", ..., True, "opened"),
    ("required", False, True, "opened"),
    ("required", True, False, "consent_required"),
    ("required", ..., ..., "consent_required"),
    ("required", ..., None, "consent_required"),
    ("required", False, ..., "consent_required"),
    ("required", ..., False, "consent_required"),
    ("optional", ..., ..., "opened"),
    ("optional", False, False, "opened"),
]
"""The setting; what the session's start says, what the open says; a ``...`` says nothing."""


@pytest.mark.parametrize(("setting", "of_session", "of_capture", "outcome"), OUTCOMES)
async def test_a_capture_s_own_answer_counts_else_its_session_s(
    setting: str, of_session: Any, of_capture: Any, outcome: str
) -> None:
    async with serving() as served:
        served.state.settings = served.state.settings.model_copy(update={"consent": setting})
        event = orjson.dumps({} if of_session is ... else {"consent_given": of_session})
        entry = EventEntry(event, "user-1", SESSION, str(uuid.uuid4()))
        await run(served.state.events, sessions.start_session("request", b"{}", entry))
        client = Client()
        async with served.socket() as socket:
            await socket.send(client.open(consent_given=of_capture), client.meta(1), jpeg())
            if outcome == "opened":
                await waited(served, client)
                return
            ended = await socket.ended()
        assert (ended.code, ended.reason, ended.aborts) == (1008, "consent_required", [])
        assert await served.record(client) is None


@pytest.mark.parametrize(("user_id", "code"), [("user-2", "session_invalid"), ("user-1", "session_closed")])
async def test_a_session_that_is_no_session_of_the_user_is_refused_as_such(user_id: str, code: str) -> None:
    async with serving() as served:
        served.state.settings = served.state.settings.model_copy(update={"consent": "required"})
        await served.session(user_id=user_id)
        if code == "session_closed":
            await served.end_session()
        async with served.socket() as socket:
            await socket.send(Client().open())
            ended = await socket.ended()
        assert [message["error_code"] for message in ended.aborts] == [code]


# --- withdrawn -----------------------------------------------------------------------------------------


async def withdraw_session(served: Served, session_id: str = SESSION) -> None:
    """Queue a withdrawal of the whole session, as ``POST /library/withdraw`` does."""
    entry = EventEntry(b'{"event":"consent.withdrawn"}', "user-1", session_id, str(uuid.uuid4()))
    await run(served.state.events, append_events([entry], [session_id]))


async def test_no_capture_is_opened_in_a_session_that_was_withdrawn() -> None:
    async with serving() as served:
        await served.session()
        await withdraw_session(served)
        client = Client()
        async with served.socket() as socket:
            await socket.send(client.open(consent_given=True))
            ended = await socket.ended()
        assert [message["error_code"] for message in ended.aborts] == ["consent_withdrawn"]
        assert (ended.code, ended.reason) == (1000, "consent_withdrawn")
        assert await served.record(client) is None


async def test_a_capture_that_is_open_when_its_session_is_withdrawn_is_aborted_and_nothing_of_it_is_kept() -> None:
    async with serving(recheck_s=0.05) as served:
        await served.session()
        client = Client()
        async with served.socket() as socket:
            await socket.send(client.open(), client.meta(1), jpeg())
            await waited(served, client)
            await withdraw_session(served)
            ended = await socket.ended()
        assert [message["error_code"] for message in ended.aborts] == ["consent_withdrawn"]
        record = await served.record(client)
        assert record is not None and (record.outcome, record.error_code) == ("aborted", "consent_withdrawn")


# --- uploads -------------------------------------------------------------------------------------------


@pytest.fixture
def roomy() -> Iterator[None]:
    """Fake brokers have no INFO, so their memory share is patched."""
    share = mock.AsyncMock(return_value=0.1)
    with mock.patch.object(lifecycle, "memory_share", share), mock.patch.object(incoming_upload, "memory_share", share):
        yield


@pytest.mark.usefixtures("roomy")
async def test_an_upload_says_its_consent_and_is_refused_without_one_if_it_is_required(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        gateway.state.refusal = ""
        session_id = (await gateway.start()).json()["session_id"]
        gateway.state.settings = gateway.state.settings.model_copy(update={"consent": "required"})

        async def submit(**fields: str) -> Any:
            ids = {"record_id": str(uuid.uuid4()), "capture_id": f"capture-{uuid.uuid4().hex}"}
            form = {"user_id": gateway.user_id, "session_id": session_id, **ids, **fields}
            return await gateway.client.post(
                "/video/submit", data=form, files={"file": ("a.mp4", b"\x00\x00\x00\x18ftypmp42")}
            )

        with mock.patch.object(IncomingUpload, "add", side_effect=AssertionError):  # refused before the file is stored
            for refused in ({}, {"consent_given": "false"}):
                assert_refused(await submit(**refused), 400, "consent_required")
        said = {"consent_given": "true", "consent_text": STATEMENT["text"], "consent_given_by": "guardian"}
        answer = {"user_id": gateway.user_id, "performer_id": "carer-1", "record_id": str(uuid.uuid4())}
        withdrawn = (await gateway.start(consent_given=True)).json()["session_id"]
        assert (await gateway.post("/library/withdraw", {**answer, "session_id": withdrawn})).status_code == 202
        assert_refused(await submit(**said, session_id=withdrawn), 409, "consent_withdrawn")
        for broken in ({"consent_text": STATEMENT["text"]}, {"consent_given_by": "self"}, {"consent_given": "yes"}):
            assert_refused(await submit(**broken), 422, "schema_error")
        accepted = await submit(**said)
        assert accepted.status_code == 202, accepted.text
        ((dispatch_id, _),) = await gateway.state.frames.xrange(keys.UPLOADS)
        state = await run(gateway.state.frames, captures.claim(accepted.json()["capture_id"], dispatch_id.decode()))
        assert state is not None
        assert (state.window.consent_given, state.window.consent) == (True, ConsentStatement(**STATEMENT))  # type: ignore[arg-type]
