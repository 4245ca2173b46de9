"""One entry of the table of error codes, and the sentences that several entries share. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["AGAIN", "IN_A_MOMENT", "NEW_SESSION", "RELOAD", "TELL_OPERATOR", "Code", "PageText", "Place"]

AGAIN = "Try again."
IN_A_MOMENT = "Wait a moment, then try again."
NEW_SESSION = "Start a new session."
RELOAD = "Load the page again."
TELL_OPERATOR = "Tell the person who runs the server, then try again."

Place = Literal[
    "any", "guarded", "post", "route", "broker", "body", "query", "event", "append", "session_start", "session_end",
    "capture", "picture", "upload", "job", "result", "file", "library", "library_read", "library_list", "statement",
    "withdrawal", "studies", "study", "dead_letters", "dead_letter", "retry_letter", "person", "sign_in",
]  # fmt: skip
"""Where an HTTP request can be refused: ``any`` request; ``guarded``, one that needs the token; any ``post``;
``route``, an unknown address or method; ``broker``, a route that asks a broker; a JSON ``body``; a ``query`` in the
address; an ``event``'s body; an ``append`` to a session's log; ``library``, any of its routes, ``library_read``, those
that read, ``library_list``, the list, a ``statement`` about a capture, and a ``withdrawal``; ``result``, the outcome of
an upload's capture; ``studies``, their list, and ``study``, one of them; ``dead_letters``, their list, ``dead_letter``,
one of them, and ``retry_letter``, another try of one; ``person``, a route that is given a user_id; ``sign_in``, that of
one-time codes; the others are kinds of route."""

PageText = tuple[str, str]
"""What a page shows: what happened, and what the person can do."""


@dataclass(frozen=True, slots=True)
class Code:
    """What one code means.

    Attributes:
        meaning: what happened, a sentence.
        fix: what the user can do, a sentence.
        retry: whether the same frames or the same request may succeed later.
        http: the status of a refusal, by the place where it occurs.
        close: the close code of a capture socket if the gateway sends no ``capture.abort`` first; 0 if it sends one.
        live_close: the close code of a socket of the real-time lane.
        outcome_only: no client is connected that could receive the code; only the capture's record has it.
        page: the text on the pages, if `meaning` and `fix` are too technical for a person in front of a camera.
        video, live: the text for an uploaded video and on the live page, if it differs from ``page``.
    """

    meaning: str
    fix: str
    retry: bool = False
    http: Mapping[Place, int] = field(default_factory=dict)
    close: int = 0
    live_close: int = 0
    outcome_only: bool = False
    page: PageText | None = None
    video: PageText | None = None
    live: PageText | None = None
