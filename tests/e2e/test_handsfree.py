"""``/record`` without a mouse: a whole take by one key, by highlighted controls, and by a raised hand.

The live lane's answers are a stand-in at the WebSocket, because the camera's clip has a face and no arms.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.conftest import FEW_FRAMES, RunningStack, axe, stack_in
from tests.e2e.test_gesture import events_of
from tests.support.waiting import DEADLINE_S, wait_until

STUDY = """title = "Two gestures"
consent = "We keep points, no pictures."
repetitions = 1
seconds = 60

[[prompts]]
id = "drink"
text = "Drink"

[[prompts]]
id = "pain"
text = "Something hurts"
"""

LIT_COMMAND = "[data-lit][data-command={}]"

PRESS_WHEN_LIT = """([selector, text]) => new Promise((pressed) => {
    const look = () => {
        const lit = document.querySelector('[data-lit]');
        const control = lit && (lit.matches(selector) ? lit : lit.querySelector(selector));
        if (!control || !lit.textContent.includes(text)) return requestAnimationFrame(look);
        for (const name of ['keydown', 'keyup']) {
            window.dispatchEvent(new KeyboardEvent(name, { key: ' ', code: 'Space', cancelable: true }));
        }
        pressed();
    };
    look();
})"""
"""Presses the space bar at the moment at which a control is lit: from here, a slow machine would press another one."""


@pytest.fixture(scope="module")
def stack(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with a study of two prompts."""
    folder = tmp_path_factory.mktemp("handsfree")
    (folder / "studies").mkdir()
    (folder / "studies/two.toml").write_text(STUDY)
    with stack_in(folder, studies_dir=folder / "studies", capture=FEW_FRAMES) as running:
        yield running


def step(page: Page, name: str) -> None:
    """Wait for a step of the study."""
    expect(page.locator(f".record[data-step={name}]")).to_be_visible(timeout=DEADLINE_S * 1000)


def press_when_lit(page: Page, selector: str, text: str = "") -> None:
    page.evaluate(PRESS_WHEN_LIT, [selector, text])


def consented(page: Page, user: str, way: str) -> None:
    """Give consent by mouse, and choose a way of control in the address; the page is at the check of the camera."""
    address = f"/record?study=two&user={user}"
    page.goto(address)
    page.get_by_role("radio", name="The person who is recorded").check()
    page.get_by_role("button", name="Yes, start the session").click()
    step(page, "framing")
    page.goto(f"{address}&{way}")
    step(page, "framing")


def kept_by_hand(stack: RunningStack, user: str) -> dict[str, Any]:
    """The recorded take of a person, once the log says that it is kept; its event."""

    def events() -> list[dict[str, Any]]:
        return [event for log in stack.settings.log_root.glob(f"users/{user}/**/*.jsonl") for event in events_of(log)]

    wait_until(lambda: any(event.get("verdict") == "keep" for event in events()), "the take is kept")
    (recorded,) = [event for event in events() if "raw_features_ref" in event]
    assert recorded["annotation"]["study"] == "two"
    return recorded


def test_one_key_makes_a_take(page: Page, stack: RunningStack) -> None:
    consented(page, "anna", "way=switch&gapMs=0")
    for command, key in (("goOn", "Space"), ("start", "a"), ("stop", "Tab")):
        expect(page.locator(LIT_COMMAND.format(command))).to_be_visible(timeout=DEADLINE_S * 1000)
        page.keyboard.press(key)
    step(page, "verdict")
    assert axe(page) == []
    press_when_lit(page, "[data-command=keep]")  # the other choice, after “Again”
    step(page, "prompt")
    assert kept_by_hand(stack, "anna")["annotation"]["prompt"] == "drink"
    page.keyboard.press("Escape")
    expect(page.locator("[data-lit]")).to_have_count(0)
    assert page.url.endswith("user=anna&gapMs=0")


def test_highlighted_controls_make_a_take_from_the_choice_of_the_study_on(page: Page, stack: RunningStack) -> None:
    page.goto("/record?way=scan&paceMs=500&gapMs=0")
    press_when_lit(page, "input[required]")  # the participant's code
    press_when_lit(page, "dialog button", "abcdef")
    press_when_lit(page, "dialog button", "c")
    press_when_lit(page, "dialog button", "Done")
    expect(page.locator("input[required]")).to_have_value("c")
    press_when_lit(page, "button[type=submit]")
    press_when_lit(page, "input", "The person who is recorded")
    press_when_lit(page, "button", "Yes, start the session")
    for command in ("goOn", "start", "stop", "keep"):
        press_when_lit(page, f"[data-command={command}]")
    step(page, "prompt")
    assert kept_by_hand(stack, "c")["annotation"]["prompt"] == "drink"


def test_a_pointer_that_rests_on_the_controls_makes_a_take(page: Page, stack: RunningStack) -> None:
    consented(page, "dora", "way=dwell&dwellMs=400")
    for command, after in (("goOn", "prompt"), ("start", "countdown"), ("stop", "verdict"), ("keep", "prompt")):
        page.mouse.move(0, 0)  # it must leave the place of the control before
        page.locator(f"[data-command={command}]:not([aria-disabled])").hover(timeout=DEADLINE_S * 1000)
        step(page, after)
    assert kept_by_hand(stack, "dora")["annotation"]["prompt"] == "drink"


LAP, CHEST, RAISED = (0.45, 0.88), (0.4, 0.6), (0.3, 0.35)
"""Where the right wrist is in the picture; the shoulders are at half its height."""


def body(wrist: tuple[float, float]) -> list[list[float]]:
    """The landmarks of a person whose left hand is in the lap."""
    shoulders, elbows, hips = (
        {11: (0.65, 0.5), 12: (0.35, 0.5)},
        {13: (0.7, 0.7), 14: (0.3, 0.7)},
        {23: (0.6, 0.9), 24: (0.4, 0.9)},
    )
    places = {**shoulders, **elbows, **hips, 15: (0.55, 0.88), 16: wrist}
    return [[*places.get(number, (0.5, 0.2)), 0.0, 0.99] for number in range(33)]


class Arms:
    """The live lane of a page: each frame is answered with the arms as the test holds them."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._wrist = LAP
        self._answers = 0
        page.route_web_socket(re.compile("/ws/video/stream"), self._serve)

    def hold(self, wrist: tuple[float, float], frames: int) -> None:
        """Hold the right wrist at a place for so many frames."""
        self._wrist, until = wrist, self._answers + frames
        # each look at the page lets the stand-in answer
        wait_until(lambda: self._page.evaluate("1") and self._answers >= until, "the page sends frames")

    def _serve(self, socket: WebSocketRoute) -> None:
        indices = count()

        def answer(_: str | bytes) -> None:
            self._answers += 1
            timing = {"decode": 1.0, "inference": 1.0}
            result = {"pipeline": "pose", "landmarks": {"pose": body(self._wrist)}, "detections": []}
            socket.send(json.dumps({"frame_index": next(indices), "result": {**result, "timing_ms": timing}}))

        socket.on_message(answer)


def test_a_raised_hand_starts_and_keeps_a_take_and_rest_stops_it(page: Page, stack: RunningStack) -> None:
    arms = Arms(page)
    consented(page, "carl", "way=pose&afterTake=keep&restMs=300")
    height = page.get_by_role("meter", name="Hand above the shoulders")
    expect(height).to_have_attribute("aria-valuetext", re.compile("^-.* limit 0.20 shoulder widths$"))
    for after in ("prompt", "countdown"):
        arms.hold(LAP, 3)
        arms.hold(RAISED, 1)
        step(page, after)
    arms.hold(LAP, 3)
    expect(page.locator("[data-command=stop]:not([aria-disabled])")).to_be_visible(timeout=DEADLINE_S * 1000)
    assert axe(page) == []
    arms.hold(CHEST, 12)  # for longer than `restMs`: at most 15 frames a second are sent
    arms.hold(LAP, 1)
    step(page, "verdict")
    arms.hold(RAISED, 1)
    step(page, "prompt")
    recorded = kept_by_hand(stack, "carl")
    assert recorded["annotation"]["prompt"] == "drink"
