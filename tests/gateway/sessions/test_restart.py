"""Sessions survive a restart of gateway and brokers, on real brokers that are killed."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.broker.roles import connect
from tests.conftest import BrokerPair
from tests.gateway.reached import assert_refused, reaching


@pytest.mark.real
async def test_session_survives_a_restart_of_everything(own_brokers: BrokerPair, tmp_path: Path) -> None:
    frames, events = connect(own_brokers.frames.url), connect(own_brokers.events.url)
    async with reaching(tmp_path, frames=frames, events=events) as gateway:
        request = gateway.start_request()
        started = await gateway.post("/session_manager/sessions.start", request)
        assert started.status_code == 200
    own_brokers.events.kill()
    own_brokers.events.start()
    frames, events = connect(own_brokers.frames.url), connect(own_brokers.events.url)
    async with reaching(tmp_path, frames=frames, events=events) as other:
        other.user_id = gateway.user_id
        assert await other.status(started.json()["session_id"]) == "active"
        again = await other.post("/session_manager/sessions.start", request)
        assert again.json() == started.json()
        assert len(other.lines(started.json()["session_id"])) == 1


@pytest.mark.real
async def test_connections_that_a_restart_cut_cause_no_error(own_brokers: BrokerPair, tmp_path: Path) -> None:
    events = connect(own_brokers.events.url)
    async with reaching(tmp_path, recorder=False, events=events) as gateway:
        assert await gateway.status("sess_0123456789abcdef") == "invalid"
        own_brokers.events.kill()
        document = {"user_id": gateway.user_id, "session_id": "sess_0123456789abcdef"}
        away = await gateway.post("/session_manager/sessions.validate", document)
        assert_refused(away, 503, "broker_unavailable")
        own_brokers.events.start()
        assert await gateway.status("sess_0123456789abcdef") == "invalid"
        own_brokers.events.kill()
        own_brokers.events.start()
        assert await gateway.status("sess_0123456789abcdef") == "invalid"
