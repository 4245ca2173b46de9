"""``./scripts/demo``: run the whole pipeline once, from JPEGs to a verified artifact and its line in the log."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, ConfigurationError, FatalError
from contracts.rules.landmarks import PART_NAMES
from contracts.rules.paths import session_log_path
from contracts.storage.artifacts import ArtifactSource
from recorder.verify import ArtifactFacts, replay, verify_log
from scripts.client import CaptureClient, CaptureOutcome, Pace
from scripts.client.explanations import explain
from scripts.clips.clip import Clip, ClipError, open_clip
from scripts.clips.sample import SampleSource
from scripts.clips.stream import stream_capture
from scripts.commands.verify import fact_lines
from scripts.stack.stack import Stack
from scripts.terminal import printable

__all__ = ["demo"]

USER = "demo"
PACE = Pace(backlog_frames=20)


class DemoFailed(A3CPError):
    """The demo failed, or its result does not verify; the text says why."""


def demo(settings: Settings, video: Path | None, consent_given: bool | None = None) -> int:
    """Send one clip through a new stack, verify the result and print it; returns 0.

    The stack has private brokers, a free port and a new state directory, so it disturbs no other stack. It uses
    ``DATA_ROOT`` and ``LOG_ROOT`` of the settings. ``consent_given`` is about the person in the video. The sample clip
    is a published portrait, so ``A3CP_CONSENT`` does not apply to it.

    Raises:
        ClipError: the video cannot be a capture.
        ConfigurationError: the settings require consent, and there is no yes for the video.
        FatalError: the stack does not start.
        DemoFailed: the capture was aborted, or its result does not verify.
    """
    if video is None:
        settings = settings.model_copy(update={"consent": "optional"})
    elif settings.consent == "required" and not consent_given:
        raise ConfigurationError("A3CP_CONSENT=required: if the person in the video has agreed, say --consent=yes")
    clip = open_clip(video, settings.capture) if video is not None else SampleSource(settings.capture)
    print(f"clip      {printable(clip.name)}: {clip.width}x{clip.height}, {clip.fps_target} frames a second")
    said: deque[str] = deque(maxlen=30)
    with _state_dir() as state_dir:
        private = {"frames_url": None, "events_url": None, "state_dir": state_dir, "host": "127.0.0.1", "port": 0}
        private |= {"tls_cert": None, "tls_key": None}
        stack = Stack(settings.model_copy(update=private), show=lambda name, line: said.append(f"{name} | {line}"))
        try:
            result = asyncio.run(_run(stack, clip, consent_given))
            facts = _verified(settings, result)
        except ClipError:
            raise  # the clip is at fault: the stack's lines would not help
        except A3CPError as error:
            print("\nThe last lines of the stack:")
            for line in said:
                print(f"  {printable(line)}")
            raise error if isinstance(error, FatalError) else DemoFailed(str(error)) from error
    _report(settings, result, facts)
    return 0


@contextmanager
def _state_dir() -> Iterator[Path]:
    state_dir = Path(tempfile.mkdtemp(prefix="a3cp-demo-"))
    try:
        yield state_dir
    finally:
        shutil.rmtree(state_dir, ignore_errors=True)


async def _run(stack: Stack, clip: Clip, consent_given: bool | None) -> CaptureOutcome:
    started_at = time.monotonic()
    token = stack.settings.api_token
    async with stack:
        await stack.ready()
        print(f"stack     two brokers, gateway, extractor, recorder ready in {time.monotonic() - started_at:.1f} s")
        async with (
            CaptureClient(stack.address, token.get_secret_value() if token else None) as client,
            client.session(USER, is_demo=True, consent_given=consent_given) as session,
        ):
            session_id = session.session_id
            print(f"session   {session_id}", flush=True)
            return await stream_capture(
                client,
                clip,
                user_id=USER,
                session_id=session_id,
                intent="demo",
                device_id=stack.settings.device_id,
                consent_given=consent_given,
                is_demo=True,
                pace=PACE,
            )


def _verified(settings: Settings, result: CaptureOutcome) -> ArtifactFacts:
    if not result.recorded:
        raise DemoFailed(f"the capture was aborted: {explain(result.error_code)}")
    log = session_log_path(settings.log_root, result.user_id, result.session_id)
    artifacts = ArtifactSource.of(settings)
    report = verify_log(log.resolve(), artifacts)
    if not report.ok or len(report.captures) != 1:
        problems = "; ".join(finding.problem for finding in report.findings) or "the log does not have one capture"
        raise DemoFailed(f"{log} does not verify: {problems}")
    facts = replay(result.record_id, result.user_id, result.session_id, artifacts, settings.log_root)
    if facts.shape[0] != result.accepted or result.features is None or facts.hash != result.features.hash:
        raise DemoFailed("the artifact is not the one that the gateway reported")
    return facts


def _report(settings: Settings, result: CaptureOutcome, facts: ArtifactFacts) -> None:
    log = session_log_path(settings.log_root, result.user_id, result.session_id)
    for line in fact_lines(facts):
        print(printable(line))
    shares = ", ".join(f"{part.replace('_', ' ')} {facts.found_share[part]:.0%}" for part in PART_NAMES)
    print(f"found in  {shares} of the frames")
    print(f"speed     {result.fps:.1f} frames a second, recorded {result.close_to_recorded_s:.2f} s after the close")
    print(f"log       {printable(str(log))}")
    for text in log.read_text().splitlines():
        if result.capture_id in text:
            print(f"\n{printable(text)}\n")
    print("verified: the artifact, its hash and shape, and exactly one event for the capture")
