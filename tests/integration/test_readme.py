"""The README's programs are run, exactly as they stand there, against a whole stack."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

import scripts.client
from contracts.artifact_source import ArtifactSource
from contracts.paths import resolve_uri
from recorder.verify import verify_log
from scripts.client import SyncCaptureClient
from tests.conftest import BrokerPair, start_pair
from tests.guards.sources import ROOT
from tests.integration.stacks import jpegs, running, settings_for
from tests.scripts.videos import make_video

README = (ROOT / "README.md").read_text()


def program(word: str) -> Callable[[], None]:
    """The README's one program that has this word in it."""
    (text,) = [text for text in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if word in text]
    code = compile(text, f"README.md, {word}", "exec")
    return lambda: exec(code, {"__name__": "__main__"})


def play(folder: Path, brokers: BrokerPair, run: Callable[[str], None]) -> None:
    """Run something, in a thread, while a stack runs; it is told where."""

    async def main() -> None:
        async with running(settings_for(brokers, folder), live=1) as stack:
            await asyncio.to_thread(run, stack.stack.address)

    asyncio.run(main())


def test_the_readmes_programs_do_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    video = make_video(tmp_path / "wave.mp4", frames=45, fps=15)
    pictures = [tmp_path / f"{number}.jpg" for number in range(2)]
    for picture, jpeg in zip(pictures, jpegs(2), strict=True):
        picture.write_bytes(jpeg)

    def both(address: str) -> None:
        # the address that it has by default is that of a stack which is not the tests'
        monkeypatch.setattr(scripts.client, "SyncCaptureClient", partial(SyncCaptureClient, address))
        monkeypatch.setattr("sys.argv", ["record.py", str(video)])
        program("session.capture")()
        monkeypatch.setattr("sys.argv", ["record.py", str(make_video(tmp_path / "short.mp4", frames=5, fps=15))])
        program("session.capture")()
        monkeypatch.setattr("sys.argv", ["stream.py", *map(str, pictures)])
        program("client.live")()

    for brokers in start_pair("valkey"):
        play(tmp_path, brokers, both)
    recorded, aborted, *landmarks = capsys.readouterr().out.splitlines()[:4]
    (uri,) = re.findall(r"uri='(users/carer-1/.*\.npz)' hash='sha256:", recorded)
    assert resolve_uri(tmp_path / "data", uri).exists()
    assert "shape=[45, 1662]" in recorded
    assert aborted.startswith("the capture was aborted: limit_duration_too_short: ")
    assert [len(eval(line)) for line in landmarks] == [4, 4], "x, y, z and visibility"
    reports = [verify_log(log, ArtifactSource(tmp_path / "data")) for log in (tmp_path / "logs").rglob("*.jsonl")]
    assert all(report.ok for report in reports)
    assert sorted(len(report.captures) for report in reports) == [0, 1]
