"""The pages in a real browser, before a real stack: `a3cp up`'s own parts, Debian's Chromium, a camera that is a clip.

Chromium comes from the distribution, its headless shell if it has one, and the pages are built by ``./scripts/test``;
without either the tests are skipped, in CI they fail.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from contracts.process.settings import Settings
from contracts.rules.limits import CaptureLimits
from gateway.http.pages import BUILT, read_build
from scripts.clips.sample import SampleSource
from scripts.stack.stack import Stack
from tests.support.clips import camera_film, there_and_back
from tests.support.prestarted import prestarted
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "gateway/web/node_modules/axe-core/axe.min.js"

PATIENCE_MS = 1000 * DEADLINE_S
"""How long a test waits for a change that should be immediate: the machine may be busy."""

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--no-opt --no-maglev",  # most code runs once here: to optimize it takes longer than it saves
)
CAMERA = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"

expect.set_options(timeout=PATIENCE_MS)


def absent(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser. The shell has the same engine and no windows: a page costs it half as much."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        absent("there is no chromium on this machine: apt-get install chromium-headless-shell, or chromium")
    if read_build(BUILT) is None:
        absent("the pages are not built: ./scripts/test builds them")
    return str(path)


class RunningStack:
    """A stack on an event loop of its own, for tests that are not asynchronous."""

    def __init__(self, settings: Settings, live: int) -> None:
        self.said: list[str] = []
        self.stack = Stack(settings, live=live, show=lambda name, line: self.said.append(f"{name} | {line}"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack")
        self._thread.start()

    @property
    def address(self) -> str:
        return self.stack.address

    @property
    def settings(self) -> Settings:
        return self.stack.settings

    def call(self, step: Coroutine[Any, Any, Any], within_s: float = DEADLINE_S) -> Any:
        """Run a coroutine on the stack's loop; its result."""
        future: Future[Any] = asyncio.run_coroutine_threadsafe(step, self._loop)
        return future.result(within_s)

    def start(self) -> None:
        with prestarted():  # what a browser sees of a stack does not depend on how it was started
            self.call(self.stack.start())
            self.call(self.stack.ready(DEADLINE_S))

    def kill_gateway(self) -> None:
        """Kill the gateway as a crash would; the stack starts it again."""
        pid = self.stack.parts["gateway"].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    @contextmanager
    def frozen_gateway(self) -> Iterator[None]:
        """Stop the gateway's process during the block; its sockets stay open."""
        pid = self.stack.parts["gateway"].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)
        self.ready()

    def ready(self) -> None:
        """Return when a capture can be taken (again)."""
        self.call(self.stack.ready(DEADLINE_S))

    def stop(self) -> None:
        try:
            self.call(self.stack.stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            print("\n".join(self.said))


@contextmanager
def stack_in(folder: Path, live: int = 0, **settings: Any) -> Iterator[RunningStack]:
    """A whole stack with private brokers, and with ``live`` live workers, that leaves everything in ``folder``."""
    folders = {"data_root": folder / "data", "log_root": folder / "logs", "state_dir": folder / "state"}
    running = RunningStack(Settings(port=0, **folders, **settings), live)
    try:
        running.start()
        yield running
    finally:
        running.stop()


FEW_FRAMES = CaptureLimits(max_fps=8)
"""Half as many pictures a second as by default, for tests whose subject is not the pictures: with each of them the
browser, the gateway and MediaPipe have the same work again."""

# Scope "package": one stack and one browser for all modules of this folder that run one after the other in a process.
# Starting a stack takes longer than most of the tests. The scope is not "session" because Playwright's event loop must
# not run while other tests start theirs.


@pytest.fixture(scope="package")
def stack(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack with a live worker and `FEW_FRAMES`. Tests share it: use people of your own if they are listed, and leave
    it ready."""
    with stack_in(tmp_path_factory.mktemp("stack"), live=1, capture=FEW_FRAMES) as running:
        yield running


CONSENT_TEXT = """# Unsere Studie

We keep **points**, no pictures. <b>Really</b>

- You may say no.
- [More](https://x.example/more)
"""


@pytest.fixture(scope="package")
def asking(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack that records a person only after a yes, with a study's own text."""
    folder = tmp_path_factory.mktemp("asking")
    (folder / "study.md").write_text(CONSENT_TEXT)
    with stack_in(folder, consent="required", consent_file=folder / "study.md") as running:
        yield running


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The camera's picture: a face, as a film that Chromium repeats."""
    path = tmp_path_factory.mktemp("camera") / "clip.y4m"
    path.write_bytes(camera_film(there_and_back(SampleSource(duration_s=2.0))))
    return path


@pytest.fixture(scope="package")
def playwright(chromium: str) -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


Launch = Callable[..., Browser]


@pytest.fixture(scope="package")
def launch(playwright: Playwright, chromium: str) -> Iterator[Launch]:
    """A function that starts a browser with more flags; all browsers are closed at the end."""
    browsers: list[Browser] = []

    def start(*flags: str) -> Browser:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *flags])
        browsers.append(browser)
        return browser

    yield start
    for browser in browsers:
        browser.close()


def with_camera(launch: Launch, clip: Path) -> Browser:
    """A browser whose camera shows the clip, with the permission granted. The camera reads the file when it is turned
    on, and repeats it."""
    return launch(CAMERA, ALLOWED, f"--use-file-for-fake-video-capture={clip}")


@pytest.fixture(scope="package")
def browser(launch: Launch, clip: Path) -> Browser:
    """A browser whose camera shows a face."""
    return with_camera(launch, clip)


@contextmanager
def opened(browser: Browser, address: str, **options: Any) -> Iterator[Page]:
    """A page in a new browser context; any error in its console fails the test.

    The context blocks service workers: Playwright's routes do not see what one requests. test_web_app.py has one.
    """
    context: BrowserContext = browser.new_context(base_url=address, **{"service_workers": "block", **options})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    assert errors == []


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    """A new page in the browser with the camera."""
    with opened(browser, stack.address) as fresh:
        yield fresh


USER, PERFORMER = "demo-user", "demo-carer"


def ask_for_consent(page: Page, user: str = USER, performer: str = PERFORMER) -> None:
    """Fill in the participants on the open page and press the button; the question comes."""
    page.get_by_label("Person in the session (user_id)").fill(user)
    page.get_by_label("You (performer_id)").fill(performer)
    page.get_by_role("button", name="Start Session").click()
    expect(page.get_by_role("heading", name="First, a question")).to_be_focused()


def start_session(page: Page, user: str = USER, performer: str = PERFORMER) -> str:
    """Start a session on the open page, in which the person who is recorded says yes; returns its id."""
    ask_for_consent(page, user, performer)
    page.get_by_role("radio", name="The person who is recorded").check()
    page.get_by_role("button", name="Yes, start the session").click()
    field = page.get_by_label("session_id")
    expect(field).to_have_value(re.compile("^sess_[0-9a-f]{16}$"))
    return field.input_value()


OF_COLOURS = ("color-contrast", "link-in-text-block")
"""The rules of axe for which colours matter."""


def axe(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """The violations that axe finds in the page, for WCAG 2.2 AA and good practice, or of these rules alone."""
    # evaluated by the debugger, so the page's own policy, which lets nothing in, can stay as it is
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text() + "; undefined")
    # all rules run; what they have nothing against is neither described nor sent
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = page.evaluate("async (options) => (await axe.run(document, options)).violations", options)
    return [f"{rule['id']}: {node['html']}" for rule in found for node in rule["nodes"]]


def axe_in_light_and_dark(page: Page) -> list[str]:
    """What axe finds in light and in dark, which differ in nothing but colours; the page is light at the end."""
    page.emulate_media(color_scheme="dark")
    in_dark = axe(page, OF_COLOURS)
    page.emulate_media(color_scheme="light")
    return in_dark + axe(page)
