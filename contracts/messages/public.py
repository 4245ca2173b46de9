"""The public schema surface: every message that crosses a process boundary.

Clients import from here. A process of the stack imports a message from its own module, and so loads no others.
"""

from contracts.messages.base import BaseMessage
from contracts.messages.capture import (
    Annotation,
    CaptureAbort,
    CaptureClose,
    CaptureMessage,
    CaptureOpen,
    CaptureProgress,
    Found,
    FrameMeta,
)
from contracts.messages.consent import ConsentStatement, ConsentText
from contracts.messages.event import A3CPMessage, FeatureRefEvent, RawFeaturesRef
from contracts.messages.quality import Quality
from contracts.messages.session import SessionAnswer, SessionEndRequest, SessionStartRequest, SessionValidateRequest

__all__ = [
    "A3CPMessage",
    "Annotation",
    "BaseMessage",
    "CaptureAbort",
    "CaptureClose",
    "CaptureMessage",
    "CaptureOpen",
    "CaptureProgress",
    "ConsentStatement",
    "ConsentText",
    "FeatureRefEvent",
    "Found",
    "FrameMeta",
    "Quality",
    "RawFeaturesRef",
    "SessionAnswer",
    "SessionEndRequest",
    "SessionStartRequest",
    "SessionValidateRequest",
]
