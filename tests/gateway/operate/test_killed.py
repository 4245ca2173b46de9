"""``kill -9`` of the gateway in the middle of another try: the event is dead still, or queued once."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from contracts.broker import keys
from contracts.broker.script import run_sync
from contracts.rules.paths import session_log_path
from contracts.state import dead_letters
from contracts.state.events import EventEntry, Receipt
from tests.conftest import BrokerPair, on_one
from tests.contracts.storage.session_lines import SESSION, USER, record_id
from tests.integration.faults.proxy import Moment, Proxy, script_names
from tests.support.gateway import REPOSITORY, GatewayProcess, serving
from tests.support.waiting import DEADLINE_S

EVENT = b'{"user_id":"%s","session_id":"%s"}' % (USER.encode(), SESSION.encode())


def serving_behind(
    proxy: Proxy, brokers: BrokerPair, folder: Path
) -> contextlib.AbstractContextManager[GatewayProcess]:
    urls = {"A3CP_FRAMES_URL": brokers.frames.url, "A3CP_EVENTS_URL": proxy.url}
    return serving(folder, **urls, A3CP_STATE_DIR=str(folder / "state"))


@pytest.mark.parametrize("moment", ["asked", "answered"])
@on_one("valkey")
async def test_a_killed_retry_leaves_the_event_dead_or_queued_once(
    own_brokers: BrokerPair, tmp_path: Path, moment: Moment
) -> None:
    session_log_path(tmp_path / "logs", USER, SESSION).parent.mkdir(parents=True)
    proxy = Proxy(tmp_path / "events.sock", own_brokers.events.folder / "broker.sock", script_names(REPOSITORY))
    await proxy.start()
    with own_brokers.events.client() as events:
        fields = EventEntry(EVENT, USER, SESSION, record_id(1)).encode()
        broken = {name.encode(): v if isinstance(v, bytes) else v.encode() for name, v in fields.items()}
        refused = Receipt(error="missing_session_path", detail="no directory")
        run_sync(events, dead_letters.dead_letter("1-0", refused, broken, datetime.now(UTC)))
        [[letter_id, _]] = events.xrange(keys.DEAD_EVENTS)  # type: ignore[misc]
        path = f"/operate/dead/{letter_id.decode()}/retry"
        with serving_behind(proxy, own_brokers, tmp_path) as gateway:
            # "asked": before the broker has seen the script; "answered": after it ran, before the gateway knows
            proxy.trap("retry_letter", moment, "cut", do=lambda _: gateway.process.kill())
            with pytest.raises(httpx.TransportError):
                await asyncio.to_thread(httpx.post, gateway.address + path, timeout=DEADLINE_S)
            await asyncio.to_thread(gateway.process.wait)
        assert (events.xlen(keys.DEAD_EVENTS), events.xlen(keys.EVENTS)) == ((1, 0) if moment == "asked" else (0, 1))
        proxy.release()
        with serving_behind(proxy, own_brokers, tmp_path) as gateway:  # the operator asks again
            answer = await asyncio.to_thread(httpx.post, gateway.address + path, timeout=DEADLINE_S)
        assert answer.status_code == (200 if moment == "asked" else 404), answer.text
        assert moment == "asked" or "It was put back into the stream at" in answer.json()["detail"]
        assert (events.xlen(keys.DEAD_EVENTS), events.xlen(keys.EVENTS)) == (0, 1)
    await proxy.stop()
    assert not proxy.errors
