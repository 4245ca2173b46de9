"""``a3cp doctor``: is this machine ready, and if not, how to fix it."""

from __future__ import annotations

import importlib.util
import resource
import socket
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from contracts.process.settings import Settings
from contracts.rules.errors import ArtifactStoreError, ConfigurationError
from contracts.storage.object_store import ObjectStore
from scripts.commands.doctor_brokers import examine_brokers, judge_debuggers, judge_frames_on_disk
from scripts.commands.exposure import examine_access
from scripts.commands.findings import Finding
from scripts.commands.folders import examine_folders
from scripts.stack.running import RUNNING, running_stack
from scripts.stack.stack import gateway_address

__all__ = ["doctor", "examine"]

MODELS = (
    "holistic_landmark/holistic_landmark_cpu.binarypb",
    "holistic_landmark/hand_recrop.tflite",
    "pose_detection/pose_detection.tflite",
    "pose_landmark/pose_landmark_full.tflite",
    "palm_detection/palm_detection_full.tflite",
    "hand_landmark/hand_landmark_full.tflite",
    "face_detection/face_detection_short_range.tflite",
    "face_landmark/face_landmark.tflite",
)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; what is written to try it is gone afterwards."""
    return [
        *_stack(settings),
        *examine_brokers(settings),
        *judge_frames_on_disk(settings.state_dir),
        *examine_folders(settings),
        *_object_store(settings),
        _models(),
        _port(settings),
        judge_swap(_read("/proc/swaps")),
        judge_core_files(resource.getrlimit(resource.RLIMIT_CORE)[0], _read("/proc/sys/kernel/core_pattern")),
        judge_overcommit(_read("/proc/sys/vm/overcommit_memory")),
        *judge_debuggers(_read("/proc/sys/kernel/yama/ptrace_scope"), settings.frames_url is None),
        examine_access(settings),
    ]


def doctor(settings: Settings, console: Console | None = None) -> int:
    """Print what `examine` finds; returns 1 if anything fails, else 0."""
    console = console or Console()
    findings = examine(settings)
    for found in findings:
        colour = {"ok": "green", "warn": "yellow", "fail": "red"}[found.verdict]
        console.print(f"[{colour}]{found.verdict:<4}[/] ", end="")
        console.print(f"{found.subject}: {found.detail}", markup=False, highlight=False, soft_wrap=True)
        if found.fix:
            console.print(f"     fix it with: {found.fix}", markup=False, highlight=False, soft_wrap=True)
    return 1 if any(found.verdict == "fail" for found in findings) else 0


# --- this machine ----------------------------------------------------------------------------------------


def _stack(settings: Settings) -> Iterable[Finding]:
    if (running := running_stack(settings)) is not None:
        yield Finding("stack", "ok", f"an `a3cp up` runs on {settings.state_dir.absolute()}: {running.address}")
    elif (settings.state_dir / RUNNING).exists():
        detail = f"the one that ran on {settings.state_dir.absolute()} was killed, and is not running"
        yield Finding("stack", "warn", detail, "start `a3cp up`; nothing else is to be done")


def _object_store(settings: Settings) -> Iterable[Finding]:
    """Whether artifacts can be written there, once, and read; with a small object that is gone afterwards."""
    url = settings.artifact_url
    if url is None:
        return []
    try:
        ObjectStore(url, attempts=1, timeout_s=10.0).check()
    except ConfigurationError as error:
        detail = str(error).removeprefix("A3CP_ARTIFACT_URL: ")
        return [Finding("A3CP_ARTIFACT_URL", "fail", detail, "name another store, or unset it")]
    except ArtifactStoreError as error:
        mend = (
            "make the bucket, or correct A3CP_ARTIFACT_URL, AWS_ENDPOINT_URL and the credentials, which need "
            "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket"
        )
        return [Finding("A3CP_ARTIFACT_URL", "fail", str(error), mend)]
    return [Finding("A3CP_ARTIFACT_URL", "ok", f"{url} takes what is written, and a name only once")]


def _models() -> Finding:
    mend = "remove .venv and run ./scripts/run"
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or spec.origin is None:
        return Finding("models", "fail", "mediapipe is not installed", mend)
    folder = Path(spec.origin).parent / "modules"
    missing = [name for name in MODELS if not (folder / name).is_file()]
    if missing:
        return Finding("models", "fail", f"mediapipe has no {', '.join(missing)}", mend)
    return Finding("models", "ok", f"{len(MODELS)} files in mediapipe's wheel; nothing is downloaded")


def _port(settings: Settings) -> Finding:
    if (running := running_stack(settings)) is not None:
        return Finding("port", "ok", f"{running.address} is the address of the `a3cp up` that runs here")
    address = gateway_address(settings)
    if settings.port == 0:
        return Finding("port", "ok", "A3CP_PORT is 0: a free one is taken")
    host = address.removeprefix("http://").rsplit(":", 1)[0].strip("[]")
    try:
        with socket.create_connection((host, settings.port), timeout=1.0):
            pass
    except OSError:
        return Finding("port", "ok", f"{settings.port} on {settings.host} is free")
    return Finding("port", "warn", f"{settings.port} on {settings.host} is in use", "set A3CP_PORT to another one")


def judge_swap(swaps: str) -> Finding:
    """Whether memory, and so frames, may be written to a disk. ``swaps`` is /proc/swaps."""
    areas = [line.split()[0] for line in swaps.splitlines()[1:] if line.strip()]
    areas = [area for area in areas if not area.startswith("/dev/zram")]
    if not areas:
        return Finding("swap", "ok", "no swap on a disk: frames stay in memory")
    return Finding("swap", "warn", f"{', '.join(areas)} may take frames to a disk", "swapoff -a, or encrypt the swap")


def judge_core_files(limit: int, pattern: str) -> Finding:
    """Whether a crash could write memory, and so frames, to a disk.

    Our processes cannot be dumped at all, and embedded brokers have a limit that files and pipes keep to; sockets
    (Linux 6.16 and newer) do not. A broker that is not embedded has the limit that its own service gives it.
    """
    if pattern.startswith("@"):
        detail = f"the kernel hands the memory of a crashed broker to {pattern.strip()}, whatever its limit"
        return Finding("core files", "warn", detail, "sysctl kernel.core_pattern=core")
    said = "" if limit == 0 else ", whatever this shell's limit is"
    return Finding("core files", "ok", f"our processes and embedded brokers leave none{said}")


def judge_overcommit(policy: str) -> Finding:
    """Whether the events broker can rewrite its file when memory is short. ``policy`` is vm.overcommit_memory."""
    if policy.strip() in ("", "1"):
        return Finding("overcommit", "ok", "an append-only file can be rewritten when memory is short")
    detail = "the events broker may fail to rewrite its append-only file when memory is short"
    return Finding("overcommit", "warn", detail, "sysctl vm.overcommit_memory=1")


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
