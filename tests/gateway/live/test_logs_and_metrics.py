"""The logs and metrics of the real-time lane, and the secrets that they never hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from structlog.testing import capture_logs

from contracts.state.live import Answer
from tests.gateway.live.served import Live, serving
from tests.gateway.live.test_drops import burst
from tests.support.brokers import BrokerProcess
from tests.support.messages import jpeg
from tests.support.waiting import until

Lines = list[dict[str, Any]]


@asynccontextmanager
async def logged(broker: BrokerProcess, folder: Path, **settings: Any) -> AsyncIterator[tuple[Live, Lines]]:
    """A gateway, and the lines that the lane logs until it has ended, as JSON has them."""
    lines: Lines = []
    with capture_logs() as said:
        async with serving(broker.url, folder, **settings) as live:
            yield live, lines
    lines += (orjson.loads(orjson.dumps(line)) for line in said)
    assert lines


def events(lines: Lines, event: str) -> Lines:
    return [line for line in lines if line["event"] == event]


async def test_a_session_is_logged_when_it_begins_and_ends_with_its_ids_and_counts(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with logged(broker, tmp_path) as (live, lines):
        async with live.socket("?pipeline_id=hands") as socket:
            for _ in range(3):
                await socket.frame()
            live_id = live.only_worker.seen[0].live_id
        await live.no_session()
    [begin], [end] = events(lines, "live session begins"), events(lines, "live session ends")
    for line in (begin, end):
        assert (line["live_id"], line["pipeline_id"]) == (live_id, "hands")
    assert (end["code"], end["received"], end["processed"], end["dropped"]) == ("client_disconnected", 3, 3, 0)


async def test_drops_and_slow_downs_are_logged_when_the_state_changes_not_for_each_frame(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with logged(broker, tmp_path) as (live, lines), live.socket() as socket:
        await socket.frame()
        await burst(live, socket, 40)
        for _ in range(60):
            await socket.frame()
    changes = events(lines, "live backpressure")
    assert [line["state"] for line in changes] == ["warning", "critical", "warning", "normal"]
    assert all(line["live_id"] and line["pipeline_id"] == "pose" and "drop_rate" in line for line in changes)
    assert events(lines, "live session ends")[0]["slow_downs"] == 1
    assert len(lines) < 12


async def test_an_error_is_logged_with_its_code_and_the_frame(broker: BrokerProcess, tmp_path: Path) -> None:
    async with logged(broker, tmp_path) as (live, lines):
        live.only_worker.respond = lambda frame: Answer(frame.live_id, frame.frame_index, b"No.", "pipeline_failure")
        async with live.socket() as socket:
            await socket.send(jpeg())
            await socket.ended()
        async with live.socket("?pipeline_id=secret-canary") as socket:
            await socket.ended()
    [end] = events(lines, "live session ends")
    assert (end["log_level"], end["code"], end["detail"], end["received"]) == ("warning", "pipeline_failure", "No.", 1)
    [refused] = events(lines, "live connection refused")
    assert refused["code"] == "invalid_pipeline"
    assert "canary" not in str(lines)


async def test_no_log_line_holds_a_byte_of_a_frame_or_the_token(broker: BrokerProcess, tmp_path: Path) -> None:
    marked = jpeg()[:2] + b"\xff\xfe\x00\x10canary-pixels!" + jpeg()[2:]

    bearer = {"Authorization": "Bearer canary-token"}
    async with (
        logged(broker, tmp_path, api_token="canary-token") as (live, lines),
        live.socket(additional_headers=bearer) as socket,
    ):
        await socket.frame(marked)
        await socket.send(marked[:-1])
        await socket.ended()
    assert "canary" not in str(lines)


async def test_the_four_metrics_count(broker: BrokerProcess, tmp_path: Path) -> None:
    async with serving(broker.url, tmp_path) as live:

        def counted(name: str) -> float | None:
            return live.state.metrics.registry.get_sample_value(name)

        assert counted("stream_sessions_active") == 0
        async with live.socket() as socket, live.socket():
            await socket.frame()
            await until(lambda: counted("stream_sessions_active") == 2, "both are counted")
            await burst(live, socket, 30)
            assert counted("stream_frames_processed_total") == 2
            assert counted("stream_frames_dropped_total") == 29
            assert counted("stream_slowdown_signals_total") == 1
        async with live.socket("?pipeline_id=nonsense") as socket:
            await socket.ended()
        await live.no_session()
        assert counted("stream_sessions_active") == 0


async def test_two_gateways_in_one_process_count_apart(broker: BrokerProcess, tmp_path: Path) -> None:
    for _ in range(2):
        async with serving(broker.url, tmp_path) as live, live.socket() as socket:
            await socket.frame()
            assert live.state.metrics.registry.get_sample_value("stream_frames_processed_total") == 1


async def test_more_sessions_than_recommended_are_served_and_one_warning_is_logged(
    broker: BrokerProcess, tmp_path: Path
) -> None:
    async with logged(broker, tmp_path, stream_max_sessions=2) as (live, lines), AsyncExitStack() as exits:
        for _ in range(4):
            assert (await (await exits.enter_async_context(live.socket())).frame())["frame_index"] == 0
    assert [line["live_sessions"] for line in events(lines, "more live sessions than recommended")] == [3]
