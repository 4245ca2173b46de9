"""The ports of a stack: one for its gateway, one for the metrics of each other part."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from contracts.process.listeners import open_listeners
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError

__all__ = ["gateway_port", "metrics_ports"]


def gateway_port(settings: Settings) -> int:
    """Return the configured port if it is free; for 0, any free port.

    Raises:
        ConfigurationError: the port is in use, or the host is not this machine's.
    """
    listeners = open_listeners(settings.host, settings.port, "A3CP_PORT")
    port = _port_of(listeners)
    _close(listeners)
    return port


def metrics_ports(settings: Settings, parts: Sequence[str]) -> dict[str, int]:
    """Return a port for each part, by its name: ``A3CP_METRICS_PORT`` for the first, the following ones for the others;
    for 0, any free ports. Empty if the setting is not set.

    Raises:
        ConfigurationError: a port is in use, or is over 65535.
    """
    first = settings.metrics_port
    if first is None:
        return {}
    if first + len(parts) > 65_536:
        raise ConfigurationError(f"A3CP_METRICS_PORT: {len(parts)} parts need as many ports from {first} on")
    held: dict[str, list[socket.socket]] = {}
    try:
        for number, part in enumerate(parts):
            held[part] = open_listeners(settings.host, first + number if first else 0, "A3CP_METRICS_PORT")
        return {part: _port_of(listeners) for part, listeners in held.items()}
    finally:
        for listeners in held.values():
            _close(listeners)


def _port_of(listeners: list[socket.socket]) -> int:
    return int(listeners[0].getsockname()[1])


def _close(listeners: list[socket.socket]) -> None:
    for listener in listeners:
        listener.close()
