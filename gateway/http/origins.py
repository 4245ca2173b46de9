"""Which pages may use a gateway.

A browser sends requests for any page that it shows, so a page from elsewhere could reach a gateway on this machine or
in this network. The Origin and the Host header tell. Programs that are not browsers send no origin.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from contracts.rules.access import is_loopback, read_origin

__all__ = ["OriginRule"]

_OWN_ZONES = ("localhost", "local", "internal", "lan", "home.arpa", "svc")
"""Ends of names that the public DNS cannot hold (RFC 6761, 6762, 8375; ICANN's .internal; a Kubernetes Service), so
that no page from elsewhere can have one."""


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _host_name(host: str) -> str:
    """The name or address in a Host header, without its port; empty if it holds none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class OriginRule:
    """Which origins a WebSocket or a POST may come from, and by which host names data may be read.

    A page can make its own name resolve to any address (DNS rebinding); its origin is then the host that it asks.
    Where ``local`` is true, "the same host" must be an address or ``localhost``: the gateway is bound to a loopback
    address, or has no token. With a token the page lacks what it needs, so there any name may be the same host.

    Attributes:
        allowed: foreign origins that may use the gateway, in the form of ``read_origin``.
        local: whether a name is not believed to be the gateway's own.
    """

    allowed: frozenset[str]
    local: bool

    def admits(self, origin: str, host: str) -> bool:
        """Whether a request with these two headers may go on."""
        foreign = read_origin(origin)
        if foreign is None:
            return False
        if foreign in self.allowed:
            return True
        scheme, _, _ = foreign.partition("://")
        if scheme not in ("http", "https") or foreign != read_origin(f"{scheme}://{host}"):
            return False
        name = _host_name(host)
        return not self.local or is_loopback(name) or not _is_name(name)

    def admits_host(self, host: str) -> bool:
        """Whether data may be read by this Host header: it is an address, a name that the public DNS cannot hold, or
        the host of an allowed origin. A request without the header is not from a browser."""
        name = _host_name(host)
        if not host or not _is_name(name) or (name and "." not in name):
            return True
        return name.endswith(tuple(f".{zone}" for zone in _OWN_ZONES)) or name in self._allowed_names()

    def _allowed_names(self) -> set[str]:
        return {_host_name(origin.partition("://")[2]) for origin in self.allowed}
