"""No secret and no byte of an image in a log, an error, a command line or a file: canaries, sent through a real run of
everything, are looked for everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from contracts.rules.errors import BrokerMisconfigured
from contracts.rules.paths import artifact_path
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import verify_log
from scripts.client import CaptureClient, ClientError
from scripts.stack.stack import Stack
from tests.attack.hostile import HOSTILE
from tests.attack.jpegs import before_header, segment
from tests.conftest import BrokerPair, start_pair
from tests.integration.stacks import settings_for
from tests.support.brokers import BrokerProcess
from tests.support.clips import face_clip
from tests.support.gateway import launched
from tests.support.messages import Client
from tests.support.waiting import DEADLINE_S, PATIENT, until

pytestmark = pytest.mark.real

SECURITY_PAGE = Path(__file__).parents[2] / ".github" / "SECURITY.md"
TOKEN, PASSWORD, PIXELS = "canary-token-5d41", "canary-password-7c6a", "canary-pixels-9b3e"
CANARIES = (TOKEN, PASSWORD, PIXELS)
LEAST = ("-@admin", "-@dangerous", "+info", "+config|get")
HOSTILE_NAMES = ["28 scans", "cut, with an end glued on", "a long profile", "CMYK"]


@pytest.fixture
def pair() -> Iterator[BrokerPair]:
    """Brokers of one kind, because the tests do not depend on it."""
    yield from start_pair("valkey")


def marked(jpeg: bytes) -> bytes:
    """The same picture, with a canary in a comment."""
    return before_header(jpeg, segment(0xFE, PIXELS.encode()))


def locked(broker: BrokerProcess, password: str = PASSWORD) -> SecretStr:
    """Give a broker a password and the rights that SECURITY.md advises; returns its URL."""
    with broker.client() as client:
        client.config_set("requirepass", password)
        client.execute_command("AUTH", password)
        client.execute_command("ACL", "SETUSER", "default", *LEAST)
    return SecretStr(broker.url.replace("unix://", f"unix://:{quote(password)}@"))


def family(pids: Iterable[int]) -> dict[int, bytes]:
    """The command lines and names of these processes and of all that came from them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (ValueError, OSError):
            continue
    found = set(pids)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return {pid: Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/comm").read_bytes() for pid in found}


async def a_whole_capture(gateway: CaptureClient, session_id: str) -> Client:
    frames = [marked(jpeg) for jpeg in face_clip(6)] + [marked(HOSTILE[name].jpeg) for name in HOSTILE_NAMES]
    client = Client(user_id="carer-1", session_id=session_id)
    async with gateway.capture_socket() as socket:
        await socket.send(client.open(width=640, height=480))
        for seq, jpeg in enumerate(frames, start=1):
            await socket.send(client.meta(seq, len(jpeg)))
            await socket.send(jpeg)
        await socket.send(client.close())
        with pytest.raises(ConnectionClosed) as closed:
            print(await socket.recv())
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1000
    return client


async def everything_refused(gateway: CaptureClient, session_id: str) -> list[str]:
    """Send requests that the gateway refuses, each with canaries; returns the answers."""
    said = []
    pixels = marked(face_clip(1)[0])
    for message in (pixels[:-2], pixels, b"\xff\xd8" + pixels):  # no end; another length than announced; no header
        client = Client(user_id="carer-1", session_id=session_id)
        async with gateway.capture_socket() as socket:
            await socket.send(client.open(width=640, height=480))
            await socket.send(client.meta(1, len(pixels) - 2 if message is not pixels else 5))
            await socket.send(message)
            try:
                said.append(str(await socket.recv()))
                await socket.recv()
            except ConnectionClosed as closed:
                said.append(str(closed))
    url = gateway.url.replace("http", "ws") + "/camera_feed_worker/capture"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"Authorization": f"Bearer {TOKEN}x"}, proxy=None, **PATIENT)
    said.append(str(refused.value.response.headers) + str(refused.value.response.body))
    async with CaptureClient(gateway.url, TOKEN[:-1]) as wrong:
        with pytest.raises(ClientError) as error:
            await wrong.start_session("carer-1")
        said.append(str(error.value))
    async with httpx.AsyncClient(
        headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, timeout=DEADLINE_S
    ) as http:
        for path in (f"/{TOKEN}", f"/captures/{TOKEN}?token={TOKEN}", "/schema-recorder/append"):
            body = b'{"source": "' + pixels + TOKEN.encode() + b'"}'
            answer = await http.post(gateway.url + path, content=body)
            said.append(answer.text + str(answer.headers))
    return said


def test_no_secret_and_no_byte_of_an_image_reaches_a_log_or_another_file(pair: BrokerPair, tmp_path: Path) -> None:
    urls = {"frames_url": locked(pair.frames), "events_url": locked(pair.events)}
    settings = settings_for(pair, tmp_path).model_copy(update={**urls, "api_token": SecretStr(TOKEN)})
    logged: list[str] = []

    async def main() -> tuple[list[str], dict[int, bytes], Client]:
        stack = Stack(settings, extractors=1, recorders=2, show=lambda _, line: logged.append(line))
        async with stack, CaptureClient(stack.address, TOKEN) as gateway:
            await stack.ready(DEADLINE_S)
            session_id = await gateway.start_session("carer-1")
            client = await a_whole_capture(gateway, session_id)
            said = await everything_refused(gateway, session_id)

            async def recorded() -> bool:
                report = await gateway.capture(client.capture_id)
                return report is not None and report.status == "recorded"

            await until(recorded, "the capture is recorded")
            lines = family(part.pid for part in stack.parts.values() if part.pid is not None)
            assert any(b"multiprocessing" in line for line in lines.values()), (
                "the command lines of the extractors were not read"
            )
            for broker in (pair.frames, pair.events):
                broker.kill()  # so that every process logs errors

            async def complained() -> bool:
                return sum("BrokerUnavailable" in line or "does not answer" in line for line in logged) >= 3

            await until(complained, "the processes log that the brokers are away")
            return said, lines, client

    said, command_lines, client = asyncio.run(main())
    for text in [*logged, *said, repr(settings), str(settings), settings.model_dump_json()]:
        assert not [canary for canary in CANARIES if canary in text], text
        assert "Traceback" not in text
    for line in command_lines.values():
        assert not [canary for canary in CANARIES if canary.encode() in line], line
    folders = [tmp_path, pair.frames.folder, pair.events.folder]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) >= 3
    for path in files:
        content = path.read_bytes()
        assert not [canary for canary in CANARIES if canary.encode() in content], path
    the_capture_is_good(settings.data_root, settings.log_root, client)


def the_capture_is_good(data_root: Path, log_root: Path, client: Client) -> None:
    """Hostile frames are rows of NaN; the artifact verifies."""
    [log] = log_root.glob("users/*/sessions/*.jsonl")
    report = verify_log(log, ArtifactSource(data_root))
    assert report.ok and len(report.captures) == 1
    path = artifact_path(data_root, client.user_id, client.session_id, client.record_id)
    with np.load(path, allow_pickle=False) as artifact:
        assert artifact["decoded"].tolist() == [True] * 6 + [HOSTILE[name].decodes for name in HOSTILE_NAMES]


@pytest.mark.parametrize("module", ["gateway", "recorder", "workers"])
def test_a_process_with_a_wrong_password_reports_it_without_the_password(
    module: str, pair: BrokerPair, tmp_path: Path
) -> None:
    right = locked(pair.frames, "another-password").get_secret_value()
    wrong = {"A3CP_FRAMES_URL": right.replace("another-password", PASSWORD), "A3CP_EVENTS_URL": pair.events.url}
    with launched(tmp_path, module=module, forked=False, A3CP_API_TOKEN=TOKEN, **wrong) as process:
        code, lines = process.ended()
    assert code == BrokerMisconfigured.exit_code
    assert lines and not [line for line in lines for canary in CANARIES if canary.encode() in line]
