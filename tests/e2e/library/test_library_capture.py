"""``/library/capture/{id}`` as a reviewer uses it: mostly with the keyboard; the session's log has each word."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from contracts.rules.paths import session_log_path
from scripts.client import CaptureClient
from scripts.clips.sample import SampleSource
from tests.e2e.conftest import RunningStack, axe, axe_in_light_and_dark
from tests.e2e.test_gesture import verified
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("library")

PERSON, REVIEWER = "anna-1", "bea"


@dataclass(frozen=True)
class Recorded:
    """A session of some captures, the newest first, as their list has them."""

    log: Path
    captures: list[str]

    @property
    def said(self) -> list[dict[str, Any]]:
        """What people said about captures, in the order of the log."""
        events = [json.loads(line)["event"] for line in self.log.read_text().splitlines()]
        return [event for event in events if event.get("source") == "library"]


def record(stack: RunningStack, user_id: str, labels: list[str]) -> Recorded:
    """Record a short capture for each label. Each shows a face and no hand."""
    frames = [frame.jpeg for frame in SampleSource(duration_s=2.4).frames()][::2]

    async def captures() -> tuple[str, list[str]]:
        async with CaptureClient(stack.address) as client, client.session(user_id) as session:
            ids = []
            for label in labels:
                async with session.capture(fps=8, width=640, height=480, intent=label) as capture:
                    await capture.send_all(frames)
                ids.append(capture.capture_id)
            return session.session_id, ids

    session_id, ids = stack.call(captures(), within_s=300)
    return Recorded(session_log_path(stack.settings.log_root, user_id, session_id), ids[::-1])


@pytest.fixture(scope="module")
def recorded(stack: RunningStack) -> Recorded:
    """Three captures that the tests of this module share; each test uses its own person's list."""
    return record(stack, PERSON, ["stop", "less", "more"])


def open_capture(page: Page, capture_id: str, query: str = "", reviewer: str = REVIEWER) -> None:
    page.goto(f"/library/capture/{capture_id}{query}")
    field = page.get_by_label("You (performer_id)")
    expect(field).to_be_visible()
    field.fill(reviewer)
    page.get_by_role("heading", level=1).click()  # the keys rest while a field has the focus


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def happened(page: Page, text: str) -> None:
    expect(page.get_by_role("status", name="What happened")).to_contain_text(text)


def test_a_reviewer_judges_one_capture_after_the_other_with_the_keyboard(page: Page, recorded: Recorded) -> None:
    newest, middle, oldest = recorded.captures
    open_capture(page, newest, f"?user_id={PERSON}&review=none")
    heading(page, "more")
    expect(page.get_by_role("navigation", name="Captures of the list")).to_contain_text("1 of 3")
    page.keyboard.press("k")
    happened(page, "more: keep.")
    page.keyboard.press("n")
    heading(page, "less")
    happened(page, "less, anna-1")
    page.keyboard.press("r")
    happened(page, "less: record again.")
    page.keyboard.press("n")
    heading(page, "stop")
    page.keyboard.press("x")
    page.keyboard.type("k is for keep, but not in a field")
    page.keyboard.press("Enter")
    happened(page, "stop: reject.")
    page.keyboard.press("n")
    happened(page, "This is the last capture of the list.")
    page.keyboard.press("u")
    happened(page, "Undone. stop: not reviewed.")
    page.keyboard.press("p")
    heading(page, "less")
    wait_until(lambda: len(recorded.said) == 4, "the log has four verdicts")
    assert [(said["capture_id"], said.get("verdict"), said.get("reason")) for said in recorded.said] == [
        (newest, "keep", None),
        (middle, "redo", "no_hand"),
        (oldest, "reject", "k is for keep, but not in a field"),
        (oldest, None, None),
    ]
    assert {said["performer_id"] for said in recorded.said} == {REVIEWER}

    page.reload()  # the list is asked for again, and has only what still has no verdict
    expect(page.get_by_role("navigation", name="Captures of the list")).to_contain_text("Not in this list of 1")
    expect(page.get_by_text("Judged: record again")).to_be_visible()
    page.keyboard.press("n")
    heading(page, "stop")


def test_the_keys_can_be_switched_off(page: Page, recorded: Recorded) -> None:
    open_capture(page, recorded.captures[0])
    before = recorded.said
    page.keyboard.press("?")
    page.get_by_label("The keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    for key in "rxn?":
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(0)
    heading(page, "more")
    page.get_by_role("button", name="Keys").click()
    page.get_by_label("The keys are on").check()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    heading(page, "less")
    assert recorded.said == before


def test_the_movement_is_played_stopped_and_gone_through_by_the_keyboard(page: Page, recorded: Recorded) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_capture(page, recorded.captures[0])
    slider = page.get_by_role("slider", name=re.compile("^Moment"))
    expect(slider).to_have_value("0")  # nothing moves by itself if the person wants less motion
    figure = page.get_by_role("img", name=re.compile("^The capture as a moving figure"))
    wait_until(lambda: figure.evaluate("figure => figure.getBBox().width > 0"), "the figure is drawn")
    page.keyboard.press("m")
    expect(slider).not_to_have_value("0")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("1")
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^0\.1 of 2\.[1-4] seconds$"))
    face = page.get_by_role("row", name=re.compile("^Face")).get_by_role("img")
    expect(face).to_have_attribute("aria-label", re.compile("all the time|not seen from"))
    left = page.get_by_role("row", name=re.compile("^Left hand")).get_by_role("img")
    expect(left).to_have_attribute("aria-label", "never seen")


def test_a_withdrawn_capture_is_gone_from_its_page(page: Page, stack: RunningStack) -> None:
    recorded = record(stack, "carl", ["more"])
    open_capture(page, recorded.captures[0])
    page.get_by_role("button", name="Withdraw …").click()
    assert axe(page) == []
    page.get_by_role("button", name="Withdraw it").click()
    expect(page.get_by_role("heading", name="This capture is withdrawn")).to_be_visible()
    expect(page.get_by_role("slider")).to_have_count(0)
    expect(page.get_by_role("alert").filter(has_text="capture_withdrawn")).to_have_count(0)
    assert axe(page) == []
    page.reload()
    expect(page.get_by_text(re.compile("Consent was withdrawn on "))).to_be_visible()
    assert [said["event"] for said in recorded.said] == ["consent.withdrawn"]
    assert verified(stack, recorded.log)


def test_the_page_fits_and_axe_finds_nothing(page: Page, recorded: Recorded) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_capture(page, recorded.captures[0])
    expect(page.get_by_role("slider")).to_be_visible()
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert axe_in_light_and_dark(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        page.get_by_role("button", name="Keys").click()
        assert axe(page) == []
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
