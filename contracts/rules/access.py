"""The token and the origins of browsers: rules that the settings and every listening process share. No I/O."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

__all__ = [
    "STRONG_TOKEN",
    "SUBPROTOCOL",
    "TokenRule",
    "check_origins",
    "is_loopback",
    "is_token",
    "offered_tokens",
    "read_origin",
    "read_origins",
    "shortest_token",
]

SUBPROTOCOL = "bearer."
"""The prefix of the subprotocol that carries the token: a browser's WebSocket cannot send a header."""


STRONG_TOKEN = 16
"""The gateway warns at start if its token has fewer characters: one client tried 1,900 tokens a second in a test."""


def is_token(text: str) -> bool:
    """Whether ``text`` can be an access token. It must be an HTTP token (RFC 9110, 5.6.2), because it is also sent as a
    subprotocol."""
    return bool(text) and all(c.isascii() and (c.isalnum() or c in "!#$%&'*+-.^_`|~") for c in text)


def is_loopback(host: str) -> bool:
    """Whether a host name or address always means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def shortest_token(host: str) -> int:
    """The minimum length of the token, in characters, if the process listens on ``host``.

    Eight is the minimum of NIST SP 800-63B for a secret that a person chooses. Four is enough if only programs on
    this machine can guess.
    """
    return 4 if is_loopback(host) else 8


def offered_tokens(authorizations: Iterable[str], subprotocols: Iterable[str] = ()) -> list[str]:
    """The tokens in the ``Authorization`` headers and WebSocket subprotocols of a request."""
    offered = [value[7:].strip() for value in authorizations if value[:7].lower() == "bearer "]
    return offered + [value.removeprefix(SUBPROTOCOL) for value in subprotocols if value.startswith(SUBPROTOCOL)]


@dataclass(frozen=True, slots=True)
class TokenRule:
    """The check of a request's token. If no token is configured, every request is admitted."""

    token: str | None

    def admits(self, authorizations: Iterable[str], subprotocols: Iterable[str] = ()) -> bool:
        """Whether one of the ``Authorization`` headers or WebSocket subprotocols carries the token."""
        return self.admits_any(offered_tokens(authorizations, subprotocols))

    def admits_any(self, offered: Iterable[str]) -> bool:
        """Whether one of these tokens is the token."""
        if self.token is None:
            return True
        expected = self.token.encode()
        return any(hmac.compare_digest(value.encode(), expected) for value in offered)


_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\]")
_AMBIGUOUS = re.compile(
    "[\u00df\u03c2\u200c\u200d]"
)  # IDNA 2003 (Python) and IDNA 2008 (browsers) map them differently


def read_origin(text: str) -> str | None:
    """Normalise an origin to the form that browsers send (RFC 6454, 6.2): lower case, the host in its ASCII form, no
    default port. Return None if ``text`` is not an origin.

    Any scheme with a host is accepted, because apps and browser extensions have their own
    (``capacitor://localhost``, ``chrome-extension://<id>``). ``file:`` is refused: all its pages send ``null``.
    """
    try:
        split = urlsplit(text)
        scheme, host, port = split.scheme, split.hostname or "", split.port
        # a host with one of the four ambiguous letters must be written as xn--…
        host = host if host.isascii() or _AMBIGUOUS.search(host) else host.encode("idna").decode()
    except ValueError:  # a port that is not a number, an address without its bracket, a label that is too long
        return None
    host = f"[{host}]" if ":" in host else host
    if not _SCHEME.fullmatch(scheme) or scheme == "file" or not _HOST.fullmatch(host) or port == 0:
        return None
    if split.path or split.query or split.fragment or "@" in split.netloc or text.endswith(("?", "#")):
        return None
    return f"{scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS.get(scheme) else "")


def _split(origins: str) -> list[str]:
    return [origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip()]


def check_origins(text: str) -> str:
    """The same text, a list of origins with commas between.

    Raises:
        ValueError: one of them is not an origin.
    """
    for origin in _split(text):
        if read_origin(origin) is None:
            raise ValueError(
                f"{origin!r} is not an origin such as https://a3cp.example, http://localhost:5173 or "
                "capacitor://localhost; write each in full, without * and without a path"
            )
    return text


def read_origins(text: str) -> frozenset[str]:
    """The origins of a list, written as browsers send them."""
    return frozenset(filter(None, map(read_origin, _split(text))))
