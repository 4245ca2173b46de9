"""The client of the commands that call a gateway."""

from __future__ import annotations

import ssl

from contracts.process.settings import Settings
from scripts.client import CaptureClient
from scripts.client.trust import own_gateway_of, trusting

__all__ = ["gateway_client", "known_gateway"]


def gateway_client(settings: Settings, url: str | None = None) -> CaptureClient:
    """A client of the gateway at ``url``, or of the settings' gateway, with the settings' token.

    Raises:
        ConfigurationError: the URL, the token or a file of certificates is not valid.
    """
    token = settings.api_token.get_secret_value() if settings.api_token else None
    url, trust = known_gateway(settings, url)
    return CaptureClient(url, token, trust=trust)


def known_gateway(settings: Settings, url: str | None) -> tuple[str, ssl.SSLContext | None]:
    """The URL of the gateway to call, and whom to trust there; None if it has no certificate. Raises as
    `gateway_client`."""
    if url is not None:
        return url, trusting(settings.tls_ca) if url.startswith("https:") else None
    return own_gateway_of(settings)
