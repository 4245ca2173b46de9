"""A backup of a stack that records, restored elsewhere: verified, with the same library; its open session goes on."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import orjson

from contracts.broker import keys
from contracts.broker.roles import connect
from contracts.process.settings import Settings
from contracts.rules.paths import session_log_path
from contracts.state.events import EventEntry
from scripts.client import CaptureClient
from scripts.commands.backup import complete_copy
from scripts.stack.stack import Stack
from tests.recorder.samples import arrays, feature_ref, npz, put_artifact
from tests.scripts.test_cli import started_a3cp
from tests.support.waiting import DEADLINE_S, until

USER = "carer-1"


def settings_in(root: Path) -> Settings:
    return Settings(data_root=root / "data", log_root=root / "logs", state_dir=root / "state", port=0)


async def a3cp(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    folders = {
        "DATA_ROOT": str(settings.data_root), "LOG_ROOT": str(settings.log_root),
        "A3CP_STATE_DIR": str(settings.state_dir),
    }  # fmt: skip
    done = await asyncio.to_thread(started_a3cp, *arguments, cwd=settings.log_root.parent, **folders)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


async def record(stack: Stack, session_id: str, enough: asyncio.Event) -> None:
    """What an extractor does with captures, one after the other: an artifact, then its event."""
    data = npz(arrays())
    events = connect(stack.urls[1])
    try:
        while not enough.is_set():
            record_id = str(uuid4())
            digest = put_artifact(stack.settings.data_root, session_id, record_id, data, USER)
            event = orjson.dumps(feature_ref(session_id, f"c-{record_id}", record_id, USER, hash=digest))
            await events.xadd(keys.EVENTS, EventEntry(event, USER, session_id, record_id).encode())  # type: ignore[arg-type]
            await asyncio.sleep(0.01)
    finally:
        await events.aclose()


async def library(stack: Stack, count: int) -> list[Any]:
    """The library's summary and first page, once it has ``count`` captures."""

    async def shown() -> list[Any] | None:
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            summary = (await client.get(f"{stack.address}/library/summary")).json()
            listed = (await client.get(f"{stack.address}/library/captures")).json()
        return [summary, listed["captures"]] if summary["total"] == count else None

    look: Callable[[], Any] = shown
    found: list[Any] = await until(look, "the library has every capture")
    return found


async def started(stack: Stack) -> None:
    async def answers() -> bool:
        try:
            async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
                return (await client.get(f"{stack.address}/livez")).is_success
        except httpx.TransportError:
            return False

    look: Callable[[], Any] = answers
    await until(look, "the gateway answers")


async def test_a_backup_of_a_stack_that_records_is_restored_and_its_session_goes_on(tmp_path: Path) -> None:
    here, there, target = settings_in(tmp_path), settings_in(tmp_path / "restored"), tmp_path / "backup"
    (tmp_path / "restored").mkdir()
    async with Stack(here, extractors=0) as stack:
        await started(stack)
        async with CaptureClient(stack.address) as gateway:
            session_id = await gateway.start_session(USER)
            log = session_log_path(here.log_root, USER, session_id)
            enough = asyncio.Event()
            recording = asyncio.create_task(record(stack, session_id, enough))
            await until(lambda: log.exists() and log.read_bytes().count(b"\n") > 5, unless=recording.done)
            await a3cp(here, "backup", str(target))
            first = complete_copy(target)
            assert first is not None and first.captures >= 5 and not recording.done()
            enough.set()
            await recording
            recorded = len(list(here.data_root.rglob("*.npz")))
            before = await library(stack, recorded)
            await a3cp(here, "backup", str(target))
    await a3cp(there, "restore", str(target))
    assert f"{recorded} captures good" in (await a3cp(there, "verify")).stdout
    async with Stack(there, extractors=0) as stack:
        await started(stack)
        assert await library(stack, recorded) == before
        async with CaptureClient(stack.address) as gateway:
            assert await gateway.session_status(USER, session_id) == "active"
            await gateway.end_session(USER, session_id)
        restored = session_log_path(there.log_root, USER, session_id)
        await until(lambda: b"session.end" in restored.read_bytes())
    assert restored.read_bytes().startswith(log.read_bytes())
