"""``/upload`` as a person uses it: a video file becomes an artifact, and the page shows its landmarks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from contracts.rules.paths import session_log_path
from tests.e2e.conftest import USER, RunningStack, axe, start_session
from tests.e2e.test_gesture import verified
from tests.support.clips import face_video

pytestmark = pytest.mark.xdist_group("stack")


def test_a_video_is_uploaded_and_its_landmarks_are_shown(page: Page, stack: RunningStack, tmp_path: Path) -> None:
    good, bad = tmp_path / "clip.mp4", tmp_path / "short.mp4"
    good.write_bytes(face_video(45))
    bad.write_bytes(face_video(10))
    page.goto("/upload")
    session_id = start_session(page)
    page.get_by_label("Video", exact=True).set_input_files(good)
    page.get_by_label("What is meant (optional)").fill("more")
    assert axe(page) == []
    page.get_by_role("button", name="Upload the video").click()
    jobs = page.get_by_role("list", name="Videos")
    expect(jobs).to_contain_text("recorded")
    expect(page.get_by_role("img", name=re.compile("Skeletons"))).to_be_visible()
    assert axe(page) == []

    page.get_by_label("Video", exact=True).set_input_files(bad)
    page.get_by_role("button", name="Upload the video").click()
    expect(page.get_by_role("alert").filter(has_text="too short")).to_contain_text("limit_duration_too_short")
    assert axe(page) == []

    log = session_log_path(stack.settings.log_root, USER, session_id)
    assert verified(stack, log)
    assert '"intent":"more"' in log.read_text()
