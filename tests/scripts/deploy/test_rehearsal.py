"""The three images, built by their Dockerfiles' own steps in virtual environments, and a capture through them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.clips.sample import SampleSource
from tests.scripts.deploy.manifests import IMAGES, ROOT
from tests.scripts.deploy.rehearsal import Rehearsal
from tests.support.brokers import EVENTS, FRAMES, BrokerProcess
from tests.support.waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.images
TOKEN = "rehearsal"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's folders are private to its user."""
    made = Path(tempfile.mkdtemp(prefix="a3cp-images-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def images(folder: Path) -> dict[str, Rehearsal]:
    """All three, built."""
    built = {}
    for name in IMAGES:
        began_s = time.monotonic()
        built[name] = Rehearsal(name, folder, {8000: free_port(), 9100: free_port()})
        print(f"{name}: built in {time.monotonic() - began_s:.0f} s, {_megabytes(built[name])} MB on top of its base")
    return built


def _megabytes(image: Rehearsal) -> int:
    sizes = subprocess.run(
        ["du", "-sm", "--total", image.final.root / "opt", image.final.root / "app"], capture_output=True, text=True
    )
    return int(sizes.stdout.splitlines()[-1].split()[0])


@dataclass(frozen=True)
class Running:
    """The processes of the three images, on their own brokers."""

    processes: dict[str, subprocess.Popen[bytes]]
    address: str
    data: Path
    logs: Path


@pytest.fixture(scope="module")
def running(images: dict[str, Rehearsal], folder: Path) -> Iterator[Running]:
    with ExitStack() as ending:
        brokers = []
        for options in (FRAMES, EVENTS):
            broker = BrokerProcess("valkey", [*options, "--unixsocketperm", "777"]).start()
            ending.callback(broker.stop)
            broker.folder.chmod(0o755)
            brokers.append(broker)
        mounted = {"DATA_ROOT": "/data", "LOG_ROOT": "/logs", "A3CP_STATE_DIR": "/state"}
        shared = {name: images["gateway"].final.path(path) for name, path in mounted.items()}
        environ = {name: str(path) for name, path in shared.items()} | {
            "A3CP_FRAMES_URL": brokers[0].url,
            "A3CP_EVENTS_URL": brokers[1].url,
            "A3CP_API_TOKEN": TOKEN,
        }
        processes = {}
        for name, image in images.items():
            processes[name] = image.final.start(environ)
            ending.callback(processes[name].wait)
            ending.callback(processes[name].kill)
        address = f"http://127.0.0.1:{images['gateway'].final.environ['A3CP_PORT']}"
        yield Running(processes, address, shared["DATA_ROOT"], shared["LOG_ROOT"])


def peak_mb(pid: int) -> int:
    """The peak memory of a process and of each of its children."""
    status = Path(f"/proc/{pid}/status").read_text()
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own_kb = int(status.partition("VmHWM:")[2].split()[0])
    return own_kb // 1024 + sum(peak_mb(int(child)) for child in children)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=DEADLINE_S) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("name", IMAGES)
def test_only_the_workers_have_mediapipe(images: dict[str, Rehearsal], name: str) -> None:
    code = "from importlib.util import find_spec as f; print(*(m for m in ('mediapipe', 'cv2', 'av', 'numpy') if f(m)))"
    has = {"workers": "mediapipe cv2 av numpy", "gateway": "numpy", "recorder": ""}  # simplejpeg needs numpy
    assert images[name].final.python(code) == has[name]


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_has_its_own_room_only(images: dict[str, Rehearsal], name: str) -> None:
    app = images[name].final.path("/app")
    assert {path.name for path in app.iterdir()} == {"contracts", name}
    assert not (app / "gateway" / "web").exists()
    assert not [
        path for path in app.rglob("*") if path.suffix in (".lock", ".ts") or path.name in ("README.md", "Dockerfile")
    ]


@pytest.mark.parametrize("name", IMAGES)
def test_the_process_may_not_change_its_image(images: dict[str, Rehearsal], name: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    code = "import os; print(os.getuid(), os.access('.', os.W_OK), os.access(os.__file__, os.W_OK))"
    assert images[name].final.python(code) == "10001 False False"


def test_every_process_is_alive_and_the_system_ready(running: Running, images: dict[str, Rehearsal]) -> None:
    for name, image in images.items():
        wait_until(lambda: image.final.healthy() or running.processes[name].poll() is not None)  # noqa: B023
        assert running.processes[name].poll() is None, f"{name} ended"
    wait_until(lambda: answers(f"{running.address}/readyz"))


def test_the_gateway_serves_the_pages_that_were_built(running: Running, images: dict[str, Rehearsal]) -> None:
    wait_until(images["gateway"].final.healthy)
    with urllib.request.urlopen(f"{running.address}/live", timeout=DEADLINE_S) as answer:
        shell = answer.read().decode()
    script = shell.partition('src="')[2].partition('"')[0]
    assert script.startswith("static/assets/")
    assert answers(f"{running.address}/{script}")


def test_a_capture_goes_through_all_of_them(running: Running, folder: Path) -> None:
    wait_until(lambda: answers(f"{running.address}/readyz"))
    clip = folder / "clip"
    clip.mkdir()
    for number, frame in enumerate(SampleSource(duration_s=3).frames()):
        (clip / f"{number:03}.jpg").write_bytes(frame.jpeg)
    environ = os.environ | {
        "A3CP_API_TOKEN": TOKEN,
        "DATA_ROOT": str(running.data),
        "LOG_ROOT": str(running.logs),
    }
    for arguments in (
        ["ingest", str(clip), "--user", "u", "--consent", "yes", "--gateway", running.address],
        ["verify"],
    ):
        command = [sys.executable, "-m", "scripts.cli", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    print(*(f"{name}: {peak_mb(process.pid)} MB of memory" for name, process in running.processes.items()), sep="\n")
    assert "1 capture good" in done.stdout, done.stdout


def test_every_process_ends_cleanly_when_it_is_told_to(running: Running, images: dict[str, Rehearsal]) -> None:
    for image in images.values():
        wait_until(image.final.healthy)
    for process in running.processes.values():
        process.send_signal(signal.SIGTERM)
    assert {name: process.wait(300) for name, process in running.processes.items()} == dict.fromkeys(IMAGES, 0)
    assert not any(image.final.healthy() for image in images.values())
