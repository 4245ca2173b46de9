"""The tree of errors. The codes that they carry are in `contracts.rules.codes`.

A3CPError
├── CaptureError            a capture broke a rule: an abort or a close code for its client
├── LiveRefusal             a connection of the real-time lane ends: its error message and its close code
├── InvalidJpeg             bytes are not a JPEG that this system accepts
├── RequestRefused          an HTTP request is answered with this status and code
├── RecorderError           an event could not be appended
│   ├── MissingSessionPath      dead letter; 409
│   ├── EventTooLarge           dead letter; 413
│   ├── InvalidEvent            dead letter; 422
│   └── RecorderIOError         stays pending, and the recorder retries; 500
│       ├── SessionLogLocked        another process holds the log's lock; the recorder retries, then reports
│       └── NewerRecorderNeeded     an earlier event of the session has a format of another release; 503
├── ArtifactError           an artifact could not be written or does not verify
│   ├── ArtifactTaken           its path holds another capture's artifact
│   ├── FolderMissing           its session has no folder, and nothing will create one
│   ├── ArtifactMissing         the file does not exist
│   ├── ArtifactElsewhere       its reference names a place where this process does not look
│   └── ArtifactStoreError      the object store does not answer, or refuses
├── LeaseLost               another extractor has the capture; this one stops and writes nothing more
├── StreamBroken            a frame stream has a gap or an unreadable entry: extraction_failed
├── VideoError              a video cannot become a capture: an abort with its code
├── UnknownPipeline         no pipeline is registered under this id
├── UnreadableValue         a broker holds a value that this system does not write; only that item is skipped
│   └── OtherFormat             another release wrote it; it is left to that release's processes (`formats`)
├── BrokerUnavailable       transient: retried with backoff
│   ├── BrokerFull              it is out of memory: nothing was written
│   └── BrokerSlow              it did not answer in time: the command may still run
└── FatalError              the process stops with one line that says how to fix it
    ├── ConfigurationError
    └── BrokerMisconfigured
"""

from __future__ import annotations

from contracts.rules.codes import CaptureCode, LiveCode, VideoCode

__all__ = [
    "A3CPError",
    "ArtifactElsewhere",
    "ArtifactError",
    "ArtifactMissing",
    "ArtifactStoreError",
    "ArtifactTaken",
    "BrokerFull",
    "BrokerMisconfigured",
    "BrokerSlow",
    "BrokerUnavailable",
    "CaptureError",
    "ConfigurationError",
    "EventTooLarge",
    "FatalError",
    "FolderMissing",
    "InvalidEvent",
    "InvalidJpeg",
    "LeaseLost",
    "LiveRefusal",
    "MissingSessionPath",
    "NewerRecorderNeeded",
    "RecorderError",
    "RecorderIOError",
    "RequestRefused",
    "SessionLogLocked",
    "StreamBroken",
    "UnknownPipeline",
    "UnreadableValue",
    "VideoError",
]


class A3CPError(Exception):
    """The root of every error this project raises on purpose."""


class CaptureError(A3CPError):
    """A capture broke the rule named by ``code``; ``detail`` never quotes image bytes."""

    def __init__(self, code: CaptureCode, detail: str) -> None:
        super().__init__(code, detail)
        self.code: CaptureCode = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class LiveRefusal(A3CPError):
    """A connection of the real-time lane ends with ``{"error": code, "detail": detail}``; ``detail`` is a
    sentence for the client and shows no internals."""

    def __init__(self, code: LiveCode, detail: str) -> None:
        super().__init__(code, detail)
        self.code: LiveCode = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class InvalidJpeg(A3CPError):
    """Bytes are not a JPEG that this system accepts. The text never quotes them."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why

    def __str__(self) -> str:
        return f"not a JPEG that the server accepts: {self.why}"


class RequestRefused(A3CPError):
    """An HTTP request is refused: ``{"error": code, "detail": detail}`` with ``status``.

    ``retry_after_s``: after how many seconds a repeat may succeed; None if the server cannot say.
    """

    def __init__(self, status: int, code: str, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(status, code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class RecorderError(A3CPError):
    """An event could not be appended. The HTTP answer has this ``code`` and ``status``."""

    code: str = "recorder_error"
    status: int = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class MissingSessionPath(RecorderError):
    """The session's directory does not exist. The recorder never creates it."""

    code = "missing_session_path"
    status = 409


class EventTooLarge(RecorderError):
    """The line would be longer than ``MAX_EVENT_BYTES``, newline included."""

    code = "event_too_large"
    status = 413


class InvalidEvent(RecorderError):
    """The entry does not hold an event that can be put into a session's log."""

    code = "invalid_event"
    status = 422


class RecorderIOError(RecorderError):
    """The file system refused. The event stays pending, and the recorder retries."""

    code = "recorder_io_error"
    status = 500


class SessionLogLocked(RecorderIOError):
    """Another process holds the lock of the session's log."""


class NewerRecorderNeeded(RecorderIOError):
    """The session has an event in a format that this recorder does not read. It waits, and every later event of the
    session with it, for a recorder of the release that wrote it."""

    code = "newer_format"
    status = 503


class ArtifactError(A3CPError):
    """An artifact could not be written, read or verified; the text says which and why."""


class ArtifactTaken(ArtifactError):
    """The artifact's path holds another capture's artifact. That file is not touched."""


class FolderMissing(ArtifactError):
    """The session's features folder is missing although ``DATA_ROOT`` exists. Only the session manager creates
    it, so a retry does not help."""


class ArtifactMissing(ArtifactError):
    """The file that the reference names does not exist."""


class ArtifactElsewhere(ArtifactError):
    """A reference names a place that is neither below ``DATA_ROOT`` nor below ``A3CP_ARTIFACT_URL``."""


class ArtifactStoreError(ArtifactError):
    """The object store does not answer, or refuses."""


class LeaseLost(A3CPError):
    """The extractor lost its capture to another one. It stops and does not acknowledge the entry."""


class StreamBroken(A3CPError):
    """A frame stream has a gap in its seqs, or an entry or row that cannot be read."""


class VideoError(A3CPError):
    """A video cannot become a capture, for the reason ``code``; ``detail`` is a sentence that quotes nothing of
    the file."""

    def __init__(self, code: VideoCode, detail: str) -> None:
        super().__init__(code, detail)
        self.code: VideoCode = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class UnknownPipeline(A3CPError):
    """No pipeline is registered under ``pipeline_id``."""

    def __init__(self, pipeline_id: str) -> None:
        super().__init__(pipeline_id)
        self.pipeline_id = pipeline_id

    def __str__(self) -> str:
        return f"no pipeline is registered as {self.pipeline_id!r}"


class UnreadableValue(A3CPError):
    """A broker holds a value, at ``where``, that this system does not write. Reading it again does not help. The
    text never quotes the value."""

    def __init__(self, role: str, where: str, why: str) -> None:
        super().__init__(role, where, why)
        self.role = role
        self.where = where
        self.why = why

    def __str__(self) -> str:
        return f"the {self.role} broker holds a value that cannot be read ({self.where}): {self.why}"


class BrokerUnavailable(A3CPError):
    """A broker did not answer. The caller retries with backoff."""

    def __init__(self, role: str, cause: str) -> None:
        super().__init__(role, cause)
        self.role = role
        self.cause = cause

    def __str__(self) -> str:
        return f"the {self.role} broker does not answer: {self.cause}"


class BrokerFull(BrokerUnavailable):
    """The broker is out of memory (``noeviction``): nothing was written, try again later."""

    def __str__(self) -> str:
        return f"the {self.role} broker is out of memory"


class BrokerSlow(BrokerUnavailable):
    """The broker did not answer in time. The command may still run."""


class FatalError(A3CPError):
    """The process must stop. The text is one line that says what is wrong and how to fix it."""

    exit_code = 2


class ConfigurationError(FatalError):
    """A setting is wrong; the text names the environment variable."""


class BrokerMisconfigured(FatalError):
    """A broker does not meet its role's needs. The text says how to fix it."""

    exit_code = 3

    def __init__(self, role: str, problem: str, fix: str) -> None:
        super().__init__(role, problem, fix)
        self.role = role
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"the {self.role} broker is refused: {self.problem}; fix it with: {self.fix}"
