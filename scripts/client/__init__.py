"""A client of the gateway: sessions, captures, the real-time lane; for programs with and without an event loop."""

from contracts.messages.http import CaptureReport
from scripts.client.capture import Capture
from scripts.client.capture_socket import OnProgress
from scripts.client.client import CaptureClient
from scripts.client.errors import (
    CaptureStalled,
    ClientError,
    GatewayAway,
    GatewayRefused,
    LiveEnded,
    UsageError,
)
from scripts.client.frames import Frame, Jpeg
from scripts.client.library import CaptureLibrary, LibraryFilters
from scripts.client.live import LiveAnswer, LiveStream
from scripts.client.outcome import CaptureAborted, CaptureOutcome
from scripts.client.pace import Pace, StreamState
from scripts.client.session import CaptureOptions, Session
from scripts.client.sync import SyncCapture, SyncCaptureClient, SyncCaptureLibrary, SyncLiveStream, SyncSession
from scripts.client.window import When

__all__ = [
    "Capture",
    "CaptureAborted",
    "CaptureClient",
    "CaptureOptions",
    "CaptureOutcome",
    "CaptureReport",
    "CaptureStalled",
    "ClientError",
    "Frame",
    "GatewayAway",
    "GatewayRefused",
    "Jpeg",
    "CaptureLibrary",
    "LibraryFilters",
    "LiveAnswer",
    "LiveEnded",
    "LiveStream",
    "OnProgress",
    "Pace",
    "Session",
    "StreamState",
    "SyncCapture",
    "SyncCaptureClient",
    "SyncCaptureLibrary",
    "SyncLiveStream",
    "SyncSession",
    "UsageError",
    "When",
]
