"""The question before a session, as a person is asked it: refused, answered by a guardian, on a phone and by keyboard.

The server requires consent and has a study's own text.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from contracts.rules.paths import session_log_path
from tests.e2e.conftest import CONSENT_TEXT, RunningStack, ask_for_consent, axe_in_light_and_dark

pytestmark = pytest.mark.xdist_group("asking")


@pytest.fixture(scope="module")
def stack(asking: RunningStack) -> RunningStack:
    """The stack for the pages of this module."""
    return asking


def logs(stack: RunningStack) -> list[Path]:
    return list(stack.settings.log_root.rglob("*.jsonl"))


@pytest.mark.parametrize("path", ["/demo/gesture", "/upload", "/demo/session"])
def test_no_starts_nothing_and_yes_is_in_the_log_with_the_hash_of_the_text(
    page: Page, stack: RunningStack, path: str
) -> None:
    def check() -> None:
        for width in (1440, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width
            assert axe_in_light_and_dark(page) == []

    page.goto(path)
    user = f"anna-{path.rpartition('/')[2]}"
    before = len(logs(stack))
    ask_for_consent(page, user, "bea")
    expect(page.get_by_role("heading", name="Unsere Studie")).to_be_visible()
    expect(page.get_by_text("<b>Really</b>")).to_be_visible()
    expect(page.get_by_role("link", name="More (in a new tab)")).to_have_attribute("href", "https://x.example/more")
    expect(page.get_by_role("button", name="Go on without an answer")).to_have_count(0)
    check()
    page.get_by_role("button", name="No, do not record").click()
    expect(page.get_by_text("Nothing is recorded.")).to_be_visible()
    check()
    assert len(logs(stack)) == before

    ask_for_consent(page, user, "bea")
    page.get_by_role("radio", name="A parent or guardian").check()
    page.get_by_role("button", name="Yes, start the session").click()
    expect(page.get_by_text("Consent: yes, said by a parent or guardian.")).to_be_visible()
    check()
    log = session_log_path(stack.settings.log_root, user, page.get_by_label("session_id").input_value())
    start = json.loads(log.read_text().splitlines()[0])["event"]
    assert start["consent_given"] is True
    assert start["consent"] == {
        "text": f"sha256:{hashlib.sha256(CONSENT_TEXT.encode()).hexdigest()}",
        "given_by": "guardian",
    }


def test_the_question_can_be_answered_by_keyboard_alone(page: Page) -> None:
    page.goto("/demo/session")
    ask_for_consent(page, "anna-keys", "bea")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="More (in a new tab)")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="The person who is recorded")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="A parent or guardian")).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Yes, start the session")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Consent: yes, said by a parent or guardian.")).to_be_visible()
    expect(page.get_by_role("status", name="Status")).to_contain_text("active")
