"""What `a3cp up --lan` prints for the phones of the local network."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Self

from contracts.process.access_file import AccessFile
from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, ConfigurationError
from scripts.commands.access_code import code_lines, new_address, qr_lines
from scripts.stack.lan import LocalNetwork, network_address, on_local_network, other_addresses
from scripts.terminal import printable

__all__ = ["LocalPhones"]

TRUST = (
    ("iOS", "open it in Safari, allow the download; Settings, General, VPN & Device Management: install it;"),
    ("", "then General, About, Certificate Trust Settings: switch it on"),
    ("Android", "open it in Chrome; Settings, search for CA certificate: install the downloaded file"),
    ("Windows", "open the file, Install Certificate, Current User, Trusted Root Certification Authorities"),
    ("macOS", "open the file in Keychain Access, double-click it there, Trust, Always Trust"),
)
"""How to trust an authority, for each system."""


class LocalPhones(NamedTuple):
    """The local network, and the recorder whom the printed QR code signs in."""

    network: LocalNetwork
    recorder: str | None

    @classmethod
    def of(cls, settings: Settings, name: str | None) -> Self:
        """Prepare the network for a stack with these settings.

        Raises:
            ConfigurationError: nothing says who may use the stack, or ``name`` is no recorder.
            FatalError: the certificate cannot be made.
        """
        return cls(on_local_network(settings), _recorder(settings, name))

    async def run(self, settings: Settings, say: Callable[[str], None], failed: Callable[[], Awaitable[None]]) -> None:
        """Print what phones need, then keep the certificate valid until the stack has ``failed``. ``settings`` are the
        stack's, with its port and brokers.

        Raises:
            A3CPError: the stack failed.
        """
        for line in await asyncio.to_thread(lambda: list(_lines(self.network, settings, self.recorder))):
            say(line)
        keeping = asyncio.create_task(self.network.keep(say, settings.port))
        try:
            await failed()
        finally:
            keeping.cancel()


def _recorder(settings: Settings, name: str | None) -> str | None:
    """The entry that the QR code signs in: the named one, or the only recorder; None if there are several or none.

    Raises:
        ConfigurationError: there is no recorder of this name, or it is expired.
    """
    entries = AccessFile(settings.access_file).entries() if settings.access_file else ()
    now = datetime.now(UTC)
    recorders = {entry.name for entry in entries if entry.role == "record" and not entry.is_expired(now)}
    if name is not None and name not in recorders:
        raise ConfigurationError(f"--for: no entry of A3CP_ACCESS_FILE is named {name}, records, and is valid")
    return name or (recorders.pop() if len(recorders) == 1 else None)


def _lines(network: LocalNetwork, settings: Settings, name: str | None) -> Iterator[str]:
    """Yield the lines: how to trust the certificate, and the address with its QR code. ``settings`` are the stack's."""
    address = network_address(settings, settings.port)
    if network.certificate is not None:
        yield "Each phone has to trust this machine's authority, once:"
        yield f"  {address}/authority.crt"
        yield f"  SHA-256 {network.certificate.fingerprint[:47]}"
        yield f"          {network.certificate.fingerprint[48:]}"
        if (begins := network.certificate.valid_from) > datetime.now(UTC):
            folder = network.certificate.authority.parent
            yield f"  It is valid from {begins:%Y-%m-%d} only, so phones refuse it. Is this machine's clock right?"
            yield f"  If it was wrong before, remove {folder}, start again, and trust the new authority"
        for system, how in TRUST:
            yield f"  {system:<9}{how}"
        yield ""
    yield from _sign_in_lines(settings, name, address)
    if others := other_addresses(settings, settings.port):
        yield f"In another network of this machine: {' '.join(others)} (a3cp access code {name or 'NAME'} --url …)"
    yield ""


def _sign_in_lines(settings: Settings, name: str | None, address: str) -> Iterator[str]:
    if name is not None and sys.stdout.isatty():  # a code in a file or a service's log would sign its readers in
        try:
            yield from code_lines(new_address(settings, name, address), name)
            return
        except A3CPError as error:  # the file may be read-only here; the stack is of use without a code
            yield printable(f"No code for {name} can be made: {error}")
    yield from qr_lines(address)
    yield f"  {address}"
    yield f"A code that signs a phone in, so that it needs no token: a3cp access code {name or 'NAME'}"
