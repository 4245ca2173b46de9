"""The checks of `a3cp doctor` about access: which machines reach the gateway, and which tokens it takes.

If a gateway runs here, they examine that one, else the settings.
"""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from contracts.process.access_file import AccessFile
from contracts.process.certificates import pinned_context
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from scripts.commands.check_result import CheckResult
from scripts.stack.own_gateway import own_gateway
from scripts.stack.running import running_stack
from scripts.terminal import many

__all__ = ["examine_access", "examine_entries", "judge_access", "listening_on"]

ANSWER_S = 3.0
_LISTEN = "0A"


def examine_access(settings: Settings) -> CheckResult:
    """Check whether the gateway that runs here asks for a token, and on which addresses it listens."""
    running = running_stack(settings)
    address, cert = (running.address, running.tls_cert) if running else own_gateway(settings)
    asks = _asks_for_a_token(address, cert)
    if asks is None:
        return judge_access(settings.host, settings.asks_for_a_token, is_proxied=bool(settings.trusted_proxies))
    hosts = listening_on(urlsplit(address).port or 80, _read("/proc/net/tcp") + _read("/proc/net/tcp6"))
    wide = next((host for host in hosts if not _is_loopback(host)), None)
    host, who = wide or (hosts[0] if hosts else settings.host), f"the gateway that runs at {address}"
    return judge_access(host, asks, who, is_proxied=bool(settings.trusted_proxies))


def judge_access(host: str, asks: bool, who: str = "the gateway", *, is_proxied: bool = False) -> CheckResult:
    """Warn if a gateway listens on an address that other machines reach, or has a proxy, and asks for no token."""
    if _is_loopback(host) and not is_proxied:
        return CheckResult("access", "ok", f"{who} listens on this machine only")
    where = "is behind a proxy (A3CP_TRUSTED_PROXIES)" if is_proxied else f"listens on {host}"
    if asks:
        return CheckResult("access", "ok", f"{who} {where} and asks for a token")
    return CheckResult(
        "access", "warn", f"{who} {where} and asks for no token", "set A3CP_ACCESS_FILE or A3CP_API_TOKEN"
    )


def examine_entries(settings: Settings, now: datetime) -> list[CheckResult]:
    """Check the access file, if there is one: whether it can be read, and whose tokens are valid."""
    if settings.access_file is None:
        return []
    try:
        tokens = AccessFile(settings.access_file).entries()
    except ConfigurationError as error:
        detail = str(error).removeprefix("A3CP_ACCESS_FILE: ")
        return [CheckResult("A3CP_ACCESS_FILE", "fail", detail, "correct it; no gateway starts with it")]
    names = {entry.name for entry in tokens}
    expired = sorted({entry.name for entry in tokens if entry.is_expired(now)})
    said = f"valid for {many(len(names) - len(expired), 'holder')}"
    said += f"; expired: {', '.join(expired)}" if expired else ""
    if len(names) > len(expired):
        return [CheckResult("access file", "ok", f"{settings.access_file}: {said}")]
    fix = "a3cp access add NAME --role ROLE" if not names else "a3cp access revoke NAME, then add it again"
    return [CheckResult("access file", "warn", f"{settings.access_file}: {said}", fix)]


def listening_on(port: int, table: str) -> list[str]:
    """Return the addresses on which this machine listens at a port. ``table`` is the text of /proc/net/tcp and tcp6."""
    found = []
    for line in table.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[3] == _LISTEN:
            address, _, number = fields[1].rpartition(":")
            with suppress(ValueError):
                if int(number, 16) == port:
                    found.append(_address(address))
    return found


def _address(text: str) -> str:
    """Parse an address. The kernel prints it in words of four bytes, each in little-endian order."""
    data = bytes.fromhex(text)
    words = [data[at : at + 4][::-1] for at in range(0, len(data), 4)]
    return str(ipaddress.ip_address(b"".join(words)))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


def _asks_for_a_token(address: str, cert: Path | None) -> bool | None:
    """Return whether the gateway at this address asks for a token; None if no A3CP gateway answers there."""
    try:
        trust = pinned_context(cert) if cert else False  # False: plain HTTP, for which there is nothing to load
        with httpx.Client(base_url=address, trust_env=False, timeout=ANSWER_S, verify=trust) as client:
            if client.get("/livez").json() != {"status": "alive"}:
                return None
            return client.get("/metrics").status_code == httpx.codes.UNAUTHORIZED
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return None


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
