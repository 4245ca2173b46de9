"""The pages as an installed web app: what the service worker answers without a network, and what a browser keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect
from pydantic import SecretStr

from gateway.http.pages import BUILT, read_build
from tests.e2e.conftest import ALLOWED, CAMERA, FLAGS, PATIENCE_MS, RunningStack, axe, stack_in

TOKEN = "a-token-that-no-disk-may-have"
JPEG = bytes.fromhex("ffd8ffe000104a46494600")  # how every JPEG of a canvas begins: SOI, APP0, "JFIF"
CONTROLLED = "() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller !== null)"
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
    """A stack that needs a token."""
    with stack_in(tmp_path / "stack", api_token=SecretStr(TOKEN)) as running:
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


def capture_with_token(page: Page) -> None:
    """Record a capture of two seconds; the page asks for the token on the way."""
    token = page.get_by_role("textbox", name="Token")
    token.fill(TOKEN)
    token.press("Enter")
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
        page.evaluate(CONTROLLED)
        page.goto(f"{address}/demo/gesture")
        assert page.evaluate(CONTROLLED)
        devtools = context.new_cdp_session(page)
        assert devtools.send("Page.getAppManifest")["errors"] == []
        assert devtools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
        page.get_by_label("Person in the session (user_id)").fill("demo-user")
        page.get_by_label("You (performer_id)").fill("demo-carer")
        page.get_by_role("button", name="Start Session").click()
        capture_with_token(page)

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
