"""``a3cp access code``: the address and the QR code that sign a device in, and what the access file then has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import fakeredis
import pytest
from pydantic import SecretStr

from contracts.process.access_file import AccessFile
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.rights import find_entry
from contracts.rules.sign_in import CODE_LIFE_S, MOST_SIGNED_IN
from contracts.state import sign_in
from scripts.commands.access import add_entry, revoke_entry
from scripts.commands.access_code import AccessError, code_lines, new_address, show_code
from tests.support.qr import read_qr

GATEWAY = "https://192.168.1.7:8000"


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> fakeredis.FakeServer:
    server = fakeredis.FakeServer()
    monkeypatch.setattr("scripts.commands.access_code.connect_sync", lambda _: fakeredis.FakeStrictRedis(server=server))
    return server


def settings_in(folder: Path) -> Settings:
    url = SecretStr("redis://broker")
    return Settings(access_file=folder / "access.toml", state_dir=folder / "state", frames_url=url, events_url=url)


def token_from(server: fakeredis.FakeServer, address: str) -> str | None:
    """What a gateway gives for the code of this address."""
    return asyncio.run(sign_in.take_code(fakeredis.FakeAsyncRedis(server=server), address.partition("#code=")[2]))


def test_a_code_gives_a_token_of_its_entry_once_and_nothing_that_is_kept_opens_it(
    tmp_path: Path, broker: fakeredis.FakeServer
) -> None:
    settings = settings_in(tmp_path)
    file = tmp_path / "access.toml"
    add_entry(settings, "ana-phone", "record", ["ana"], 90)
    file.write_text("# phones\n" + file.read_text())
    add_entry(settings, "ben.phone", "record", ["ben"], 90)
    first, second = (new_address(settings, name, GATEWAY) for name in ("ana-phone", "ben.phone"))
    assert first.startswith(f"{GATEWAY}/record#code=")
    with fakeredis.FakeStrictRedis(server=broker) as client:
        [*names] = client.keys()
        assert len(names) == 2 and all(0 < int(client.ttl(name)) <= CODE_LIFE_S for name in names)  # type: ignore[arg-type]
        kept = b"".join([*names, *(bytes(client.get(name) or b"") for name in names)])  # type: ignore[arg-type]
    assert first.partition("=")[2].encode() not in kept + file.read_bytes()
    token = token_from(broker, first)
    assert token is not None and token.encode() not in kept + file.read_bytes()
    entry = find_entry(AccessFile(file).entries(), token)
    assert entry is not None and (entry.name, entry.user_ids) == ("ana-phone", {"ana"})
    assert token_from(broker, first) is None
    assert file.read_text().startswith("# phones\n[ana-phone]\n")
    revoke_entry(settings, "ana-phone")
    assert find_entry(AccessFile(file).entries(), token) is None
    other = token_from(broker, second)
    assert other is not None and find_entry(AccessFile(file).entries(), other) is not None


def test_an_entry_has_a_bounded_number_of_devices(tmp_path: Path, broker: fakeredis.FakeServer) -> None:
    settings = settings_in(tmp_path)
    add_entry(settings, "ana-phone", "record", ["ana"], 90)
    tokens = [token_from(broker, new_address(settings, "ana-phone", GATEWAY)) for _ in range(MOST_SIGNED_IN + 1)]
    entries = AccessFile(tmp_path / "access.toml").entries()
    assert len(entries) == 1 + MOST_SIGNED_IN
    assert [token is not None and find_entry(entries, token) is not None for token in tokens] == [False] + [True] * 16


def test_a_code_is_refused_for_what_is_no_recorder(tmp_path: Path, broker: fakeredis.FakeServer) -> None:
    settings = settings_in(tmp_path)
    add_entry(settings, "board", "review", [], 90)
    with pytest.raises(AccessError, match="there is no entry named carl"):
        show_code(settings, "carl", GATEWAY)
    with pytest.raises(AccessError, match="board has the role review; a code signs in those who record"):
        show_code(settings, "board", GATEWAY)
    with pytest.raises(ConfigurationError, match="no `a3cp up` runs here"):
        show_code(settings, "board", None)
    with pytest.raises(ConfigurationError, match="--url"):
        show_code(settings, "board", "192.168.1.7")


def test_the_printed_qr_code_has_the_address() -> None:
    address = f"{GATEWAY}/a3cp/record#code=abcdefghijklmnopqrst-_"
    lines = list(code_lines(address, "ana-phone"))
    assert read_qr("\n".join(lines)) == address
    assert f"  {address}" in lines and lines[-1].endswith("a3cp access code ana-phone")
