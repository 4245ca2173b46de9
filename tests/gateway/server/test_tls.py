"""The gateway over TLS: its own protocols, a certificate that is replaced while it runs, and several processes."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from contracts.process.certificates import certificate_facts
from contracts.rules.limits import CaptureLimits
from tests.gateway.reached import reaching
from tests.integration.load.sockets import PING, TEXT, framed
from tests.support.certificates import Pair
from tests.support.gateway import DEADLINE_S, served, serving
from tests.support.waiting import until


async def test_a_client_that_does_not_read_is_not_read_and_goes_on_when_it_reads_again(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    limits = CaptureLimits(open_timeout_s=DEADLINE_S)
    async with reaching(tmp_path, recorder=False, port=0, capture=limits, **pair.settings) as gateway:
        gateway.state.refusal = ""
        running, task, port = await served(gateway.app, gateway.state)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=pair.trust, limit=2**16)
        client = ClientProtocol(parse_uri(f"wss://localhost:{port}/camera_feed_worker/capture"))
        client.send_request(client.connect())
        writer.write(b"".join(client.data_to_send()))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
        [connection] = running.server_state.connections
        writer.write(framed(PING, b"x" * 125) * 60_000)
        await until(lambda: not connection.transport.is_reading())
        assert connection.transport.get_write_buffer_size() < 2**19
        writer.write(framed(TEXT, b"{}"))
        assert b"schema_error" in await asyncio.wait_for(reader.read(), DEADLINE_S)
        writer.close()
        running.stop()
        await task


async def test_a_refusal_reaches_a_client_that_is_still_sending(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    async with reaching(tmp_path, recorder=False, port=0, **pair.settings) as gateway:
        running, task, port = await served(gateway.app, gateway.state)
        async with httpx.AsyncClient(verify=pair.trust, timeout=DEADLINE_S) as client:
            answer = await client.post(f"https://localhost:{port}/schema-recorder/append", content=b"x" * 10_000_000)
        assert answer.status_code == 413
        running.stop()
        await task


async def test_browsers_are_asked_to_stay_with_https_only_if_the_certificate_is_a_public_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(tmp_path)
    async with reaching(tmp_path, recorder=False, **pair.settings) as gateway:
        assert "strict-transport-security" not in (await gateway.client.get("/livez")).headers
        monkeypatch.setenv("SSL_CERT_FILE", str(pair.ca))  # the system's list of authorities
        pair.issue("a3cp.example")
        assert gateway.state.certificate is not None
        certificate_facts(pair.cert, gateway.state.certificate.context)  # a handshake, which reads the files again
        assert (await gateway.client.get("/livez")).headers["strict-transport-security"] == "max-age=15552000"


def test_processes_serve_a_new_pair_at_once_and_keep_the_old_one_while_the_new_one_is_wrong(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    with serving(tmp_path, arguments=["--processes", "2"], **pair.environment) as gateway:
        gateway.wait_for("listening")  # the second process: none of them starts while the pair is wrong
        port = urlsplit(gateway.address).port
        assert gateway.address.startswith("https://") and port is not None
        assert httpx.get(f"{gateway.address}/livez", verify=pair.trust, timeout=DEADLINE_S).status_code == 200
        waits = socket.create_connection(("127.0.0.1", port))  # in its handshake, until the stop

        pair.issue("half.example", key_too=False)
        assert pair.names_at(port) == {"localhost", "127.0.0.1"}
        line = gateway.wait_for("the new certificate cannot be used; the one before stays in use")
        assert f"not the key of the certificate {pair.cert}" in line["detail"]
        pair.issue("new.example")
        assert {name for _ in range(8) for name in pair.names_at(port)} == {"localhost", "127.0.0.1", "new.example"}
        gateway.wait_for("certificate read")
        gateway.process.terminate()
        code, lines = gateway.ended()
        waits.close()
    assert code == 0
    assert not [line for line in lines if b"Traceback" in line or b"PRIVATE" in line]
