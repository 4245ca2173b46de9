"""Uploads on the whole stack: a real video, real processes, kills and restarts in the middle of the work."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from contracts.broker import keys
from contracts.rules.paths import artifact_path
from scripts.stack.stack import Stack
from tests.conftest import BrokerPair, on_one
from tests.integration.stacks import USER, Running, running, settings_for
from tests.support.clips import face_video
from tests.support.prestarted import spawned
from tests.support.waiting import DEADLINE_S, until

FRAMES = 60
"""So many that a test finds an extractor in the middle of them."""
FEW = 32
SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")


async def submit(client: httpx.AsyncClient, session_id: str, frames: int = FRAMES) -> dict[str, str]:
    fields = {
        "user_id": USER,
        "session_id": session_id,
        "record_id": str(uuid.uuid4()),
        "capture_id": str(uuid.uuid4()),
    }
    video = face_video(frames)
    answer = await client.post("/video/submit", data={**fields, "intent": "more"}, files={"file": ("a.mp4", video)})
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"job_id": fields["capture_id"], "capture_id": fields["capture_id"]}
    return fields


async def ended(client: httpx.AsyncClient, job: str) -> dict[str, Any]:
    async def over() -> Any:
        told = (await client.get(f"/video/status/{job}")).json()
        assert 0 <= told["progress"] <= 1
        return told if told["status"] in ("done", "failed") else None

    return dict(await until(over, "the job is over"))


async def at_work(client: httpx.AsyncClient, job: str) -> None:
    async def some() -> bool:
        told = (await client.get(f"/video/status/{job}")).json()
        assert told["status"] in ("queued", "running") and told["progress"] < 0.7, (
            f"too late to be in the middle: {told}"
        )
        return bool(told["progress"] > 0.1)

    await until(some, "the job is in the middle")


def to_extractor(stack: Stack, signal_number: int) -> None:
    """Signal the processes of the extractor that has the video."""
    parent = stack.parts["extractor-1"].pid
    assert parent is not None
    for child in spawned(parent):
        os.kill(child, signal_number)


def pieces_on_disk(folder: Path, since_s: float) -> list[str]:
    """Files in ``folder`` and in the system's scratch folders that were written since, with a piece of a video.

    The folders of other tests are left out: these run at the same time, and some make files of many gigabytes. So are
    other file systems: what is read of a mounted /proc may never end.
    """
    middles = [video[len(video) // 2 :][:48] for video in map(face_video, (FRAMES, FEW))]
    found = []
    command = ["find", str(folder), *SCRATCH, "-xdev", "-name", "pytest-of-*", "-prune", "-o", "-type", "f"]
    command += ["-newermt", f"@{since_s}", "-print0"]
    for path in subprocess.run(command, capture_output=True).stdout.split(b"\0")[:-1]:
        with suppress(OSError):  # another process has removed it meanwhile, or it is unreadable
            content = Path(os.fsdecode(path)).read_bytes()
            found += [os.fsdecode(path) for middle in middles if middle in content]
    return found


@on_one("valkey")  # the tests of the scripts run on both kinds
def test_an_upload_ends_as_a_capture_does_whatever_happens_to_its_extractor_or_its_broker(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    since_s = time.time()

    async def twice_the_same(stack: Running, client: httpx.AsyncClient, session_id: str) -> None:
        hashes = set()
        for _ in range(2):
            fields = await submit(client, session_id, FEW)
            assert await ended(client, fields["capture_id"]) == {"status": "done", "progress": 1.0}
            results = (await client.get(f"/video/results/{fields['capture_id']}")).json()
            assert (results["status"], results["accepted"], results["found"]["face"]) == ("recorded", FEW, FEW)
            path = artifact_path(stack.stack.settings.data_root, USER, session_id, fields["record_id"])
            assert results["raw_features_ref"]["hash"] == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
            hashes.add(results["raw_features_ref"]["hash"])
        assert len(hashes) == 1

    async def killed(stack: Running, client: httpx.AsyncClient, session_id: str) -> None:
        fields = await submit(client, session_id)
        await at_work(client, fields["capture_id"])
        to_extractor(stack.stack, signal.SIGSTOP)  # the search may take long on a full disk
        assert pieces_on_disk(tmp_path, since_s) == []
        to_extractor(stack.stack, signal.SIGKILL)
        assert (await ended(client, fields["capture_id"]))["status"] == "done"
        path = artifact_path(stack.stack.settings.data_root, USER, session_id, fields["record_id"])
        with np.load(path) as members:
            assert members["seq"].tolist() == list(range(1, FRAMES + 1))
            assert len(members["tracker_restarts"]) == 1

    async def broker_restarted(stack: Running, client: httpx.AsyncClient, session_id: str) -> None:
        fields = await submit(client, session_id)
        await at_work(client, fields["capture_id"])
        own_brokers.frames.kill()
        own_brokers.frames.start()
        told = await ended(client, fields["capture_id"])
        assert (told["status"], told["error"]) == ("failed", "frames_lost")
        assert (await client.get(f"/captures/{fields['capture_id']}")).json()["error_code"] == "frames_lost"

    async def nothing_waits(stack: Running) -> bool:
        return not await stack.frames.exists(keys.UPLOAD_PLACES)

    async def main() -> None:
        async with (
            running(settings_for(own_brokers, tmp_path)) as stack,
            httpx.AsyncClient(base_url=stack.stack.address, timeout=DEADLINE_S, trust_env=False) as client,
        ):
            session_id = await stack.gateway.start_session(USER)
            await twice_the_same(stack, client, session_id)
            await killed(stack, client, session_id)
            await until(lambda: nothing_waits(stack), "no slot is taken")
            await broker_restarted(stack, client, session_id)
            await stack.gateway.end_session(USER, session_id)
            report = stack.verify(session_id)
            assert report.ok and len(report.captures) == 3

    asyncio.run(main())
    assert pieces_on_disk(tmp_path, since_s) == []
