"""``/record`` as one story in Chromium: a study of two prompts, twice each, with a bad take, a break and a reload.

The camera's pictures are a person with and without hands, made in memory (`scripts.clips.hands`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import (
    FEW_FRAMES,
    Launch,
    RunningStack,
    axe_in_light_and_dark,
    opened,
    stack_in,
    with_camera,
)
from tests.e2e.test_gesture import button, events_of
from tests.e2e.test_library_story import show
from tests.support.waiting import wait_until

PERSON = "p07"
STUDY = """
title = "Daily care"
language = "en"
consent = "# May we record you?\\n\\nOnly points are kept."
repetitions = 2
seconds = 2
break_every = 2
[good]
worst_verdict = "check"
at_least.found.any_hand = 0.3
[[prompts]]
id = "drink"
text = "Drink"
[[prompts]]
id = "pain"
text = "Something hurts"
intent = "pain"
"""


@pytest.fixture
def recording(chromium: str, tmp_path: Path) -> Iterator[RunningStack]:
    """A stack with one study, and a live worker for the check of the picture."""
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "daily-care.toml").write_text(STUDY)
    with stack_in(tmp_path, live=1, studies_dir=tmp_path / "studies", capture=FEW_FRAMES) as running:
        yield running


def looked_at(page: Page) -> None:
    """No problem in any size or colours, and nothing is wider than a phone."""
    for width, height in ((360, 640), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        assert axe_in_light_and_dark(page) == [], f"{width} px"
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), f"{width} px"


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def take(page: Page, command: str, verdict: str) -> None:
    """Record a take, which ends by itself, and wait for its verdict."""
    control = page.get_by_role("button", name=command, exact=True)
    expect(control).not_to_have_attribute("aria-disabled", "true")
    control.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    heading(page, verdict)


def rest(page: Page) -> None:
    """A break, in which the camera is off, and its end."""
    heading(page, "Have a rest")
    expect(page.get_by_label("What the camera sees")).to_have_count(0)
    looked_at(page)
    button(page, "Go on")


def agree(page: Page) -> None:
    heading(page, "First, a question")
    looked_at(page)
    page.get_by_role("radio", name="The person who is recorded").check()
    button(page, "Yes, start the session")
    heading(page, "Can the camera see you?")


def test_a_study_is_recorded_prompt_after_prompt(recording: RunningStack, launch: Launch, tmp_path: Path) -> None:
    camera = tmp_path / "camera.y4m"
    show(camera, "two_hands")
    with opened(with_camera(launch, camera), recording.address) as page:
        page.goto("/record")
        page.get_by_label("Code of the person").fill(PERSON)
        looked_at(page)
        button(page, "Go on")
        agree(page)
        expect(page.get_by_text("All is well.")).to_be_visible()
        looked_at(page)
        button(page, "Go on")

        heading(page, "Drink")
        looked_at(page)
        show(camera, "no_hand")
        button(page, "Rest")
        rest(page)  # the camera reads its file again
        take(page, "Start", "Once more?")
        expect(page.get_by_text("No hand was in the picture")).to_be_visible()
        looked_at(page)
        show(camera, "two_hands")
        page.reload()
        heading(page, "Can the camera see you?")
        button(page, "Go on")
        heading(page, "Drink")
        take(page, "Start", "Good!")
        looked_at(page)
        take(page, "Again", "Good!")

        button(page, "Next")
        rest(page)
        heading(page, "Something hurts")
        page.reload()  # in the same session, and where the catalog says
        button(page, "Go on")
        heading(page, "Something hurts")
        for text in ("Something hurts", "Drink"):
            heading(page, text)
            take(page, "Start", "Good!")
            button(page, "Next")
        rest(page)
        take(page, "Start", "Good!")
        button(page, "Next")
        heading(page, "All done")
        looked_at(page)
    assert_the_log_has_it_all(recording)


def assert_the_log_has_it_all(stack: RunningStack) -> None:
    """One session with the study's consent, in which each take names its study and prompt; the good one that was
    recorded again is marked."""
    (log,) = (stack.settings.log_root / "users" / PERSON).rglob("*.jsonl")
    wait_until(lambda: '"event":"session.end"' in log.read_text(), "the session has ended")
    events = events_of(log)
    assert re.fullmatch("sha256:[0-9a-f]{64}", events[0]["consent"]["text"])
    takes = [event["annotation"] for event in events if "raw_features_ref" in event]
    drink = {"intent": "Drink", "study": "daily-care", "prompt": "drink"}
    pain = {"intent": "pain", "study": "daily-care", "prompt": "pain"}
    assert takes == [drink, drink, drink, pain, drink, pain]
    reviews = [event["verdict"] for event in events if event.get("event") == "capture.reviewed"]
    assert reviews == ["redo"]
