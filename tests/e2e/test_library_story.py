"""A library that people can live with, as one story in Chromium: asked, recorded, told, corrected, withdrawn, erased.

The camera's pictures are a person with and without hands, made in memory (`scripts.clips.hands`).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from contracts.rules.paths import session_log_path
from contracts.rules.quality_reasons import QUALITY_REASONS
from scripts.clips.hands import HandsSource, Scene
from tests.e2e.conftest import Launch, RunningStack, ask_for_consent, opened, start_session, with_camera
from tests.e2e.test_gesture import button, capture, events_of, fact, status, verified
from tests.support.clips import camera_film, there_and_back
from tests.support.later import Later
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("asking")

pd = Later("pandas")

PERSON, CARER = "carl-story", "bea"

OF_A_SLOW_MACHINE = {"few_frames", "pauses", "left_hand_lost", "right_hand_lost"}
"""What may be doubted of a good take if the machine is busy: the browser then delivers few pictures, with pauses. A
hand that one frame lacks is lost for as long as such a pause. The share of the frames with the hand shows the rest."""

FIRST_WORDS = """(status) => {
    window.afterStop = [];
    new MutationObserver(() => {
        if (status.textContent.includes("recorded")) window.afterStop.push(status.textContent);
    }).observe(status, { childList: true, characterData: true, subtree: true });
}"""
"""Collects what the page says of a capture from the moment on in which it is recorded."""


def show(camera: Path, scene: Scene) -> None:
    """Put a scene into the camera's file. The camera shows it from when it is next turned on."""
    new = camera.with_suffix(".new")
    new.write_bytes(camera_film(there_and_back(HandsSource(scene, duration_s=2.0))))
    new.replace(camera)


def camera_on(page: Page) -> None:
    button(page, "Turn the camera on")
    expect(page.get_by_role("button", name="Turn the camera off")).to_be_visible()


def take(page: Page, label: str, outcome: str) -> str:
    """Capture a gesture and wait for what the page says of it; the capture's id."""
    page.get_by_label("What is meant (optional)").fill(label)
    status(page).evaluate(FIRST_WORDS)
    capture(page)
    expect(status(page)).to_contain_text(outcome)
    assert outcome in page.evaluate("() => window.afterStop[0]"), "the page said it at once"
    return fact(page, "capture_id").inner_text()


def a3cp(stack: RunningStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.cli", *arguments]
    return subprocess.run(command, env=stack.settings.environ(), capture_output=True, text=True, timeout=300)


def assert_good(event: dict[str, Any]) -> None:
    """Both hands were seen, and nothing is doubted that is the person's or the server's doing."""
    quality = event["quality"]
    assert set(quality["reasons"]) <= OF_A_SLOW_MACHINE, quality
    assert min(quality["found"][hand] for hand in ("left_hand", "right_hand")) > 0.8, quality


def test_asked_recorded_told_corrected_withdrawn_and_erased(
    asking: RunningStack, launch: Launch, tmp_path: Path
) -> None:
    camera = tmp_path / "camera.y4m"
    show(camera, "two_hands")
    with opened(with_camera(launch, camera), asking.address) as page:
        page.goto("/demo/gesture")
        ask_for_consent(page, PERSON, CARER)
        button(page, "No, do not record")
        expect(page.get_by_text("Nothing is recorded.")).to_be_visible()
        assert not (asking.settings.log_root / "users" / PERSON).exists()

        session_id = start_session(page, PERSON, CARER)
        camera_on(page)
        kept = take(page, "more", "recorded")
        gone = take(page, "stop", "recorded")
        button(page, "Turn the camera off")
        show(camera, "no_hand")
        camera_on(page)
        handless = take(page, "more", f"recorded. {QUALITY_REASONS['no_hand'].happened}")
        button(page, "Keep")
        expect(page.get_by_text(re.compile("^Kept: more"))).to_be_focused()
        button(page, "End Session")
        expect(page.get_by_label("session_id")).to_have_value("")

        page.goto(f"/library/capture/{kept}")
        page.get_by_label("What is meant").fill("less")
        button(page, "Change the label")
        expect(page.get_by_role("heading", level=1)).to_have_text("less")

        page.goto(f"/library/capture/{gone}")
        button(page, "Withdraw and erase …")
        button(page, "Erase it")
        expect(page.get_by_role("heading", name="This capture is erased")).to_be_visible()

    log = session_log_path(asking.settings.log_root, PERSON, session_id)
    wait_until(lambda: '"event":"capture.relabelled"' in log.read_text(), "the log has the label")
    assert_the_log_has_it_all(asking, log, kept, gone, handless)

    assert verified(asking, log)
    exported = a3cp(asking, "export", "--user", PERSON, "--format", "npy1662", "--output", str(tmp_path / "exported"))
    assert exported.returncode == 0, exported.stdout + exported.stderr
    table = pd.read_csv(tmp_path / "exported" / "npy1662" / "captures.csv", dtype=str, keep_default_na=False)
    assert dict(zip(table.capture_id, table.intent, strict=True)) == {kept: "less", handless: "more"}
    assert all((tmp_path / "exported" / "npy1662" / path).is_file() for path in table.path)


def assert_the_log_has_it_all(stack: RunningStack, log: Path, kept: str, gone: str, handless: str) -> None:
    """The answer, the quality, the verdict, the label and the erasure are in the log, and the file is off the disk."""
    events = events_of(log)
    start = events[0]
    assert (start["consent_given"], start["consent"]["given_by"]) == (True, "self")
    recorded = {event["capture_id"]: event for event in events if "raw_features_ref" in event}
    assert set(recorded) == {kept, gone, handless}
    assert_good(recorded[kept])
    assert_good(recorded[gone])
    assert recorded[handless]["quality"]["verdict"] == "poor"

    said = {event["event"]: event for event in events if "event" in event}
    assert (said["capture.reviewed"]["capture_id"], said["capture.reviewed"]["verdict"]) == (handless, "keep")
    assert said["capture.relabelled"]["capture_id"] == kept
    assert said["consent.withdrawn"]["capture_id"] == gone
    assert said["consent.withdrawn"]["performer_id"] == CARER

    files = {each: stack.settings.data_root / event["raw_features_ref"]["uri"] for each, event in recorded.items()}
    assert {file.name for file in files[kept].parent.iterdir()} == {files[kept].name, files[handless].name}
    erased = said["capture.erased"]
    assert (erased["capture_id"], erased["hash"]) == (gone, recorded[gone]["raw_features_ref"]["hash"])
