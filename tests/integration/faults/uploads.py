"""The clients that upload videos and note every answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import httpx

from tests.integration.faults.bare import PIECE_BYTES, VIDEO_FRAMES, clip_video
from tests.integration.faults.history import History
from tests.support.waiting import DEADLINE_S

__all__ = ["Upload"]

BOUNDARY = "a-boundary"


class _Gone(Exception):
    """The client leaves."""


@dataclass(slots=True)
class Upload:
    """One video to send, the one that is ``clip``. ``pace_s`` is between its pieces; ``leaves``: the client goes away
    in the middle of it without a word; ``damaged``: what comes after its beginning is not a video's. It begins when
    ``after`` is set, if there is one."""

    user_id: str
    session_id: str
    clip: int
    file_first: bool = False
    pace_s: float = 0.0
    delay_s: float = 0.0
    leaves: bool = False
    damaged: bool = False
    capture_id: str = ""
    record_id: str = ""
    after: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.capture_id = self.capture_id or str(uuid.uuid4())
        self.record_id = self.record_id or str(uuid.uuid4())

    async def run(self, http: httpx.AsyncClient, history: History) -> None:
        """Send it once, and write down the answer, an upload's as a capture's: 202 is 1000, no answer 0."""
        if self.after is not None:
            await self.after.wait()
        await asyncio.sleep(self.delay_s)
        self._note(history, clip=self.clip, user_id=self.user_id, session_id=self.session_id, uploaded=True)
        try:
            answer = await http.post("/video/submit", content=self._sent(), headers=self._headers(), timeout=DEADLINE_S)
            accepted = answer.status_code == 202
            status, code = (1000, "") if accepted else (answer.status_code, str(answer.json()["error"]))
            self._note(history, sent=VIDEO_FRAMES, close_code=status, code=code)
        except _Gone:
            self._note(history, vanished="in the middle of a video")
        except (httpx.HTTPError, ValueError):
            self._note(history, sent=VIDEO_FRAMES)

    def _note(self, history: History, **fields: object) -> None:
        history.add("capture", capture_id=self.capture_id, record_id=self.record_id, **fields)

    def _headers(self) -> dict[str, str]:
        length = sum(len(piece) for piece in self._form())
        return {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", "Content-Length": str(length)}

    async def _sent(self) -> AsyncIterator[bytes]:
        pieces = list(self._form())
        for number, piece in enumerate(pieces):
            if self.leaves and number > len(pieces) // 2:
                raise _Gone
            yield piece
            await asyncio.sleep(self.pace_s)

    def _form(self) -> Iterator[bytes]:
        names = ("user_id", "session_id", "record_id", "capture_id")
        fields = "".join(f"{self._part(name)}\r\n{getattr(self, name)}\r\n" for name in names).encode()
        if not self.file_first:
            yield fields
        yield f'{self._part("file")[:-2]}; filename="video.mp4"\r\n\r\n'.encode()
        video = clip_video(self.clip)
        if self.damaged:
            video = video[:PIECE_BYTES] + bytes(len(video) - PIECE_BYTES)
        yield from (video[at : at + PIECE_BYTES] for at in range(0, len(video), PIECE_BYTES))
        yield b"\r\n" + (fields if self.file_first else b"") + f"--{BOUNDARY}--\r\n".encode()

    def _part(self, name: str) -> str:
        return f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n'
