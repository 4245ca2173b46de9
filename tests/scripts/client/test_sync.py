"""The client without an event loop, also with threads, interrupts and early ends."""

from __future__ import annotations

import asyncio
import inspect
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scripts.client import (
    Capture,
    CaptureAborted,
    CaptureClient,
    CaptureLibrary,
    LiveStream,
    Session,
    StreamState,
    SyncCapture,
    SyncCaptureClient,
    SyncCaptureLibrary,
    SyncLiveStream,
    SyncSession,
    UsageError,
)
from scripts.client.portal import Portal
from tests.guards.sources import ROOT
from tests.scripts.client.served import ThreadedGateway
from tests.support.messages import jpeg
from tests.support.waiting import wait_until

SIZE: dict[str, Any] = {"fps": 15, "width": 64, "height": 48}


def test_the_same_without_await(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique, is_demo=True) as session:
        assert client.url == threaded.url and session.user_id == unique
        with session.capture(**SIZE, intent="wave", capture_id=unique) as capture:
            capture.send(jpeg())
            capture.send_all(jpeg() for _ in range(20))
        outcome = capture.finish()
        assert outcome.recorded and outcome.accepted == capture.state.extracted == 21
        assert (outcome.capture_id, outcome.record_id) == (capture.capture_id, capture.record_id)
        assert client.outcome(unique).features == outcome.features
        assert (report := client.capture(unique)) is not None and report.status == "recorded"
        assert [pipeline.pipeline_id for pipeline in client.pipelines()] == ["holistic", "pose", "hands", "face"]
        with pytest.raises(CaptureAborted, match="duplicate_capture"), session.capture(**SIZE, capture_id=unique):
            raise AssertionError
        with pytest.raises(ZeroDivisionError), session.capture(**SIZE) as given_up:
            given_up.send(jpeg())
            raise ZeroDivisionError
        assert client.outcome(given_up.capture_id).error_code == "client_disconnected"
    started, *_ = threaded.events(unique, session.session_id)
    assert started["is_demo"] is True


@pytest.mark.parametrize(
    ("front", "behind"),
    [
        (SyncCaptureClient, CaptureClient),
        (SyncSession, Session),
        (SyncCapture, Capture),
        (SyncLiveStream, LiveStream),
        (SyncCaptureLibrary, CaptureLibrary),
    ],
)
def test_nothing_is_missing_and_everything_is_documented(front: type, behind: type) -> None:
    names = {name for name in vars(behind) if not name.startswith("_")} - {"capture_socket"}
    assert {name for name in vars(front) if not name.startswith("_")} == names
    for name in names:
        mine, other = getattr(front, name), getattr(behind, name)
        assert inspect.getdoc(mine), name
        if not isinstance(mine, property) and name not in ("send_all", "results", "close", "captures"):
            assert inspect.signature(mine) == inspect.signature(other), name


def test_a_wrong_call_is_an_error_and_does_not_wait_for_ever(threaded: ThreadedGateway) -> None:
    with SyncCaptureClient(threaded.url) as client:
        with pytest.raises(TypeError, match="user_id"):
            client.start_session()  # type: ignore[call-arg]
        with pytest.raises(UsageError, match="not open"):
            client.session("u", session_id="sess_" + "0" * 16).capture(**SIZE).send(jpeg())


def test_after_close_nothing_works_and_closing_again_does_nothing(threaded: ThreadedGateway, unique: str) -> None:
    client = SyncCaptureClient(threaded.url)
    session_id = client.start_session(unique)
    session = client.session(unique, session_id=session_id)
    live = client.live()
    client.close()
    client.close()
    for call in (client.pipelines, lambda: session.capture(**SIZE), lambda: live.ask(jpeg()), client.__enter__):
        with pytest.raises(UsageError, match="the client is closed"):
            call()
    assert not [thread for thread in threading.enumerate() if thread is client._portal._thread]


def test_closing_a_client_wakes_its_waiting_calls(threaded: ThreadedGateway, unique: str) -> None:
    client = SyncCaptureClient(threaded.url)
    threaded.extractor.busy = True
    try:
        with ThreadPoolExecutor() as threads, client.session(unique) as session:
            capture = session.capture(**SIZE).__enter__()
            waiting = threads.submit(capture.send, jpeg())  # no extractor is free
            with pytest.raises(TimeoutError):
                waiting.result(0.05)
            closing = threads.submit(client.close)
            with pytest.raises(UsageError, match="closed meanwhile"):
                waiting.result(20)
            closing.result(20)
    except UsageError as error:  # the session could not be ended any more
        assert "the client is closed" in str(error)
    finally:
        threaded.extractor.busy = False


def test_closing_cuts_off_what_is_still_open(threaded: ThreadedGateway, unique: str) -> None:
    client = SyncCaptureClient(threaded.url)
    capture = client.session(unique, session_id=client.start_session(unique)).capture(**SIZE).__enter__()
    client.close()
    with SyncCaptureClient(threaded.url) as other:  # while the capture is still held here
        assert other.outcome(capture.capture_id).error_code == "client_disconnected"


def test_threads_share_a_client_and_a_capture(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session, ThreadPoolExecutor(8) as threads:

        def whole(number: int) -> int:
            with session.capture(**SIZE) as capture:
                capture.send_all([jpeg()] * (10 + number))
            return capture.finish().accepted

        assert sorted(threads.map(whole, range(3))) == [10, 11, 12]
        with session.capture(**SIZE) as shared:
            list(threads.map(lambda _: shared.send(jpeg()), range(40)))
        assert shared.finish().accepted == 40


def test_the_client_works_inside_a_running_event_loop(threaded: ThreadedGateway, unique: str) -> None:
    async def notebook() -> str:
        with SyncCaptureClient(threaded.url) as client:
            return client.start_session(unique)

    assert asyncio.run(notebook()).startswith("sess_")


def test_calling_the_client_from_its_own_progress_callback_is_refused(threaded: ThreadedGateway, unique: str) -> None:
    said: list[str] = []

    def ask(_: StreamState) -> None:
        for call in (client.pipelines, client.close):
            try:
                call()
            except UsageError as error:
                said.append(str(error))

    with (
        SyncCaptureClient(threaded.url) as client,
        client.session(unique) as session,
        session.capture(**SIZE, on_progress=ask) as capture,
    ):
        capture.send_all([jpeg()] * 10)
    assert said and all("own thread" in text for text in said)


def interrupted(call: Callable[[], Any], once: Callable[[], bool]) -> None:
    """Ctrl-C in this thread as soon as ``once`` is true."""

    def press() -> None:
        try:
            wait_until(once)
        finally:  # otherwise the main thread would wait for ever
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    pressing = threading.Thread(target=press)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background may ignore it
    pressing.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            call()
    finally:
        pressing.join()
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_aborts_the_capture_and_ends_the_session(threaded: ThreadedGateway, unique: str) -> None:
    state: dict[str, Any] = {}
    threaded.extractor.busy = True

    def work() -> None:
        with (
            SyncCaptureClient(threaded.url) as client,
            client.session(unique) as session,
            session.capture(**SIZE) as capture,
        ):
            state.update(capture=capture, session_id=session.session_id)
            capture.send(jpeg())  # no extractor is free

    try:
        interrupted(work, lambda: "capture" in state)
    finally:
        threaded.extractor.busy = False
    with SyncCaptureClient(threaded.url) as client:
        outcome = client.outcome(state["capture"].capture_id)
        assert (outcome.status, outcome.error_code) == ("aborted", "client_disconnected")
        assert client.session_status(unique, state["session_id"]) == "closed"


def test_an_interrupted_call_cleans_up_before_it_raises() -> None:
    portal = Portal()
    steps: list[str] = []

    async def slow() -> None:
        try:
            steps.append("began")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)
            steps.append("cleaned up")

    interrupted(lambda: portal.call(slow), lambda: bool(steps))
    assert steps == ["began", "cleaned up"]
    portal.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_loop_that_was_stopped_from_inside_leaves_no_call_waiting() -> None:
    portal = Portal()

    async def leave() -> None:
        raise SystemExit

    async def wait() -> None:
        await asyncio.Event().wait()

    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(portal.call, wait)
        with pytest.raises((UsageError, SystemExit)):
            portal.call(leave)
        with pytest.raises(UsageError):
            waiting.result(20)
    with pytest.raises(UsageError):
        portal.call(wait)
    portal.close()


def program(text: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", text]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_a_program_that_does_not_close_its_client_still_ends(threaded: ThreadedGateway) -> None:
    done = program(f"""
from scripts.client import SyncCaptureClient
client = SyncCaptureClient({threaded.url!r})
print(len(client.pipelines()))
client.live().__enter__()
""")
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")


def test_a_client_in_a_forked_process_is_refused_and_does_not_hang(threaded: ThreadedGateway) -> None:
    done = program(f"""
import os
from scripts.client import SyncCaptureClient, UsageError
client = SyncCaptureClient({threaded.url!r})
client.pipelines()
if child := os.fork():
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
try:
    client.pipelines()
except UsageError as error:
    print(error, flush=True)
    os._exit(7)
""")
    assert (done.returncode, done.stderr) == (7, ""), done
    assert "made before a fork" in done.stdout


def test_the_client_needs_no_vision_and_no_broker() -> None:
    heavy = {"mediapipe", "cv2", "numpy", "redis", "av", "matplotlib", "starlette", "PIL", "simplejpeg", "gateway"}
    done = program(f"""
import sys, scripts.client
print(sorted({heavy!r} & set(sys.modules)))
ours = {{name.split('.')[0] for name in sys.modules}} & {{"contracts", "recorder", "scripts", "workers"}}
print(sorted(ours), sorted(name for name in sys.modules if name.startswith("scripts.") and "client" not in name))
""")
    assert (done.stdout, done.stderr) == ("[]\n['contracts', 'scripts'] []\n", "")
