"""``/operate/retention``: what is due, and the operator's word that it may be erased."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts.broker.roles import AsyncBroker, broker_errors
from contracts.messages.operate import (
    RetentionDone,
    RetentionDue,
    RetentionReport,
    RetentionRequest,
    RetentionStudy,
)
from contracts.process.retry import retry
from contracts.rules.errors import RequestRefused
from contracts.rules.retention import RetentionRules
from gateway.http.refusals import json_response
from gateway.http.requests import parse_body, read_body, validated
from gateway.library.due import DueSpan, StudyAge, count_due, read_ages, read_due
from gateway.library.library import Library
from gateway.library.retention import BATCH, Retention

__all__ = ["ROUTES"]

MOST_LISTED = 1_000


async def report(request: Request) -> Response:
    """Answer with what is due now."""
    library: Library = request.app.state.library
    rules, now = await _rules(request), await _now(request.app.state.gateway.events)
    ages = await library.read(read_ages, whole=True)
    studies = []
    for study in sorted(ages, key=lambda each: each or ""):
        spans = [DueSpan(rule, now) for rule in rules.all() if rule.study == study]
        due = await library.read_now(partial(count_due, spans=spans))
        studies.append(_study(rules, study, ages[study], due))
    found = await library.read_now(partial(read_due, spans=_spans(rules, now), most=MOST_LISTED))
    captures = [
        RetentionDue(
            capture_id=each.capture_id,
            session_id=each.session_id,
            user_id=each.user_id,
            study=each.study,
            due_at=each.due_at,
        )
        for each in found
    ]
    return _json(RetentionReport(now=now, studies=studies, captures=captures).model_dump(mode="json"))


async def erase(request: Request) -> Response:
    """Withdraw a batch of what was due when the operator looked, and have it erased."""
    library: Library = request.app.state.library
    retention: Retention = request.app.state.retention
    until = validated(RetentionRequest, parse_body(await read_body(request))).until
    if until > await _now(request.app.state.gateway.events):
        raise RequestRefused(422, "schema_error", "until: it lies ahead, by the clock of the events broker")
    spans = _spans(await _rules(request), until)
    due = await library.read(partial(read_due, spans=spans, most=BATCH), whole=True)
    withdrawn = await retention.withdraw(due)
    left = await library.read(partial(count_due, spans=spans), whole=True)
    return _json(RetentionDone(withdrawn=withdrawn, left=left).model_dump())


def _study(rules: RetentionRules, study: str | None, age: StudyAge, due: int) -> RetentionStudy:
    return RetentionStudy(
        study=study,
        known=study is None or study in rules.studies,
        days=rules.days_of(study),
        kept=age.captures,
        due=due,
        oldest=age.oldest,
    )


def _spans(rules: RetentionRules, until: datetime) -> list[DueSpan]:
    return [DueSpan(rule, until) for rule in rules.all()]


async def _rules(request: Request) -> RetentionRules:
    retention: Retention = request.app.state.retention
    return await retention.rules()


async def _now(events: AsyncBroker) -> datetime:
    """The time by the clock that retention heeds."""

    async def ask() -> tuple[int, int]:
        with broker_errors("events"):
            seconds, microseconds = await events.time()
            return seconds, microseconds

    seconds, microseconds = await retry(ask)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, milliseconds=microseconds // 1000)


def _json(answer: dict[str, object]) -> Response:
    return json_response(answer, headers={"Cache-Control": "no-store"})


ROUTES = [
    Route("/operate/retention", report, methods=["GET"]),
    Route("/operate/retention", erase, methods=["POST"]),
]
