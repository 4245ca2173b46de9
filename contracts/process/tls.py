"""Serve TLS with the certificate and the key that ``A3CP_TLS_CERT`` and ``A3CP_TLS_KEY`` name."""

from __future__ import annotations

import ssl
import stat
from pathlib import Path
from threading import Lock

from contracts.process.certificates import is_public
from contracts.process.file_version import file_version
from contracts.process.logs import get_logger
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError

__all__ = ["ServedCertificate"]

log = get_logger()


class ServedCertificate:
    """The certificate of a server. Its files are read again when they change. Several threads may use it.

    Attributes:
        context: for every connection of the server.

    Raises:
        ConfigurationError: the files cannot be read, or are no pair. The text names the setting.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        self._cert, self._key = cert, key
        self._lock = Lock()
        self._version = self._look()
        self._current = self._read()
        self.is_public = is_public(self._current)
        self.context = self._read()
        self.context.sni_callback = self._choose

    @classmethod
    def of(cls, settings: Settings) -> ServedCertificate | None:
        """The certificate that the settings name; None if they name none. Raises as the class."""
        if settings.tls_cert is None or settings.tls_key is None:
            return None
        return cls(settings.tls_cert, settings.tls_key)

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        """OpenSSL calls this in every handshake, also if the client names no server."""
        if self._look() != self._version:
            with self._lock:
                self._reread()
        connection.context = self._current

    def _reread(self) -> None:
        version = self._look()
        if version == self._version:
            return
        self._version = version
        try:
            self._current = self._read()
        except ConfigurationError as error:
            log.error("the new certificate cannot be used; the one before stays in use", detail=str(error))
        else:
            self.is_public = is_public(self._current)
            log.info("certificate read", path=str(self._cert))

    def _look(self) -> tuple[int, ...]:
        return file_version(self._cert) + file_version(self._key)

    def _read(self) -> ssl.SSLContext:
        """A new context: the old one would be left with half of a pair if the other half is wrong."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        # no resumption: a client that resumes does not see a new certificate, and another process cannot resume
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        for name, path in (("A3CP_TLS_CERT", self._cert), ("A3CP_TLS_KEY", self._key)):
            _check_file(name, path)
        try:
            context.load_cert_chain(self._cert, self._key, password=_no_password)
        except _HasPassword:
            raise ConfigurationError(f"A3CP_TLS_KEY: {self._key}: the key has a password; store it without") from None
        except (ssl.SSLError, OSError, ValueError) as error:
            raise ConfigurationError(self._why(error)) from None
        return context

    def _why(self, error: Exception) -> str:
        reason = getattr(error, "reason", None) or ""
        if reason == "KEY_VALUES_MISMATCH":
            return f"A3CP_TLS_KEY: {self._key}: this is not the key of the certificate {self._cert}"
        said = reason.replace("_", " ").lower()
        detail = f" ({said})" if said else ""
        return (
            f"A3CP_TLS_CERT, A3CP_TLS_KEY: {self._cert}, {self._key}: these are not a certificate and its key in PEM"
            f"{detail}"
        )


class _HasPassword(Exception):
    """The key is encrypted."""


def _no_password() -> str:
    """Without this function OpenSSL would ask at the terminal."""
    raise _HasPassword


def _check_file(name: str, path: Path) -> None:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a FIFO would be waited for
            raise ConfigurationError(f"{name}: {path}: it is no regular file")
        with path.open("rb"):
            pass
    except OSError as error:
        raise ConfigurationError(f"{name}: {path}: {error.strerror or type(error).__name__}") from None
