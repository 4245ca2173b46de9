"""Settings for reverse proxies: the path below which they serve the gateway, and their addresses. No I/O."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = ["read_address", "read_networks", "read_root_path"]

_ROOT_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")


def read_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address of a peer; None if the text is none. A server that listens on ``::`` sees IPv4 clients as
    ``::ffff:192.0.2.1``, which is the IPv4 address here."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def read_root_path(text: str) -> str:
    """Normalise the path below which a proxy serves the gateway: ``/a3cp``, or empty for the top.

    Raises:
        ValueError: it is not a path, or a browser would write it in another way.
    """
    path = text.removesuffix("/")
    if path and (not _ROOT_PATH.fullmatch(path) or {".", ".."} & set(path.split("/"))):
        raise ValueError(
            f"{text!r} is not a path such as /a3cp or /tools/a3cp; write letters, digits and . _ ~ - between slashes, "
            "without a host, and without . or .. as a part"
        )
    return path


def read_networks(text: str) -> str:
    """Normalise a list of addresses and networks, separated by commas; each becomes a network.

    Raises:
        ValueError: an entry is neither, or means every address.
    """
    return ",".join(_network(entry.strip()) for entry in text.split(",") if entry.strip())


def _network(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an address such as 10.0.0.7, or a network such as 10.0.0.0/8 or fd07::/64"
        ) from None
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} is every address, so each client could say which address it has; name the proxies")
    return str(network)
