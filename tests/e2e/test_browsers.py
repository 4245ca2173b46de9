"""The pages in older browsers: Chromium without newer functions, and a browser that cannot run the scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.conftest import RunningStack, axe, opened

pytestmark = pytest.mark.xdist_group("stack")

LATER = """
for (const name of ["toSorted", "toReversed", "toSpliced", "with"]) delete Array.prototype[name];
for (const name of ["any", "timeout"]) delete AbortSignal[name];
for (const name of ["union", "intersection", "difference"]) delete Set.prototype[name];
delete Object.groupBy; delete Map.groupBy; delete Promise.withResolvers; delete Promise.try;
delete URL.canParse; delete URL.parse;
delete Array.fromAsync; delete globalThis.Iterator; delete crypto.randomUUID;
"""
"""Removes functions that Chrome 109, Firefox 115 or Safari 16 do not have."""


def test_the_pages_work_without_what_newer_browsers_brought(browser: Browser, stack: RunningStack) -> None:
    with opened(browser, stack.address) as page:
        page.add_init_script(LATER)
        page.goto("/")
        assert page.evaluate("() => [typeof AbortSignal.any, typeof [].toSorted]") == ["undefined", "undefined"]
        for path in ("/", "/record", "/upload", "/demo/session", "/demo/gesture", "/library", "/library/person/anna"):
            page.goto(path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            expect(page.get_by_text("page_error")).to_have_count(0)
        page.goto("/live")
        page.get_by_role("button", name="Start the camera", exact=True).click()
        expect(page.get_by_role("img", name="Landmarks over the picture")).to_have_attribute(
            "data-frame", re.compile(r"^[1-9]")
        )
        expect(page.get_by_text("page_error")).to_have_count(0)


def test_a_browser_that_cannot_run_the_scripts_names_those_that_can(browser: Browser, stack: RunningStack) -> None:
    with opened(browser, stack.address) as page:
        page.route("**/*.js", lambda route: route.abort())
        page.goto("/live")
        expect(page.locator(".not-started")).to_have_css("opacity", "1")
        expect(page.get_by_text("this browser is too old")).to_be_visible()
        assert axe(page) == []
