"""Open listening TCP sockets: one for every address that a host name resolves to."""

from __future__ import annotations

import errno
import os
import socket

from contracts.rules.errors import ConfigurationError

__all__ = ["address_of", "local_address_of", "open_listeners"]

BACKLOG = 2048  # uvicorn's default


def open_listeners(host: str, port: int, setting: str) -> list[socket.socket]:
    """Listen on every address that ``host`` resolves to, all on one port. Port 0 means any free port.

    Raises:
        ConfigurationError: the host is unknown, or the port is taken or forbidden. The text names ``setting``, the
            variable of the port.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ConfigurationError(f"A3CP_HOST: {host!r} is not a host: {error.strerror}") from error
    listeners: list[socket.socket] = []
    absent: OSError | None = None
    for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
        try:
            both = address[0] == "::" and host == "::" and socket.has_dualstack_ipv6()  # every address means IPv4 too
            listener = socket.create_server(
                (str(address[0]), port), family=family, backlog=BACKLOG, dualstack_ipv6=both
            )
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                absent = error  # localhost often resolves to ::1 too, also on machines without IPv6
                continue
            for opened in listeners:
                opened.close()
            raise _cannot_listen(setting, host, port, error) from error
        port = listener.getsockname()[1]
        listeners.append(listener)
    if not listeners:
        assert absent is not None
        raise _cannot_listen("A3CP_HOST", host, port, absent) from absent
    return listeners


def _cannot_listen(name: str, host: str, port: int, error: OSError) -> ConfigurationError:
    return ConfigurationError(f"{name}: cannot listen on {_with_port(host, port)}: {os.strerror(error.errno or 0)}")


def address_of(host: str, port: int, scheme: str = "http") -> str:
    """The URL of a host and port, as a person types it into a browser."""
    return f"{scheme}://{_with_port(host, port)}"


def _with_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def local_address_of(host: str, port: int, scheme: str = "http") -> str:
    """The URL at which programs on this machine reach a server that listens on ``host``. A wildcard address becomes
    the loopback address."""
    return address_of({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, scheme)  # noqa: S104 - an address to map
