"""The table of all HTTP routes and their answers, for the OpenAPI document. No I/O.

A test compares it with the routes of the application, and its codes with those in the source.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from contracts.messages.access import CodeRequest, GivenToken, SignedIn
from contracts.messages.base import StrictModel
from contracts.messages.consent import ConsentText
from contracts.messages.event import A3CPMessage
from contracts.messages.http import (
    Appended,
    CaptureReport,
    ClientLimits,
    SessionAnswer,
    SessionEnded,
    SessionStarted,
    Tick,
)
from contracts.messages.library import (
    LibraryCaptureWithHistory,
    LibraryPage,
    LibraryQuery,
    LibrarySummary,
    ReassignRequest,
    RelabelRequest,
    ReviewRequest,
    Withdrawn,
    WithdrawRequest,
)
from contracts.messages.motion import CaptureMotion, MotionQuery
from contracts.messages.pipelines import PipelineInfo
from contracts.messages.session import SessionEndRequest, SessionStartRequest, SessionValidateRequest
from contracts.messages.study import PICTURE_TYPES, ProgressQuery, Study, StudyList, StudyProgress
from contracts.messages.upload import UploadAccepted, UploadForm, UploadStatus
from contracts.rules.code_entry import Place
from gateway.docs.operate import OPERATE_OPERATIONS
from gateway.docs.operation import DocumentedResponse, Operation
from gateway.docs.page_operations import PAGE_OPERATIONS

__all__ = ["OPERATIONS", "Alive", "DocumentedResponse", "Operation", "Ready", "Unready"]


class Alive(StrictModel):
    """``GET /livez``: the process serves requests; nothing else was checked."""

    status: Literal["alive"]


class Ready(StrictModel):
    """``GET /readyz`` and ``GET /health``: everything that a capture needs is available."""

    status: Literal["ready"]


class Unready(StrictModel):
    """``GET /readyz`` and ``GET /health`` if something is missing; ``missing`` names it in sentences."""

    status: Literal["unready"]
    missing: list[str]


_SESSIONS, _CAPTURES, _UPLOADS, _LIVE = "Sessions", "Captures", "Uploads", "Real time"
_EVENTS, _LIBRARY, _HEALTH, _ACCESS, _STUDIES = "Events", "Library", "Health", "Access", "Studies"

_PICTURE: tuple[Place, ...] = ("capture", "picture", "broker", "library", "library_read")


def _statement(name: str, summary: str, body: type[BaseModel]) -> Operation:
    return Operation(
        "post", f"/library/{name}", _LIBRARY, summary,
        (DocumentedResponse("The event is in the session's log; the last one counts.", Appended, status=201),),
        ("person", "statement", "library", "body", "append", "broker"),
        body, "A repeat with the same `record_id` gets the same answer and adds nothing.",
    )  # fmt: skip


_SESSION_OPERATIONS = (
    Operation(
        "post", "/session_manager/sessions.start", _SESSIONS, "Start a session",
        (DocumentedResponse("The session; its start is in its log.", SessionStarted),),
        ("person", "session_start", "body", "append", "broker"),
        SessionStartRequest, "A repeat with the same `record_id` gets the same answer.",
    ),
    Operation(
        "post", "/session_manager/sessions.end", _SESSIONS, "End a session",
        (DocumentedResponse("The session has ended; its end is in its log.", SessionEnded),),
        ("person", "session_end", "body", "append", "broker"),
        SessionEndRequest, "A repeat with the same `record_id` gets the same answer.",
    ),
    Operation(
        "post", "/session_manager/sessions.validate", _SESSIONS, "Ask whether a session is active",
        (DocumentedResponse("Active, closed, or invalid; another user's session is invalid.", SessionAnswer),),
        ("person", "body", "broker"), SessionValidateRequest,
    ),
)  # fmt: skip

_CONSENT_OPERATIONS = (
    Operation(
        "get", "/consent", _SESSIONS, "Read the text to show before the first capture",
        (DocumentedResponse("The text, its hash, and whether consent is required.", ConsentText),),
        description="Markdown. Send its hash as `consent.text` with the answer, so that the log says which text was "
        "shown.",
    ),
)  # fmt: skip

_STUDY_OPERATIONS = (
    Operation(
        "get", "/studies", _STUDIES, "List the studies that this gateway has",
        (DocumentedResponse("The studies, by file name.", StudyList),), ("studies",),
        description="They are TOML files in `A3CP_STUDIES_DIR`.",
    ),
    Operation(
        "get", "/studies/{study}", _STUDIES, "Get a study, with its prompts and its consent text",
        (DocumentedResponse("The study.", Study),), ("study",),
        description="A take of it has `study`, `prompt` and `intent` in the `annotation` of its `capture.open`.",
    ),
    Operation(
        "get", "/studies/{study}/pictures/{prompt}", _STUDIES, "Get the picture of a prompt",
        (DocumentedResponse("The picture.", media_types=PICTURE_TYPES),), ("study", "file"),
    ),
    Operation(
        "get", "/studies/{study}/progress", _STUDIES, "Ask how far a participant is in a study, and what is next",
        (DocumentedResponse("The progress.", StudyProgress),), ("person", "study", "library", "library_read", "query"),
        query=ProgressQuery,
        description="It has a take as soon as its status is `recorded`. A take counts if a person keeps it, or if it "
        "is good by the study's rule and no person says otherwise.",
    ),
)  # fmt: skip

_CAPTURE_OPERATIONS = (
    Operation(
        "get", "/captures/{capture_id}", _CAPTURES, "Ask for the outcome of a capture",
        (DocumentedResponse("Its progress, or its outcome.", CaptureReport),),
        ("capture", "broker", "library", "library_read"),
        description="An aborted capture is known for 7 days after it was opened, a recorded one as long as its log.",
    ),
    Operation(
        "get", "/captures/{capture_id}/preview.png", _CAPTURES, "See a recorded capture",
        (DocumentedResponse("Six moments of the capture, drawn as landmarks.", media_types=("image/png",)),), _PICTURE,
    ),
    Operation(
        "get", "/captures/{capture_id}/animation.gif", _CAPTURES, "See a recorded capture in motion",
        (DocumentedResponse("The whole capture as landmarks, at its recorded speed.", media_types=("image/gif",)),),
        _PICTURE,
    ),
    Operation(
        "get", "/camera_feed_worker/limits", _CAPTURES, "Ask which limits a capture has to keep",
        (DocumentedResponse("This gateway's limits, as its operator set them.", ClientLimits),),
        description="They are fixed at a capture's open; ask before each.",
    ),
    Operation(
        "post", "/camera_feed_worker/capture.tick", _CAPTURES, "No effect: capture sockets check their own time limits",
        (DocumentedResponse("How many captures are open at this gateway.", Tick),),
    ),
)  # fmt: skip

_EVENT_OPERATIONS = (
    Operation(
        "post", "/schema-recorder/append", _EVENTS, "Append an event to a session's log",
        (DocumentedResponse("The line is in the file.", Appended, status=201),),
        ("person", "event", "append", "broker"),
        A3CPMessage,
        "The event is kept as it came: key order, strings and number tokens. If the same bytes are sent again, they "
        "are not recorded twice, and the answer has the first `recorded_at`.",
    ),
)  # fmt: skip

_LIBRARY_OPERATIONS = (
    Operation(
        "get", "/library/captures", _LIBRARY, "List recorded captures",
        (DocumentedResponse("One page of captures, the newest first.", LibraryPage),),
        ("library", "library_read", "library_list", "query"), query=LibraryQuery,
    ),
    Operation(
        "get", "/library/captures/{capture_id}", _LIBRARY, "See a recorded capture and its history",
        (DocumentedResponse("The capture.", LibraryCaptureWithHistory),), ("library", "library_read", "capture"),
    ),
    Operation(
        "get", "/library/captures/{capture_id}/motion", _LIBRARY, "Get a recorded capture's landmarks to draw them",
        (DocumentedResponse("The points of some or all frames.", CaptureMotion),), (*_PICTURE, "query"),
        query=MotionQuery,
    ),
    Operation(
        "get", "/library/summary", _LIBRARY, "Count the recorded captures",
        (DocumentedResponse("The counts by value.", LibrarySummary),), ("library", "library_read"),
    ),
    _statement("review", "Judge a capture", ReviewRequest),
    _statement("relabel", "Give a capture another label", RelabelRequest),
    _statement("reassign", "Assign a capture to another participant", ReassignRequest),
    Operation(
        "post", "/library/withdraw", _LIBRARY, "Withdraw consent to a capture, a session, or all of a person",
        (DocumentedResponse("It is in the logs, and workers erase what is to be erased.", Withdrawn, status=202),),
        ("person", "withdrawal", "library", "library_read", "body", "append", "broker"),
        WithdrawRequest, "A repeat with the same `record_id` adds nothing. With `erase` a capture is `withdrawn` until "
        "its artifact is removed, and `erased` then.",
    ),
)  # fmt: skip

_UPLOAD_OPERATIONS = (
    Operation(
        "post", "/video/submit", _UPLOADS, "Send a video",
        (DocumentedResponse("The video is in memory and waits for an extractor.", UploadAccepted, status=202),),
        ("person", "upload", "broker"),
        UploadForm, "At most 200 MiB and 120 s unless the server is set otherwise. It is never on a disk.", form=True,
    ),
    Operation(
        "get", "/video/status/{job_id}", _UPLOADS, "Ask for the progress of an upload",
        (DocumentedResponse("Its progress.", UploadStatus),), ("job", "broker"),
    ),
    Operation(
        "get", "/video/results/{job_id}", _UPLOADS, "Ask for the outcome of an upload's capture",
        (DocumentedResponse("The answer of `GET /captures/{capture_id}`.", CaptureReport),),
        ("job", "result", "broker", "library", "library_read"),
    ),
)  # fmt: skip

_LIVE_OPERATIONS = (
    Operation(
        "get", "/pipelines", _LIVE, "List the pipelines of the real-time lane",
        (DocumentedResponse("Every pipeline.", PipelineInfo, many=True),),
        description="Not available with `STREAM_ENABLED=false`.",
    ),
)  # fmt: skip

_READY = (
    DocumentedResponse("Everything that a capture needs is available.", Ready),
    DocumentedResponse("What is missing.", Unready, status=503),
)

_ACCESS_OPERATIONS = (
    Operation(
        "get", "/access/me", _ACCESS, "Ask whose token this is",
        (DocumentedResponse("Its holder's name and rights.", SignedIn),),
        description="Without a token in the request, the answer is 401 if the server asks for one.",
    ),
    Operation(
        "post", "/access/code", _ACCESS, "Exchange a one-time code for a token",
        (DocumentedResponse("The token of the device that sent the code.", GivenToken),),
        ("sign_in", "body", "broker"), CodeRequest,
        description="`a3cp access code NAME` makes a code. It works once, for 10 minutes. The token has the rights of "
        "the entry NAME and ends with it.",
        open=True,
    ),
)  # fmt: skip

_HEALTH_OPERATIONS = (
    Operation(
        "get", "/livez", _HEALTH, "Ask if the process runs", (DocumentedResponse("It serves requests.", Alive),),
        open=True,
    ),
    Operation("get", "/readyz", _HEALTH, "Ask whether a capture can be recorded", _READY, open=True),
    Operation("get", "/health", _HEALTH, "The same, for clients with the token", _READY),
    Operation(
        "get", "/metrics", _HEALTH, "This gateway's metrics, for Prometheus",
        (DocumentedResponse("Every metric.", media_types=("text/plain", "application/openmetrics-text")),),
    ),
)  # fmt: skip


OPERATIONS: tuple[Operation, ...] = (
    *_SESSION_OPERATIONS, *_CONSENT_OPERATIONS, *_STUDY_OPERATIONS, *_CAPTURE_OPERATIONS, *_UPLOAD_OPERATIONS,
    *_LIBRARY_OPERATIONS, *OPERATE_OPERATIONS, *_EVENT_OPERATIONS, *_LIVE_OPERATIONS, *_ACCESS_OPERATIONS,
    *_HEALTH_OPERATIONS, *PAGE_OPERATIONS,
)  # fmt: skip
