"""No process of the pipeline talks to anything but its brokers, its object store and its clients.

MediaPipe after 0.10.21 sends usage data to its maker. A version that does so, or any other library that looks for an
update, would be found here: the whole pipeline runs in a network in which every packet is seen.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import uuid
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from contracts.messages.pipelines import PIPELINES
from contracts.process.settings import Settings
from scripts.clips.hands import HandsSource
from scripts.clips.stream import stream_capture
from tests.attack.lone_network import IP, sent_to
from tests.integration.stacks import running
from tests.support.brokers import EVENTS, FRAMES, BrokerProcess, started
from tests.support.clips import face_video, hands_clip
from tests.support.s3 import BUCKET, s3_server
from tests.support.waiting import DEADLINE_S, until

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
FOREIGN = "192.0.2.1"  # an address for documents: it is no machine's
FRAMES_PORT, EVENTS_PORT, GATEWAY_PORT, METRICS_PORT = 6401, 6402, 8000, 9100
USER = "carer-1"


def receivers_of(program: str) -> list[str]:
    """Run a coroutine of this module in a network of its own; returns the addresses to which anything was sent."""
    if IP is None or shutil.which("unshare") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("apt-get install iproute2 util-linux")
    new_network = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"]), "--"]
    run = [sys.executable, "-m", "tests.attack.lone_network", f"{__name__}:{program}"]
    done = subprocess.run([*new_network, *run], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return list(json.loads(done.stdout.splitlines()[-1]))


# --- what runs in the network of its own ------------------------------------------------------------------------------


async def whole_pipeline() -> None:
    """Start every process, let each work, and stop all: a capture, a video, every live pipeline, pictures."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        store = s3_server(patch)
        print("object store", next(store).port, flush=True)
        brokers = [
            BrokerProcess("valkey", (*options, "--port", str(port), "--bind", "127.0.0.1"))
            for options, port in ((FRAMES, FRAMES_PORT), (EVENTS, EVENTS_PORT))
        ]
        with started(*brokers):
            await _work(Path(folder))
        next(store, None)


def _settings(folder: Path) -> Settings:
    return Settings(
        data_root=folder / "data",
        log_root=folder / "logs",
        state_dir=folder / "state",
        frames_url=SecretStr(f"redis://127.0.0.1:{FRAMES_PORT}"),
        events_url=SecretStr(f"redis://127.0.0.1:{EVENTS_PORT}"),
        artifact_url=f"s3://{BUCKET}/alone",
        port=GATEWAY_PORT,
        metrics_port=METRICS_PORT,
    )


async def _work(folder: Path) -> None:
    async with running(_settings(folder), live=1) as stack:
        session_id = await stack.gateway.start_session(USER)
        clip = HandsSource("two_hands", duration_s=2.0)
        outcome = await stream_capture(stack.gateway, clip, user_id=USER, session_id=session_id)
        assert outcome.recorded
        for pipeline_id in PIPELINES:
            async with stack.gateway.live(pipeline_id) as live:
                await live.ask(hands_clip("two_hands", 1)[0])
        async with httpx.AsyncClient(base_url=stack.stack.address, trust_env=False, timeout=DEADLINE_S) as client:
            job = str(uuid.uuid4())
            fields = {"user_id": USER, "session_id": session_id, "record_id": str(uuid.uuid4()), "capture_id": job}
            await client.post("/video/submit", data=fields, files={"file": ("a.mp4", face_video(30))})

            async def is_recorded() -> bool:
                return (await client.get(f"/video/status/{job}")).json()["status"] == "done"

            await until(is_recorded, "the video is recorded", 300)
            assert (await client.get(f"/captures/{outcome.capture_id}/preview.png")).status_code == 200


async def a_stranger() -> None:
    """What a library that calls home does: connect, from native code in another process, and send a datagram."""
    call = f"exec 3<>/dev/tcp/{FOREIGN}/443"
    assert subprocess.run(["bash", "-c", call], capture_output=True).returncode != 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagram:
        datagram.sendto(b"hello", (FOREIGN, 53))


# --- the tests --------------------------------------------------------------------------------------------------------


def test_every_process_connects_only_to_brokers_store_and_clients_from_its_start_to_its_stop() -> None:
    receivers = receivers_of(whole_pipeline.__name__)
    hosts = {ip_address(receiver.split()[1].rpartition(":")[0]) for receiver in receivers}
    assert all(host.is_loopback for host in hosts), receivers
    print("sent to:", *receivers)
    expected = {f"tcp 127.0.0.1:{port}" for port in (FRAMES_PORT, EVENTS_PORT, GATEWAY_PORT)}
    others = set(receivers) - expected
    assert expected <= set(receivers)
    assert len(others) == 1, f"the object store alone: {others}"


def test_a_packet_to_another_machine_is_seen() -> None:
    assert {f"tcp {FOREIGN}:443", f"udp {FOREIGN}:53"} <= set(receivers_of(a_stranger.__name__))


@pytest.mark.parametrize(
    ("flags", "receiver"), [(0b10, f"tcp {FOREIGN}:443"), (0b10010, None), (0b10000, None), (0b10001, None)]
)
def test_a_connection_is_listed_once_by_the_packet_that_opens_it(flags: int, receiver: str | None) -> None:
    tcp = struct.pack("!HHIIBB", 40000, 443, 0, 0, 0x50, flags)
    assert sent_to(frame(6, tcp)) == receiver


def test_every_protocol_and_ipv6_are_seen() -> None:
    assert sent_to(frame(1, b"")) == f"protocol 1 {FOREIGN}"
    udp = struct.pack("!HH", 40000, 53)
    six = bytes(12) + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + bytes(16) + bytes(15) + b"\x01"
    assert sent_to(six + udp) == "udp ::1:53"
    assert sent_to(bytes(12) + b"\x08\x06" + bytes(28)) is None


def frame(protocol: int, rest: bytes) -> bytes:
    """An IPv4 packet to `FOREIGN` in an Ethernet frame; its header has one option, so it is longer than usual."""
    head = struct.pack("!BBHHHBBH", 0x46, 0, 24 + len(rest), 0, 0, 64, protocol, 0)
    return bytes(12) + b"\x08\x00" + head + bytes(4) + socket.inet_aton(FOREIGN) + bytes(4) + rest
