"""Retention: what is erased because its time is over, what waits for an operator, and that it is done once."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from contracts.broker import keys
from contracts.rules.ids import format_utc, parse_utc
from contracts.state.events import Receipt, encode_line
from contracts.state.retention import LEASE_MS
from gateway.library import retention as retention_module
from gateway.library.retention import Retention
from tests.conftest import BrokerPair, on_one
from tests.contracts.storage.session_lines import SESSION, erased, recorded, said, start
from tests.gateway.docs.against import documented
from tests.gateway.library.catalogs import Library
from tests.gateway.library.test_withdrawals import events
from tests.gateway.reached import Reached, assert_refused, reaching
from tests.integration.faults.proxy import Moment, Proxy, script_names
from tests.support.gateway import REPOSITORY, serving
from tests.support.waiting import until

PROMPT = '[[prompts]]\nid = "drink"\ntext = "Drink"\n'


def ended(capture_id: str, number: int, days_ago: float, study: str | None = None) -> bytes:
    """The line of a capture that ended and was recorded so many days ago."""
    moment = format_utc(datetime.now(UTC) - timedelta(days=days_ago))
    annotation = {"annotation": {"intent": "x", "study": study, "prompt": "drink"}} if study else {}
    times = {"timestamp": moment, "timestamp_start": moment, "timestamp_end": moment}
    return encode_line(orjson.dumps(recorded(capture_id, number, **times, **annotation)), moment, 1 << 20)


def of(gateway: Reached) -> Retention:
    found: Retention = gateway.app.state.retention
    return found


async def watched_since(gateway: Reached, days_ago: float) -> None:
    """Look once, and make as if the rules had been watched for so many days."""
    await of(gateway).turn()
    fields: dict[bytes, bytes] = await gateway.state.events.hgetall(keys.RETENTION)  # type: ignore[misc]
    for name, since in fields.items():
        if name.startswith(b"since:"):
            earlier = int(since) - int(days_ago * 24 * 3600 * 1000)
            await gateway.state.events.hset(keys.RETENTION, name, str(earlier))  # type: ignore[arg-type, misc]


async def shown(gateway: Reached) -> dict[str, tuple[str, str | None]]:
    answer = await gateway.client.get("/library/captures")
    return {each["capture_id"]: (each["state"], each["kept_until"]) for each in answer.json()["captures"]}


def waits(gateway: Reached) -> float:
    return float(gateway.state.metrics.retention_waits._value.get())


async def test_what_comes_due_while_it_is_watched_is_withdrawn_and_erased_and_nothing_else(tmp_path: Path) -> None:
    async with reaching(tmp_path, retention_days=30) as gateway:
        Library(tmp_path).append(start(), ended("old", 100, 31), ended("young", 101, 29))
        await watched_since(gateway, 3)
        assert not await of(gateway).turn()
        ((old, until_),) = [(line, end) for line, end in (await shown(gateway)).items() if line == "old"]
        assert (old, until_) == ("old", ("withdrawn", None))
        (event,) = events(gateway)
        assert (event["capture_id"], event["erase"], event["reason"]) == ("old", True, "retention")
        own = next(line for line in gateway.lines(SESSION) if line["event"].get("capture_id") == "old")
        assert parse_utc(event["timestamp"]) == parse_utc(own["event"]["timestamp_end"]) + timedelta(days=30)
        state, end = (await shown(gateway))["young"]
        assert state == "kept"
        assert end is not None
        assert timedelta(0) < parse_utc(end) - datetime.now(UTC) < timedelta(days=1)
        await gateway.app.state.erasures.ask()
        assert await gateway.state.frames.xlen(keys.ERASURES) == 1
        assert not await gateway.state.events.hexists(keys.session(SESSION), "withdrawn")  # type: ignore[misc]


async def test_what_was_due_before_waits_for_an_operator(tmp_path: Path) -> None:
    async with reaching(tmp_path, retention_days=30) as gateway:
        Library(tmp_path).append(ended("old", 100, 40), ended("older", 101, 400))
        await watched_since(gateway, 0)  # switched on, after a gap, or after a clock jumped
        await of(gateway).turn()
        assert (events(gateway), waits(gateway)) == ([], 2)
        report = (await gateway.client.get("/operate/retention")).json()
        assert [each["capture_id"] for each in report["captures"]] == ["older", "old"]
        ahead = {"until": format_utc(datetime.now(UTC) + timedelta(days=3650))}
        assert_refused(await gateway.post("/operate/retention", ahead), 422, "schema_error")
        answer = await gateway.post("/operate/retention", {"until": report["now"]})
        assert (answer.json(), documented(answer)) == ({"withdrawn": 2, "left": 0}, True)
        assert [each["capture_id"] for each in events(gateway)] == ["older", "old"]
        await of(gateway).turn()
        assert waits(gateway) == 0


async def test_the_days_of_a_study_count_and_an_unknown_study_is_kept(tmp_path: Path) -> None:
    studies = tmp_path / "studies"
    studies.mkdir()
    for name, line in (("short", "retention_days = 3"), ("long", "retention_days = 300"), ("same", "")):
        (studies / f"{name}.toml").write_text(f'title = "x"\n{line}\n{PROMPT}')
    (studies / "ever.toml").write_text(f'title = "x"\nretention_days = 0\n{PROMPT}')
    (studies / "broken.toml").write_text("nothing = 1\n")
    names = ("short", "long", "same", "ever", "broken", "gone")
    async with reaching(tmp_path, retention_days=30, studies_dir=studies) as gateway:
        Library(tmp_path).append(*(ended(name, number, 31, name) for number, name in enumerate(names, 100)))
        Library(tmp_path).append(ended("none", 99, 31))
        await watched_since(gateway, 365)
        answer = await gateway.client.get("/operate/retention")
        assert documented(answer)
        rows = {each["study"]: (each["days"], each["due"], each["known"]) for each in answer.json()["studies"]}
        assert rows == {
            None: (30, 1, True), "short": (3, 1, True), "long": (300, 0, True), "same": (30, 1, True),
            "ever": (None, 0, True), "broken": (None, 0, False), "gone": (None, 0, False),
        }  # fmt: skip
        await of(gateway).turn()
        assert {each["capture_id"] for each in events(gateway)} == {"none", "short", "same"}
        end = (await shown(gateway))["long"][1]
        assert end is not None
        assert timedelta(268) < parse_utc(end) - datetime.now(UTC) < timedelta(270)
        days = {study: (await gateway.client.get(f"/studies/{study}")).json() for study in ("long", "same", "ever")}
        assert [days[study]["consent"]["retention_days"] for study in days] == [300, 30, None]
        assert (await gateway.client.get("/consent")).json()["retention_days"] == 30


async def test_a_withdrawn_capture_is_erased_too_and_one_that_is_erased_is_left(tmp_path: Path) -> None:
    async with reaching(tmp_path, retention_days=30) as gateway:
        library = Library(tmp_path)
        library.append(*(ended(name, number, 31) for number, name in enumerate("abc", 100)))
        library.append(said("consent.withdrawn", 1, capture_id="a"))
        library.append(said("consent.withdrawn", 2, capture_id="b", erase=True))
        library.append(said("consent.withdrawn", 3, capture_id="c", erase=True), erased("c"))
        await watched_since(gateway, 3)
        await of(gateway).turn()
        assert [each["capture_id"] for each in events(gateway) if each.get("reason")] == ["a"]


async def test_two_gateways_that_do_the_same_write_one_line(tmp_path: Path) -> None:
    async with reaching(tmp_path, retention_days=30) as one:
        Library(tmp_path).append(ended("old", 100, 31))
        async with reaching(
            tmp_path, retention_days=30, recorder=False, events=one.state.events, state_dir=tmp_path / "2"
        ) as two:
            await watched_since(one, 3)
            assert not await of(two).turn()  # another gateway does it
            assert events(one) == []
            now = format_utc(datetime.now(UTC) - timedelta(seconds=1))
            asked = [each.post("/operate/retention", {"until": now}) for each in (one, two)]
            for answer in await asyncio.gather(*asked):
                assert answer.status_code == 200, answer.text
            await of(one).turn()
            assert len(events(one)) == 1


async def test_a_turn_is_bounded_and_says_whether_there_is_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "BATCH", 2)
    async with reaching(tmp_path, retention_days=30) as gateway:
        Library(tmp_path).append(*(ended(name, number, 31) for number, name in enumerate("abc", 100)))
        await watched_since(gateway, 3)
        assert [await of(gateway).turn() for _ in range(3)] == [True, False, False]
        assert len(events(gateway)) == 3


async def test_nothing_is_added_to_a_queue_that_no_recorder_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "MOST_QUEUED", 1)
    async with reaching(tmp_path, retention_days=30, recorder=False) as gateway:
        Library(tmp_path).append(ended("old", 100, 31))
        await watched_since(gateway, 3)
        await gateway.state.events.xadd(keys.EVENTS, {"event": "x"})
        assert not await of(gateway).turn()
        assert await gateway.state.events.xlen(keys.EVENTS) == 1


async def test_a_capture_whose_log_cannot_be_written_holds_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention_module, "BATCH", 1)
    async with reaching(tmp_path, retention_days=30) as gateway:
        Library(tmp_path).append(ended("first", 100, 32), ended("second", 101, 31))
        await watched_since(gateway, 3)
        gateway.recorder.refuse = Receipt(error="missing_session_path", detail="gone")
        assert await of(gateway).turn()
        gateway.recorder.refuse = None
        await of(gateway).turn()
        assert [each["capture_id"] for each in events(gateway)] == ["second"]


async def test_without_a_rule_nothing_is_watched_and_everything_is_kept(tmp_path: Path) -> None:
    async with reaching(tmp_path) as gateway:
        Library(tmp_path).append(ended("old", 100, 30_000))
        assert not await of(gateway).turn()
        assert await shown(gateway) == {"old": ("kept", None)}
        assert not await gateway.state.events.exists(keys.RETENTION)


STEPS: list[tuple[str, Moment]] = [("watch_retention", "asked"), ("watch_retention", "answered"),
                                   ("xadd", "asked"), ("xadd", "answered")]  # fmt: skip


@pytest.mark.parametrize(("step", "moment"), STEPS)
@on_one("valkey")
async def test_a_gateway_killed_at_any_step_leaves_one_event_to_record(
    own_brokers: BrokerPair, tmp_path: Path, step: str, moment: Moment
) -> None:
    Library(tmp_path).append(ended("old", 100, 31))
    proxy = Proxy(tmp_path / "events.sock", own_brokers.events.folder / "broker.sock", script_names(REPOSITORY))
    await proxy.start()
    settings = {"A3CP_RETENTION_DAYS": "30", "A3CP_STATE_DIR": str(tmp_path / "state")}
    urls = {"A3CP_FRAMES_URL": own_brokers.frames.url, "A3CP_EVENTS_URL": proxy.url}
    with own_brokers.events.client() as broker:

        def look(by: str) -> None:
            """As if the rule had been watched for 3 days, by a gateway that is gone."""
            now_ms = int(datetime.now(UTC).timestamp() * 1000)
            fields = {"by": by, "by_ms": now_ms - LEASE_MS, "since:30:": now_ms - 3 * 24 * 3600 * 1000}
            broker.hset(keys.RETENTION, mapping=fields)
            broker.pexpire(keys.RETENTION, 3_600_000)

        look("one that is gone")
        trap = proxy.trap(step, moment, "cut", do=lambda command: os.kill(command.pid, signal.SIGKILL))
        with serving(tmp_path, **settings, **urls) as gateway:
            await trap.sprung()
            await asyncio.to_thread(gateway.process.wait)
        proxy.release()
        broker.hset(keys.RETENTION, "by_ms", "1")  # its lease is over
        with serving(tmp_path, **settings, **urls):

            async def is_queued() -> bool:
                return bool(_events(broker))

            await until(is_queued, "the withdrawal")
        assert len(set(_events(broker))) == 1  # the recorder writes the same bytes once
    await proxy.stop()
    assert not proxy.errors


def _events(broker: Any) -> list[bytes]:
    return [fields[b"event"] for _, fields in broker.xrange(keys.EVENTS)]
