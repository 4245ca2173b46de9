"""The pages as an installed web app: what the service worker answers without a network, and what a browser keeps."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import BrowserContext, Page, Playwright, expect
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from contracts.rules.rights import hash_token
from gateway.http.pages import BUILT, page_routes, read_build
from tests.e2e.conftest import ALLOWED, CAMERA, FLAGS, PATIENCE_MS, RunningStack, axe, stack_in
from tests.support.waiting import wait_until

TOKEN = "a-token-that-no-disk-may-have"
JPEG = bytes.fromhex("ffd8ffe000104a46494600")  # how every JPEG of a canvas begins: SOI, APP0, "JFIF"
ACTIVE = "() => navigator.serviceWorker.getRegistration().then((found) => found?.active?.state === 'activated')"
CONTROLLED = "() => navigator.serviceWorker.controller !== null"
CACHED = """async () => {
  const found = {};
  for (const name of await caches.keys()) {
    found[name] = (await (await caches.open(name)).keys()).map(({url, headers}) => [url, [...headers.keys()]]);
  }
  return found;
}"""
KEEP_A_PICTURE = """async () => {
  const canvas = new OffscreenCanvas(64, 64);
  canvas.getContext("2d").fillRect(0, 0, 64, 64);
  const jpeg = await canvas.convertToBlob({type: "image/jpeg"});
  await (await caches.open("control")).put("/picture", new Response(jpeg));
}"""

Profile = Callable[[], AbstractContextManager[BrowserContext]]


@pytest.fixture
def guarded(chromium: str, tmp_path: Path) -> Iterator[RunningStack]:
    """A stack for one recorder, who records one person."""
    access = tmp_path / "access.toml"
    entry = f'role = "record"\nusers = ["demo-user"]\nexpires = 2100-01-01T00:00:00Z\ntoken = "{hash_token(TOKEN)}"'
    access.write_text(f"[ana-phone]\n{entry}\n")
    with stack_in(tmp_path / "stack", access_file=access) as running:
        yield running


@pytest.fixture
def profile(playwright: Playwright, chromium: str, clip: Path, tmp_path: Path) -> Profile:
    """Opens the browser of one person: what it writes on the disk is in ``tmp_path / "profile"``."""
    flags = [*FLAGS, CAMERA, ALLOWED, f"--use-file-for-fake-video-capture={clip}"]

    @contextmanager
    def start() -> Iterator[BrowserContext]:
        context = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=chromium, args=flags
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield context
        finally:
            context.close()

    return start


def holding(folder: Path, wanted: bytes) -> list[str]:
    """The files below a folder that contain these bytes."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path.relative_to(folder)) for path in files if wanted in path.read_bytes()]


def sign_in(page: Page) -> None:
    """Answer the page's question with a wrong token first."""
    token = page.get_by_role("textbox", name="Token")
    token.fill("a-token-that-is-wrong")
    token.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="did not accept that token")).to_be_visible()
    assert axe(page) == []
    token.fill(TOKEN)
    token.press("Enter")
    expect(page.get_by_role("banner")).to_contain_text("Signed in: ana-phone (records)")


def capture(page: Page) -> None:
    """Record a capture of two seconds. The token is for one person, whose code is in the page already."""
    expect(page.get_by_label("Person in the session (user_id)")).to_have_value("demo-user")
    page.get_by_label("You (performer_id)").fill("demo-carer")
    page.get_by_role("button", name="Start Session").click()
    page.get_by_role("radio", name="The person who is recorded").check()
    page.get_by_role("button", name="Yes, start the session").click()
    page.get_by_role("button", name="Turn the camera on").click()
    page.get_by_role("button", name="Capture Bounded Gesture").click()
    page.wait_for_function("() => /0:0[2-9]/.test(document.querySelector('.stage-clock')?.textContent)")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("status", name="Capture")).to_contain_text("recorded.")


def test_the_worker_keeps_the_shell_and_nothing_about_people(
    guarded: RunningStack, profile: Profile, tmp_path: Path
) -> None:
    address = guarded.address
    with profile() as context:
        page = context.new_page()
        page.goto(address)
        wait_until(lambda: page.evaluate(ACTIVE), "the worker is active")
        page.goto(f"{address}/demo/gesture")
        assert page.evaluate(CONTROLLED)
        devtools = context.new_cdp_session(page)
        assert devtools.send("Page.getAppManifest")["errors"] == []
        assert devtools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
        sign_in(page)
        capture(page)
        page.get_by_role("link", name="Library").first.click()
        expect(page.get_by_role("gridcell").first).to_be_visible()  # without another question: the token is in memory

        build = read_build(BUILT)
        assert build is not None
        shell = [f"{address}/", *(f"{address}/static/assets/{name}" for name in build.files if ".png" not in name)]
        ((name, kept),) = page.evaluate(CACHED).items()
        assert name.startswith(f"a3cp-shell:{address}/:")
        assert sorted(url for url, _ in kept) == sorted(shell)
        assert not any("authorization" in headers for _, headers in kept)

        context.set_offline(True)
        offline = context.new_page()
        for path in ("/library", "/library/person/anna", "/demo/gesture"):
            offline.goto(address + path)
            expect(offline.get_by_role("heading", level=1)).to_be_visible()
            expect(offline.get_by_text("The server cannot be reached.")).to_be_visible()
            assert axe(offline) == []
        context.set_offline(False)
        expect(offline.get_by_text("The server cannot be reached.")).to_have_count(0)
    folder = tmp_path / "profile"
    assert holding(folder, b"a3cp-shell")  # the browser has written its caches
    assert (holding(folder, JPEG), holding(folder, TOKEN.encode())) == ([], [])
    with profile() as context:
        page = context.new_page()
        page.goto(address)
        page.evaluate(KEEP_A_PICTURE)
    assert holding(folder, JPEG)  # the search finds what a worker keeps


class Pages:
    """A server of nothing but the pages, whose build can be replaced while it runs."""

    def __init__(self, build: Path) -> None:
        self.replace(build)
        self._server = uvicorn.Server(
            uvicorn.Config(self._answer, port=0, log_level="warning", lifespan="off", interface="asgi3")
        )
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_until(lambda: self._server.started, "the pages are served")
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"

    def replace(self, build: Path) -> None:
        self._app = Starlette(routes=page_routes(build))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


def newer(folder: Path, script: str) -> str:
    """Write a build that differs from today's in its script; its name. ``script`` is today's."""
    shutil.copytree(BUILT, folder)
    name = "index-newer.js"
    (folder / "assets" / script).rename(folder / "assets" / name)
    for path in (folder / "index.html", folder / "worker.js"):
        path.write_text(path.read_text().replace(script, name))
    worker = folder / "worker.js"
    text, changed = re.subn(r'(\\"version\\":\\")[0-9a-f]+', r"\1newer", worker.read_text())
    assert changed == 1
    worker.write_text(text)
    return name


@pytest.fixture
def pages(chromium: str) -> Iterator[Pages]:
    served = Pages(BUILT)
    yield served
    served.stop()


def test_an_update_leaves_an_open_page_its_files_and_is_taken_at_the_next_start(
    pages: Pages, profile: Profile, tmp_path: Path
) -> None:
    (script,) = re.findall(r'src="\./assets/([^"]+\.js)"', (BUILT / "index.html").read_text())
    name = newer(tmp_path / "newer", script)
    status_of = "(path) => fetch(path, {cache: 'no-store'}).then(({status}) => status)"
    with profile() as context:
        running = context.new_page()
        running.goto(pages.address)
        wait_until(lambda: running.evaluate(ACTIVE), "the worker is active")
        running.reload()
        assert running.evaluate(CONTROLLED)
        pages.replace(tmp_path / "newer")

        started = context.new_page()
        started.goto(pages.address)
        expect(started.locator(f"script[src$='{name}']")).to_have_count(1)  # a new page is of the gateway's version
        waiting = "() => navigator.serviceWorker.getRegistration().then(({waiting}) => waiting !== null)"
        wait_until(lambda: started.evaluate(waiting), "the new worker waits")
        assert running.evaluate(status_of, f"/static/assets/{script}") == 200  # the gateway does not have it any more
        # a reload past the worker: this page only looks on, and the last page of the old version closes
        with started.expect_navigation():
            context.new_cdp_session(started).send("Page.reload", {"ignoreCache": True})
        assert not started.evaluate(CONTROLLED)
        running.close()
        kept = [f"a3cp-shell:{pages.address}/:newer"]
        wait_until(lambda: started.evaluate("() => caches.keys()") == kept, "the old version's files are removed")
