"""One capture is one trace through all processes, read back from a collector; so is a live frame."""

from __future__ import annotations

import asyncio
import json
import socket
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from contracts.broker import keys
from contracts.process.settings import Settings
from contracts.process.trace_settings import TraceSettings
from scripts.clips.stream import stream_capture
from scripts.measurements.collector import CollectedSpan, Collector, collector
from tests.conftest import BrokerPair, on_one
from tests.integration.stacks import USER, FaceClip, Running, answered_live, jpegs, running, settings_for
from tests.integration.test_uploads import ended, submit
from tests.support.waiting import DEADLINE_S, until

FRAMES = 32

CAPTURE = {
    ("a3cp-gateway", "capture"): "",
    ("a3cp-gateway", "open"): "capture",
    ("a3cp-gateway", "reserve"): "open",
    ("a3cp-gateway", "dispatch"): "open",
    ("a3cp-gateway", "receive"): "capture",
    ("a3cp-gateway", "close"): "capture",
    ("a3cp-extractor", "extract"): "dispatch",
    ("a3cp-extractor", "artifact"): "extract",
    ("a3cp-extractor", "publish"): "extract",
    ("a3cp-recorder", "record"): "publish",
    ("a3cp-recorder", "append"): "record",
}
"""The spans of a capture, each with the span that it is below."""

UPLOAD = {
    ("a3cp-gateway", "upload"): "is missing",  # the client's own span
    ("a3cp-gateway", "receive"): "upload",
    ("a3cp-gateway", "open"): "upload",
} | {span: below for span, below in CAPTURE.items() if span[1] not in ("capture", "open", "receive", "close")}

LIVE = {
    ("a3cp-gateway", "frame"): "",
    ("a3cp-live", "work"): "frame",
    ("a3cp-live", "decode"): "work",
    ("a3cp-live", "inference"): "work",
    ("a3cp-live", "answer"): "work",
}


def with_traces(settings: Settings, address: str, **options: object) -> Settings:
    return settings.model_copy(update={"traces": TraceSettings(endpoint=address, **options)})  # type: ignore[arg-type]


def tree(spans: Sequence[CollectedSpan]) -> dict[tuple[str, str], str]:
    """Each span by its service and name, and the name of the span that it is below."""
    names = {span.span_id: span.name for span in spans} | {"": ""}
    return {(span.service, span.name): names.get(span.parent_id, "is missing") for span in spans}


def named(spans: Sequence[CollectedSpan]) -> Mapping[str, CollectedSpan]:
    return {span.name: span for span in spans}


async def trace_of(
    collected: Collector, attribute: str, value: str, expected: Mapping[tuple[str, str], str]
) -> Mapping[str, CollectedSpan]:
    """The spans of the one trace with this attribute, when all have come."""
    spans = await until(
        lambda: spans if len(spans := collected.trace_of(attribute, value)) >= len(expected) else None,
        f"the trace of {value} is complete",
    )
    assert tree(spans) == expected and len(spans) == len(expected)
    assert len({span.trace_id for span in spans}) == 1
    return named(spans)


def check_times(spans: Mapping[str, CollectedSpan]) -> None:
    """What follows something began after it."""
    order = ("capture", "open", "reserve", "dispatch", "extract", "artifact", "publish", "record", "append")
    begins = [spans[name].begin_ns for name in order]
    assert begins == sorted(begins)
    assert spans["reserve"].end_ns <= spans["dispatch"].begin_ns
    assert spans["receive"].end_ns <= spans["close"].begin_ns <= spans["close"].end_ns <= spans["capture"].end_ns
    assert spans["artifact"].end_ns <= spans["publish"].begin_ns
    assert spans["extract"].begin_ns < spans["receive"].end_ns, "the extractor does not wait for the close"


def lines_of(stack: Running, capture_id: str) -> dict[str, set[str]]:
    """By part, the trace ids in the log lines about this capture."""
    found: dict[str, set[str]] = {}
    for said in stack.said:
        part, _, text = said.partition(" | ")
        if text.startswith("{") and (line := json.loads(text)).get("capture_id") == capture_id:
            found.setdefault(part, set()).add(line.get("trace_id", ""))
    return found


async def a_capture(stack: Running, collected: Collector, session_id: str) -> None:
    outcome = await stream_capture(stack.gateway, FaceClip(FRAMES), user_id=USER, session_id=session_id)
    spans = await trace_of(collected, "a3cp.capture_id", outcome.capture_id, CAPTURE)
    check_times(spans)
    extract, dispatch, record = spans["extract"].attributes, spans["dispatch"].attributes, spans["record"].attributes
    assert (extract["a3cp.end"], extract["a3cp.frames"], extract["a3cp.generation"]) == ("published", FRAMES, 1)
    assert 0 < extract["a3cp.inference_s"] < (spans["extract"].end_ns - spans["extract"].begin_ns) / 1e9
    assert dispatch["messaging.destination.name"] == extract["messaging.destination.name"] == keys.CAPTURES
    assert (record["messaging.destination.name"], record["messaging.system"]) == (keys.EVENTS, "redis")
    assert spans["receive"].attributes["a3cp.frames"] == FRAMES
    trace_id = spans["capture"].trace_id
    assert lines_of(stack, outcome.capture_id) == {"gateway": {trace_id}, "extractor-1": {trace_id}}
    text = repr(spans)
    assert not any(secret in text for secret in (USER, session_id, "wave"))


async def an_upload(stack: Running, collected: Collector, session_id: str) -> None:
    async with httpx.AsyncClient(base_url=stack.stack.address, timeout=DEADLINE_S, trust_env=False) as client:
        parent = f"00-{'a' * 32}-{'b' * 16}-01"
        client.headers["traceparent"] = parent
        fields = await submit(client, session_id, FRAMES)
        assert (await ended(client, fields["capture_id"]))["status"] == "done"
    spans = await trace_of(collected, "a3cp.capture_id", fields["capture_id"], UPLOAD)
    assert (spans["upload"].trace_id, spans["upload"].parent_id) == (parent[3:35], parent[36:52])
    assert spans["extract"].attributes["messaging.destination.name"] == keys.UPLOADS


async def a_live_frame(stack: Running, collected: Collector) -> None:
    async with answered_live(stack.gateway, "pose", jpegs(1)[0]):
        await trace_of(collected, "a3cp.pipeline_id", "pose", LIVE)


async def an_aborted_capture(stack: Running, collected: Collector, session_id: str) -> None:
    """Two frames are too few: the trace says with which code the capture ended."""
    capture_id = str(uuid.uuid4())
    clip = FaceClip(2)
    await stream_capture(stack.gateway, clip, user_id=USER, session_id=session_id, capture_id=capture_id)
    span = await until(lambda: named(collected.trace_of("a3cp.capture_id", capture_id)).get("capture"))
    assert span.error == "limit_duration_too_short"


@on_one("valkey")
def test_a_capture_an_upload_and_a_live_frame_are_one_trace_each(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")

    async def main(collected: Collector) -> None:
        settings = with_traces(settings_for(own_brokers, tmp_path), collected.address, sampler="parentbased_always_on")
        async with running(settings, live=1) as stack:
            session_id = await stack.gateway.start_session(USER)
            await a_capture(stack, collected, session_id)
            await an_upload(stack, collected, session_id)
            await an_aborted_capture(stack, collected, session_id)
            await a_live_frame(stack, collected)

    with collector() as collected:
        asyncio.run(main(collected))


@on_one("valkey")
def test_without_a_collector_a_capture_is_recorded_and_the_stack_stops(
    own_brokers: BrokerPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector takes connections and never answers, which is worse than one that refuses."""

    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")

    async def main(address: str) -> list[str]:
        async with running(with_traces(settings_for(own_brokers, tmp_path), address)) as stack:
            session_id = await stack.gateway.start_session(USER)
            clip = FaceClip(FRAMES)
            outcome = await stream_capture(stack.gateway, clip, user_id=USER, session_id=session_id)
            assert outcome.status == "recorded"
        return stack.said

    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system completes the connections
        said = asyncio.run(main(f"http://127.0.0.1:{silent.getsockname()[1]}"))
    ends = {line.partition(" | ")[0] for line in said if "traces lost" in line}
    assert ends == {"gateway", "extractor-1", "recorder-1"}, "each process stopped by itself, and said what it lost"
