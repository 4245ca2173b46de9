"""``a3cp access code``: a one-time code that signs a device in, as an address and a QR code for its camera."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from urllib.parse import urlsplit

import segno

from contracts.broker.roles import connect_sync
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.rights import AccessEntry, hash_token
from contracts.rules.sign_in import CODE_LIFE_S, MOST_SIGNED_IN, TOKEN_BYTES, token_of
from contracts.state import sign_in
from scripts.commands.access_text import AccessError, changing, with_signed_in
from scripts.stack.lan import network_address
from scripts.stack.running import running_stack, running_urls
from scripts.terminal import printable

__all__ = ["code_lines", "new_address", "qr_lines", "show_code"]

CODE_BYTES = 16
_WHITE_ON_BLACK, _RESET = "\x1b[97;40m", "\x1b[0m"


def show_code(settings: Settings, name: str, url: str | None) -> int:
    """Print an address, and its QR code, that signs one device in as the entry ``name``. Returns 0.

    Args:
        url: the gateway's URL as the device reaches it; by default that of the stack that runs here.

    Raises:
        ConfigurationError: a setting is missing or wrong, no stack runs here, or the URL is none.
        AccessError: there is no such recorder.
        BrokerUnavailable: the events broker does not answer.
    """
    address = _checked(url) if url is not None else _address_of_stack(settings)
    for line in code_lines(new_address(running_urls(settings), name, address), name):
        print(line)
    return 0


def new_address(settings: Settings, name: str, gateway_url: str) -> str:
    """Make a code for the entry ``name``, and return the address that uses it up. The code is behind the ``#``, which a
    browser does not send, so it is in no log. Raises as `show_code`."""
    secret, code = secrets.token_bytes(TOKEN_BYTES), secrets.token_urlsafe(CODE_BYTES)
    _add_token(settings, name, hash_token(token_of(secret)))
    with connect_sync(settings.broker_urls()[1]) as broker:
        sign_in.offer_code(broker, code, secret)
    return f"{gateway_url}/record#code={code}"


def _add_token(settings: Settings, name: str, token_hash: str) -> None:
    with changing(settings) as file:
        before = file.entries()
        own = [entry for entry in before if entry.name == name]
        _check(own, name)
        hashes = [*(entry.token_hash for entry in own[1:]), token_hash][-MOST_SIGNED_IN:]
        others = [entry for entry in before if entry.name != name]
        expected = [*others, own[0], *(replace(own[0], token_hash=each) for each in hashes)]
        file.replace(with_signed_in(file.text(), name, hashes), expected)


def _check(own: list[AccessEntry], name: str) -> None:
    if not own:
        raise AccessError(f"there is no entry named {name}; `a3cp access list` shows all")
    if own[0].role != "record":
        raise AccessError(f"{name} has the role {own[0].role}; a code signs in those who record")
    if own[0].is_expired(datetime.now(UTC)):
        raise AccessError(f"{name} has expired; revoke it, and add it again")


def code_lines(address: str, name: str) -> Iterator[str]:
    """Yield what to print: the QR code, the address, and how long it is valid."""
    yield from qr_lines(address)
    yield printable(f"Scan it with the phone that is to record as {name}, or open:")
    yield f"  {address}"
    yield f"It works once, for {CODE_LIFE_S // 60} minutes. Another one: a3cp access code {name}"


def qr_lines(text: str) -> list[str]:
    """The QR code of a text, two rows of it in each line, for a dark terminal. In a terminal of any colour it is white
    on black."""
    drawn = StringIO()
    segno.make(text, error="l", micro=False).terminal(drawn, border=2, compact=True)
    lines = drawn.getvalue().rstrip("\n").split("\n")
    return [f"{_WHITE_ON_BLACK}{line}{_RESET}" for line in lines] if sys.stdout.isatty() else lines


def _address_of_stack(settings: Settings) -> str:
    running = running_stack(settings)
    port = urlsplit(running.address).port if running is not None else None
    if running is None or port is None:
        raise ConfigurationError("no `a3cp up` runs here; name the gateway's address, as a device reaches it: --url")
    return network_address(settings.model_copy(update={"tls_cert": running.tls_cert}), port)


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ConfigurationError(f"--url: the gateway's address is like https://192.168.1.7:8000, not {url!r}")
    return url.rstrip("/")
