"""What `a3cp up --lan` changes: HTTPS on the local network, with a certificate that it makes and renews."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.process.access_file import AccessFile
from contracts.process.listeners import address_of
from contracts.process.settings import Settings
from contracts.rules.access import is_loopback
from contracts.rules.errors import ConfigurationError, FatalError
from scripts.stack.authority import LocalCertificate, certificate_names, keep_certificate
from scripts.stack.machine import Machine, this_machine

__all__ = ["LocalNetwork", "network_address", "on_local_network", "other_addresses"]

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - the local network is what was asked for
CHECK_S = 60.0
"""How often to look whether the certificate ends soon or the machine has another address, in seconds."""


@dataclass(frozen=True, slots=True)
class LocalNetwork:
    """A stack on the local network. Without a ``certificate`` the operator has set one of their own."""

    settings: Settings
    certificate: LocalCertificate | None

    async def keep(self, say: Callable[[str], None], port: int) -> None:
        """Renew the certificate before it ends, and when the machine's addresses change; say so. It never returns."""
        before = said = network_address(self.settings, port)
        while self.certificate is not None:
            await asyncio.sleep(CHECK_S)
            try:
                machine = await asyncio.to_thread(this_machine)
                made = await asyncio.to_thread(_certificate, self.settings, machine)
                now = network_address(self.settings, port, machine)
            except FatalError as error:  # the disk may be full: the certificate before is still valid for weeks
                if said != str(error):
                    said = str(error)
                    say(f"The certificate cannot be renewed: {error}")
                continue
            if made.is_new:
                say(f"There is a new authority, which phones have to trust: {now}/authority.crt")
            if now != before:
                say(f"The address has changed: {now}")
            before = said = now


def on_local_network(settings: Settings) -> LocalNetwork:
    """The settings of a stack that serves HTTPS on the local network.

    Raises:
        ConfigurationError: nothing says who may use it.
        FatalError: the certificate cannot be made.
    """
    if settings.api_token is None and not (settings.access_file and AccessFile(settings.access_file).entries()):
        raise ConfigurationError(
            "--lan: nothing says who may use the gateway, and every device of the network could. Make an access file: "
            "set A3CP_ACCESS_FILE=access.toml, run `a3cp access add PHONE --role record --user USER`, and start again"
        )
    host = EVERY_ADDRESS if is_loopback(settings.host) else settings.host
    if settings.tls_cert is not None:
        return LocalNetwork(settings.model_copy(update={"host": host}), None)
    made = _certificate(settings, this_machine())
    files = {"tls_cert": made.served, "tls_key": made.served, "tls_ca": made.authority}
    return LocalNetwork(settings.model_copy(update={"host": host, **files}), made)


def _certificate(settings: Settings, machine: Machine) -> LocalCertificate:
    return keep_certificate(settings.state_dir / "tls", machine, datetime.now(UTC))


def other_addresses(settings: Settings, port: int) -> list[str]:
    """The URLs at this machine's further addresses that the certificate has. Raises as `network_address`."""
    first, machine = network_address(settings, port), this_machine()
    names = certificate_names(settings.tls_cert) if settings.tls_cert else []
    fitting = [str(address) for address in machine.addresses if str(address) in names]
    urls = [address_of(each, port, settings.scheme) + settings.root_path for each in fitting]
    return [url for url in urls if url != first]


def network_address(settings: Settings, port: int, machine: Machine | None = None) -> str:
    """The URL at which other machines reach a gateway with these settings: by this machine's address if the certificate
    has it, else by the certificate's first name. ``machine`` is what is known of this machine; without it, it is asked.

    Raises:
        ConfigurationError: the certificate cannot be read.
    """
    addresses = [str(address) for address in (machine or this_machine()).addresses] or ["127.0.0.1"]
    names = certificate_names(settings.tls_cert) if settings.tls_cert else addresses
    fitting = (each for each in (*addresses, *names) if each in names and "*" not in each)
    return address_of(next(fitting, addresses[0]), port, settings.scheme) + settings.root_path
