"""The messages of a client on the capture socket: valid by default, any field replaceable."""

from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import orjson
import simplejpeg
from PIL import Image

START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
SESSION = "sess_0123456789abcdef"


def at(seconds: float) -> str:
    """The wire form of the moment ``seconds`` after the start of the capture."""
    return (START + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def jpeg(width: int = 64, height: int = 48, seed: int = 0, progressive: bool = False) -> bytes:
    """A small real JPEG of noise."""
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    if not progressive:
        return bytes(simplejpeg.encode_jpeg(image, quality=60))
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", progressive=True)
    return buffer.getvalue()


class Client:
    """Makes the messages of one capture, as documents or as JSON text."""

    def __init__(self, capture_id: str = "", user_id: str = "user-1", session_id: str = SESSION, fps: int = 15) -> None:
        self.capture_id = capture_id or str(uuid.uuid4())
        self.user_id = user_id
        self.session_id = session_id
        self.fps = fps
        self.record_id = str(uuid.uuid4())

    def base(self, event: str) -> dict[str, Any]:
        return {
            "schema_version": "1.0.1",
            "record_id": str(uuid.uuid4()),
            "user_id": self.user_id,
            "session_id": self.session_id,
            "timestamp": at(0),
            "event": event,
            "capture_id": self.capture_id,
        }

    def open(self, **changes: Any) -> str:
        message = self.base("capture.open") | {
            "record_id": self.record_id,
            "timestamp_start": at(0),
            "fps_target": self.fps,
            "width": 64,
            "height": 48,
            "encoding": "jpeg",
        }
        return _text(message, changes)

    def meta(self, seq: int, byte_length: int | None = None, **changes: Any) -> str:
        message = self.base("capture.frame_meta") | {
            "seq": seq,
            "timestamp_frame": at((seq - 1) / self.fps),
            "byte_length": len(jpeg()) if byte_length is None else byte_length,
        }
        return _text(message, changes)

    def close(self, seconds: float = 3.0, **changes: Any) -> str:
        return _text(self.base("capture.close") | {"timestamp_end": at(seconds)}, changes)


def _text(message: dict[str, Any], changes: dict[str, Any]) -> str:
    """``changes`` replace fields; a field changed to ``...`` is left out."""
    return orjson.dumps({k: v for k, v in (message | changes).items() if v is not ...}).decode()
