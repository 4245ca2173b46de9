"""Measure how smoothly Chromium scrolls the library's page, beside an empty page of the same height."""

from __future__ import annotations

import shutil
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

from httpx import AsyncClient
from playwright.async_api import Page, ViewportSize, async_playwright

from contracts.process.settings import Settings
from gateway.http.pages import BUILT, read_build
from scripts.measurements.library import CAPTURES, PEOPLE, when_built
from scripts.measurements.library_files import fill_library
from scripts.measurements.rows import BenchRow, percentile
from scripts.measurements.servers import brokers, process
from scripts.stack.ports import gateway_port
from scripts.stack.stack import gateway_address

__all__ = ["measure_scrolling"]

LONG_MS = 50.0
FLING_PX, READ_PX = 400, 60
"""Pixels a frame: as fast as a person lets a list fly by, for which the page leaves rows out; and slowly enough to
look at the pictures."""
READ_FRAMES = 1200
DRAWN = 2_000
"""How many of the captures have pictures: those that are read through, and more."""
SIZE = ViewportSize(width=1440, height=900)

SCROLL = """([step, most, last]) => new Promise((done) => {
  const frames = [];
  const ended = () => last === null || document.querySelector(`[data-place="${last}"]`) !== null;
  let then = null;
  requestAnimationFrame(function turn(now) {
    if (then !== null) frames.push(now - then);
    then = now;
    const before = window.scrollY;
    window.scrollBy({ top: step, behavior: "instant" });
    if (frames.length >= most || (window.scrollY === before && ended())) done(frames);
    else requestAnimationFrame(turn);
  });
})"""
"""Scrolls ``step`` pixels in each frame, for ``most`` frames or to the end, where the capture at place ``last`` is; the
milliseconds between the frames."""


@dataclass(frozen=True, slots=True)
class Scrolled:
    """The times between the frames of one scroll, in milliseconds."""

    frames: list[float]

    @property
    def long_share(self) -> float:
        """The share of the frames that took over 50 ms."""
        return sum(ms > LONG_MS for ms in self.frames) / len(self.frames)


async def measure_scrolling(settings: Settings) -> list[BenchRow]:
    """Scroll the page of 10,000 captures to its end, and slowly over its first captures; then an empty page, as far."""
    chromium = shutil.which("chromium")
    if chromium is None or read_build(BUILT) is None:
        print("scrolling is not measured: it needs chromium, and the pages that ./scripts/test builds", file=sys.stderr)
        return []
    fill_library(settings, CAPTURES, PEOPLE, DRAWN)
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(brokers(settings.model_copy(update={"port": gateway_port(settings)})))
        await stack.enter_async_context(process(running, "gateway"))
        async with AsyncClient(base_url=gateway_address(running), timeout=60) as client:
            await when_built(client)
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        stack.push_async_callback(browser.close)
        page = await browser.new_page(viewport=SIZE, base_url=gateway_address(running))
        return await _rows(page)


async def _rows(page: Page) -> list[BenchRow]:
    await _open(page)
    fling = await _scrolled(page, FLING_PX, last=CAPTURES - 1)
    height = await page.evaluate("() => document.documentElement.scrollHeight")
    await _open(page)
    read = await _scrolled(page, READ_PX, READ_FRAMES)
    await page.goto("about:blank")
    await page.set_content(f'<body style="margin: 0; height: {height}px"></body>')
    bare_fling = await _scrolled(page, FLING_PX)
    await page.evaluate("() => window.scrollTo(0, 0)")
    bare_read = await _scrolled(page, READ_PX, READ_FRAMES)
    name = f"page of {CAPTURES:,} captures"
    return [
        *_of(f"{name}, {FLING_PX} px a frame to its end", fling, bare_fling),
        *_of(f"{name}, {READ_PX} px a frame, {READ_FRAMES:,} frames", read, bare_read),
    ]


def _of(name: str, own: Scrolled, bare: Scrolled) -> list[BenchRow]:
    def p(share: float) -> tuple[float, float]:
        return percentile(own.frames, share), percentile(bare.frames, share)

    (p50, bare_p50), (p99, bare_p99) = p(0.5), p(0.99)
    floor = "an empty page of the same height"
    return [
        BenchRow(f"{name}: share of frames over {LONG_MS:g} ms", own.long_share, "", 0.01),
        BenchRow(f"   … of {floor}", bare.long_share, ""),
        BenchRow("   … between two frames, p50", p50, "ms", None, bare_p50, floor),
        BenchRow("   … between two frames, p99", p99, "ms", None, bare_p99, floor),
    ]


async def _open(page: Page) -> None:
    await page.goto("/library")
    await page.wait_for_selector('[data-place="0"] .figure')


async def _scrolled(page: Page, step: int, most: int = 1_000_000, last: int | None = None) -> Scrolled:
    frames: list[float] = await page.evaluate(SCROLL, [step, most, last])
    return Scrolled(frames)
