"""The gateway that a program calls if it names no other one: that of its settings."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from contracts.process.listeners import local_address_of
from contracts.process.settings import Settings
from scripts.stack.running import running_stack

__all__ = ["own_gateway"]


def own_gateway(settings: Settings) -> tuple[str, Path | None]:
    """The URL of the settings' gateway, and the file of its certificate; None if it has none.

    If an `a3cp up --lan` runs on this state directory and at this port, it alone knows the certificate.
    """
    running = running_stack(settings) if settings.tls_cert is None else None
    if running is not None and running.tls_cert is not None and urlsplit(running.address).port == settings.port:
        return running.address, running.tls_cert
    return local_address_of(settings.host, settings.port, settings.scheme), settings.tls_cert
