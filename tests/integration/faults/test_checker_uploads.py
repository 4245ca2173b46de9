"""The checker finds the faults that only uploads can have."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from tests.integration.faults.checker import Allow, check
from tests.integration.faults.history import Told
from tests.integration.faults.observation import Brokers, Observed
from tests.integration.faults.test_checker import SESSION, Run, features, line


def findings(run: Run, *others: Run) -> list[str]:
    """What is found if these uploads, of the same video, are all there is."""
    runs = (run, *others)
    log = b"".join(line(event) for event in [*run.events[:1], *(each.ref for each in runs), *run.events[-1:]])
    told = Told(
        {each.capture.capture_id: replace(each.capture, uploaded=True) for each in runs}, {}, {SESSION: run.session}
    )
    files = {name: data for each in runs for name, data in each.files.items()}
    reports = {each.capture.capture_id: each.report for each in runs}
    return check(told, Observed({SESSION: log}, {SESSION: files}, reports, run.brokers), Allow(), features).findings


def test_two_uploads_of_a_video_with_the_same_artifact_have_no_finding() -> None:
    assert findings(Run(), Run()) == []


def test_two_uploads_of_a_video_with_different_artifacts_are_a_finding() -> None:
    first, second = Run(), Run(fps=14)
    assert first.npz != second.npz
    assert findings(first, second) == ["wrong: video 1 made 2 artifacts"]


@pytest.mark.parametrize(
    ("left", "what"),
    [(Brokers(videos=("a3cp:{upload:u}:video",)), "videos"), (Brokers(places=("u/9/user-1",)), "places of videos")],
)
def test_a_chunk_or_slot_that_is_left_over_is_a_finding(left: Brokers, what: str) -> None:
    run = Run()
    run.brokers = left
    assert not left.quiet
    assert [finding.split(": ")[2] for finding in findings(run)] == [what]


def test_an_upload_that_was_refused_and_recorded_is_a_finding() -> None:
    run = Run()
    run.capture = replace(run.capture, close_code=503, code="forward_failed")
    assert any("was told forward_failed, and has an event" in finding for finding in findings(run))


def test_the_event_of_an_upload_is_its_own() -> None:
    first, second = Run(), Run()
    second.ref = orjson.dumps(orjson.loads(second.ref) | {"user_id": "user-2"})
    assert any("its event names another capture" in finding for finding in findings(first, second))
