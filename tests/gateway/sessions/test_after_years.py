"""What comes again after the broker's records of it are gone: it adds no second line, and nothing that was erased."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.broker import keys
from contracts.rules.errors import CaptureError
from gateway.capture.lifecycle import open_capture
from tests.contracts.scripting import window
from tests.contracts.storage.session_lines import SESSION, USER, erased, record_id, recorded, said
from tests.gateway.library.catalogs import Library
from tests.gateway.reached import reaching


@pytest.mark.parametrize("after", ["nothing", "its end", "a withdrawal"])
async def test_a_start_that_the_registry_has_forgotten_gets_the_first_answer_and_one_line(
    tmp_path: Path, after: str
) -> None:
    async with reaching(tmp_path) as gateway:
        request = gateway.start_request()
        first = await gateway.post("/session_manager/sessions.start", request)
        session_id = first.json()["session_id"]
        if after == "its end":
            assert (await gateway.end(session_id)).status_code == 200
        if after == "a withdrawal":
            asked = gateway.start_request(session_id=session_id)
            assert (await gateway.post("/library/withdraw", asked)).status_code == 202
        lines = gateway.lines(session_id)
        await gateway.state.events.delete(keys.session(session_id))
        again = await gateway.post("/session_manager/sessions.start", request)
        assert (again.status_code, again.content) == (200, first.content)
        assert gateway.lines(session_id) == lines
        assert await gateway.status(session_id) == ("active" if after == "nothing" else "invalid")


@pytest.mark.parametrize("kept", [True, False])
async def test_a_capture_that_is_in_the_log_is_never_recorded_again(tmp_path: Path, kept: bool) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        Library(tmp_path).append(recorded("c", 100))
        if not kept:
            Library(tmp_path).append(said("consent.withdrawn", capture_id="c", erase=True), erased("c"))
        await gateway.client.get("/library/summary")
        same = window("c", user_id=USER, session_id=SESSION, record_id=record_id(100))
        other = window("another", user_id=USER, session_id=SESSION, record_id=record_id(100).upper())
        for each in (same, other):
            with pytest.raises(CaptureError) as caught:
                await open_capture(gateway.state, each, "a socket")
            assert caught.value.code == "duplicate_capture"
        new = window("new", user_id=USER, session_id=SESSION)
        with pytest.raises(CaptureError) as caught:
            await open_capture(gateway.state, new, "a socket")
        assert caught.value.code != "duplicate_capture"  # these brokers were never checked
