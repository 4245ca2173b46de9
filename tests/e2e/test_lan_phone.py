"""`a3cp up --lan` and a phone in another network namespace, as one story: the phone installs the authority, its camera
reads the QR code from the terminal, and it records a take.

The QR code is decoded from the terminal's characters. Chromium has a phone's profile; it trusts the authority in its
own certificate store, and nothing tells it to ignore an error.
"""

from __future__ import annotations

import hashlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, expect

from contracts.process.settings import Settings
from scripts.commands.access import add_entry
from tests.attack.lone_network import IP
from tests.e2e.conftest import ALLOWED, CAMERA, FLAGS, ROOT, absent, opened
from tests.e2e.test_gesture import button, events_of
from tests.e2e.test_library_story import show
from tests.e2e.test_record import heading, take
from tests.support.qr import read_qr
from tests.support.waiting import wait_until

STUDY = """
title = "Daily care"
language = "en"
consent = "# May we record you?"
repetitions = 1
seconds = 2
[good]
worst_verdict = "check"
[[prompts]]
id = "drink"
text = "Drink"
"""
HOME, PHONE = "10.77.0.1", "10.77.0.2"
ENDED = "It works once"


@dataclass
class Network:
    """Two namespaces with a cable between them: ``home`` has the gateway, ``phone`` the browser."""

    home: str = f"a3cp-home-{os.getpid()}"
    phone: str = f"a3cp-phone-{os.getpid()}"

    def __post_init__(self) -> None:
        for name in (self.home, self.phone):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.home, "link", "add", "veth0", "type", "veth", "peer", "name", "veth0", "netns", self.phone)
        for name, address in ((self.home, HOME), (self.phone, PHONE)):
            _ip("-n", name, "address", "add", f"{address}/24", "dev", "veth0")
            _ip("-n", name, "link", "set", "veth0", "up")

    def remove(self) -> None:
        for name in (self.home, self.phone):
            subprocess.run([str(IP), "netns", "del", name], check=False)


def _ip(*arguments: str) -> None:
    done = subprocess.run([str(IP), *arguments], capture_output=True, text=True)
    if done.returncode:
        absent(f"this machine lets the test make no network: {done.stderr}")


@pytest.fixture
def network() -> Iterator[Network]:
    for tool in (IP, shutil.which("certutil"), shutil.which("curl")):
        if tool is None or os.geteuid() != 0:
            absent("the test needs root, iproute2, curl and libnss3-tools")
    made = Network()
    try:
        yield made
    finally:
        made.remove()


@dataclass
class Terminal:
    """What a command has printed to a terminal of its own."""

    text: str = ""

    def read(self, descriptor: int) -> None:
        with suppress(OSError):  # the other end is closed
            while chunk := os.read(descriptor, 65_536):
                self.text += chunk.decode(errors="replace")


@contextmanager
def in_a_terminal(command: list[str], environment: dict[str, str]) -> Iterator[Terminal]:
    """Run a command in a terminal; stop it as Ctrl-C does."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=theirs, stderr=theirs, stdin=theirs)
    os.close(theirs)
    terminal = Terminal()
    reader = threading.Thread(target=terminal.read, args=(ours,))
    reader.start()
    try:
        wait_until(lambda: ENDED in terminal.text, "the stack prints its QR code", unless=process.poll)
        yield terminal
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        reader.join()
        os.close(ours)
        print(terminal.text)


def trusting(folder: Path, network: Network, address: str, printed: str) -> dict[str, str]:
    """Install the authority in the phone's store, if its fingerprint is the printed one; returns the environment."""
    store = folder / "phone/.pki/nssdb"
    store.mkdir(parents=True)
    authority = folder / "phone/authority.crt"
    in_phone = [str(IP), "netns", "exec", network.phone]
    asked = [*in_phone, "curl", "-s", "--fail", "-o", str(authority), address]
    assert subprocess.run(asked).returncode == 60, "curl trusts the certificate before the authority is installed"
    subprocess.run([*asked, "--insecure"], check=True)
    fingerprint = hashlib.sha256(authority.read_bytes()).digest().hex(":").upper()
    assert fingerprint == ":".join(re.findall(r"(?:[0-9A-F]{2}:){15}[0-9A-F]{2}", printed))
    certutil = ["certutil", "-d", f"sql:{store}"]
    subprocess.run([*certutil, "-N", "--empty-password"], check=True)
    subprocess.run([*certutil, "-A", "-n", "a3cp", "-t", "C,,", "-i", str(authority)], check=True)
    return {**os.environ, "HOME": str(folder / "phone")}


@contextmanager
def phone_browser(
    playwright: Playwright, chromium: str, folder: Path, network: Network, environment: dict[str, str]
) -> Iterator[Browser]:
    """Chromium in the phone's network, with a camera that shows a person."""
    camera, program = folder / "camera.y4m", folder / "chromium"
    show(camera, "two_hands")
    program.write_text(f'#!/bin/sh\nexec {IP} netns exec {network.phone} {chromium} "$@"\n')
    program.chmod(0o700)
    flags = [*FLAGS, CAMERA, ALLOWED, f"--use-file-for-fake-video-capture={camera}"]
    browser = playwright.chromium.launch(executable_path=program, args=flags, env=environment)
    try:
        yield browser
    finally:
        browser.close()


def test_a_phone_trusts_the_authority_scans_the_code_and_records(
    network: Network, playwright: Playwright, chromium: str, tmp_path: Path
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies/care.toml").write_text(STUDY)
    access = tmp_path / "access.toml"
    add_entry(Settings(access_file=access), "ana-phone", "record", ["ana"], 1)
    folders = {"DATA_ROOT": "data", "LOG_ROOT": "logs", "A3CP_STATE_DIR": "state", "A3CP_STUDIES_DIR": "studies"}
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("A3CP_")},
        **{name: str(tmp_path / folder) for name, folder in folders.items()},
        "A3CP_ACCESS_FILE": str(access),
        "A3CP_PORT": "8443",
    }
    command = [str(IP), "netns", "exec", network.home, sys.executable, "-m", "scripts.cli", "up", "--lan"]
    with in_a_terminal(command, environment) as terminal:
        address = read_qr(terminal.text)
        assert re.fullmatch(rf"https://{HOME}:8443/record#code=[\w-]{{22}}", address), terminal.text
        trusted = trusting(tmp_path, network, f"https://{HOME}:8443/authority.crt", terminal.text)
        phone = {name: value for name, value in playwright.devices["Pixel 7"].items() if name != "default_browser_type"}
        with phone_browser(playwright, chromium, tmp_path, network, trusted) as browser:
            with opened(browser, f"https://{HOME}:8443", **phone) as page:
                page.goto(address)
                expect(page.get_by_text("Signed in: ana-phone")).to_be_visible()
                assert page.url == f"https://{HOME}:8443/record"
                button(page, "Go on")
                heading(page, "First, a question")
                page.get_by_role("radio", name="The person who is recorded").check()
                button(page, "Yes, start the session")
                heading(page, "Can the camera see you?")
                button(page, "Go on")
                heading(page, "Drink")
                take(page, "Start", "Good!")
                button(page, "Next")
                heading(page, "All done")
            with opened(browser, f"https://{HOME}:8443", **phone) as page:
                page.goto(address)
                expect(page.get_by_text("This sign-in code is used up or too old.")).to_be_visible()
    assert address.partition("=")[2] not in (tmp_path / "access.toml").read_text()
    (log,) = (tmp_path / "logs").rglob("*.jsonl")
    [recorded] = [event for event in events_of(log) if "raw_features_ref" in event]
    assert recorded["recorded_by"] == "ana-phone" and recorded["annotation"]["prompt"] == "drink"
