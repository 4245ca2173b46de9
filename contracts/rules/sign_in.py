"""One-time codes that sign a device in: how a code gives its device a token that only it knows. No I/O.

`a3cp access code` makes a token, of which the access file has the hash, and a code. The broker holds the token, sealed
with the code, under the code's hash: who reads the broker or the file has neither. The gateway takes the sealed token
out of the broker, once, and opens it with the code that the device sends.
"""

from __future__ import annotations

import base64
import hashlib
import re

__all__ = ["CODE_LIFE_S", "MOST_SIGNED_IN", "TOKEN_BYTES", "code_id", "open_token", "seal_token", "token_of"]

CODE_LIFE_S = 600
"""How long a code is valid, in seconds."""

MOST_SIGNED_IN = 16
"""How many devices one entry may have by code; the one that got its token first is signed out for another one."""

TOKEN_BYTES = 32
_PREFIX = "a3cp_"  # scanners for leaked secrets look for a prefix
_CODE = re.compile(r"[A-Za-z0-9_-]{22}")


def token_of(secret: bytes) -> str:
    """The token with these random bytes, as clients send it."""
    return _PREFIX + base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def code_id(code: str) -> str | None:
    """The name of a code that reveals nothing of it; None if the text cannot be a code of 128 random bits."""
    return hashlib.sha256(b"a3cp code " + code.encode()).hexdigest() if _CODE.fullmatch(code) else None


def seal_token(secret: bytes, code: str) -> bytes:
    """The token's random bytes, which only the code opens. A code seals one token, so a one-time pad is enough."""
    pad = hashlib.sha256(b"a3cp token " + code.encode()).digest()
    return bytes(a ^ b for a, b in zip(secret, pad, strict=True))


def open_token(sealed: bytes, code: str) -> str | None:
    """The token that was sealed with this code; None if the bytes are no sealed token."""
    return token_of(seal_token(sealed, code)) if len(sealed) == TOKEN_BYTES else None
