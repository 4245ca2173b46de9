"""A capture whose connection is lost: it is recorded all the same, and no picture touches the browser's disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright, expect

from contracts.rules.paths import session_log_path
from tests.e2e.conftest import ALLOWED, CAMERA, FLAGS, PATIENCE_MS, USER, RunningStack, axe
from tests.e2e.test_gesture import CAPTURE, button, events_of, fact, start, status
from tests.support.cutting_proxy import CuttingProxy, cutting_proxy

pytestmark = pytest.mark.xdist_group("stack")

JPEG = b"\xff\xd8\xff"


@contextmanager
def proxied(stack: RunningStack) -> Iterator[CuttingProxy]:
    """A proxy before the stack's gateway, on the stack's event loop."""
    context = cutting_proxy(int(stack.address.rpartition(":")[2]))
    proxy: CuttingProxy = stack.call(context.__aenter__())
    try:
        yield proxy
    finally:
        stack.call(context.__aexit__(None, None, None))


@contextmanager
def with_profile(playwright: Playwright, chromium: str, clip: Path, profile: Path, address: str) -> Iterator[Page]:
    """A page of a browser that keeps its profile in a folder."""
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=chromium,
        args=[*FLAGS, CAMERA, ALLOWED, f"--use-file-for-fake-video-capture={clip}"],
        base_url=address,
    )
    context.set_default_timeout(PATIENCE_MS)
    try:
        yield context.new_page()
    finally:
        context.close()


def test_a_lost_connection_loses_nothing_and_no_picture_touches_a_disk(
    playwright: Playwright, chromium: str, clip: Path, stack: RunningStack, tmp_path: Path
) -> None:
    with proxied(stack) as proxy, with_profile(playwright, chromium, clip, tmp_path / "profile", proxy.url) as page:
        session_id = start(page)
        page.get_by_label("What is meant (optional)").fill("more")
        button(page, CAPTURE)
        expect(status(page)).to_contain_text("recording")
        line = page.locator(".connection-line")
        proxy.refuse = 10**9
        proxy.drop()
        expect(line).to_contain_text("The connection is lost. Recording goes on")
        assert axe(page) == []
        page.wait_for_function("() => /0:0[4-9]/.test(document.querySelector('.stage-clock')?.textContent)")
        button(page, "Stop")
        expect(line).to_contain_text("Keep the page open")
        expect(status(page)).to_contain_text("waiting for the connection")
        proxy.refuse = 0
        expect(line).to_contain_text("sent again, and nothing is missing")
        record_id = fact(page, "record_id").inner_text()
        events = events_of(session_log_path(stack.settings.log_root, USER, session_id))
        (event,) = [event for event in events if "raw_features_ref" in event]
        assert event["record_id"] == record_id and event["annotation"]["intent"] == "more"
        assert event["annotation"]["resend_of"] not in ("", event["capture_id"])
        assert event["raw_features_ref"]["shape"][0] >= 16, "four seconds, of which two without a connection"
    files = [path for path in (tmp_path / "profile").rglob("*") if path.is_file()]
    assert len(files) > 20 and [path.name for path in files if JPEG in path.read_bytes()] == []
