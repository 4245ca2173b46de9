"""Read the list of public authorities once a process. httpx reads it for each client, also for one that speaks plain
HTTP. That takes 15 ms of processor time, and the tests make hundreds of clients."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import Any

import httpx
from httpx._transports import default

__all__ = ["read_authorities_once"]

_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def read_authorities_once() -> None:
    """From now on, clients of httpx that are given no trust of their own share what they trust.

    `httpx.create_ssl_context` is as it was: its caller may add to what it returns.
    """
    default.create_ssl_context = _shared_context  # type: ignore[attr-defined]


def _shared_context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    if verify is not True or cert is not None:
        return httpx.create_ssl_context(verify, cert, trust_env)
    return _public(tuple(os.environ.get(name, "") for name in _VARIABLES) if trust_env else None)


@cache
def _public(named: tuple[str, ...] | None) -> ssl.SSLContext:
    """The trust in public authorities, or in those that these variables name."""
    return httpx.create_ssl_context(trust_env=named is not None)
