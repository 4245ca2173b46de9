"""The gateway below a path behind nginx, with the configuration that scripts/deploy/README.md shows."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from scripts.client import SyncCaptureClient
from scripts.clips.sample import SampleSource
from tests.e2e.conftest import ROOT, RunningStack, absent, axe, opened
from tests.support.waiting import DEADLINE_S

README = (ROOT / "scripts/deploy/README.md").read_text()


def configuration(folder: Path, listen: int, gateway: str) -> str:
    """The README's configuration with this test's addresses, in a whole nginx.conf."""
    (shown,) = re.findall(r"```nginx\n(.*?)```", README, re.DOTALL)
    served = re.sub(r"    ssl_certificate(_key)? .*\n", "", shown).replace("443 ssl", f"127.0.0.1:{listen}")
    served = served.replace("http://127.0.0.1:8000", gateway)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    return (
        f"daemon off;\npid {folder / 'nginx.pid'};\nerror_log {folder / 'error.log'} warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{folders}{served}}}\n"
    )


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def proxied(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of the gateway behind nginx, and nginx's folder."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
    if nginx is None:
        absent("there is no nginx on this machine: apt-get install nginx-light")
    folder = tmp_path_factory.mktemp("nginx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "nginx.conf").write_text(configuration(folder, port, stack.address))
    command = [str(nginx), "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + DEADLINE_S
            while not answers(port):
                assert process.poll() is None and time.monotonic() < deadline, (folder / "error.log").read_text()
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}", folder
        finally:
            process.terminate()
    assert "buffered to a temporary file" not in (folder / "error.log").read_text()


def test_pages_work_below_a_path(browser: Browser, proxied: tuple[str, Path]) -> None:
    with opened(browser, proxied[0]) as page:
        page.goto("/a3cp")
        expect(page).to_have_url(re.compile("/a3cp/$"))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Live view").click()
        expect(page).to_have_url(re.compile("/a3cp/live$"))
        for path in ("live", "upload", "demo/session", "demo/gesture"):
            page.goto(f"/a3cp/{path}")
            expect(page.get_by_role("heading", level=1)).not_to_have_text("There is no page here")
            assert axe(page) == []
        page.goto("/a3cp/demo/nothing/here")
        expect(page.get_by_role("heading", level=1)).to_have_text("There is no page here")
        page.goto("/a3cp/docs")
        page.get_by_role("link", name="A3CP", exact=True).click()
        expect(page).to_have_url(re.compile("/a3cp/$"))


def test_pages_are_a_web_app_of_their_own_below_a_path(browser: Browser, proxied: tuple[str, Path]) -> None:
    with opened(browser, proxied[0], service_workers="allow") as page:
        page.goto("/a3cp/live")
        scope = page.evaluate("() => navigator.serviceWorker.ready.then(({scope}) => scope)")
        assert scope == f"{proxied[0]}/a3cp/"
        page.context.set_offline(True)
        page.goto("/a3cp/library/person/anna")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        manifest = page.locator("link[rel=manifest]").evaluate("(link) => link.href")
        assert manifest == f"{scope}manifest.webmanifest"


def test_captures_and_large_bodies_pass_nginx(proxied: tuple[str, Path]) -> None:
    address = f"{proxied[0]}/a3cp"
    with SyncCaptureClient(address) as client, client.session("carer-1") as session:
        with session.capture(fps=15, width=640, height=480) as capture:
            for frame in SampleSource(duration_s=3.0).frames():
                capture.send(frame.jpeg)
        assert capture.finish().features.shape[1] == 1662
    form = {"file": ("v.mp4", b"\0" * 4_800_000, "video/mp4")}  # nginx's own limit is 1 MB
    answer = httpx.post(f"{address}/video/submit", files=form, headers={"Origin": proxied[0]}, timeout=DEADLINE_S)
    assert answer.headers["content-type"] == "application/json" and answer.json()["error"]
