"""The bounds on connections, with uvicorn in this process."""

from __future__ import annotations

import asyncio
import socket
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from gateway.server import http_protocol
from gateway.server.uvicorn_server import GatewayServer, open_listeners
from tests.gateway.reached import reaching
from tests.support.gateway import served
from tests.support.waiting import until


@asynccontextmanager
async def connected(folder: Path) -> AsyncIterator[tuple[GatewayServer, StreamReader, StreamWriter]]:
    """A gateway, and a connection to it."""
    async with reaching(folder, recorder=False, port=0) as gateway:
        server, task, port = await served(gateway.app, gateway.state)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(300):
            yield server, reader, writer
        writer.close()
        server.stop()
        await task


def connections(server: GatewayServer) -> list[Any]:
    return list(server.server_state.connections)


async def test_a_connection_without_a_request_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_S", 0.05)
    async with connected(tmp_path) as (_, reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nHost:")
        assert await reader.read() == b""


async def test_connection_that_never_finishes_its_next_head_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_S", 0.5)
    async with connected(tmp_path) as (_, reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b'{"status":"alive"}')
        writer.write(b"GET /livez HTTP/1.1\r\nHost:")
        assert await reader.read() == b""


async def test_request_that_is_answered_late_is_not_cut_off_by_the_time_for_heads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_WITHIN_S", 0.3)
    async with connected(tmp_path) as (_, reader, writer):
        head = b"POST /session_manager/sessions.validate HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" + head)
        await reader.readuntil(b'{"status":"alive"}')
        await asyncio.sleep(0.6)  # twice as long as a head may take
        writer.write(b"{}")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 422")


async def test_keep_alive_connection_may_ask_for_more_than_one_head_altogether(tmp_path: Path) -> None:
    async with connected(tmp_path) as (server, reader, writer):
        for _ in range(4):
            # in two reads of the server, so that the timer runs
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Fill: " + b"y" * 20_000)
            await until(lambda: any(known._in_head for known in connections(server)))
            before = connections(server)[0]._head_bytes
            writer.write(b"y" * 30_000)
            await until(lambda before=before: connections(server)[0]._head_bytes > before)
            writer.write(b"\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            await reader.readexactly(len(b'{"status":"alive"}'))


async def test_the_server_listens_on_every_address_of_the_host_at_one_port(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, port=0, host="localhost") as gateway:
        listeners = open_listeners(gateway.state.settings)
        try:
            meant = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
            assert "127.0.0.1" in {listener.getsockname()[0] for listener in listeners} <= meant
            assert len({listener.getsockname()[1] for listener in listeners}) == 1
        finally:
            for listener in listeners:
                listener.close()


def test_address_that_this_machine_does_not_have_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("203.0.113.7", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    settings = Settings(host="localhost", port=0)
    [listener] = open_listeners(settings)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    found.pop()
    with pytest.raises(ConfigurationError, match="A3CP_HOST: cannot listen on localhost:0"):
        open_listeners(settings)


def test_every_ipv6_address_means_every_ipv4_address_too() -> None:
    [listener] = open_listeners(Settings(host="::", port=0))
    with listener, socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=300):
        accepted, _ = listener.accept()
        accepted.close()
