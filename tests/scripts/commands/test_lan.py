"""What `a3cp up --lan` prints: for whom it makes a code, and that a code that cannot be made stops nothing."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from pydantic import SecretStr

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from scripts.commands import lan
from scripts.commands.access import AccessError, add_entry
from scripts.commands.lan import LocalPhones
from scripts.stack.authority import keep_certificate
from scripts.stack.machine import Machine, this_machine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def settings_in(folder: Path) -> Settings:
    settings = Settings(access_file=folder / "access.toml", state_dir=folder / "state", api_token=SecretStr("operator"))
    add_entry(settings, "ana-phone", "record", ["ana"], 90)
    return settings


def test_an_expired_recorder_gets_no_code(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    add_entry(settings, "old-phone", "record", ["ana"], 90)
    file = tmp_path / "access.toml"
    before, _, after = file.read_text().rpartition("expires = ")
    file.write_text(before + "expires = 2020" + after[4:])
    assert LocalPhones.of(settings, None).recorder == "ana-phone"
    with pytest.raises(ConfigurationError, match=r"--for: no entry .* is named old-phone, records, and is valid"):
        LocalPhones.of(settings, "old-phone")


def test_the_addresses_in_other_networks_are_printed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(("laptop",), (IPv4Address("10.8.0.2"), IPv4Address("192.168.1.7")))
    monkeypatch.setattr("scripts.stack.lan.this_machine", lambda: machine)
    phones = LocalPhones.of(settings_in(tmp_path), None)
    lines = list(lan._lines(phones.network, phones.network.settings, None))
    assert "  https://10.8.0.2:8000" in lines
    assert lines[-2].startswith("In another network of this machine: https://192.168.1.7:8000 (a3cp access code ")


def test_an_authority_that_is_not_valid_yet_is_explained(tmp_path: Path) -> None:
    keep_certificate(tmp_path / "state" / "tls", this_machine(), datetime.now(UTC) + timedelta(days=400))
    phones = LocalPhones.of(settings_in(tmp_path), None)
    said = "\n".join(lan._lines(phones.network, phones.network.settings, None))
    assert "only, so phones refuse it. Is this machine's clock right?" in said


def test_a_code_that_cannot_be_made_leaves_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> str:
        raise AccessError("access.toml: Read-only file system")

    monkeypatch.setattr(lan, "new_address", fails)
    monkeypatch.setattr(sys, "stdout", Terminal())
    phones = LocalPhones.of(settings_in(tmp_path), None)
    lines = list(lan._lines(phones.network, phones.network.settings, phones.recorder))
    assert "No code for ana-phone can be made: access.toml: Read-only file system" in lines
    assert "A code that signs a phone in, so that it needs no token: a3cp access code ana-phone" in lines
