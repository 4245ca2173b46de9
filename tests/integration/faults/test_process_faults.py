"""Processes that die, sleep and lose answers, clients that vanish, frames that kill: nothing is lost, doubled or wrong.

A choice of the cases, on both brokers; ``python -m tests.integration.faults`` plays them all, with MediaPipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.faults.played import play_cases
from tests.support.brokers import Flavour

CHOICE: dict[Flavour, Sequence[str]] = {
    "valkey": (
        "extractor killed: half an artifact",
        "extractor sleeps: a row, until all is done",
        "a row of an old owner",
        "gateway killed: a frame",
        "clients vanish",
        "a frame that kills",
        "gateway killed: a video, opened",
        "clients vanish: in an upload",
        "extractor killed: an erasure, removed",
        "requests to erase are lost",
    ),
    "redis": (
        "extractor killed: finished, not acknowledged",
        "recorder killed: half a line",
        "recorder sleeps: under a log's lock",
        "aborted before it is published",
        "the artifact's place is taken",
        "extraction from a full frames broker",
        "reply swallowed: frames gateway push",
        "replies of every kind cut",
        "reply cut in an upload: frames gateway xadd",
        "extractor killed: an erasure, published",
        "gateway killed: a withdrawal, queued",
    ),
}


@pytest.fixture(params=CHOICE)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    return request.param  # type: ignore[no-any-return]


def test_whatever_happens_to_a_process_nothing_is_lost_doubled_or_wrong(flavour: Flavour, tmp_path: Path) -> None:
    play_cases(CHOICE[flavour], flavour, tmp_path)


def test_an_extractor_s_faults_leave_mediapipe_s_own_landmarks(tmp_path: Path) -> None:
    names = ["extractor killed: after a row", "extractor killed: a video, gone"]
    play_cases(names, "valkey", tmp_path, model="mediapipe", at_most=2)
