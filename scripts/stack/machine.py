"""The names and IPv4 addresses of this machine."""

from __future__ import annotations

import fcntl
import re
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

__all__ = ["Machine", "this_machine"]

_SIOCGIFADDR = 0x8915  # netdevice(7)
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_ANYWHERE = ("192.0.2.1", 9)  # RFC 5737: an address that no machine has; choosing the way to it sends nothing


@dataclass(frozen=True, slots=True)
class Machine:
    """What other machines may call this one. The first address is the one on the way to other networks, if there is
    such a way. Loopback addresses are not in it."""

    names: tuple[str, ...]
    addresses: tuple[IPv4Address, ...]


def this_machine() -> Machine:
    """Ask the system. It takes less than a millisecond."""
    own = {address for _, name in socket.if_nameindex() if (address := _address_of(name)) and not address.is_loopback}
    first = _outgoing_address()
    host = socket.gethostname().lower().rstrip(".")
    names = (host, f"{host}.local") if "." not in host else (host,)
    return Machine(
        tuple(name for name in names if _NAME.fullmatch(name) and name != "localhost"),
        tuple(sorted(own, key=lambda address: (address != first, address))),
    )


def _address_of(interface: str) -> IPv4Address | None:
    """The first IPv4 address of a network interface; None if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
        return IPv4Address(answer[20:24])
    return None


def _outgoing_address() -> IPv4Address | None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking, suppress(OSError):
        asking.connect(_ANYWHERE)
        return IPv4Address(asking.getsockname()[0])
    return None
