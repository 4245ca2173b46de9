"""The access table: every route and socket, what it needs, and whose data it is about. No I/O.

`gateway.access.guard` refuses to make an application with a route that has no row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from contracts.rules.rights import Right

__all__ = ["ACCESS_TABLE", "AccessRow", "Method", "Owner"]

Method = Literal["GET", "POST", "WS"]

Owner = Literal["", "body", "form", "query", "capture", "rows", "capture.open"]
"""How a route says whose data a request is about: not at all, by the ``user_id`` of its body, its form or its address,
by a capture's id, or by that of its ``capture.open``. Answers with ``rows`` have those of an entry's own people."""


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One method of one address, or one socket. Without a ``right`` it is open: it needs no token, and has no data."""

    method: Method
    path: str
    right: Right | None
    owner: Owner = ""


def _open(*paths: str) -> tuple[AccessRow, ...]:
    return tuple(AccessRow("GET", path, None) for path in paths)


def _sign_in(*paths: str) -> tuple[AccessRow, ...]:
    return tuple(AccessRow("GET", path, "sign_in") for path in paths)


ACCESS_TABLE: tuple[AccessRow, ...] = (
    AccessRow("POST", "/session_manager/sessions.start", "record", "body"),
    AccessRow("POST", "/session_manager/sessions.end", "record", "body"),
    AccessRow("POST", "/session_manager/sessions.validate", "record", "body"),
    AccessRow("POST", "/schema-recorder/append", "record", "body"),
    AccessRow("POST", "/video/submit", "record", "form"),
    AccessRow("WS", "/camera_feed_worker/capture", "record", "capture.open"),
    AccessRow("WS", "/camera_feed_worker/ws", "record", "capture.open"),
    AccessRow("POST", "/camera_feed_worker/capture.tick", "record"),
    AccessRow("WS", "/ws/video/stream", "record"),
    AccessRow("GET", "/captures/{capture_id}", "see", "capture"),
    AccessRow("GET", "/captures/{capture_id}/preview.png", "see", "capture"),
    AccessRow("GET", "/captures/{capture_id}/animation.gif", "see", "capture"),
    AccessRow("GET", "/library/captures", "see", "rows"),
    AccessRow("GET", "/library/captures/{capture_id}", "see", "capture"),
    AccessRow("GET", "/library/captures/{capture_id}/motion", "see", "capture"),
    AccessRow("GET", "/library/summary", "see", "rows"),
    AccessRow("GET", "/video/status/{job_id}", "see", "capture"),
    AccessRow("GET", "/video/results/{job_id}", "see", "capture"),
    AccessRow("GET", "/studies/{study}/progress", "see", "query"),
    AccessRow("POST", "/library/review", "review", "body"),
    AccessRow("POST", "/library/relabel", "correct", "body"),
    AccessRow("POST", "/library/reassign", "correct", "body"),
    AccessRow("POST", "/library/withdraw", "withdraw", "body"),
    AccessRow("POST", "/access/code", None),
    AccessRow("GET", "/metrics", "operate"),
    AccessRow("GET", "/operate/dead", "operate"),
    AccessRow("GET", "/operate/dead/{id}", "operate"),
    AccessRow("POST", "/operate/dead/{id}/retry", "operate"),
    AccessRow("POST", "/operate/dead/{id}/drop", "operate"),
    AccessRow("GET", "/operate/retention", "operate"),
    AccessRow("POST", "/operate/retention", "operate"),
    *_sign_in("/access/me", "/consent", "/studies", "/studies/{study}", "/studies/{study}/pictures/{prompt}"),
    *_sign_in("/camera_feed_worker/limits", "/pipelines", "/health"),
    *_open("/livez", "/readyz", "/docs", "/docs/openapi.json", "/docs/asyncapi.json", "/static/assets/{name}"),
    *_open("/worker.js", "/manifest.webmanifest", "/", "/record", "/live", "/upload", "/demo/session", "/demo/gesture"),
    *_open("/library", "/library/capture/{capture_id}", "/library/person/{user_id}", "/operate"),
    *_open("/authority.crt"),
)
