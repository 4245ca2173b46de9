"""``/demo/gesture`` as a person uses it: the artifact that it leaves is checked with `a3cp verify`."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from contracts.rules.paths import session_log_path
from scripts.client import CaptureClient
from scripts.commands.verify import verify_logs
from tests.e2e.conftest import (
    ALLOWED,
    CAMERA,
    PERFORMER,
    USER,
    Launch,
    RunningStack,
    axe,
    axe_in_light_and_dark,
    opened,
    start_session,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("stack")

CAPTURE = "Capture Bounded Gesture (≤ 120 s)"


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def start(page: Page) -> str:
    """Start a session and turn the camera on; the session's id."""
    page.goto("/demo/gesture")
    session_id = start_session(page)
    button(page, "Turn the camera on")
    expect(page.get_by_role("button", name="Turn the camera off")).to_be_visible()
    return session_id


def capture(page: Page, seconds: int = 2) -> None:
    """Capture for ``seconds`` and stop."""
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("recording")
    page.wait_for_function(f"() => /0:0[{seconds}-9]/.test(document.querySelector('.stage-clock')?.textContent)")
    button(page, "Stop")


def status(page: Page) -> Locator:
    return page.get_by_role("status", name="Capture")


def fact(page: Page, name: str) -> Locator:
    """A value on the page, by its name there."""
    folded = page.locator("details.folded:not([open]) > summary")
    if folded.count():
        folded.click()
    return page.locator(f"dt:text-is('{name}') + dd")


def verified(stack: RunningStack, log: Path) -> bool:
    """Whether `a3cp verify` finds the session good; it prints what it finds."""
    return verify_logs(stack.settings, [log]) == 0


def events_of(log: Path) -> list[dict[str, Any]]:
    """The events in a session's log, in its order."""
    return [json.loads(line)["event"] for line in log.read_text().splitlines()]


def test_a_capture_is_recorded_and_the_page_shows_the_hash_of_the_file(page: Page, stack: RunningStack) -> None:
    session_id = start(page)
    page.get_by_label("What is meant (optional)").fill("more")
    capture(page, seconds=3)
    expect(status(page)).to_contain_text("recorded. No hand was in the picture")  # the clip shows a face
    expect(page.get_by_role("heading", name="What was recorded")).to_be_in_viewport()
    expect(page.get_by_role("listitem").filter(has_text=re.compile(r"^more, \d+ s, hands 0 %"))).to_be_visible()
    shown_hash = fact(page, "Artifact hash").inner_text()
    record_id = fact(page, "record_id").inner_text()

    log = session_log_path(stack.settings.log_root, USER, session_id)
    event = next(event for event in events_of(log) if event["record_id"] == record_id)
    artifact = stack.settings.data_root / event["raw_features_ref"]["uri"]
    assert shown_hash == f"sha256:{hashlib.sha256(artifact.read_bytes()).hexdigest()}"
    assert event["annotation"] == {"intent": "more"}
    assert event["raw_features_ref"]["shape"][0] > 10
    assert verified(stack, log)

    for name in ("Skeletons", "in motion"):
        picture = page.get_by_role("img", name=re.compile(name))
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        page.get_by_role("button", name=re.compile("^Show (the movement|still moments)$")).click()
    button(page, "Keep")
    expect(page.get_by_text(re.compile("^Kept: more, "))).to_be_focused()
    wait_until(lambda: '"event":"capture.reviewed"' in log.read_text(), "the log has the answer")
    reviewed = next(event for event in events_of(log) if event.get("event") == "capture.reviewed")
    assert (reviewed["verdict"], reviewed["capture_id"]) == ("keep", event["capture_id"])
    assert (reviewed["performer_id"], reviewed["user_id"]) == (PERFORMER, USER)
    assert (event["quality"]["verdict"], event["quality"]["reasons"][0]) == ("poor", "no_hand")
    assert int(fact(page, "Pictures sent").inner_text()) == event["raw_features_ref"]["shape"][0]
    face = page.get_by_role("meter", name="Face")
    assert int(face.get_attribute("aria-valuenow") or 0) > 80

    button(page, "End Session")
    expect(page.get_by_role("status", name="Status")).to_contain_text("idle")
    assert verified(stack, log)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.goto("/demo/gesture")

    def press(name: str) -> None:
        target = page.get_by_role("button", name=name)
        for _ in range(40):
            page.keyboard.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                break
        page.keyboard.press("Enter")

    for label, text in (("Person in the session (user_id)", USER), ("You (performer_id)", PERFORMER)):
        field = page.get_by_label(label)
        while not field.evaluate("element => element === document.activeElement"):
            page.keyboard.press("Tab")
        page.keyboard.type(text)
    press("Start Session")
    expect(page.get_by_role("heading", name="First, a question")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    press("Yes, start the session")
    expect(page.get_by_label("session_id")).to_have_value(re.compile("^sess_"))
    press("Turn the camera on")
    expect(page.get_by_role("button", name="Turn the camera off")).to_be_visible()
    press(CAPTURE)
    expect(status(page)).to_contain_text("recording")
    expect(page.get_by_role("button", name="Stop")).not_to_have_attribute("aria-disabled", "true")
    press("Stop")
    expect(status(page)).to_contain_text("recorded")


def test_axe_finds_nothing_in_any_state(page: Page) -> None:
    def check() -> None:
        assert axe_in_light_and_dark(page) == []

    page.goto("/demo/gesture")
    check()
    start(page)
    check()
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("get ready")
    assert axe(page) == []
    expect(status(page)).to_contain_text("recording")
    check()
    expect(page.get_by_role("button", name="Stop")).not_to_have_attribute("aria-disabled", "true")
    button(page, "Stop")
    expect(page.get_by_role("img", name=re.compile("Skeletons"))).to_be_visible()
    check()


def test_a_session_that_is_ended_elsewhere_ends_the_capture_with_its_sentence(page: Page, stack: RunningStack) -> None:
    session_id = start(page)
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("recording")

    async def end() -> None:
        async with CaptureClient(stack.address) as gateway:
            await gateway.end_session(USER, session_id)

    stack.call(end())
    expect(page.get_by_role("alert").filter(has_text="The session has ended.")).to_contain_text("session_closed")
    expect(page.get_by_label("session_id")).to_have_value("")
    expect(status(page)).to_contain_text("not kept")


def test_leaving_during_a_capture_asks_for_confirmation(page: Page) -> None:
    start(page)
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("get ready")
    questions: list[str] = []

    def stay(dialog: Dialog) -> None:
        questions.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.get_by_role("link", name="Live view").click()
    expect(page.get_by_role("heading", level=1, include_hidden=True)).to_have_text("Capture a gesture")
    with page.expect_event("dialog"):
        page.close(run_before_unload=True)
    expect(status(page)).to_contain_text("recording")
    assert questions == ["confirm", "beforeunload"]


def test_a_capture_outlives_a_killed_server(page: Page, stack: RunningStack) -> None:
    session_id = start(page)
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("recording")
    stack.kill_gateway()
    stack.ready()
    expect(page.locator(".connection-line")).to_contain_text("The connection is back")
    page.wait_for_function("() => /0:0[2-9]|0:[1-9]/.test(document.querySelector('.stage-clock')?.textContent)")
    button(page, "Stop")
    expect(fact(page, "Artifact hash")).to_have_text(re.compile("^sha256:"))
    events = events_of(session_log_path(stack.settings.log_root, USER, session_id))
    assert sum("raw_features_ref" in event for event in events) == 1


def test_without_permission_the_page_says_how_to_grant_it(launch: Launch, stack: RunningStack) -> None:
    with opened(launch(CAMERA, f"{ALLOWED}=deny"), stack.address) as page:
        page.goto("/demo/gesture")
        button(page, "Turn the camera on")
        expect(page.get_by_role("alert").filter(has_text="does not let this page")).to_contain_text("camera_denied")
        expect(page.get_by_role("button", name="Try the camera again")).to_be_visible()
        assert axe(page) == []


def test_without_a_camera_the_page_says_so(launch: Launch, stack: RunningStack) -> None:
    with opened(launch(f"{CAMERA}=device-count=0", ALLOWED), stack.address) as page:
        page.goto("/demo/gesture")
        button(page, "Turn the camera on")
        expect(page.get_by_role("alert").filter(has_text="No camera was found")).to_contain_text("camera_absent")
        assert axe(page) == []


SCREENS = ((360, 560), (360, 640), (640, 360), (1440, 900))


def test_the_picture_and_stop_are_on_the_screen_while_recording(page: Page) -> None:
    page.set_viewport_size({"width": SCREENS[0][0], "height": SCREENS[0][1]})
    start(page)
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("recording")
    for width, height in SCREENS:
        page.set_viewport_size({"width": width, "height": height})
        assert_all_is_on_the_screen(page, width)
    button(page, "Cancel")
    expect(status(page)).to_contain_text("cancelled")


def assert_all_is_on_the_screen(page: Page, width: int) -> None:
    """The picture, its state and what ends it are in sight without scrolling."""
    for shown in (page.get_by_role("button", name="Stop"), page.get_by_role("button", name="Cancel"), status(page)):
        expect(shown).to_be_in_viewport(ratio=1)
    picture = page.get_by_label("What the camera sees")
    expect(picture).to_be_in_viewport(ratio=0.99)  # pixels are rounded
    box = picture.bounding_box()
    assert box is not None and min(box["width"], box["height"]) >= 150
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    header = page.get_by_role("banner").bounding_box()
    assert header is not None and header["height"] < 70  # the navigation is one line
    assert axe(page) == []


def test_a_server_that_does_not_answer_is_noticed_and_the_capture_can_be_cancelled(
    page: Page, stack: RunningStack
) -> None:
    start(page)
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("recording")
    with stack.frozen_gateway():
        expect(page.get_by_role("alert").filter(has_text="Recording goes on here")).to_be_visible()
        expect(status(page)).to_contain_text("the server does not answer")
        assert axe(page) == []
        button(page, "Cancel")
        expect(status(page)).to_contain_text("cancelled")
        expect(page.get_by_role("button", name=CAPTURE)).to_be_visible()


def test_the_page_does_not_wait_for_a_server_that_does_not_answer_after_stop(page: Page, stack: RunningStack) -> None:
    start(page)
    button(page, CAPTURE)
    expect(status(page)).to_contain_text("recording")
    stop = page.get_by_role("button", name="Stop")
    expect(stop).not_to_have_attribute("aria-disabled", "true")
    with stack.frozen_gateway():
        stop.click()
        expect(page.get_by_role("alert").filter(has_text="The server does not answer")).to_be_visible()
        button(page, "Cancel")
        expect(page.get_by_role("alert").filter(has_text="may still be recorded")).to_be_visible()


def test_the_people_of_the_session_are_shown_on_every_page_and_after_a_reload(page: Page) -> None:
    def shown() -> list[str]:
        labels = ("Person in the session (user_id)", "You (performer_id)", "session_id")
        return [page.get_by_label(label).input_value() for label in labels]

    page.goto("/demo/session")
    people = ["anna-1", "carer-bea", start_session(page, "anna-1", "carer-bea")]
    button(page, "Go on to capture a gesture")
    expect(page.get_by_role("heading", level=1)).to_have_text("Capture a gesture")
    assert shown() == people
    page.get_by_role("link", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Upload a video")
    expect(page.get_by_label("session_id")).to_have_value(people[2])
    assert shown() == people
    questions: list[str] = []

    def leave(dialog: Dialog) -> None:
        questions.append(dialog.type)
        dialog.accept()

    page.on("dialog", leave)
    page.reload()
    assert questions == ["beforeunload"]
    expect(page.get_by_label("session_id")).to_have_value(people[2])
    assert shown() == people


def test_the_page_fits_widths_from_360_to_1440_pixels(page: Page) -> None:
    page.goto("/demo/gesture")
    for width in (360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
