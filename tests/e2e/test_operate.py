"""The operator's page in Chromium, before a real recorder's dead letter."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from contracts.broker import keys
from contracts.broker.roles import connect_sync
from tests.e2e.conftest import RunningStack, axe
from tests.support.waiting import wait_until

pytestmark = pytest.mark.xdist_group("stack")


def test_an_operator_sees_why_an_event_is_not_recorded_and_drops_it(stack: RunningStack, page: Page) -> None:
    events = connect_sync(stack.stack.urls[1])
    before = events.xlen(keys.DEAD_EVENTS)
    events.xadd(keys.EVENTS, {"event": '{"event": broken', "user_id": "olga", "session_id": "sess_0123456789abcdef"})
    wait_until(lambda: events.xlen(keys.DEAD_EVENTS) == before + 1, "the recorder has refused the event")
    page.goto("/")
    page.get_by_role("link", name="What could not be recorded").click()
    entry = page.get_by_role("listitem").filter(has_text="olga")
    entry.get_by_role("button", name="Show").click()
    expect(entry.get_by_text('{"event": broken')).to_be_visible()
    entry.get_by_role("button", name="Try again").click()
    expect(entry.get_by_role("alert")).to_contain_text("It would fail again.")
    assert axe(page) == []
    entry.get_by_role("button", name="Drop").click()
    page.get_by_role("button", name="Drop it").click()
    expect(page.get_by_role("status").filter(has_text="It is dropped.")).to_be_focused()
    assert events.xlen(keys.DEAD_EVENTS) == before
    events.close()
