"""``/operate/dead``: the list, one letter, another try and its refusals, a drop; and ``a3cp dead``, which uses them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from contracts.broker import keys
from contracts.broker.script import run
from contracts.messages.operate import DeadItemWhole, DeadPage
from contracts.rules.ids import format_utc
from contracts.rules.paths import session_log_path
from contracts.state import dead_letters
from contracts.state.events import EventEntry, Receipt
from tests.contracts.storage.session_lines import SESSION, USER, record_id
from tests.gateway.reached import Reached, assert_refused, reaching
from tests.support.waiting import until

REFUSED = Receipt(error="missing_session_path", detail="the session's directory does not exist")


async def make_dead(gateway: Reached, number: int = 1, **changes: str) -> str:
    """A dead letter of a client's event; returns its id."""
    event = {"user_id": USER, "session_id": SESSION, "event": "note", "number": number}
    ids = {"user_id": USER, "session_id": SESSION, "record_id": record_id(number)} | changes
    entry = EventEntry(orjson.dumps(event), **ids)
    fields = {name.encode(): v if isinstance(v, bytes) else v.encode() for name, v in entry.encode().items()}
    await run(gateway.state.events, dead_letters.dead_letter("1-0", REFUSED, fields, datetime.now(UTC)))
    [[letter_id, _]] = await gateway.state.events.xrevrange(keys.DEAD_EVENTS, count=1)
    return str(letter_id.decode())


async def page(gateway: Reached, query: str = "") -> DeadPage:
    answer = await gateway.client.get(f"/operate/dead{query}")
    assert answer.status_code == 200, answer.text
    return DeadPage.model_validate_json(answer.content)


async def show(gateway: Reached, letter_id: str) -> DeadItemWhole:
    answer = await gateway.client.get(f"/operate/dead/{letter_id}")
    assert answer.status_code == 200, answer.text
    return DeadItemWhole.model_validate_json(answer.content)


def make_folder(folder: Path) -> Path:
    log = session_log_path(folder / "logs", USER, SESSION)
    log.parent.mkdir(parents=True)
    return log


async def test_the_list_has_every_letter_once_the_newest_first(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        assert (await page(gateway)).model_dump() == {"items": [], "total": 0, "next": None}
        made = [await make_dead(gateway, number) for number in range(3)]
        first = await page(gateway, "?limit=2")
        second = await page(gateway, f"?limit=2&cursor={first.next}")
        assert [item.id for item in first.items + second.items] == made[::-1]
        assert (first.total, second.total, second.next) == (3, 3, None)
        item = first.items[0]
        assert (item.kind, item.reason, item.user_id, item.event) == ("event", REFUSED.error, USER, "note")
        assert_refused(await gateway.client.get("/operate/dead?cursor=x"), 400, "invalid_cursor")
        assert_refused(await gateway.client.get("/operate/dead?limit=0"), 422, "schema_error")


async def test_a_letter_is_refused_until_its_reason_is_fixed_and_then_recorded_once(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        letter_id = await make_dead(gateway)
        shown = await show(gateway, letter_id)
        assert "directory" in shown.refusal and "LOG_ROOT" in shown.advice
        assert orjson.loads(shown.content)["number"] == 1
        detail = assert_refused(await gateway.post(f"/operate/dead/{letter_id}/retry"), 409, "would_fail_again")
        assert detail == "missing_session_path: the session's directory does not exist"
        assert (await page(gateway)).total == 1
        log = make_folder(tmp_path)
        assert (await show(gateway, letter_id)).refusal == ""
        answers = await asyncio.gather(*(gateway.post(f"/operate/dead/{letter_id}/retry") for _ in range(3)))
        [done] = [answer.json() for answer in answers if answer.status_code == 200]
        for answer in answers:
            if answer.status_code != 200:
                at = format_utc(datetime.fromisoformat(done["retried_at"]))
                assert at in assert_refused(answer, 404, "unknown_dead_letter")
        await until(log.exists, "the event is in its log")
        assert await gateway.state.events.xlen(keys.DEAD_EVENTS) == 0
        assert len(log.read_bytes().splitlines()) == 1


async def test_a_dropped_letter_is_gone_and_its_id_says_so(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        letter_id = await make_dead(gateway)
        assert (await gateway.post(f"/operate/dead/{letter_id}/drop")).json()["id"] == letter_id
        for again in ("retry", "drop"):
            answer = await gateway.post(f"/operate/dead/{letter_id}/{again}")
            assert "was dropped at" in assert_refused(answer, 404, "unknown_dead_letter")
        assert await gateway.state.events.xlen(keys.EVENTS) == 0


@pytest.mark.parametrize("letter_id", ["1-0", "-", "%2B", "1", "a%20b"])
async def test_an_id_of_no_letter_is_unknown(tmp_path: Path, letter_id: str) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        await make_dead(gateway)
        assert_refused(await gateway.client.get(f"/operate/dead/{letter_id}"), 404, "unknown_dead_letter")
        assert_refused(await gateway.post(f"/operate/dead/{letter_id}/drop"), 404, "unknown_dead_letter")
        assert (await page(gateway)).total == 1


async def test_a_broken_letter_is_shown_and_explained(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        broken: dict[bytes, bytes] = {b"event": b"\xff\x1b[31m", b"user_id": b"x" * 1000}
        invalid = Receipt(error="invalid_event", detail="the entry has no field session_id")
        await run(gateway.state.events, dead_letters.dead_letter("1-0", invalid, broken, datetime.now(UTC)))
        [item] = (await page(gateway)).items
        assert (len(item.user_id), item.session_id, item.event) == (256, "", "")
        shown = await show(gateway, item.id)
        assert shown.content == "\\xff\x1b[31m" and shown.refusal.startswith("invalid_event")
