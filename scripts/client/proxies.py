"""The choice of the proxy for a gateway: one rule for HTTP and for WebSockets.

httpx and websockets read the environment by different rules. One uses ``https_proxy`` for ``ws://`` and the other does
not; one raises if ``no_proxy`` has an IPv6 network. So the client chooses the proxy, and passes it to both.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

from contracts.rules.errors import ConfigurationError

__all__ = ["proxy_of"]

_PORTS = {"http": 80, "https": 443}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def proxy_of(gateway: SplitResult, proxies: Mapping[str, str]) -> str | None:
    """Return the URL of the proxy for ``gateway``, or None for a direct connection. A gateway on this machine is
    reached directly.

    Args:
        proxies: the result of ``urllib.request.getproxies``: the environment's ``http_proxy``, ``https_proxy``,
            ``all_proxy`` and ``no_proxy``, by their names without ``_proxy``. The first two are for gateways of their
            scheme, the third for both.

    Raises:
        ConfigurationError: the proxy is no URL, or no HTTP proxy.
    """
    name = gateway.scheme if proxies.get(gateway.scheme) else "all"
    value = proxies.get(name, "").strip()
    if not value or _is_direct(gateway, proxies.get("no", "")):
        return None
    proxy = value if "://" in value else f"http://{value}"
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError(
            f"{name}_proxy: this proxy cannot be used: name an HTTP proxy, like http://proxy.example:3128, or put "
            f"{gateway.hostname} into no_proxy"
        )
    return proxy


def _is_direct(gateway: SplitResult, no_proxy: str) -> bool:
    host = (gateway.hostname or "").rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    port = gateway.port or _PORTS.get(gateway.scheme)
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_names(entry.rpartition("://")[2], host, address, port) for entry in entries if entry)


def _names(entry: str, host: str, address: Address | None, port: int | None) -> bool:
    """Return whether an entry of ``no_proxy`` matches this host. An entry is a name (which includes its subdomains), an
    address, a network, or ``*``. If it has a port, it matches that port only."""
    if entry == "*":
        return True
    if address is not None and "/" in entry:
        try:
            return address in ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            return False
    if _address(entry) is None:  # in an IPv6 address a colon begins no port
        entry, _, only_port = _without_port(entry)
        if only_port and only_port != str(port):
            return False
    named = _address(entry)
    if address is not None or named is not None:
        return address == named
    name = entry.removeprefix("*").strip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _without_port(entry: str) -> tuple[str, str, str]:
    if entry.endswith("]"):
        return entry, "", ""
    host, colon, port = entry.rpartition(":")
    return (host, colon, port) if colon and port.isdigit() else (entry, "", "")


def _address(text: str) -> Address | None:
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
