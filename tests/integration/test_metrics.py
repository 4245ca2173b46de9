"""The metrics of a whole system after real traffic, the alerts and dashboard on them, and its logs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import httpx
import orjson
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from pydantic import SecretStr

from contracts.broker import keys
from contracts.broker.roles import connect
from contracts.messages.live import LiveCode
from contracts.messages.pipelines import PIPELINES
from contracts.rules.codes import CAPTURE_CODES
from contracts.state.dead_letters import Lost
from gateway import metrics as gateway_metrics
from gateway.metrics import UPLOAD_REFUSALS
from recorder import metrics as recorder_metrics
from recorder.metrics import DEAD_REASONS
from scripts.client import CaptureClient, CaptureOutcome, LiveEnded
from scripts.clips.stream import stream_capture
from scripts.stack.stack import Stack
from tests.conftest import start_pair
from tests.integration.stacks import USER, FaceClip, jpegs, settings_for
from tests.support.waiting import DEADLINE_S, until
from workers.metrics import ERASURE_ENDS, EXTRACTOR_TASKS, LEFT_KINDS, LIVE_TASKS, JobEnd

pytestmark = pytest.mark.real

TOKEN = "a-token-that-must-stay-secret"
FRAMES = 12
MONITORING = Path(__file__).parents[2] / "scripts" / "monitoring"
LABELS = {
    "code": CAPTURE_CODES | {"closed"} | set(get_args(LiveCode)) | set(UPLOAD_REFUSALS),
    "kind": {"extractor", "live worker", *LEFT_KINDS},
    "outcome": set(get_args(JobEnd)) | set(ERASURE_ENDS),
    "pipeline_id": set(PIPELINES),
    "reason": {*DEAD_REASONS, *Lost._fields},
    "role": {"frames", "events"},
    "task": {*gateway_metrics.BACKGROUND_TASKS, *recorder_metrics.BACKGROUND_TASKS, *EXTRACTOR_TASKS, *LIVE_TASKS},
}
ADDED_BY_PROMETHEUS = {"job", "instance"}


@dataclass
class Observed:
    """The metrics of every part, all log lines, and the ids that were in use."""

    texts: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)
    capture: CaptureOutcome | None = None
    ids: set[str] = field(default_factory=set)

    def samples(self) -> Iterator[Sample]:
        for text in self.texts.values():
            for family in text_string_to_metric_families(text):
                yield from family.samples

    def families(self) -> set[str]:
        return {family.name for text in self.texts.values() for family in text_string_to_metric_families(text)}

    def value(self, part: str, name: str, **labels: str) -> float:
        (value,) = [
            sample.value
            for family in text_string_to_metric_families(self.texts[part])
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        return float(value)

    def logged(self, part: str, event: str) -> list[dict[str, Any]]:
        documents = [orjson.loads(line) for name, line in self.lines if name == part and line.startswith("{")]
        return [document for document in documents if document["event"] == event]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A system with a token, after one capture, one that was given up, an append, a dead letter and live frames."""
    folder = tmp_path_factory.mktemp("observed")
    found = Observed()

    def hear(name: str, line: str) -> None:
        found.lines.append((name, line))

    for brokers in start_pair("valkey"):
        settings = settings_for(brokers, folder, min_duration_s=0.1).model_copy(
            update={"api_token": SecretStr(TOKEN), "metrics_port": 0}
        )
        asyncio.run(_traffic(Stack(settings, live=1, show=hear), found))
        yield found


async def _traffic(stack: Stack, found: Observed) -> None:
    async with stack:
        await stack.ready(DEADLINE_S)
        async with CaptureClient(stack.address, TOKEN) as client:
            session_id = await client.start_session(USER)
            found.capture = await stream_capture(client, FaceClip(FRAMES), user_id=USER, session_id=session_id)
            async with client.capture_socket() as socket:
                await socket.send("no JSON")
                await socket.wait_closed()
            await _live_frames(client)
            found.ids = {USER, session_id, found.capture.capture_id, found.capture.record_id}
            events = connect(stack.urls[1])
            await events.xadd(keys.EVENTS, {"event": "poison"})
            await until(lambda: events.xlen(keys.DEAD_EVENTS), "the poison is a dead letter")
            await events.aclose()
        await _scrape(stack, found)


async def _live_frames(client: CaptureClient) -> None:
    async with client.live("pose") as live:
        for jpeg in jpegs(3):
            assert await live.ask(jpeg) is not None
        with pytest.raises(LiveEnded, match="invalid_frame"):
            await live.ask(b"\xff\xd8 no JPEG")


async def _scrape(stack: Stack, found: Observed) -> None:
    places = {"gateway": f"{stack.address}/metrics", **stack.metrics}
    async with httpx.AsyncClient(
        trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=DEADLINE_S
    ) as client:

        async def shown() -> bool:
            """The gateway has looked at the brokers again, and nothing is under way."""
            for part, url in places.items():
                found.texts[part] = (await client.get(url)).raise_for_status().text
            return (
                found.value("gateway", "a3cp_live_workers_live") == 1
                and found.value("gateway", "a3cp_recorder_dead_letters_kept") == 1
                and found.value("gateway", "a3cp_recorder_unfinished_captures") == 0
            )

        await until(shown, "the gauges show what is there")


# --- metrics -----------------------------------------------------------------------------------------


def test_every_process_counts_its_work(observed: Observed) -> None:
    capture, value = observed.capture, observed.value
    assert capture is not None and capture.status == "recorded"
    assert value("gateway", "a3cp_capture_opened_total") == 1
    assert value("gateway", "a3cp_capture_ended_total", code="closed") == 1
    assert value("gateway", "a3cp_capture_refused_total", code="invalid_json") == 1
    assert value("gateway", "a3cp_capture_frames_total") == FRAMES
    assert value("gateway", "a3cp_capture_bytes_total") == sum(map(len, jpegs(FRAMES)))
    assert value("gateway", "a3cp_capture_close_seconds_count") == 1
    assert value("gateway", "a3cp_capture_sockets") == value("gateway", "a3cp_capture_active") == 0
    assert value("gateway", "stream_frames_processed_total") == 3
    for step in ("decode", "inference", "checkpoint"):
        assert value("extractor-1", f"a3cp_extractor_{step}_seconds_count") == FRAMES
        assert value("extractor-1", f"a3cp_extractor_{step}_seconds_sum") > 0
    assert value("extractor-1", "a3cp_extractor_frames_total") == FRAMES
    assert value("extractor-1", "a3cp_extractor_captures_total", outcome="published") == 1
    assert value("live-1", "a3cp_live_frames_total", pipeline_id="pose") == 3
    assert value("live-1", "a3cp_live_inference_seconds_count", pipeline_id="pose") == 3
    assert value("recorder-1", "a3cp_recorder_lines_total") == 2, "the session's start, and the capture"
    assert value("recorder-1", "a3cp_recorder_append_seconds_count") == 2
    assert value("recorder-1", "a3cp_recorder_dead_letters_total", reason="invalid_event") == 1
    assert value("recorder-1", "a3cp_recorder_leader") == 1


def test_the_time_from_close_to_recorded_is_the_one_that_the_client_saw(observed: Observed) -> None:
    assert observed.value("recorder-1", "a3cp_recorder_close_to_recorded_seconds_count") == 1
    took_s = observed.value("recorder-1", "a3cp_recorder_close_to_recorded_seconds_sum")
    assert observed.capture is not None
    assert 0 < took_s <= observed.capture.close_to_recorded_s + 0.1


def test_labels_have_few_values_and_no_client_chooses_them(observed: Observed) -> None:
    for sample in observed.samples():
        for name, value in sample.labels.items():
            if name == "le":
                float(value)
            else:
                assert value in LABELS[name], f"{sample.name}: {name}={value!r}"


def test_no_identifier_and_no_token_is_anywhere_in_the_metrics(observed: Observed) -> None:
    for part, text in observed.texts.items():
        assert not [known for known in (*observed.ids, TOKEN) if known in text], part


def test_metric_names_have_their_units_and_their_prefix(observed: Observed) -> None:
    ours = {name for name in observed.families() if not name.startswith("process_")}
    assert ours
    prefixes = (
        "a3cp_background_",
        "a3cp_capture_",
        "a3cp_extractor_",
        "a3cp_gateway_",
        "a3cp_library_",
        "a3cp_recorder_",
        "a3cp_retention_",
        "a3cp_live_",
        "a3cp_upload_",
        "a3cp_worker_",
        "stream_",
    )
    assert [name for name in ours if not name.startswith(prefixes)] == []
    assert [name for name in ours if name.endswith(("_s", "_ms", "_time", "_duration", "_size"))] == []


# --- alerts and dashboard ---------------------------------------------------------------------------


def queries() -> list[str]:
    """Every query of the alert rules and of the dashboard."""
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    found = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    targets = [target for panel in panels for target in panel.get("targets", [])]
    return found + [target["expr"].replace("$__rate_interval", "1m") for target in targets]


def nodes(expression: Any) -> Iterator[Any]:
    """An expression and all its parts."""
    yield expression
    for name in ("lhs", "rhs", "expr", "param", "vector_selector"):
        if (inner := getattr(expression, name, None)) is not None:
            yield from nodes(inner)
    for argument in getattr(expression, "args", None) or ():
        yield from nodes(argument)


def selectors(query: str) -> list[Any]:
    return [node for node in nodes(promql_parser.parse(query)) if isinstance(node, promql_parser.VectorSelector)]


def wrong_names(query: str, series: dict[str, list[dict[str, str]]]) -> list[str]:
    """The names in a query that do not exist: a metric, a label, or a label's value."""
    problems, labels_in_query = [], set(ADDED_BY_PROMETHEUS)
    for selector in selectors(query):
        if selector.name not in series:
            problems.append(f"no metric is called {selector.name}")
            continue
        there = series[selector.name]
        labels_in_query |= {name for labels in there for name in labels}
        problems += [
            f"{selector.name} has no {matcher.name} {alternative!r}"
            for matcher in selector.matchers.matchers
            if matcher.name not in ADDED_BY_PROMETHEUS
            for alternative in matcher.value.split("|")
            if alternative not in [labels.get(matcher.name) for labels in there]
        ]
    for node in nodes(promql_parser.parse(query)):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            problems += [f"nothing has the label {name}" for name in set(node.modifier.labels) - labels_in_query]
    return problems


def exported(observed: Observed) -> dict[str, list[dict[str, str]]]:
    series: dict[str, list[dict[str, str]]] = {"up": [{}]}
    for sample in observed.samples():
        series.setdefault(sample.name, []).append(sample.labels)
    return series


def test_every_rule_and_panel_queries_existing_metrics_and_labels(observed: Observed) -> None:
    assert len(queries()) > 60
    series = exported(observed)
    problems = [f"{query}: {problem}" for query in queries() for problem in wrong_names(query, series)]
    assert not problems, "\n".join(problems)


def test_every_metric_of_the_stack_is_on_a_panel_or_in_a_rule(observed: Observed) -> None:
    asked = {selector.name for query in queries() for selector in selectors(query)}
    endings = ("", "_total", "_bucket")
    families = {name for name in observed.families() if not name.startswith("process_")}
    assert [name for name in families if not asked & {name + ending for ending in endings}] == []


@pytest.mark.parametrize(
    "query",
    [
        "max(a3cp_capture_backlogs)",
        'rate(a3cp_capture_ended_total{code="forward_fialed"}[5m])',
        'a3cp_capture_backlog{role="frames"}',
        "sum by (user_id) (rate(a3cp_capture_frames_total[5m]))",
        "up > 0 and deriv(max(a3cp_nothing)[10m:30s]) > 0",
    ],
)
def test_a_query_for_a_missing_name_is_found(observed: Observed, query: str) -> None:
    assert wrong_names(query, exported(observed))


def test_rules_and_panels_go_by_the_jobs_of_the_example(observed: Observed) -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    jobs = [job["job_name"] for job in config["scrape_configs"]]
    assert sorted(jobs) == ["a3cp-extractor", "a3cp-gateway", "a3cp-live", "a3cp-recorder"]
    assert config["rule_files"] == ["alerts.yml"]
    assert {name.partition("-")[0] for name in observed.texts} == {job.removeprefix("a3cp-") for job in jobs}


# --- logs --------------------------------------------------------------------------------------------


def test_the_logs_follow_a_capture_with_its_id_in_every_line(observed: Observed) -> None:
    assert observed.capture is not None
    lives = {"gateway": ["capture opened", "capture closed"], "extractor-1": ["capture claimed", "capture done"]}
    for part, events in lives.items():
        for event in events:
            (line,) = observed.logged(part, event)
            assert line["capture_id"] == observed.capture.capture_id, event
    assert observed.logged("gateway", "capture refused")[0]["code"] == "invalid_json"
    assert observed.logged("recorder-1", "this recorder is active")[0]["recorder"]
    assert observed.logged("recorder-1", "dead letter")[0]["code"] == "invalid_event"
    assert observed.logged("extractor-1", "extractor ready")[0]["extractor"]
    assert observed.logged("live-1", "live worker ready")[0]["live_worker"]
    begins, ends = observed.logged("gateway", "live session begins"), observed.logged("gateway", "live session ends")
    assert [line["pipeline_id"] for line in begins + ends] == ["pose", "pose"]
    assert begins[0]["live_id"] == ends[0]["live_id"]


def test_logs_are_json_and_hold_no_token_no_picture_and_no_line_for_each_frame(observed: Observed) -> None:
    ours = [line for part, line in observed.lines if "broker" not in part]
    assert ours
    for line in ours:
        assert {"event", "level", "process", "timestamp"} <= set(orjson.loads(line)), line
        assert TOKEN not in line
        assert "JFIF" not in line and "\\xff\\xd8" not in line and "/9j/" not in line and len(line) < 1_000
    assert observed.capture is not None
    assert len([line for line in ours if observed.capture.capture_id in line]) < FRAMES
