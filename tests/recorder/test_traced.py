"""The log lines about an entry that is traced have the trace's id, also if the recorder itself is not traced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from contracts.process.spans import PassedOn
from contracts.state.events import EventEntry
from tests.conftest import BrokerPair
from tests.recorder.dependencies import dependencies_on
from tests.recorder.samples import entry, new_session

PARENT = f"00-{'a' * 32}-{'b' * 16}-01"


async def test_a_dead_letter_is_logged_with_its_trace_and_a_line_is_as_without(
    own_brokers: BrokerPair, tmp_path: Path
) -> None:
    async with dependencies_on(own_brokers, tmp_path) as deps:
        session = new_session()
        good = replace(entry(session), traceparent=PARENT)
        poison = EventEntry(b"no json", "u1", session, str(uuid4()), traceparent=PARENT)
        with capture_logs(processors=[merge_contextvars]) as lines:
            async with deps.recorder():
                await deps.put(poison, good)
                await deps.drained()
        assert deps.lines(session) == [good.event]
        assert [fields[b"traceparent"] for fields in await deps.dead()] == [PARENT.encode()]
        (about,) = [line for line in lines if line["event"] == "dead letter"]
        assert {name: about[name] for name in ("trace_id", "span_id")} == PassedOn(PARENT).log_fields
        assert not [line for line in lines if line["event"] != "dead letter" and "trace_id" in line]
