"""Several processes of one gateway have one catalog: one of them follows the logs, and all answer from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from contracts.process.settings import Settings
from contracts.storage.log_tail import LogPosition
from gateway.library import catalog as catalog_module
from gateway.library.library import Library as GatewayLibrary
from gateway.library.reader import read_known
from tests.contracts.storage.session_lines import SESSION, USER, recorded
from tests.gateway.library.catalogs import Library
from tests.support.waiting import needed, until


@asynccontextmanager
async def following(tmp_path: Path, count: int) -> AsyncIterator[list[GatewayLibrary]]:
    """So many processes' libraries, which have looked at all logs once."""
    settings = Settings(LOG_ROOT=tmp_path / "logs", A3CP_STATE_DIR=tmp_path / "state")
    libraries = [GatewayLibrary(settings) for _ in range(count)]
    tasks = [needed(asyncio.create_task(each.run(lambda error: pytest.fail(repr(error))))) for each in libraries]
    try:
        await asyncio.gather(*(each.first_pass.wait() for each in libraries))
        yield libraries
    finally:
        for task in tasks:
            task.cancel()
        for each in libraries:
            await each.close()


async def knows(library: GatewayLibrary, capture_id: str, *, now: bool = False) -> bool:
    """Whether an answer of this process has the capture; ``now``: without looking at the logs before."""
    query = partial(read_known, key=(USER, SESSION, capture_id), event="capture.reviewed", record_id="")
    return await (library.read_now(query) if now else library.read(query, whole=True)) is not None


async def test_one_process_follows_and_each_answers_with_the_newest_line(tmp_path: Path) -> None:
    logs = Library(tmp_path)
    logs.append(recorded("first", 100))
    async with following(tmp_path, 2) as libraries:
        (leader,) = [each for each in libraries if each._leader.is_this()]
        (other,) = [each for each in libraries if each is not leader]
        logs.append(recorded("second", 101))
        await until(lambda: knows(other, "second", now=True), "the leader has read it, and the other one sees it")
        for number, each in enumerate((leader, other)):
            logs.append(recorded(f"asked-{number}", 200 + number))
            assert await knows(each, f"asked-{number}"), "a list has what was recorded just now"
        leader._leader.close()
        assert other._leader.is_this(), "another process follows one that ended"


def test_a_process_does_not_read_again_what_another_one_has_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = Library(tmp_path)
    logs.append(recorded("first", 100))
    logs.catch_up()
    second = logs.another()
    list(second.turns())
    logs.append(recorded("second", 101))
    logs.catch_up()
    reads: list[LogPosition] = []
    read_addition = catalog_module.read_addition

    def counted(path: Path, position: LogPosition, most: int) -> object:
        reads.append(position)
        return read_addition(path, position, most)

    monkeypatch.setattr(catalog_module, "read_addition", counted)
    list(second.turns())
    assert reads == []
    logs.append(recorded("third", 102))
    list(second.turns())
    assert len(reads) == 1
    second.close()
    logs.catalog.close()
