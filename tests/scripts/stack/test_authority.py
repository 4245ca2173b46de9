"""The local authority: what it issues, for whom it is believed, and when it issues again."""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from pydantic import SecretStr

from contracts.process.settings import Settings
from contracts.process.tls import ServedCertificate
from contracts.rules.errors import ConfigurationError, FatalError
from scripts.commands.access import add_entry
from scripts.stack import authority, lan
from scripts.stack.authority import keep_certificate
from scripts.stack.machine import Machine, this_machine
from tests.support.waiting import until

HOME = Machine(("laptop", "laptop.local"), (IPv4Address("192.168.1.7"),))
NOW = datetime.now(UTC)


def trusts(ca: Path, served: Path, host: str) -> bool:
    """Whether a device that trusts this authority believes that the server is this host."""
    server = ServedCertificate(served, served).context
    client = ssl.create_default_context(cafile=ca)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=host),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    try:
        while sides:
            side = sides.pop(0)
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                sides.append(side)
    except ssl.SSLCertVerificationError:
        return False
    return True


def test_a_device_that_trusts_the_authority_believes_this_machine_and_no_other(tmp_path: Path) -> None:
    made = keep_certificate(tmp_path / "tls", HOME, NOW)
    assert made.is_new and len(made.fingerprint) == 95
    for host in ("192.168.1.7", "laptop", "laptop.local", "localhost", "127.0.0.1"):
        assert trusts(made.authority, made.served, host), host
    assert not trusts(made.authority, made.served, "192.168.1.8")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "tls").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert not ServedCertificate(made.served, made.served).is_public


def test_a_stolen_authority_is_not_believed_for_public_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keep_certificate(tmp_path, HOME, NOW)
    monkeypatch.setattr(authority, "_is_fit", lambda *_: True)
    keep_certificate(tmp_path, Machine(("bank.example",), (IPv4Address("192.0.2.9"),)), NOW)
    for host in ("bank.example", "192.0.2.9", "localhost"):
        assert not trusts(made.authority, made.served, host), host


def test_it_issues_again_before_the_end_and_for_another_address_and_devices_go_on(tmp_path: Path) -> None:
    first = keep_certificate(tmp_path, HOME, NOW)
    before = first.served.read_bytes()
    assert keep_certificate(tmp_path, HOME, NOW + timedelta(days=59)).served.read_bytes() == before
    later = keep_certificate(tmp_path, HOME, NOW + timedelta(days=61))
    assert later.served.read_bytes() != before and not later.is_new
    moved = keep_certificate(tmp_path, Machine(HOME.names, (IPv4Address("10.3.0.2"),)), NOW)
    assert moved.fingerprint == first.fingerprint and trusts(first.authority, moved.served, "10.3.0.2")
    first.served.write_text("damaged")
    assert trusts(first.authority, keep_certificate(tmp_path, HOME, NOW).served, "192.168.1.7")


def test_a_public_address_that_the_authority_may_not_have_or_its_end_makes_another_one(tmp_path: Path) -> None:
    first = keep_certificate(tmp_path, HOME, NOW)
    public = Machine(HOME.names, (IPv4Address("192.0.2.5"),))
    second = keep_certificate(tmp_path, public, NOW)
    assert second.is_new and second.fingerprint != first.fingerprint
    assert trusts(second.authority, second.served, "192.0.2.5")
    assert not keep_certificate(tmp_path, public, NOW + timedelta(days=1600)).is_new
    assert keep_certificate(tmp_path, public, NOW + timedelta(days=1780)).is_new
    assert (tmp_path / "authority.key").write_text("") == 0
    assert keep_certificate(tmp_path, public, NOW).is_new


async def test_a_running_stack_gets_a_certificate_for_its_new_address_and_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lan, "CHECK_S", 0)
    now = [HOME]
    monkeypatch.setattr(lan, "this_machine", lambda: now[0])
    network = lan.on_local_network(Settings(state_dir=tmp_path, api_token=SecretStr("a-long-token")))
    assert network.certificate is not None
    said: list[str] = []
    keeping = asyncio.create_task(network.keep(said.append, 8443))
    await asyncio.sleep(0)  # it knows the first address
    for address, expected in (
        ("10.3.0.2", ["The address has changed: https://10.3.0.2:8443"]),
        ("192.0.2.5", [
            "There is a new authority, which phones have to trust: https://192.0.2.5:8443/authority.crt",
            "The address has changed: https://192.0.2.5:8443",
        ]),
    ):  # fmt: skip
        said.clear()
        now[0] = Machine(HOME.names, (IPv4Address(address),))
        await until(lambda wanted=expected: said == wanted, unless=keeping.done)
        assert trusts(network.certificate.authority, network.certificate.served, address)
    said.clear()
    monkeypatch.setattr(
        lan, "keep_certificate", lambda *_: keep_certificate(tmp_path / "tls" / "gateway.pem", HOME, NOW)
    )
    await until(lambda: said, unless=keeping.done)
    assert said[0].startswith("The certificate cannot be renewed: A3CP_STATE_DIR: ")
    keeping.cancel()


def test_after_a_clock_that_was_ahead_the_certificate_is_issued_again_and_the_authority_says_from_when(
    tmp_path: Path,
) -> None:
    ahead = keep_certificate(tmp_path, HOME, NOW + timedelta(days=400))
    served = ahead.served.read_bytes()
    now = keep_certificate(tmp_path, HOME, NOW)
    assert (now.is_new, now.fingerprint) == (False, ahead.fingerprint) and now.served.read_bytes() != served
    assert now.valid_from > NOW > keep_certificate(tmp_path / "other", HOME, NOW).valid_from


def test_a_full_disk_and_a_key_with_a_password_are_no_riddle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "tls"
    first = keep_certificate(folder, HOME, NOW)
    key = load_pem_private_key((folder / "authority.key").read_bytes(), None)
    (folder / "authority.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )

    def is_full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(authority, "_write", is_full)
        with pytest.raises(FatalError, match=f"A3CP_STATE_DIR: {folder}: No space left on device"):
            keep_certificate(folder, HOME, NOW)
    made = keep_certificate(folder, HOME, NOW)
    assert made.is_new and made.fingerprint != first.fingerprint


def test_the_local_network_is_served_only_to_those_who_have_a_token(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, root_path="/a3cp")
    with pytest.raises(ConfigurationError, match=r"^--lan: .*`a3cp access add PHONE --role record --user USER`"):
        lan.on_local_network(settings)
    guarded = settings.model_copy(update={"access_file": tmp_path / "access.toml"})
    add_entry(guarded, "ana-phone", "record", ["ana"], 1)
    found = lan.on_local_network(guarded).settings
    assert (found.host, found.scheme) == ("0.0.0.0", "https")
    assert found.tls_cert == found.tls_key == tmp_path / "tls/gateway.pem"
    addresses = this_machine().addresses
    host = str(addresses[0]) if addresses else "localhost"
    assert lan.network_address(found, 8443) == f"https://{host}:8443/a3cp"
