"""Brokers with TLS and a private certificate authority, on Debian's Redis: the Valkey wheel has no TLS."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from contracts.broker.roles import (
    AsyncBroker,
    BrokerForbids,
    SharingClient,
    broker_errors,
    check_role,
    connect,
    connect_sync,
)
from contracts.process.settings import load_settings
from contracts.rules.errors import BrokerUnavailable, ConfigurationError
from tests.support.brokers import FRAMES, BrokerProcess, server_path


@dataclass(frozen=True)
class Server:
    """A cluster of one master, which plain clients can use too. ``folder`` has the certificates."""

    port: int
    folder: Path

    def url(self, scheme: str = "rediss", host: str = "localhost", ca: str = "ca.pem", me: str = "me.pem") -> str:
        options = [f"ssl_ca_certs={self.folder / ca}"]
        if me:
            options += [f"ssl_certfile={self.folder / me}", f"ssl_keyfile={self.folder / me}"]
        return f"{scheme}://{host}:{self.port}?{'&'.join(options)}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if server_path("redis") is None:
        message = "no redis server on this machine: apt-get install redis-server"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    folder = tmp_path_factory.mktemp("tls")
    ours, others = trustme.CA(), trustme.CA()
    ours.cert_pem.write_to_path(folder / "ca.pem")
    others.cert_pem.write_to_path(folder / "other-ca.pem")
    # a cluster tells its clients addresses, so the certificate names one
    ours.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    ours.issue_cert("gateway.example").private_key_and_cert_chain_pem.write_to_path(folder / "me.pem")
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        port, bus_port = first.getsockname()[1], second.getsockname()[1]
    tls = {"tls-port": port, "tls-cert-file": folder / "server.pem", "tls-key-file": folder / "server.pem",
           "tls-ca-cert-file": folder / "ca.pem", "tls-cluster": "yes", "bind": "127.0.0.1 127.0.0.2",
           "cluster-enabled": "yes", "cluster-port": bus_port, "cluster-announce-ip": "127.0.0.1"}  # fmt: skip
    options = [word for name, value in tls.items() for word in (f"--{name}", str(value))]
    broker = BrokerProcess("redis", (*FRAMES, *options)).start()
    with broker.client() as client:
        client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
            pass
    yield Server(port, folder)
    broker.stop()


async def asked(broker: AsyncBroker) -> None:
    try:
        await check_role(broker, "frames")
        with broker_errors("frames"):
            await broker.set("key", "value")
            if isinstance(broker, SharingClient):
                assert await broker.shared.ask("GET", "key") == b"value"
    finally:
        await broker.aclose()


@pytest.mark.parametrize("scheme", ["rediss", "rediss-cluster"])
def test_a_private_authority_and_a_client_certificate_are_named_in_the_url(server: Server, scheme: str) -> None:
    asyncio.run(asked(connect(server.url(scheme))))
    with broker_errors("frames"), connect_sync(server.url(scheme)) as broker:
        assert broker.get("key") == b"value"


@pytest.mark.parametrize("scheme", ["rediss", "rediss-cluster"])
@pytest.mark.parametrize(
    ("options", "why"),
    [({"ca": "other-ca.pem"}, "certificate"), ({"host": "127.0.0.2"}, "not valid for '127.0.0.2'")],
    ids=["authority", "host"],
)
def test_a_server_without_a_trusted_certificate_is_refused_and_the_line_says_how_to_fix_it(
    server: Server, scheme: str, options: dict[str, str], why: str
) -> None:
    url = server.url(scheme, **options)
    with pytest.raises(BrokerForbids, match=why) as caught:
        asyncio.run(asked(connect(url)))
    assert "A3CP_FRAMES_URL=rediss://HOST:PORT?ssl_ca_certs=" in str(caught.value)
    with pytest.raises(BrokerForbids, match=why), broker_errors("frames"), connect_sync(url) as broker:
        broker.get("key")


async def test_the_shared_connection_checks_the_broker_as_well(server: Server) -> None:
    broker = connect(server.url(ca="other-ca.pem"))
    assert isinstance(broker, SharingClient)
    with pytest.raises(BrokerForbids), broker_errors("frames"):
        await broker.shared.ask("PING")
    await broker.aclose()


def test_a_broker_that_asks_for_a_client_certificate_does_not_answer_without_one(server: Server) -> None:
    with pytest.raises(BrokerUnavailable):
        asyncio.run(asked(connect(server.url(me=""))))


def test_a_process_that_does_not_trust_its_broker_ends_with_one_line(server: Server, tmp_path: Path) -> None:
    url = server.url(ca="other-ca.pem")
    environ = {"A3CP_FRAMES_URL": url, "A3CP_EVENTS_URL": url, "DATA_ROOT": str(tmp_path), "LOG_ROOT": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "recorder"], env=os.environ | environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("a3cp recorder: the events broker is refused: its certificate is not trusted")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs names no file that can be read"),
        ("?ssl_ca_cert=/etc/hostname", "its option ssl_ca_cert cannot be used here: the options are "),
        ("?ssl_cert_reqs=none", "its option ssl_cert_reqs cannot be used here: the options are "),
    ],
)
@pytest.mark.parametrize("scheme", ["rediss", "rediss-cluster"])
def test_an_option_that_is_wrong_is_one_line_that_names_the_variable(scheme: str, query: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        load_settings({"A3CP_FRAMES_URL": f"{scheme}://gateway:secret@localhost:6379{query}"})
    assert "A3CP_FRAMES_URL" in str(caught.value)
    assert "secret" not in str(caught.value)
