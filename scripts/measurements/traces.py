"""Measure what traces cost: the spans of a capture alone, and processes with traces beside some without.

Two gateways differ by some per cent from block to block, so the goals are on the spans alone: their processor time and
that of sending them, beside that of all frames of the capture.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence

from contracts.broker.keys import CAPTURES, EVENTS
from contracts.broker.roles import connect
from contracts.process.settings import Settings
from contracts.process.spans import messaging
from contracts.process.trace_settings import TraceSettings
from contracts.process.tracing import continue_trace, tracing
from gateway.capture.traced import CaptureTrace
from scripts.clips.sample import SampleSource
from scripts.measurements.clips import TWO_HANDS, clip
from scripts.measurements.collector import collector
from scripts.measurements.drain import draining
from scripts.measurements.extraction import LoadedStack, Run
from scripts.measurements.gateways import other_gateway
from scripts.measurements.ingest import FAST_BLOCK_S, FAST_CONNECTIONS, Block, IngestRun, make_senders
from scripts.measurements.rows import BenchRow, median
from scripts.measurements.senders import CAPTURE_FRAMES, sending
from scripts.stack.stack import Stack

__all__ = ["measure_traces"]

SHARE = 0.01
GATEWAY_BLOCKS, EXTRACTION_ROUNDS, EXTRACTION_FRAMES = 4, 3, 60
SPANNED_CAPTURES = 10_000
GOAL = 0.01


async def measure_traces(settings: Settings) -> list[BenchRow]:
    """Measure every row. One capture in a hundred is traced, but every one beside an extractor without traces."""
    with collector() as collected:
        every = TraceSettings(endpoint=collected.address)
        sampled = every.model_copy(update={"sampler": "parentbased_traceidratio", "sampler_arg": SHARE})
        with tracing(settings.model_copy(update={"traces": sampled}), "bench"):
            spans_us = [_cost_us(_gateway_spans), _cost_us(_extractor_spans)]
        plain, traced = await _gateways(settings, sampled)
        plain_runs, traced_runs = await _extractors(settings, every)
    frame_us, frame_ms = median([block.cpu_us for block in plain]), _cpu_ms(plain_runs)
    return [
        BenchRow(f"1 capture in 100 traced: gateway's spans of a capture of {CAPTURE_FRAMES} frames", spans_us[0], "µs",
            GOAL, frame_us * CAPTURE_FRAMES, "its frames"),
        BenchRow("   … extractor's spans", spans_us[1], "µs", GOAL, 1000 * frame_ms * CAPTURE_FRAMES, "its frames"),
        BenchRow(f"   … gateway's CPU a frame, {FAST_CONNECTIONS} connections as fast as they can",
            median([block.cpu_us for block in traced]), "µs", None, frame_us, "no traces"),
        BenchRow("every capture traced: extractor's, recorder's and brokers' CPU a frame", _cpu_ms(traced_runs), "ms",
            None, frame_ms, "no traces"),
    ]  # fmt: skip


async def _gateways(settings: Settings, traces: TraceSettings) -> list[list[Block]]:
    """The blocks of a gateway without traces and of one with them, on the same brokers, in turns."""
    jpegs = [frame.jpeg for frame in SampleSource().frames()]
    stack = Stack(settings, extractors=0, recorders=1)
    async with stack, draining(connect(stack.urls[0])) as drain:
        await stack.ready()
        token = settings.api_token.get_secret_value() if settings.api_token else None
        senders = (await make_senders(stack.address, token))[:FAST_CONNECTIONS]
        traced = stack.settings.model_copy(update={"traces": traces})
        async with other_gateway(stack.settings, "no traces") as plain, other_gateway(traced, "traces") as beside:
            with sending(jpegs) as clients:
                run, sides = IngestRun(clients, drain), [plain, beside]
                await run.blocks(sides, senders, 1, 1.0, paced=False)  # to load what is loaded at the first frame
                return await run.blocks(sides, senders, GATEWAY_BLOCKS, FAST_BLOCK_S, paced=False)


async def _extractors(settings: Settings, traces: TraceSettings) -> tuple[list[Run], list[Run]]:
    """The runs of an extractor without traces and of one with them, each on its own stack, in turns."""
    jpegs = clip(TWO_HANDS)[:EXTRACTION_FRAMES]
    beside = {
        name: getattr(settings, name).with_name(f"{name}-traced") for name in ("data_root", "log_root", "state_dir")
    }
    traced = settings.model_copy(update={**beside, "traces": traces})
    without: list[Run] = []
    with_traces: list[Run] = []
    async with LoadedStack.running(settings, 1) as plain, LoadedStack.running(traced, 1) as other:
        for _ in range(EXTRACTION_ROUNDS):
            without.append(await plain.run_captures(1, jpegs))
            with_traces.append(await other.run_captures(1, jpegs, _traceparent))
    return without, with_traces


def _traceparent(*, kept: bool = True) -> str:
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-{int(kept):02x}"


def _cost_us(make_spans: Callable[[int], None]) -> float:
    """The processor time of the spans of a capture, in µs: of all threads of this process, the collector's too."""
    began_s = time.process_time()
    for number in range(SPANNED_CAPTURES):
        make_spans(number)
    return 1e6 * (time.process_time() - began_s) / SPANNED_CAPTURES


def _gateway_spans(_number: int) -> None:
    trace = CaptureTrace()
    with trace.opening("a capture", None) as span:
        with span.child("reserve"):
            pass
        with span.child("dispatch", "producer", messaging(CAPTURES, "send")):
            pass
    with trace.ending("close", CAPTURE_FRAMES):
        pass
    trace.end()


def _extractor_spans(number: int) -> None:
    traceparent = _traceparent(kept=number % round(1 / SHARE) == 0)
    with continue_trace("extract", traceparent, messaging(CAPTURES, "process")) as span:
        with span.child("artifact"):
            pass
        with span.child("publish", "producer", messaging(EVENTS, "send")):
            pass
        span.set({"a3cp.frames": CAPTURE_FRAMES, "a3cp.inference_s": 1.0, "a3cp.checkpoint_s": 1.0})


def _cpu_ms(runs: Sequence[Run]) -> float:
    return median([1000 * run.cpu_s / run.frames for run in runs])
