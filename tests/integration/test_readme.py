"""Run the README's programs, unchanged, on a whole stack."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from contracts.rules.paths import resolve_uri
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import verify_log
from tests.conftest import BrokerPair, start_pair
from tests.guards.sources import ROOT
from tests.integration.stacks import jpegs, running, settings_for
from tests.scripts.clips.videos import make_video

README = (ROOT / "README.md").read_text()


def program(word: str) -> Callable[[], None]:
    """The README's one program that has this word in it."""
    (text,) = [text for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in text]
    code = compile(text, f"README.md, {word}", "exec")
    return lambda: exec(code, {"__name__": "__main__"})


def play(folder: Path, brokers: BrokerPair, run: Callable[[str], None]) -> None:
    """Run a function with the stack's address in a thread, while a stack runs."""

    async def main() -> None:
        async with running(settings_for(brokers, folder), live=1) as stack:
            await asyncio.to_thread(run, stack.stack.address)

    asyncio.run(main())


def test_the_readme_s_programs_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    video = make_video(tmp_path / "wave.mp4", frames=45, fps=15)
    short = make_video(tmp_path / "short.mp4", frames=5, fps=15)
    pictures = [tmp_path / f"{number}.jpg" for number in range(2)]
    for picture, jpeg in zip(pictures, jpegs(2), strict=True):
        picture.write_bytes(jpeg)
    said: list[str] = []

    def both(address: str) -> None:
        monkeypatch.setenv("A3CP_PORT", address.rpartition(":")[2])
        monkeypatch.setattr("sys.argv", ["record.py", str(video)])
        program("session.capture")()
        monkeypatch.setattr("sys.argv", ["record.py", str(short)])
        said.append(exit_of(program("session.capture")))
        monkeypatch.setattr("sys.argv", ["stream.py", *map(str, pictures)])
        program("client.live")()

    for brokers in start_pair("valkey"):
        play(tmp_path, brokers, both)
    recorded, *landmarks = capsys.readouterr().out.splitlines()[:3]
    (uri,) = re.findall(r"uri='(users/carer-1/.*\.npz)' hash='sha256:", recorded)
    assert resolve_uri(tmp_path / "data", uri).exists()
    assert "shape=[45, 1662]" in recorded
    assert said[0].startswith("the capture was aborted: limit_duration_too_short: ")
    assert [len(eval(line)) for line in landmarks] == [4, 4], "x, y, z and visibility"
    reports = [verify_log(log, ArtifactSource(tmp_path / "data")) for log in (tmp_path / "logs").rglob("*.jsonl")]
    assert all(report.ok for report in reports)
    assert sorted(len(report.captures) for report in reports) == [0, 1]


def exit_of(run: Callable[[], None]) -> str:
    """The last line of a program's error output."""
    with pytest.raises(SystemExit) as end:
        run()
    assert isinstance(end.value.code, str)
    return end.value.code


@pytest.mark.parametrize(
    ("file", "port", "sentence"),
    [
        ("nosuch.mp4", "1", r".*nosuch\.mp4: not a video that can be read"),
        ("wave.mp4", "1", r"http://127\.0\.0\.1:1 does not answer \(.*\); is `a3cp up` running\?"),
        ("wave.mp4", "eighty", r"A3CP_PORT: .*"),
        ("wave.mp4", "foreign", r"the server at this URL is no A3CP gateway, .*"),
    ],
)
def test_an_error_of_the_readme_s_first_program_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, port: str, sentence: str
) -> None:
    make_video(tmp_path / "wave.mp4", frames=45, fps=15)
    monkeypatch.setattr("sys.argv", ["record.py", str(tmp_path / file)])
    with foreign_server() as foreign:
        monkeypatch.setenv("A3CP_PORT", foreign if port == "foreign" else port)
        assert re.fullmatch(sentence, exit_of(program("session.capture")))


@contextmanager
def foreign_server() -> Iterator[str]:
    """The port of a server that is no gateway."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield str(server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_curl_commands_of_the_gateway_s_readme_do_what_it_says(tmp_path: Path) -> None:
    (script,) = re.findall(r"```sh\n(gateway=.*?)```", (ROOT / "gateway" / "README.md").read_text(), re.DOTALL)
    make_video(tmp_path / "wave.mp4", frames=45, fps=15)
    said: list[str] = []

    def run(address: str) -> None:
        commands = script.replace("http://127.0.0.1:8000", address)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        said.append(done.stdout)

    for brokers in start_pair("valkey"):
        play(tmp_path, brokers, run)
    assert '"status":"done"' in said[0]
    (log,) = (tmp_path / "logs").rglob("*.jsonl")
    report = verify_log(log, ArtifactSource(tmp_path / "data"))
    assert report.ok
    assert [facts.shape for facts in report.captures] == [(45, 1662)]
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert [event.get("event") or event["source"] for event in events] == [
        "session.start", "notes", "landmark_extractor", "session.end",
    ]  # fmt: skip
