"""Decide which web pages may use the gateway, by the Origin and the Host header.

A browser sends requests for any page that it shows, so a page of another site could reach a gateway on this machine or
in this network. Programs that are not browsers send no Origin header.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from contracts.rules.access import is_loopback, read_origin

__all__ = ["OriginRule"]

_OWN_ZONES = ("localhost", "local", "internal", "lan", "home.arpa", "svc")
"""Endings of names that cannot be in the public DNS (RFC 6761, 6762, 8375; ICANN's .internal; a Kubernetes Service). So
no page of another site can have such a name."""


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _host_name(host: str) -> str:
    """The name or address in a Host header, without the port; empty if there is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class OriginRule:
    """Which origins may open a WebSocket or send a POST, and under which host names clients may read data.

    The owner of a site can let its name resolve to any address (DNS rebinding). Then the page's origin equals the host
    that it sends requests to. So if the gateway is bound to a loopback address or has no token, "the same host" must be
    an address or ``localhost`` (``local``). Otherwise it may be any name, because such a page does not have the token.

    Attributes:
        allowed: other origins that may use the gateway, in the form of ``read_origin``.
        local: whether only an address or ``localhost`` counts as the same host.
    """

    allowed: frozenset[str]
    local: bool

    def admits(self, origin: str, host: str, *, is_encrypted: bool = False) -> bool:
        """Whether a request with this Origin and this Host header is allowed. If it came over TLS, a page of the same
        host that was loaded without TLS is another one: others on its way may have changed it."""
        foreign = read_origin(origin)
        if foreign is None:
            return False
        if foreign in self.allowed:
            return True
        scheme, _, _ = foreign.partition("://")
        if scheme not in (("https",) if is_encrypted else ("http", "https")) or foreign != read_origin(
            f"{scheme}://{host}"
        ):
            return False
        name = _host_name(host)
        return not self.local or is_loopback(name) or not _is_name(name)

    def admits_host(self, host: str) -> bool:
        """Whether a client may read data with this Host header. It must be an address, a name that cannot be in the
        public DNS, or the host of an allowed origin. A request without the header does not come from a browser."""
        name = _host_name(host)
        if not host or not _is_name(name) or (name and "." not in name):
            return True
        return name.endswith(tuple(f".{zone}" for zone in _OWN_ZONES)) or name in self._allowed_names()

    def _allowed_names(self) -> set[str]:
        return {_host_name(origin.partition("://")[2]) for origin in self.allowed}
