"""The gateway behind nginx, Caddy and Traefik, as scripts/deploy/proxies configures them: with TLS, below a path and at
the top. nginx removes the path from the requests, the others leave it."""

from __future__ import annotations

import re
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Opcode

from contracts.process.settings import Settings
from contracts.process.tokens import MOST_WRONG_TOKENS
from contracts.rules.limits import CaptureLimits
from gateway.server.http_protocol import KEEP_ALIVE_S
from gateway.server.uvicorn_server import server_config
from scripts.client import SyncCaptureClient
from scripts.client.live import live_path
from scripts.clips.sample import SampleSource
from tests.e2e.conftest import (
    ALLOWED,
    CAMERA,
    Launch,
    RunningStack,
    absent,
    opened,
    stack_in,
    start_session,
)
from tests.e2e.test_gesture import button, capture, status
from tests.support.reverse_proxies import FILES, NAME, PROXIES, Place, free_port, installed, proxy
from tests.support.waiting import DEADLINE_S, PATIENT, wait_until

TOKEN = "the-token-of-the-proxied-gateway"
UPLOAD_BYTES = 3 * 1024 * 1024  # nginx's own limit is 1 MB
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}


class Idle(ClientConnection):
    """A WebSocket that counts the server's pings. `websockets` answers them."""

    pings = 0

    def process_event(self, event: Any) -> None:
        if getattr(event, "opcode", None) is Opcode.PING:
            self.pings += 1
        super().process_event(event)


@dataclass
class Front:
    """A proxy that serves one gateway below ``/a3cp`` at one port, and at the top at another one."""

    tls: ssl.SSLContext
    loop: BlockingPortal
    ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    idle: Idle = field(init=False)

    @property
    def urls(self) -> list[str]:
        return [f"https://{NAME}:{self.ports[0]}/a3cp", f"https://{NAME}:{self.ports[1]}"]

    def client(self, url: str, address: str = "127.0.0.1") -> httpx.Client:
        """A client whose connections come from this address."""
        transport = httpx.HTTPTransport(verify=self.tls, local_address=address)
        return httpx.Client(base_url=url, timeout=DEADLINE_S, transport=transport)


@pytest.fixture(scope="module")
def behind(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack behind the proxies. It trusts 127.0.0.1, where they are, and no other address of this machine."""
    with stack_in(
        tmp_path_factory.mktemp("behind"),
        live=1,
        api_token=SecretStr(TOKEN),
        root_path="/a3cp",
        trusted_proxies="127.0.0.1",
        allowed_origins=f"https://{NAME}",
        upload_max_bytes=UPLOAD_BYTES,
        capture=CaptureLimits(min_duration_s=0.1),
    ) as running:
        yield running


@pytest.fixture(scope="module")
def fronts(behind: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Front]]:
    """Every proxy that this machine has, by its name. All start at once, so their idle sockets wait at once."""
    authority, resolve = trustme.CA(), socket.getaddrinfo
    trusted = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    with ExitStack() as running:
        patch = running.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("SSL_CERT_FILE", str(trusted))
        patch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: resolve(_here(host), *rest, **more))
        loop = running.enter_context(start_blocking_portal())
        made = {}
        for name in filter(installed, PROXIES):
            front = made[name] = Front(ssl.create_default_context(cafile=trusted), loop)
            for top, port in enumerate(front.ports):
                place = Place(tmp_path_factory.mktemp(name), port, behind.address, at_the_top=bool(top))
                _certify(authority, place.folder)
                running.enter_context(proxy(name, place))
            front.idle = running.enter_context(loop.wrap_async_context_manager(_idle_socket(front)))
        yield made


def _here(host: Any) -> Any:
    return "127.0.0.1" if host in (NAME, NAME.encode()) else host


def _certify(authority: trustme.CA, folder: Path) -> None:
    certificate = authority.issue_cert(NAME)
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    for pem in certificate.cert_chain_pems:
        pem.write_to_path(folder / "chain.pem", append=True)


@asynccontextmanager
async def _idle_socket(front: Front) -> AsyncIterator[Idle]:
    """A WebSocket of the real-time lane on which the client sends nothing. One thread reads and writes it:
    `websockets.sync` has two, and OpenSSL may hang if one writes while the other reads (CPython's issue 151508)."""
    url = front.urls[0].replace("https", "wss") + live_path("pose")
    options: dict[str, Any] = {"ssl": front.tls, "create_connection": Idle, "ping_interval": None, **PATIENT}
    async with connect(url, additional_headers=AUTHORIZATION, **options) as idle:
        assert isinstance(idle, Idle)
        yield idle


@pytest.fixture(params=PROXIES)
def front(request: pytest.FixtureRequest, fronts: dict[str, Front]) -> Front:
    if request.param not in fronts:
        absent(f"there is no {request.param} on this machine: ./scripts/test installs it as root on Debian")
    return fronts[request.param]


@pytest.fixture
def browser(launch: Launch, clip: Path, front: Front) -> Browser:
    """A browser with a camera, for which the proxy is at the port of HTTPS."""
    mapped = f"--host-resolver-rules=MAP {NAME}:443 127.0.0.1:{front.ports[0]}"
    camera = f"--use-file-for-fake-video-capture={clip}"
    return launch(CAMERA, ALLOWED, camera, mapped, "--ignore-certificate-errors")


def sign_in(page: Page) -> None:
    token = page.get_by_role("textbox", name="Token")
    token.fill(TOKEN)
    token.press("Enter")
    expect(page.get_by_role("banner")).to_contain_text("Signed in")


def test_pages_record_below_a_path_and_ask_for_nothing_outside(browser: Browser) -> None:
    asked: list[str] = []
    said: list[str] = []
    with opened(browser, f"https://{NAME}", service_workers="allow") as page:
        page.context.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket_: asked.append(socket_.url))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto("/a3cp?way=button")
        expect(page).to_have_url(f"https://{NAME}/a3cp/?way=button")
        scope = page.evaluate("() => navigator.serviceWorker.ready.then(({scope}) => scope)")
        assert scope == f"https://{NAME}/a3cp/"
        manifest = page.locator("link[rel=manifest]").evaluate("(link) => link.href")
        assert manifest == f"{scope}manifest.webmanifest"
        page.goto("/a3cp/record")
        sign_in(page)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.goto("/a3cp/demo/gesture")
        sign_in(page)
        start_session(page)
        button(page, "Turn the camera on")
        capture(page, seconds=1)
        expect(status(page)).to_contain_text("recorded")
        page.get_by_role("link", name="Library").first.click()
        page.get_by_role("link", name="no label").first.click()
        expect(page).to_have_url(re.compile("/a3cp/library/capture/"))
        page.reload()  # the address of a page that is two folders deep
        sign_in(page)
        expect(page.get_by_role("img", name="The capture as a moving figure")).to_be_visible()
        page.goto("/a3cp/docs")
        page.get_by_role("link", name="A3CP", exact=True).click()
        expect(page).to_have_url(re.compile("/a3cp/$"))
        page.context.set_offline(True)
        page.goto("/a3cp/library/person/anna")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
    assert not [url for url in asked if not re.match(rf"(https|wss)://{NAME}/a3cp(/|\?)|blob:", url)]
    assert not [text for text in said if "401" not in text and "ERR_INTERNET_DISCONNECTED" not in text]


def test_captures_are_recorded_below_a_path_and_at_the_top(front: Front) -> None:
    for url in front.urls:
        with SyncCaptureClient(url, TOKEN) as client, client.session("carer-1", consent_given=True) as session:
            with session.capture(fps=15, width=640, height=480) as taken:
                for frame in SampleSource(duration_s=0.5).frames():
                    taken.send(frame.jpeg)
            assert taken.finish().features.shape[1] == 1662
        with front.client(url) as browser_like:
            page = browser_like.get("/library/person/anna", headers={"Accept": "text/html"})
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
            assert browser_like.get("/docs/openapi.json").json()["servers"][0]["url"] == "/a3cp"


def test_the_gateway_and_not_the_proxy_limits_bodies(front: Front) -> None:
    for url in front.urls:
        with (
            SyncCaptureClient(url, TOKEN) as client,
            client.session(f"user-{uuid.uuid4().hex}", consent_given=True) as session,
            front.client(url) as sender,
        ):
            for more_bytes, status_code in ((1, 413), (1_000_000, 413), (0, 202)):
                form = {
                    "user_id": session.user_id,
                    "session_id": session.session_id,
                    "record_id": str(uuid.uuid4()),
                    "capture_id": f"capture-{uuid.uuid4().hex}",
                }
                video = b"\0\0\0\x18ftypmp42".ljust(UPLOAD_BYTES + more_bytes, b"\0")
                page = {**AUTHORIZATION, "Origin": f"https://{NAME}"}
                answer = sender.post("/video/submit", data=form, files={"file": ("v.mp4", video)}, headers=page)
                assert (answer.status_code, answer.headers["content-type"]) == (status_code, "application/json")
                assert answer.json().get("error") == ("file_too_large" if more_bytes else None)


def test_each_client_has_its_own_limit_of_wrong_tokens(front: Front) -> None:
    guess = {"Authorization": "Bearer a-guess"}
    own = f"{front.ports[0] // 256}.{front.ports[0] % 256}"  # the gateway is the same for all proxies
    with front.client(front.urls[0], f"127.1.{own}") as attacker, front.client(front.urls[1], f"127.2.{own}") as other:
        for tried in range(MOST_WRONG_TOKENS):
            spoofed = {**guess, "X-Forwarded-For": f"198.51.100.{tried}", "Forwarded": f"for=198.51.100.{tried}"}
            assert attacker.get("/metrics", headers=spoofed).json()["error"] == "token_required"
        assert attacker.get("/metrics", headers=spoofed).json()["error"] == "too_many_failures"
        assert attacker.get("/metrics", headers=AUTHORIZATION).status_code == 429
        assert other.get("/metrics", headers=guess).json()["error"] == "token_required"
        assert other.get("/metrics", headers=AUTHORIZATION).status_code == 200
        foreign = {**AUTHORIZATION, "Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
        assert other.post("/camera_feed_worker/capture.tick", headers=foreign).json()["error"] == "origin_not_allowed"


def test_an_idle_socket_stays_open_by_the_pings_of_the_gateway(behind: RunningStack, front: Front) -> None:
    wait_until(lambda: any("live worker ready" in line for line in behind.said), "there is a live worker")
    idle = front.idle
    wait_until(lambda: idle.pings, "a ping came through the proxy")
    front.loop.call(idle.send, next(SampleSource(duration_s=1.0).frames()).jpeg)
    assert '"result"' in str(front.loop.call(idle.recv))


def test_time_outs_fit_those_of_the_gateway() -> None:
    """A proxy waits longer than two pings, and closes idle connections to the gateway before the gateway does."""
    ping_s = server_config(absent, Settings()).ws_ping_interval  # type: ignore[arg-type]
    assert ping_s
    nginx, caddy, traefik = ((FILES / name).read_text() for name in ("nginx.conf", "Caddyfile", "traefik-a3cp.yaml"))
    for setting in ("proxy_read_timeout", "proxy_send_timeout"):
        (seconds,) = re.findall(rf"{setting} (\d+)s;", nginx)
        assert int(seconds) > 2 * ping_s
    for text, setting in ((caddy, "keepalive"), (traefik, "idleConnTimeout:")):
        (seconds,) = re.findall(rf"{setting} (\d+)s", text)
        assert int(seconds) < KEEP_ALIVE_S
    (seconds,) = re.findall(r"readTimeout: (\d+)s", (FILES / "traefik.yaml").read_text())
    assert int(seconds) > Settings().upload_max_s
