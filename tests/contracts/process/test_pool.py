"""The pool with trivial processes; test_processes runs the real ones."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contracts.process import pool
from contracts.process.pool import HEALTHY_S, Pool, ProcessFailed, _Slot
from contracts.process.stop_signals import stop_signals
from contracts.rules.errors import BrokerMisconfigured
from tests.support.waiting import DEADLINE_S, wait_until

ROOT = Path(__file__).parents[3]
SECRET = "a-secret-of-the-environment"


def leave_name_and_wait(folder: str) -> None:
    Path(folder, str(os.getpid())).touch()
    signal.sigwait({signal.SIGUSR1})


def leave_name_and_ignore(folder: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    leave_name_and_wait(folder)


def say_how_sigint_is(folder: str) -> None:
    Path(folder, "blocked" if signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()) else "open").touch()
    signal.sigwait({signal.SIGUSR1})


def do_nothing(_folder: str) -> None:
    return


def end_for_good(_: str) -> None:
    sys.exit(BrokerMisconfigured.exit_code)


@contextmanager
def running(the_pool: Pool) -> Iterator[None]:
    stop, write = os.pipe()
    thread = threading.Thread(target=the_pool.run, args=(stop,))
    # signal handlers can only be set in the main thread; the pool's own main thread is one
    thread.start()
    try:
        yield
    finally:
        os.write(write, b"!")
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        os.close(stop)
        os.close(write)


def pids(folder: Path) -> set[int]:
    return {int(path.name) for path in folder.iterdir()}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(autouse=True)
def no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.signal, "signal", lambda *_: signal.SIG_DFL)


def test_the_pool_starts_every_process_and_stopping_ends_them_all(tmp_path: Path) -> None:
    with running(Pool({"worker": leave_name_and_wait}, 2, str(tmp_path))):
        wait_until(lambda: len(pids(tmp_path)) == 2)
        assert all(alive(pid) for pid in pids(tmp_path))
    assert not any(alive(pid) for pid in pids(tmp_path))


def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    with running(Pool({"worker": leave_name_and_wait}, 1, str(tmp_path))):
        wait_until(lambda: len(pids(tmp_path)) == 1)
        (first,) = pids(tmp_path)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: len(pids(tmp_path)) == 2)
        assert not alive(first)


def test_a_process_that_cannot_go_on_is_the_end_of_the_pool(tmp_path: Path) -> None:
    stop, write = os.pipe()
    with pytest.raises(ProcessFailed, match="the bad worker cannot go on") as caught:
        Pool({"worker": leave_name_and_wait, "bad worker": end_for_good}, 1, str(tmp_path)).run(stop)
    assert caught.value.exit_code == BrokerMisconfigured.exit_code
    assert not any(alive(pid) for pid in pids(tmp_path)), "the other processes end too"
    os.close(stop)
    os.close(write)


def end_for_good_or_wait(folder: str) -> None:
    if multiprocessing.current_process().name == "worker-1" and Path(folder, "wrong").exists():
        end_for_good(folder)
    leave_own_name_and_wait(folder)


def test_a_process_that_cannot_start_later_is_tried_again_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "HEALTHY_S", 0.0)
    deaths: list[str] = []
    with running(
        Pool({"worker": end_for_good_or_wait}, 2, str(tmp_path), on_death=lambda *death: deaths.append(death[1]))
    ):
        first, second = (wait_until(lambda n=n: next(tmp_path.glob(f"worker-{n} *"), None)) for n in (1, 2))
        (tmp_path / "wrong").touch()
        os.kill(int(first.name.split()[1]), signal.SIGKILL)
        wait_until(lambda: deaths.count("worker-1") >= 3, "the process was tried again after its fatal error")
        (tmp_path / "wrong").unlink()
        wait_until(lambda: len(list(tmp_path.glob("worker-1 *"))) == 2)
        assert alive(int(second.name.split()[1])) and "worker-2" not in deaths


def test_a_process_that_does_not_stop_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "STOP_GRACE_S", 0.2)
    with running(Pool({"worker": leave_name_and_ignore}, 1, str(tmp_path))):
        wait_until(lambda: len(pids(tmp_path)) == 1)
    assert not any(alive(pid) for pid in pids(tmp_path))


def leave_own_name_and_wait(folder: str) -> None:
    Path(folder, f"{multiprocessing.current_process().name} {os.getpid()}").touch()
    signal.sigwait({signal.SIGUSR1})


def test_the_next_process_has_the_name_of_the_one_that_died(tmp_path: Path) -> None:
    died: list[tuple[str, str]] = []

    def note(*death: str) -> None:
        died.append((death[0], death[1]))

    with running(Pool({"live worker": leave_own_name_and_wait}, 1, str(tmp_path), on_death=note)):
        first = wait_until(lambda: next(tmp_path.glob("live-worker-1 *"), None))
        os.kill(int(first.name.split()[1]), signal.SIGKILL)
        wait_until(lambda: len(list(tmp_path.glob("live-worker-1 *"))) == 2)
        assert died == [("live worker", "live-worker-1")]


def test_a_process_that_keeps_dying_is_started_with_backoff_and_a_healthy_one_at_once() -> None:
    slot = _Slot("worker", "worker-1", say_how_sigint_is, started_s=0.0)
    delays = [slot.note_death(now_s) for now_s in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0]
    slot.started_s = 100.0
    assert slot.note_death(100.0 + HEALTHY_S) == 0.1


def test_a_stop_signal_makes_the_descriptor_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as descriptor:
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(os.getpid(), number)
        give_up_s = time.monotonic() + 20
        received = b""
        while len(received) < 2:
            assert time.monotonic() < give_up_s
            received += os.read(descriptor, 2)
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigint_is_blocked_in_a_child_while_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    the_pool = Pool({"worker": say_how_sigint_is}, 1, str(tmp_path))
    process = the_pool._start(the_pool._slots[0])
    try:
        wait_until(lambda: list(tmp_path.iterdir()))
    finally:
        process.kill()
        process.join()
    assert [path.name for path in tmp_path.iterdir()] == ["blocked"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ()), "SIGINT stays blocked in the parent"


def test_the_pools_parent_never_loads_mediapipe() -> None:
    code = "import sys, workers.__main__; sys.exit(bool({'mediapipe', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_resource_tracker_has_no_secret_of_this_process(tmp_path: Path) -> None:
    """Runs in a new process, because this one already has a resource tracker."""
    code = f"""
import os, pathlib
from multiprocessing import resource_tracker
from tests.contracts.process.test_pool import do_nothing
from contracts.process.pool import Pool
if __name__ == "__main__":
    the_pool = Pool({{"worker": do_nothing}}, 1, {str(tmp_path)!r})
    the_pool._start(the_pool._slots[0]).join()
    print(pathlib.Path(f"/proc/{{resource_tracker._resource_tracker._pid}}/environ").read_bytes())
    print(sorted(os.environ.items()))
"""
    (tmp_path / "program.py").write_text(code)
    environ = os.environ | {"A3CP_API_TOKEN": SECRET, "AWS_SECRET_ACCESS_KEY": SECRET, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    of_tracker, of_process = done.stdout.splitlines()
    assert "PATH=" in of_tracker and SECRET not in of_tracker and "A3CP_" not in of_tracker
    assert of_process.count(SECRET) == 2


def test_a_process_that_hangs_is_killed_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "CONFIRM_S", 0.0)
    died = threading.Event()

    def is_hung(name: str) -> bool:
        return name == "worker-1" and len(pids(tmp_path)) == 1 and not died.is_set()

    with running(
        Pool({"worker": leave_name_and_wait}, 1, str(tmp_path), is_hung=is_hung, on_death=lambda *_: died.set())
    ):
        wait_until(lambda: len(pids(tmp_path)) == 2)
        assert died.is_set()


def test_a_second_signal_kills_but_one_that_comes_at_once_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "STOP_GRACE_S", DEADLINE_S)
    monkeypatch.setattr(pool, "BOUNCE_S", DEADLINE_S)
    stopping = threading.Event()
    the_pool = Pool({"worker": leave_name_and_ignore}, 1, str(tmp_path), on_stop=stopping.set)
    stop, write = os.pipe()
    thread = threading.Thread(target=the_pool.run, args=(stop,))
    thread.start()
    wait_until(lambda: len(pids(tmp_path)) == 1)
    for _ in range(2):
        os.write(write, b"!")
    assert stopping.wait(DEADLINE_S)
    wait_until(lambda: not pool.wait([stop], 0), "both are read")
    assert all(alive(pid) for pid in pids(tmp_path))
    monkeypatch.setattr(pool, "BOUNCE_S", 0.0)
    os.write(write, b"!")
    thread.join(DEADLINE_S)
    assert not thread.is_alive() and not any(alive(pid) for pid in pids(tmp_path))
    os.close(stop)
    os.close(write)


def test_a_process_hangs_if_it_is_found_so_for_a_while() -> None:
    slot = _Slot("worker", "worker-1", leave_name_and_wait)
    found = [slot.hangs(True, 100.0), slot.hangs(True, 100.0 + pool.CONFIRM_S - 1), slot.hangs(False, 105.0)]
    assert found == [False, False, False]
    assert not slot.hangs(True, 200.0), "it begins again"
    assert slot.hangs(True, 200.0 + pool.CONFIRM_S)
