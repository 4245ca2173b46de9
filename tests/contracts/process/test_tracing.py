"""The seam to OpenTelemetry: off it costs nothing, on it never stops or delays what it traces."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from contracts.process import tracing as seam
from contracts.process.settings import load_settings
from contracts.process.spans import NO_SPAN
from contracts.process.trace_settings import LIVE_SHARE
from contracts.process.tracing import begin_frame, begin_trace, continue_trace, tracing
from contracts.rules.errors import ConfigurationError
from contracts.rules.traceparent import read_traceparent
from scripts.measurements.collector import Collector, collector
from tests.support.waiting import wait_until

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOT_KEPT = PARENT[:-1] + "0"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def collected() -> Iterator[Collector]:
    with collector() as taken:
        yield taken


@pytest.fixture
def logged() -> Iterator[Lines]:
    with capture_logs() as lines:
        yield lines


@contextmanager
def traced(monkeypatch: pytest.MonkeyPatch, address: str, **variables: str) -> Iterator[None]:
    for name, value in variables.items():  # OpenTelemetry reads some by itself
        monkeypatch.setenv(name, value)
    with tracing(load_settings({ENDPOINT: address, **variables}), "gateway"):
        yield


def log_fields() -> dict[str, str]:
    return {name: value for name, value in structlog.contextvars.get_contextvars().items() if name.endswith("_id")}


def test_without_an_endpoint_there_is_no_span_and_no_trace_of_a_client_goes_on() -> None:
    with tracing(load_settings({}), "gateway"):
        assert begin_trace("capture", PARENT) is NO_SPAN and begin_frame("frame", "pose") is NO_SPAN
        assert NO_SPAN.child("x") is NO_SPAN and not NO_SPAN.traceparent and not NO_SPAN.log_fields
        with NO_SPAN as span:
            span.set({"a": 1})
            span.end("error")


def test_off_no_module_of_opentelemetry_is_loaded() -> None:
    """Redis' client would load some of them; `tests.guards.test_imports` asks the same of each process."""
    program = f"""
import sys
import contracts.broker.roles
from contracts.process.settings import load_settings
from contracts.process.tracing import begin_trace, tracing
for variables in {{}}, {{"{ENDPOINT}": ""}}, {{"{ENDPOINT}": "http://h:4318", "OTEL_SDK_DISABLED": "true"}}:
    with tracing(load_settings(variables), "gateway"):
        begin_trace("capture").child("open").end()
found = [name for name in sys.modules if name.startswith("opentelemetry")]
assert not found, found
import opentelemetry.sdk.trace
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=600)


def test_a_process_that_is_not_traced_passes_the_trace_on() -> None:
    assert continue_trace("extract", "") is NO_SPAN
    with continue_trace("extract", PARENT) as span:
        assert span.traceparent == PARENT == span.child("publish").traceparent
        assert log_fields() == {"trace_id": PARENT[3:35], "span_id": PARENT[36:52]}
    assert not log_fields()


def test_spans_are_sent_with_their_parents_times_errors_and_resource(
    monkeypatch: pytest.MonkeyPatch, collected: Collector
) -> None:
    with traced(monkeypatch, collected.address + "/", OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test"):
        with begin_trace("capture", attributes={"a3cp.capture_id": "c1"}) as root:
            assert log_fields() == root.log_fields == {
                "trace_id": root.traceparent[3:35], "span_id": root.traceparent[36:52],
            }  # fmt: skip
            with root.child("open") as below:
                assert log_fields()["span_id"] == below.log_fields["span_id"] != root.log_fields["span_id"]
            assert log_fields() == root.log_fields
        assert not log_fields()
        with pytest.raises(KeyError), continue_trace("extract", below.traceparent):
            raise KeyError("what a client sent")
    capture, opened, extract = collected.spans
    assert (capture.parent_id, opened.parent_id, extract.parent_id) == ("", capture.span_id, opened.span_id)
    assert len({span.trace_id for span in collected.spans}) == 1
    assert capture.begin_ns <= opened.begin_ns <= opened.end_ns <= capture.end_ns
    assert (capture.attributes, capture.error, extract.error) == ({"a3cp.capture_id": "c1"}, "", "KeyError")
    assert "what a client sent" not in repr(extract)
    assert capture.service == "a3cp-gateway" and capture.resource["deployment.environment.name"] == "test"


def test_a_second_end_changes_nothing(monkeypatch: pytest.MonkeyPatch, collected: Collector) -> None:
    with traced(monkeypatch, collected.address), begin_trace("capture") as span:
        span.end("forward_failed")
    (sent,) = collected.spans
    assert sent.error == "forward_failed"


def test_the_variables_of_opentelemetry_count(monkeypatch: pytest.MonkeyPatch, collected: Collector) -> None:
    with traced(monkeypatch, collected.address, OTEL_SERVICE_NAME="ours", OTEL_EXPORTER_OTLP_HEADERS="x-key=secret"):
        begin_trace("capture").end()
    assert [span.service for span in collected.spans] == ["ours"] and collected.headers[0]["x-key"] == "secret"


def test_traces_may_have_an_address_of_their_own(monkeypatch: pytest.MonkeyPatch, collected: Collector) -> None:
    own = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collected.address}/v1/traces"}
    with traced(monkeypatch, "http://127.0.0.1:9", **own):
        begin_trace("capture").end()
    assert len(collected.spans) == 1


def test_a_client_decides_with_its_flag_unless_the_sampler_does_not_ask(
    monkeypatch: pytest.MonkeyPatch, collected: Collector
) -> None:
    with traced(monkeypatch, collected.address, OTEL_TRACES_SAMPLER="parentbased_always_off"):
        begin_trace("its own").end()
        begin_trace("kept", PARENT).end()
        span = begin_trace("not kept", NOT_KEPT)
        assert span.traceparent == NOT_KEPT
        span.end()
    assert [(span.name, span.trace_id, span.parent_id) for span in collected.spans] == [
        ("kept", PARENT[3:35], PARENT[36:52])
    ]
    with traced(monkeypatch, collected.address, OTEL_TRACES_SAMPLER="always_on"):
        begin_trace("all", NOT_KEPT).end()
    assert [span.name for span in collected.spans] == ["kept", "all"]


def test_a_trace_that_is_not_sampled_still_has_ids(monkeypatch: pytest.MonkeyPatch, collected: Collector) -> None:
    off = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    with traced(monkeypatch, collected.address, **off):
        with begin_trace("capture") as span:
            assert read_traceparent(span.traceparent) == span.traceparent and span.traceparent.endswith("-00")
            assert log_fields() == span.child("open").log_fields == span.log_fields
        assert continue_trace("extract", span.traceparent).log_fields["trace_id"] == span.log_fields["trace_id"]
    assert not collected.requests


@pytest.mark.parametrize(
    ("variables", "share", "live"),
    [
        ({}, 1.0, LIVE_SHARE),
        ({"OTEL_TRACES_SAMPLER": "always_on"}, 1.0, 1.0),
        ({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, 0.0, 0.0),
        ({"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.01"}, 0.01, 0.01),
        ({"OTEL_TRACES_SAMPLER": "traceidratio"}, 1.0, 1.0),
    ],
)
def test_the_shares_of_captures_and_of_live_frames(variables: dict[str, str], share: float, live: float) -> None:
    settings = load_settings({ENDPOINT: "http://h:4318", **variables}).traces
    assert (settings.share, settings.live_share) == (share, live)


def test_a_share_of_live_frames_is_traced_whatever_the_sampler_says_of_their_ids(
    monkeypatch: pytest.MonkeyPatch, collected: Collector
) -> None:
    dice = iter([0.49, 0.5, 0.99])
    monkeypatch.setattr(seam.random, "random", lambda: next(dice))
    half = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    with traced(monkeypatch, collected.address, **half):
        first, *others = [begin_frame("frame", "pose") for _ in range(3)]
        assert others == [NO_SPAN, NO_SPAN] and first is not NO_SPAN
        for _ in range(20):
            continue_trace("work", first.traceparent, keep=True).end()
        first.end()
    assert len(collected.spans) == 21 and len({span.trace_id for span in collected.spans}) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (ENDPOINT, "localhost:4318"), (ENDPOINT, "grpc://h:4317"), (ENDPOINT, "http://"), (ENDPOINT, "http://h:x"),
        (ENDPOINT, "http://h\r"), ("OTEL_TRACES_SAMPLER", "jaeger_remote"), ("OTEL_TRACES_SAMPLER_ARG", "2"),
        ("OTEL_TRACES_SAMPLER_ARG", "half"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
    ],
)  # fmt: skip
def test_a_wrong_variable_stops_the_process_only_if_traces_are_on(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        load_settings({ENDPOINT: "http://h:4318", name: value})
    if name != ENDPOINT:
        assert load_settings({name: value}) == load_settings({})


def test_without_the_packages_the_process_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import contracts.process

    monkeypatch.delattr(contracts.process, "otel", raising=False)
    monkeypatch.setitem(sys.modules, "contracts.process.otel", None)
    with (
        pytest.raises(ConfigurationError, match=rf"^{ENDPOINT}: .*\./scripts/install"),
        traced(monkeypatch, "http://h:4318"),
    ):
        pass


def refusing(_: Collector) -> str:
    with socket.socket() as closed:  # bound and closed: the port refuses
        closed.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


def unwilling(collected: Collector) -> str:
    collected.status = 503
    return collected.address


@pytest.mark.parametrize("away", [refusing, unwilling])
def test_a_collector_that_is_away_stops_nothing_and_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
    collected: Collector,
    logged: Lines,
    away: Callable[[Collector], str],
) -> None:
    with traced(monkeypatch, away(collected), OTEL_EXPORTER_OTLP_TIMEOUT="0.2", OTEL_BSP_SCHEDULE_DELAY="10"):
        for _ in range(5000):  # more than the queue takes
            begin_trace("capture").end()
        wait_until(lambda: any(line["event"] == "the collector takes no traces" for line in logged))
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 60, "the end is bounded"
    warnings = [line for line in logged if line["event"] == "the collector takes no traces"]
    assert len(warnings) == 1 and warnings[0]["detail"]


def test_a_collector_that_is_back_gets_the_next_spans(
    monkeypatch: pytest.MonkeyPatch, collected: Collector, logged: Lines
) -> None:
    collected.status = 400
    with traced(monkeypatch, collected.address, OTEL_BSP_SCHEDULE_DELAY="10"):
        begin_trace("lost").end()
        wait_until(lambda: any(line["event"] == "the collector takes no traces" for line in logged))
        collected.status = 200
        begin_trace("kept").end()
        wait_until(lambda: any(line["event"] == "the collector takes traces again" for line in logged))
    assert [span.name for span in collected.spans] == ["kept"]
    assert [line.get("lost_spans") for line in logged][-1] == 1
