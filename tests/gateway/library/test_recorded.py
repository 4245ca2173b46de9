"""What is recorded is given out as long as its log lasts, and not after a withdrawal or an erasure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from contracts.broker import keys
from contracts.broker.roles import connect
from contracts.messages.event import RawFeaturesRef
from contracts.messages.http import CaptureReport
from contracts.rules.errors import ArtifactMissing
from contracts.rules.paths import session_log_path
from contracts.state.captures import CaptureWindow
from gateway.library import library as library_module
from gateway.preview import routes
from tests.contracts.storage.session_lines import erased, quality, said
from tests.gateway.preview.test_preview import ADDRESSES, event_of, log_line, published, row, settled
from tests.gateway.reached import AWAY, Reached, assert_refused, reaching

GONE = [("withdrawn", "capture_withdrawn"), ("erased", "capture_erased")]
RESULTS = "/video/results/{}"


@asynccontextmanager
async def recorded_at(folder: Path) -> AsyncIterator[tuple[Reached, CaptureWindow]]:
    """A gateway with one recorded capture of an uploaded video."""
    async with reaching(folder, recorder=False) as gateway:
        made, _ = await published(gateway, row(0, pose=(0.5, 0.5)), row(40))
        await settled(gateway, made)
        slot = "00000000000000000000000000000000/1/" + made.user_id
        await gateway.state.events.hset(keys.capture_record(made.capture_id), "upload", slot)  # type: ignore[misc]
        yield gateway, made


def say(gateway: Reached, made: CaptureWindow, event: dict[str, Any]) -> None:
    """Append an event of the library, or of a worker, to the capture's log."""
    ids = {"user_id": made.user_id, "session_id": made.session_id}
    log_line(gateway, orjson.dumps(event | ids), made.user_id, made.session_id)


def withdraw(gateway: Reached, made: CaptureWindow) -> None:
    say(gateway, made, said("consent.withdrawn", capture_id=made.capture_id))


def remove(gateway: Reached, made: CaptureWindow) -> None:
    say(gateway, made, erased(made.capture_id))


SAID = {"withdrawn": withdraw, "erased": remove}


async def report(gateway: Reached, made: CaptureWindow) -> dict[str, Any]:
    answer = await gateway.client.get(f"/captures/{made.capture_id}")
    assert answer.status_code == 200, answer.text
    CaptureReport.model_validate_json(answer.content)
    return dict(answer.json())


async def lapse(gateway: Reached, made: CaptureWindow) -> None:
    """Let the capture's durable record go, as it does after 7 days."""
    assert await gateway.state.events.delete(keys.capture_record(made.capture_id)) == 1


async def test_a_kept_capture_says_so(tmp_path: Path) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        assert (await report(gateway, made))["state"] == "kept"
        assert (await gateway.client.get(RESULTS.format(made.capture_id))).json() == await report(gateway, made)


@pytest.mark.parametrize("address", ADDRESSES)
async def test_pictures_live_as_long_as_the_log(tmp_path: Path, address: str) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        first = await gateway.client.get(address.format(made.capture_id))
        await lapse(gateway, made)
        again = await gateway.client.get(address.format(made.capture_id))
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.content == again.content


async def test_a_capture_is_reported_as_long_as_the_log(tmp_path: Path) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        before = await report(gateway, made)
        await lapse(gateway, made)
        after = await report(gateway, made)
        # the event has no quality, from which the counts could be taken
        assert after.pop("found", None) is None and before.pop("found")
        before["accepted"] = before["extracted"] = after["accepted"] = after["extracted"]
        assert before == after
        withdraw(gateway, made)
        assert (await report(gateway, made))["state"] == "withdrawn"


async def test_counts_and_quality_come_from_the_event_once_the_record_has_lapsed(tmp_path: Path) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        other = made.model_copy(update={"capture_id": "older"})
        reference = RawFeaturesRef.model_validate((await report(gateway, made))["raw_features_ref"])
        event = orjson.loads(event_of(other, reference))
        told = {**quality("check", "left_hand_lost"), "fps": 15.0}
        log_line(gateway, orjson.dumps({**event, "quality": told}), made.user_id, made.session_id)
        answer = await report(gateway, other)
        assert answer["quality"] == told
        assert answer["found"] == {"pose": 2, "left_hand": 1, "right_hand": 0, "face": 2}
        assert (answer["accepted"], answer["extracted"], answer["open"]) == (2, 2, False)


@pytest.mark.parametrize(("state", "code"), GONE)
@pytest.mark.parametrize("lapsed", [False, True])
async def test_what_is_withdrawn_or_erased_is_given_out_by_no_route(
    tmp_path: Path, state: str, code: str, lapsed: bool
) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        for address in ADDRESSES:
            assert (await gateway.client.get(address.format(made.capture_id))).status_code == 200
        SAID[state](gateway, made)
        if lapsed:
            await lapse(gateway, made)
        for address in ADDRESSES:
            assert_refused(await gateway.client.get(address.format(made.capture_id)), 410, code)
        said_of_it = await report(gateway, made)
        assert (said_of_it["status"], said_of_it["state"]) == ("recorded", state)
        assert "raw_features_ref" not in said_of_it
        if not lapsed:
            assert_refused(await gateway.client.get(RESULTS.format(made.capture_id)), 410, code)


async def test_a_withdrawal_of_the_whole_session_counts_for_its_captures(tmp_path: Path) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        say(gateway, made, said("consent.withdrawn"))
        for address in ADDRESSES:
            assert_refused(await gateway.client.get(address.format(made.capture_id)), 410, "capture_withdrawn")


@pytest.mark.parametrize(("state", "code"), GONE)
async def test_it_counts_at_once_on_every_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str, code: str
) -> None:
    monkeypatch.setattr(library_module, "FRESH_S", 0.0)  # no list waits for a pass, and no pass runs
    async with recorded_at(tmp_path) as (gateway, made):
        folders = {"data_root": tmp_path / "data", "log_root": tmp_path / "logs", "state_dir": tmp_path / "other"}
        async with reaching(tmp_path, recorder=False, events=gateway.state.events, **folders) as other:
            gateways = (gateway, other)
            for each in gateways:
                for address in ADDRESSES:
                    assert (await each.client.get(address.format(made.capture_id))).status_code == 200
            SAID[state](gateway, made)
            for each in gateways:
                for address in ADDRESSES:
                    assert_refused(await each.client.get(address.format(made.capture_id)), 410, code)


async def test_a_capture_that_is_withdrawn_while_it_is_drawn_is_not_given_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = routes.read_artifact
    async with recorded_at(tmp_path) as (gateway, made):

        def withdrawing(data: bytes) -> Any:
            withdraw(gateway, made)
            return read(data)

        monkeypatch.setattr(routes, "read_artifact", withdrawing)
        answer = await gateway.client.get(ADDRESSES[0].format(made.capture_id))
        assert_refused(answer, 410, "capture_withdrawn")


async def test_a_file_that_is_erased_before_it_is_read_is_erased_and_not_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recorded_at(tmp_path) as (gateway, made):

        def erasing(uri: str) -> bytes:
            remove(gateway, made)
            raise ArtifactMissing(uri)

        monkeypatch.setattr(gateway.state.artifacts, "read", erasing)
        answer = await gateway.client.get(ADDRESSES[0].format(made.capture_id))
        assert_refused(answer, 410, "capture_erased")


async def test_without_a_catalog_nothing_is_given_out_that_may_be_withdrawn(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    async with recorded_at(tmp_path) as (gateway, made):
        with capture_logs() as lines:
            for address in (*ADDRESSES, "/captures/{}", RESULTS):
                answer = await gateway.client.get(address.format(made.capture_id))
                assert_refused(answer, 503, "library_unavailable")
        assert [line["event"] for line in lines].count("cannot refresh the library") == 1, "once, however many ask"
        (tmp_path / "state").unlink()
        assert (await report(gateway, made))["state"] == "kept"


async def test_without_a_catalog_a_capture_that_is_not_recorded_is_still_reported(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    async with reaching(tmp_path, recorder=False) as gateway:
        made, _ = await published(gateway, row())
        said_of_it = await report(gateway, made)
        assert said_of_it["status"] == "extracting" and "state" not in said_of_it


@pytest.mark.parametrize("how", ["no file", "gone"])
async def test_a_log_that_cannot_be_read_any_more_holds_its_captures_back(tmp_path: Path, how: str) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        assert (await report(gateway, made))["state"] == "kept"
        log = session_log_path(tmp_path / "logs", made.user_id, made.session_id)
        log.unlink()
        if how == "no file":
            log.mkdir()
        for address in (*ADDRESSES, "/captures/{}"):
            answer = await gateway.client.get(address.format(made.capture_id))
            assert_refused(answer, 503, "library_unavailable")


@pytest.mark.parametrize("address", ADDRESSES)
async def test_what_the_catalog_knows_is_shown_without_the_events_broker(tmp_path: Path, address: str) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        assert (await gateway.client.get(address.format(made.capture_id))).status_code == 200
        gateway.state.events = connect(AWAY)
        assert (await gateway.client.get(address.format(made.capture_id))).status_code == 200
        assert_refused(await gateway.client.get(address.format("unknown")), 503, "broker_unavailable")


async def test_a_capture_that_no_gateway_has_looked_at_is_found_in_its_log(tmp_path: Path) -> None:
    async with recorded_at(tmp_path) as (gateway, made):
        await lapse(gateway, made)
        assert (await gateway.client.get(ADDRESSES[2].format(made.capture_id))).status_code == 200
