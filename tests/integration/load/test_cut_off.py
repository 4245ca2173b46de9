"""Clients that leave in the middle of what they send, or before they are answered, leave nothing in the gateway."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from contracts.rules.landmarks import DIMS, Row
from tests.conftest import BrokerPair
from tests.gateway.preview.test_preview import published, settled
from tests.integration.load.loaded_gateway import LoadedGateway, loaded_gateway
from tests.integration.load.sockets import BINARY, CONTINUATION, PATH, BareSocket, framed
from tests.support.waiting import until

pytestmark = pytest.mark.real

AT_ONCE = 50
MESSAGE = framed(BINARY, bytes(6 * 1024 * 1024))[:-1000]
LIVE = "/ws/video/stream?pipeline_id=pose"
GROWTH_BYTES = 40 * 1024 * 1024
"""By how much the gateway may be larger after fifty more of each kind. 300 sockets that were cut left 1,395 MB once, so
fifty would leave 232."""

LISTEN, TIME_WAIT = "0A", "06"
KEPT = 1
"""The connection of the test's own HTTP client."""

Client = Callable[[LoadedGateway, dict[str, str]], Awaitable[BareSocket]]


async def sends(loaded: LoadedGateway, data: bytes, path: str = "") -> BareSocket:
    bare = await loaded.socket(path) if path else await loaded.bare()
    with suppress(ConnectionError):  # the gateway may have closed the connection
        await bare.send(data)
    return bare


async def cuts_a_live_message(loaded: LoadedGateway, _ids: dict[str, str]) -> BareSocket:
    return await sends(loaded, MESSAGE, LIVE)


async def cuts_a_capture_message(loaded: LoadedGateway, _ids: dict[str, str]) -> BareSocket:
    return await sends(loaded, MESSAGE, PATH)


async def cuts_a_message_of_fragments(loaded: LoadedGateway, _ids: dict[str, str]) -> BareSocket:
    first, more = framed(BINARY, b"x", last=False), framed(CONTINUATION, bytes(1000), last=False)
    return await sends(loaded, first + more * 3000, LIVE)


def post(path: str, body: bytes, announced: int, kind: str = "application/json") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {announced}\r\n\r\n"
    return head.encode() + body


async def cuts_an_upload(loaded: LoadedGateway, ids: dict[str, str]) -> BareSocket:
    fields = {"record_id": str(uuid.uuid4()), "capture_id": f"capture-{uuid.uuid4().hex}", **ids}
    parts = [f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    file = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\0\0\0\x18ftypmp42'
    form = "".join(parts).encode() + file + bytes(2_000_000)
    return await sends(loaded, post("/video/submit", form, 9_000_000, "multipart/form-data; boundary=XX"))


async def cuts_a_body(loaded: LoadedGateway, _ids: dict[str, str]) -> BareSocket:
    return await sends(loaded, post("/session_manager/sessions.start", b" " * 900_000, 1_000_000))


async def leaves_before_the_picture(loaded: LoadedGateway, ids: dict[str, str]) -> BareSocket:
    return await sends(loaded, f"GET {ids['picture']} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


CLIENTS: list[Client] = [
    cuts_a_live_message,
    cuts_a_capture_message,
    cuts_a_message_of_fragments,
    cuts_an_upload,
    cuts_a_body,
    leaves_before_the_picture,
]


async def test_clients_that_leave_in_the_middle_leave_no_memory(brokers: BrokerPair, tmp_path: Path) -> None:
    async with loaded_gateway(tmp_path, brokers) as loaded:
        ids = await recorded(loaded, tmp_path)
        for client in CLIENTS:  # the allocator keeps what the first ones need at once, more on a busier machine
            await leave(loaded, ids, client, AT_ONCE)
        began = loaded.memory_bytes()
        for client in CLIENTS:
            highest = await leave(loaded, ids, client, AT_ONCE)
            grown = loaded.memory_bytes() - began
            print(f"{client.__name__}: {grown / 2**20:.0f} MiB more, {highest / 2**20:.0f} MiB at the highest")
        assert loaded.memory_bytes() - began < GROWTH_BYTES


async def leave(loaded: LoadedGateway, ids: dict[str, str], client: Client, count: int) -> int:
    """Let ``count`` clients leave at once and wait until they are gone; returns the highest memory seen."""
    sockets = await asyncio.gather(*(client(loaded, ids) for _ in range(count)))
    highest = loaded.memory_bytes()
    for bare in sockets:
        bare.drop()
    await until(lambda: connections(loaded.port) <= KEPT, "all connections are gone")
    return highest


def connections(port: int) -> int:
    """How many connections the gateway has to clients, those apart that only wait for the system to forget them."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    of_gateway = [state for _, local, _, state, *_ in lines if int(local.split(":")[1], 16) == port]
    return sum(state not in (LISTEN, TIME_WAIT) for state in of_gateway)


async def recorded(loaded: LoadedGateway, folder: Path) -> dict[str, str]:
    """A session, and a capture of two minutes in it that can be drawn."""
    settings = SimpleNamespace(data_root=folder / "data", log_root=folder / "logs")
    state = SimpleNamespace(events=loaded.events, frames=loaded.frames, settings=settings)
    gateway: Any = SimpleNamespace(state=state, user_id=f"user-{uuid.uuid4().hex[:12]}")
    rows = [Row(66 * index, True, orjson.dumps(index).ljust(4 * DIMS, b"\0")) for index in range(1800)]
    made, _ = await published(gateway, *rows)
    await settled(gateway, made)
    picture = f"/captures/{made.capture_id}/animation.gif"
    return {"user_id": made.user_id, "session_id": made.session_id, "picture": picture}
