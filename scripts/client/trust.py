"""Which gateways a client trusts over HTTPS: one rule for HTTP and for WebSockets."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx

from contracts.process.certificates import pinned_context
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError

__all__ = ["own_gateway_of", "trusting"]


def trusting(ca: Path | None) -> ssl.SSLContext:
    """Trust the authorities of this system, those that httpx comes with, and those in the file ``ca``.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    context = httpx.create_ssl_context()
    context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if ca is not None:
        try:
            context.load_verify_locations(ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"A3CP_TLS_CA: {ca}: {_why(error)}") from None
    return context


def own_gateway_of(settings: Settings) -> tuple[str, ssl.SSLContext | None]:
    """The URL of the settings' gateway on this machine, and the trust in its own certificate, whose file is known, and
    in no other; None if it has none.

    Raises:
        ConfigurationError: the certificate cannot be used.
    """
    from scripts.stack.own_gateway import own_gateway  # a client of another machine's gateway needs no stack

    url, cert = own_gateway(settings)
    try:
        return url, pinned_context(cert) if cert is not None else None
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"A3CP_TLS_CERT: {cert}: {_why(error)}") from None


def _why(error: OSError) -> str:
    return (
        "there is no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror or type(error).__name__
    )
