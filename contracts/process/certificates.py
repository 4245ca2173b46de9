"""What is known of a server's certificate, and whom a client of such a server trusts.

All answers come from handshakes in memory: Python's ``ssl`` cannot read a certificate in another way.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

__all__ = [
    "AUTHORITY_NAME",
    "CertificateFacts",
    "certificate_facts",
    "first_certificate",
    "is_public",
    "pinned_context",
]

AUTHORITY_NAME = "A3CP local authority"
"""How the names of the authorities that ``a3cp up --lan`` makes begin."""

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME; Python's `VerifyFlags` has no name for it
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """A certificate: for which names and addresses, from and until when (UTC)."""

    names: tuple[str, ...]
    begins_at: datetime
    expires_at: datetime


def pinned_context(cert: Path) -> ssl.SSLContext:
    """Trust the server that has the first certificate of this file, and no other, whatever its name.

    A program beside its own gateway has the very file, so a name, an authority and an end of validity add nothing; and
    the certificate of ``a3cp.example`` has no ``127.0.0.1``.

    Raises:
        ssl.SSLError, OSError: the file has no certificate, or cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    context.load_verify_locations(cadata=first_certificate(cert))
    return context


def first_certificate(path: Path) -> str:
    """The first certificate in a file, in PEM; not a key that may be there too.

    Raises:
        ssl.SSLError, OSError: the file has no certificate, or cannot be read.
    """
    found = _CERTIFICATE.search(path.read_text(errors="replace"))
    if found is None:
        raise ssl.SSLError("there is no certificate")
    return found.group()


def certificate_facts(cert: Path, server: ssl.SSLContext) -> CertificateFacts:
    """The facts about the certificate in this file, with which ``server`` serves.

    Raises:
        ssl.SSLError, OSError: it is not for servers, or cannot be read.
    """
    peer = _peer_of(server, pinned_context(cert))
    names = tuple(value for _, value in peer.get("subjectAltName", ()))
    begins_at, expires_at = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(peer[name]), UTC) for name in ("notBefore", "notAfter")
    )
    return CertificateFacts(names, begins_at, expires_at)


def is_public(server: ssl.SSLContext) -> bool:
    """Whether this machine's own list of authorities has that of the server's certificate, and it is valid now. The
    local authority does not count, even if it is in that list."""
    client = ssl.create_default_context()
    client.check_hostname = False
    try:
        issuer = _peer_of(server, client)["issuer"]
    except (ssl.SSLError, KeyError):
        return False
    return not any(value.startswith(AUTHORITY_NAME) for names in issuer for _, value in names)


def _peer_of(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """What the client learns of the server in a handshake. Raises `ssl.SSLError` if it does not trust it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    waiting = [asking, server.wrap_bio(to_server, to_client, server_side=True)]
    while waiting:
        side = waiting.pop(0)
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            waiting.append(side)
    return asking.getpeercert() or {}
