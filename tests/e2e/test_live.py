"""``/live``, ``/upload`` and the pages around them, on a live worker and a camera that sees a face."""

from __future__ import annotations

import io
import json
import os
import re
import signal
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import simplejpeg
from PIL import Image, ImageOps
from playwright.sync_api import Browser, FilePayload, Locator, Page, Route, WebSocket, expect

from contracts.messages.pipelines import PIPELINES
from tests.e2e.conftest import Launch, RunningStack, axe, axe_in_light_and_dark, opened, start_session, with_camera
from tests.support.clips import camera_film, face_clip
from tests.support.waiting import wait_until
from workers.vision.pipelines.registry import make_pipeline

OVERLAY = "canvas.live-overlay"
WIDTH, HEIGHT = 640, 480
FRAMES = 30


def left_face_clip() -> list[bytes]:
    """A face at the left, so that a test notices a mirrored picture."""
    frames = []
    for jpeg in face_clip(FRAMES, 320, 240):
        whole = Image.new("RGB", (WIDTH, HEIGHT), "#405060")
        whole.paste(Image.open(io.BytesIO(jpeg)), (0, 120))
        frames.append(simplejpeg.encode_jpeg(np.ascontiguousarray(np.asarray(whole)), quality=90))
    return frames


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    return left_face_clip()


@pytest.fixture(scope="module")
def browser(launch: Launch, frames: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """The browser of this module, whose camera shows these frames."""
    path = tmp_path_factory.mktemp("camera") / "left.y4m"
    path.write_bytes(camera_film(frames))
    return with_camera(launch, path)


@dataclass
class Sockets:
    """The live connections of a page and their results."""

    opened: list[WebSocket] = field(default_factory=list)

    def watch(self, page: Page) -> Sockets:
        page.on("websocket", lambda socket: self.opened.append(socket))
        return self

    def wait_closed(self, index: int = 0) -> None:
        """Wait for the end of a connection, which the page only asks for: the gateway's answer comes later."""
        socket = self.opened[index]
        if not socket.is_closed():
            socket.wait_for_event("close")

    def pipelines(self) -> list[str]:
        return [socket.url.rpartition("pipeline_id=")[2] for socket in self.opened]


def button(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def status(page: Page) -> Locator:
    return page.get_by_role("status", name="Live view")


def banner(page: Page, code: str) -> Locator:
    return page.get_by_role("alert").filter(has=page.get_by_text(code, exact=True))


def choose(page: Page, title: str) -> None:
    page.get_by_role("combobox", name="Look for").select_option(label=title)


def start(page: Page, title: str = "Face") -> None:
    """Open the page, look for something, and wait for its first result."""
    page.goto("/live")
    choose(page, title)
    button(page, "Start the camera")
    running(page)


def running(page: Page) -> None:
    expect(status(page)).to_contain_text("running")
    expect(page.locator(f"{OVERLAY}[data-frame]")).to_be_visible()


def overlay_pixels(page: Page) -> tuple[npt.NDArray[np.uint8], str]:
    """The pixels of the overlay, shape (height, width, 4), and the colour of a face."""
    read: dict[str, Any] = page.evaluate(
        """(selector) => {
            const canvas = document.querySelector(selector);
            const colour = getComputedStyle(canvas).getPropertyValue('--face').trim();
            return { url: canvas.toDataURL(), colour };
        }""",
        OVERLAY,
    )
    png = b64decode(read["url"].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA")), read["colour"]


def coloured(pixels: npt.NDArray[np.uint8], colour: str) -> npt.NDArray[np.float64]:
    """Where pixels have a colour: x and y as shares of width and height, shape (pixels, 2)."""
    wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)])
    near = (np.abs(pixels[..., :3].astype(int) - wanted).max(axis=2) < 12) & (pixels[..., 3] > 200)
    ys, xs = np.nonzero(near)
    return np.stack([xs / pixels.shape[1], ys / pixels.shape[0]], axis=1)


def faces(frames: list[bytes]) -> npt.NDArray[np.float64]:
    """The face's landmarks in every frame, as our own pipeline finds them: shape (frames, landmarks, 2)."""
    pipeline = make_pipeline("face")
    try:
        found = [pipeline.process(simplejpeg.decode_jpeg(frame, colorspace="RGB")).landmarks for frame in frames]
    finally:
        pipeline.close()
    return np.array([landmarks["face"][:, :2] for landmarks in found if "face" in landmarks], np.float64)


@pytest.mark.parametrize("scale", [1, 2])
def test_landmarks_are_drawn_on_the_face(
    browser: Browser, stack: RunningStack, frames: list[bytes], scale: int
) -> None:
    expected = faces(frames)
    assert len(expected) > FRAMES / 2
    expected[..., 0] = 1 - expected[..., 0]  # the preview is a mirror
    low, high = expected.min(axis=(0, 1)), expected.max(axis=(0, 1))
    centre = expected.mean(axis=(0, 1))
    assert low[0] > 0.5, "the face is at the left, so in a mirror at the right"

    with opened(browser, stack.address, device_scale_factor=scale) as page:
        start(page)

        drawn = np.empty((0, 2))

        def has_face() -> bool:
            nonlocal drawn
            drawn = coloured(*overlay_pixels(page))
            return len(drawn) > 500 * scale

        # the first answer may be of a picture that the camera took before its clip began
        wait_until(has_face, "a face is drawn")
    # the camera moves while a frame is processed, so the face may be where any frame of the clip has it
    near = ((drawn > low - 0.06) & (drawn < high + 0.06)).all(axis=1)
    assert near.mean() > 0.99
    # not its box and its label alone, which are at the edge: eyes and mouth are well inside, 160 pixels and more
    span = drawn.max(axis=0) - drawn.min(axis=0)
    inner = (np.abs(drawn - (drawn.max(axis=0) + drawn.min(axis=0)) / 2) < 0.3 * span).all(axis=1)
    assert inner.sum() > 100 * scale
    assert np.abs(drawn[inner].mean(axis=0) - centre).max() < 0.1


def test_landmarks_are_drawn_over_the_picture_in_which_they_were_found(page: Page) -> None:
    sent: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(bytes(frame))))
    start(page)
    index, url = page.evaluate(
        """() => [
            Number(document.querySelector('canvas.live-overlay').dataset.frame),
            document.querySelector('canvas.live-picture').toDataURL(),
        ]"""
    )
    shown = Image.open(io.BytesIO(b64decode(url.partition(",")[2]))).convert("RGB")
    jpegs = [ImageOps.mirror(Image.open(io.BytesIO(jpeg)).resize(shown.size)) for jpeg in sent]
    differences = [float(np.abs(np.asarray(jpeg, int) - np.asarray(shown, int)).mean()) for jpeg in jpegs]
    assert differences[index] == min(differences), differences  # the camera may have shown one picture twice
    assert differences[index] < 8


def test_the_overlay_covers_the_picture_at_every_size(page: Page) -> None:
    start(page)
    for width in (360, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(
            """(selector) => {
                const canvas = document.querySelector(selector);
                const video = document.querySelector('video');
                const [a, b] = [canvas.getBoundingClientRect(), video.getBoundingClientRect()];
                const same = ['left', 'top', 'width', 'height'].every((side) => Math.abs(a[side] - b[side]) < 1);
                const pixels = Math.round(canvas.clientWidth * window.devicePixelRatio);
                return same && canvas.width === pixels && a.width > 250;
            }""",
            arg=OVERLAY,
        )
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
        drawn = coloured(*overlay_pixels(page))
        assert drawn[:, 0].min() > 0.4, width


def test_another_pipeline_is_another_connection(page: Page) -> None:
    sockets = Sockets().watch(page)
    start(page)
    expect(page.locator("[data-part=face]")).to_contain_text("found")
    choose(page, "Pose")
    expect(page.locator("[data-part=pose].live-part-found")).to_be_visible()
    expect(page.locator("[data-part=face]")).to_have_count(0)
    running(page)
    assert sockets.pipelines() == ["face", "pose"]
    sockets.wait_closed()


def test_a_missing_pipeline_is_reported_until_another_is_chosen(page: Page) -> None:
    offered = [{"pipeline_id": "tea", "title": "Tea", "parts": []}, PIPELINES["face"].model_dump()]
    page.route("**/pipelines", lambda route: route.fulfill(json=offered))
    page.goto("/live")
    button(page, "Start the camera")
    expect(banner(page, "invalid_pipeline")).to_contain_text("Choose something else")
    assert axe(page) == []
    button(page, "Retry")
    expect(banner(page, "invalid_pipeline")).to_be_visible()
    choose(page, "Face")
    running(page)
    expect(banner(page, "invalid_pipeline")).to_have_count(0)


@contextmanager
def stopped_worker(stack: RunningStack) -> Iterator[None]:
    """Stop the live worker's processes during the block, so that it neither works nor ends."""
    family = list(processes(stack.stack.parts["live-1"].pid or 0))
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)


def processes(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from processes(int(child))


def test_a_worker_that_is_stuck_is_reported_and_retry_works_when_it_is_back(page: Page, stack: RunningStack) -> None:
    start(page)
    with stopped_worker(stack):
        expect(banner(page, "pipeline_failure")).to_contain_text("did not answer")
        expect(page.locator(f"{OVERLAY}[data-frame]")).to_have_count(0)
    button(page, "Retry")
    running(page)
    expect(banner(page, "pipeline_failure")).to_have_count(0)


def test_a_server_that_is_killed_is_reported_and_reconnect_works_when_it_is_back(
    page: Page, stack: RunningStack
) -> None:
    start(page)
    stack.kill_gateway()
    expect(banner(page, "connection_lost")).to_contain_text("connection to the server was lost")
    expect(status(page)).to_contain_text("not connected")
    assert axe(page) == []
    stack.ready()
    button(page, "Reconnect")
    running(page)
    expect(page.get_by_role("button", name="Reconnect")).to_have_count(0)


def test_a_server_that_is_away_is_reported_at_a_reconnect(page: Page) -> None:
    start(page)
    page.context.set_offline(True)
    button(page, "Stop")
    button(page, "Start the camera")
    expect(banner(page, "connection_refused")).to_be_visible()
    button(page, "Reconnect")
    expect(banner(page, "network_error")).to_be_visible()
    page.context.set_offline(False)
    button(page, "Reconnect")
    running(page)


def test_a_lane_that_is_switched_off_is_reported(page: Page) -> None:
    refusal = {"error": "not_found", "detail": "There is nothing at this address."}
    page.route("**/pipelines", lambda route: route.fulfill(status=404, json=refusal))
    page.goto("/live")
    expect(banner(page, "lane_disabled")).to_contain_text("disabled on this server")
    assert axe(page) == []


def test_the_numbers_of_the_stream(page: Page) -> None:
    start(page)
    numbers = page.get_by_role("region", name="Numbers of the stream")
    expect(numbers).to_have_count(0)
    button(page, "Show the numbers")

    def value(name: str) -> Locator:
        return numbers.locator("div", has=page.get_by_text(name, exact=True)).last.locator("dd")

    expect(value("Connection")).to_have_text("connected")
    expect(value("Current FPS, sent")).to_have_text(re.compile(r"^[1-9]\d*\.\d of 1[0-5]$"))
    expect(value("Round trip, p50")).to_have_text(re.compile(r"^\d+ ms$"))
    expect(value("Round trip, p95")).to_have_text(re.compile(r"^\d+ ms$"))
    expect(value("Drop rate, last 60 frames")).to_have_text(re.compile(r"^\d+ %$"))
    expect(value("Slow-down warnings")).to_have_text(re.compile(r"^\d+$"))
    expect(numbers.locator("polyline")).to_have_attribute("points", re.compile(r"\d+\.\d,\d+\.\d \d"))
    assert axe(page) == []
    button(page, "Hide the numbers")
    expect(numbers).to_have_count(0)


def test_the_camera_is_released_when_it_is_stopped(page: Page) -> None:
    sockets = Sockets().watch(page)
    start(page)
    tracks = page.evaluate_handle("() => document.querySelector('video').srcObject.getTracks()")
    button(page, "Stop")
    expect(status(page)).to_contain_text("off")
    assert tracks.evaluate("tracks => tracks.map((track) => track.readyState)") == ["ended"]
    page.wait_for_function("() => document.querySelector('video').hidden")
    assert len(sockets.opened) == 1
    sockets.wait_closed()


def test_axe_finds_nothing_on_any_page(page: Page) -> None:
    for path in ("/", "/demo/session", "/upload", "/live"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert axe_in_light_and_dark(page) == [], path
    start(page, "Whole body")
    assert axe_in_light_and_dark(page) == []
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("heading", name="Library", level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")
    for width in (1440, 360):
        page.set_viewport_size({"width": width, "height": 900})
        assert axe_in_light_and_dark(page) == []
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_a_video_is_uploaded_with_progress_and_its_result_is_shown(page: Page) -> None:
    """The page's side; the server's is a stand-in here."""
    jobs = iter([{"status": "queued", "progress": 0.0}, {"status": "running", "progress": 0.4}])
    found = {"pose": 9, "face": 9, "left_hand": 9, "right_hand": 0}
    report: dict[str, Any] = {"status": "recorded", "accepted": 9, "extracted": 9, "found": found, "record_id": "r-1"}
    report["raw_features_ref"] = {"hash": "sha256:abc"}
    sent: list[bytes] = []

    def submit(route: Route) -> None:
        sent.append(route.request.post_data_buffer or b"")
        route.fulfill(status=202, json={"job_id": "job-1", "capture_id": "capture-1"})

    page.route("**/video/submit", submit)
    page.route("**/video/status/job-1", lambda route: route.fulfill(json=next(jobs, {"status": "done", "progress": 1})))
    page.route("**/video/results/job-1", lambda route: route.fulfill(json=report))
    page.goto("/upload")
    start_session(page)
    video = FilePayload(name="clip.mp4", mimeType="video/mp4", buffer=b"\0" * 100_000)
    page.get_by_label("Video", exact=True).set_input_files(video)
    button(page, "Upload the video")
    expect(page.get_by_role("progressbar")).to_be_visible()
    expect(page.get_by_role("status", name="clip.mp4")).to_contain_text("recorded")
    page.get_by_text("Names", exact=True).click()
    expect(page.get_by_text("sha256:abc")).to_be_visible()
    assert axe(page) == []
    assert len(sent) == 1


def test_a_server_without_uploads_says_so(page: Page) -> None:
    body = json.dumps({"error": "not_found", "detail": ""})
    probed = "**/camera_feed_worker/limits"
    page.route(probed, lambda route: route.fulfill(status=404, body=body, content_type="application/json"))
    page.goto("/upload")
    expect(page.get_by_text("This server does not accept videos yet")).to_be_visible()
    assert axe(page) == []
