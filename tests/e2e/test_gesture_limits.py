"""``/demo/gesture`` with a server of other limits: the page reads the limits from the server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from contracts.rules.limits import CaptureLimits
from contracts.rules.paths import session_log_path
from tests.e2e.conftest import USER, RunningStack, opened, stack_in, start_session

LIMITS = {"max_fps": 10, "max_long_side": 320, "max_short_side": 240, "max_frame_bytes": 20_000, "max_duration_s": 5}


@pytest.fixture(scope="module")
def tight(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with stack_in(tmp_path_factory.mktemp("tight"), capture=CaptureLimits.model_validate(LIMITS)) as running:
        yield running


def test_a_capture_fits_and_stops_by_itself(browser: Browser, tight: RunningStack) -> None:
    with opened(browser, tight.address) as page:
        page.goto("/demo/gesture")
        session_id = start_session(page)
        page.get_by_role("button", name="Turn the camera on").click()
        page.get_by_role("button", name="Capture Bounded Gesture (≤ 5 s)").click()
        status = page.get_by_role("status", name="Capture")
        expect(status).to_contain_text("recording")
        expect(status).to_contain_text("recorded")
    lines = session_log_path(tight.settings.log_root, USER, session_id).read_text().splitlines()
    (event,) = [event for event in (json.loads(line)["event"] for line in lines) if "raw_features_ref" in event]
    assert re.search("fps=10;max_window_s=5;", event["raw_features_ref"]["encoding"])
    assert event["raw_features_ref"]["shape"][0] >= 10
