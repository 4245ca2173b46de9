"""The client's errors. Each error's text is one line that says what to do.

contracts.rules.errors.A3CPError
└── ClientError
    ├── UsageError          the call is wrong; nothing was sent
    ├── GatewayAway         the gateway does not answer, or a connection was lost
    ├── GatewayRefused      the gateway refused an HTTP request or a handshake: ``status``, ``code``, ``detail``
    ├── CaptureAborted      a capture ended without an artifact: ``code``, ``outcome``
    ├── CaptureStalled      a capture makes no progress; it may still be recorded
    └── LiveEnded           the gateway ended a live stream: ``code``, ``detail``
"""

from __future__ import annotations

from contracts.rules.errors import A3CPError
from scripts.client.explanations import fix

__all__ = [
    "CaptureStalled",
    "ClientError",
    "GatewayAway",
    "GatewayRefused",
    "LiveEnded",
    "UsageError",
]


class ClientError(A3CPError):
    """The base of the client's errors."""


class UsageError(ClientError):
    """The call is wrong, and nothing was sent."""


class GatewayAway(ClientError):
    """The gateway does not answer, or the connection to it was lost."""


class GatewayRefused(ClientError):
    """The gateway refused an HTTP request or a handshake.

    ``code`` and ``detail`` are empty if the answer is not the gateway's JSON, as that of a proxy.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        if not self.code:
            return f"the server at this URL is no A3CP gateway, or a proxy before one ({self.status}); check the URL"
        said = f"the gateway refused ({self.status} {self.code}): {self.detail}"
        if self.status == 401:
            return f"{said.rstrip('.')}; its token is missing or wrong: set A3CP_API_TOKEN, or token="
        return said


class CaptureStalled(ClientError):
    """A closed capture has made no progress for two minutes, or no extractor took a camera's capture within 55 s. It
    may still be recorded: ask again with ``capture_id``.

    ``missing`` has the gateway's sentence about each part that it needs and does not reach.
    """

    def __init__(self, capture_id: str, status: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(capture_id, status, missing)
        self.capture_id = capture_id
        self.status = status
        self.missing = missing

    def __str__(self) -> str:
        why = f": {' '.join(self.missing)} See" if self.missing else "; see"
        return f"capture {self.capture_id} makes no progress ({self.status}){why} `a3cp inspect`"


class LiveEnded(ClientError):
    """The gateway ended a live stream; ``code`` is one of `contracts.rules.codes.LiveCode`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"the live stream ended: {self.code}: {self.detail} {fix(self.code)}".rstrip()
