"""A certificate and its key in two files, by an authority that only the test trusts."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any

import trustme

from tests.support.waiting import DEADLINE_S

__all__ = ["Pair"]


class Pair:
    """The files ``cert.pem``, ``key.pem`` and ``ca.pem`` in a folder."""

    def __init__(self, folder: Path, authority: str = "Hospital") -> None:
        self._authority = trustme.CA(organization_name=authority)
        self.cert, self.key, self.ca = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
        self._authority.cert_pem.write_to_path(str(self.ca))
        self.issue()

    @property
    def settings(self) -> dict[str, Path]:
        return {"tls_cert": self.cert, "tls_key": self.key}

    @property
    def environment(self) -> dict[str, str]:
        return {"A3CP_TLS_CERT": str(self.cert), "A3CP_TLS_KEY": str(self.key)}

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)

    def issue(self, *names: str, key_too: bool = True) -> None:
        """Put a new certificate in the place of the old one, and its key too."""
        issued = self._authority.issue_cert("localhost", "127.0.0.1", *names)
        if key_too:
            issued.private_key_pem.write_to_path(str(self.key))
        self.cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))

    def names_at(self, port: int) -> set[str]:
        """The names in the certificate that a new connection gets."""
        plain = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        with self.trust.wrap_socket(plain, server_hostname="localhost") as connection:
            peer: Any = connection.getpeercert()
            return {value for _, value in peer["subjectAltName"]}
