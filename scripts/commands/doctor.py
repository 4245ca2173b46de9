"""``a3cp doctor``: check this machine and the settings, and say how to fix each problem."""

from __future__ import annotations

import importlib.util
import resource
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from contracts.process.certificates import CertificateFacts, certificate_facts
from contracts.process.settings import Settings
from contracts.process.tls import ServedCertificate
from contracts.process.tracing import find_collector
from contracts.rules.errors import ArtifactStoreError, ConfigurationError
from contracts.storage.object_store import ObjectStore
from gateway.consent.text import load_consent_text
from gateway.studies.folder import StudyFolder
from scripts.commands.check_result import CheckResult, Verdict
from scripts.commands.doctor_brokers import examine_brokers, judge_debuggers, judge_frames_on_disk
from scripts.commands.exposure import examine_access, examine_entries
from scripts.commands.folders import examine_folders
from scripts.stack.authority import certificate_file
from scripts.stack.running import RUNNING, running_stack
from scripts.stack.stack import gateway_address
from scripts.terminal import many

__all__ = ["doctor", "examine"]

STORE_WITHIN_S = 10.0
"""How long an object store may take for each request of the check."""

SOON = timedelta(days=14)
"""A certificate that ends sooner should have been renewed."""

_RENEW = "put a new pair in the place of the files; running processes read it at the next connection"

COLLECTOR_WITHIN_S = 5.0
"""How long the collector of traces may take to answer."""

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


def examine(settings: Settings) -> list[CheckResult]:
    """Run every check. Files and objects that a check writes are removed afterwards."""
    return [
        *_stack(settings),
        *examine_brokers(settings),
        *judge_frames_on_disk(settings.state_dir),
        *examine_folders(settings),
        *_object_store(settings),
        *_traces(settings),
        _consent(settings),
        *_studies(settings),
        _models(),
        _port(settings),
        *_certificate(settings),
        judge_swap(_read("/proc/swaps")),
        judge_core_files(resource.getrlimit(resource.RLIMIT_CORE)[0], _read("/proc/sys/kernel/core_pattern")),
        judge_overcommit(_read("/proc/sys/vm/overcommit_memory")),
        *judge_debuggers(_read("/proc/sys/kernel/yama/ptrace_scope"), settings.frames_url is None),
        examine_access(settings),
        *examine_entries(settings, datetime.now(UTC)),
    ]


def doctor(settings: Settings, console: Console | None = None) -> int:
    """Print the results of `examine`; returns 1 if a check fails, else 0."""
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


def _stack(settings: Settings) -> Iterable[CheckResult]:
    if (running := running_stack(settings)) is not None:
        yield CheckResult("stack", "ok", f"an `a3cp up` runs on {settings.state_dir.absolute()}: {running.address}")
    elif (settings.state_dir / RUNNING).exists():
        detail = f"the `a3cp up` on {settings.state_dir.absolute()} was killed, and is not running"
        yield CheckResult("stack", "warn", detail, "start `a3cp up`; nothing else is needed")


def _object_store(settings: Settings) -> Iterable[CheckResult]:
    """Check that the store can write an object once only, read it and remove it."""
    url = settings.artifact_url
    if url is None:
        return []
    try:
        ObjectStore(url, attempts=1, timeout_s=STORE_WITHIN_S).check()
    except ConfigurationError as error:
        detail = str(error).removeprefix("A3CP_ARTIFACT_URL: ")
        return [CheckResult("A3CP_ARTIFACT_URL", "fail", detail, "name another store, or unset it")]
    except ArtifactStoreError as error:
        fix = (
            "make the bucket, or correct A3CP_ARTIFACT_URL, AWS_ENDPOINT_URL and the credentials, which need "
            "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket"
        )
        return [CheckResult("A3CP_ARTIFACT_URL", "fail", str(error), fix)]
    return [CheckResult("A3CP_ARTIFACT_URL", "ok", f"{url} stores objects, and each name only once")]


def _traces(settings: Settings) -> Iterable[CheckResult]:
    """Check that the collector takes traces, if there are any."""
    name, endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT", settings.traces.endpoint
    if not endpoint:
        return
    try:
        problem = find_collector(settings, COLLECTOR_WITHIN_S)
    except ConfigurationError as error:
        yield CheckResult(name, "fail", str(error).removeprefix(f"{name}: "), "run ./scripts/install, or unset it")
        return
    if problem:
        yield CheckResult(name, "warn", f"{endpoint} takes no traces: {problem}", "start the collector, or correct it")
    else:
        yield CheckResult(
            "traces", "ok", f"{endpoint} takes them; {settings.traces.share * 100:.3g} % of captures are traced"
        )


def _consent(settings: Settings) -> CheckResult:
    """Check that the gateway can read the text that clients show, and say what it requires."""
    try:
        text = load_consent_text(settings)
    except ConfigurationError as error:
        detail = str(error).removeprefix("A3CP_CONSENT_FILE: ")
        return CheckResult("A3CP_CONSENT_FILE", "fail", detail, "correct it, or unset it: a text is shipped")
    rule = "nothing is recorded without a yes" if text.required else "a session may start without an answer"
    shown = settings.consent_file or "the text that is shipped"
    return CheckResult("consent", "ok", f"{rule}; the pages show {shown}")


def _studies(settings: Settings) -> list[CheckResult]:
    """Check each study, if there is a folder of studies."""
    if settings.studies_dir is None:
        return []
    name, fix = "A3CP_STUDIES_DIR", "correct it, or unset it: then there are no studies"
    try:
        found = StudyFolder(settings.studies_dir, settings.capture).all()
    except ConfigurationError as error:
        return [CheckResult(name, "fail", str(error).removeprefix(f"{name}: "), fix)]
    except OSError as error:
        return [CheckResult(name, "fail", f"{settings.studies_dir}: {error.strerror}", fix)]
    broken = [study for study, reading in found.items() if reading.study is None]
    if broken:
        first = settings.studies_dir / f"{broken[0]}.toml"
        detail = f"{many(len(broken), 'study file')} with a mistake: {', '.join(broken)}"
        return [CheckResult("studies", "warn", detail, f"a3cp study check {first}")]
    return [CheckResult("studies", "ok", f"{len(found)} in {settings.studies_dir}")]


def _models() -> CheckResult:
    fix = "remove .venv and run ./scripts/run"
    spec = importlib.util.find_spec("mediapipe")
    if spec is None or spec.origin is None:
        return CheckResult("models", "fail", "mediapipe is not installed", fix)
    folder = Path(spec.origin).parent / "modules"
    missing = [name for name in MODELS if not (folder / name).is_file()]
    if missing:
        return CheckResult("models", "fail", f"mediapipe has no {', '.join(missing)}", fix)
    return CheckResult("models", "ok", f"{len(MODELS)} files in mediapipe's wheel; nothing is downloaded")


def _port(settings: Settings) -> CheckResult:
    if (running := running_stack(settings)) is not None:
        return CheckResult("port", "ok", f"{running.address} is the address of the `a3cp up` that runs here")
    address = gateway_address(settings)
    if settings.port == 0:
        return CheckResult("port", "ok", "A3CP_PORT is 0: the gateway will use any free port")
    host = urlsplit(address).hostname or settings.host
    try:
        with socket.create_connection((host, settings.port), timeout=1.0):
            pass
    except OSError:
        return CheckResult("port", "ok", f"{settings.port} on {settings.host} is free")
    return CheckResult("port", "warn", f"{settings.port} on {settings.host} is in use", "set A3CP_PORT to another one")


def _certificate(settings: Settings) -> list[CheckResult]:
    """Check the certificate of HTTPS, if there is one. That of an `a3cp up --lan` has its key in the same file."""
    running = running_stack(settings) if settings.tls_cert is None else None
    if running is not None and running.tls_cert == certificate_file(settings.state_dir).absolute():
        settings = settings.model_copy(update={"tls_cert": running.tls_cert, "tls_key": running.tls_cert})
    if settings.tls_cert is None:
        return []
    fix = "name a certificate in PEM, with those of its authorities after it, and its key"
    try:
        served = ServedCertificate.of(settings)
        assert served is not None
        facts = certificate_facts(settings.tls_cert, served.context)
    except ConfigurationError as error:
        return [CheckResult("certificate", "fail", str(error), fix)]
    except OSError as error:
        return [CheckResult("certificate", "fail", f"{settings.tls_cert}: {error.strerror or error}", fix)]
    return [judge_certificate(facts, served.is_public, datetime.now(UTC))]


def judge_certificate(facts: CertificateFacts, is_public: bool, now: datetime) -> CheckResult:
    """Check until when a certificate is valid, and say who trusts it."""
    who = "clients trust its authority" if is_public else "clients need its authority's file (A3CP_TLS_CA)"
    detail = f"for {', '.join(facts.names) or 'no name'} until {facts.expires_at:%Y-%m-%d}; {who}"
    if facts.begins_at > now:
        fix = "set this machine's clock, if it is behind; else put another pair in the place of the files"
        return CheckResult("certificate", "fail", f"it is not valid before {facts.begins_at:%Y-%m-%d}: {detail}", fix)
    if facts.expires_at <= now:
        return CheckResult("certificate", "fail", f"it has expired: {detail}", _RENEW)
    if facts.expires_at - now <= SOON:
        return CheckResult("certificate", "warn", f"it ends soon: {detail}", _RENEW)
    verdict: Verdict = "ok" if facts.names else "warn"
    return CheckResult("certificate", verdict, detail, "" if verdict == "ok" else _RENEW)


def judge_swap(swaps: str) -> CheckResult:
    """Check whether the kernel may write memory, and so frames, to a disk. ``swaps`` is the text of /proc/swaps."""
    areas = [line.split()[0] for line in swaps.splitlines()[1:] if line.strip()]
    areas = [area for area in areas if not area.startswith("/dev/zram")]
    if not areas:
        return CheckResult("swap", "ok", "no swap on a disk: frames stay in memory")
    return CheckResult(
        "swap", "warn", f"{', '.join(areas)} may take frames to a disk", "swapoff -a, or encrypt the swap"
    )


def judge_core_files(limit: int, pattern: str) -> CheckResult:
    """Check whether a crash could write memory, and so frames, to a disk. ``limit`` is this shell's ``RLIMIT_CORE``,
    ``pattern`` the text of kernel.core_pattern.

    A3CP's own processes cannot be dumped at all. Embedded brokers have a limit, which the kernel heeds for files and
    pipes but not for sockets (Linux 6.16 and newer). Another broker has the limit of its own service.
    """
    if pattern.startswith("@"):
        detail = f"the kernel hands the memory of a crashed broker to {pattern.strip()}, whatever its limit"
        return CheckResult("core files", "warn", detail, "sysctl kernel.core_pattern=core")
    said = "" if limit == 0 else ", whatever this shell's limit is"
    return CheckResult("core files", "ok", f"A3CP's processes and embedded brokers leave none{said}")


def judge_overcommit(policy: str) -> CheckResult:
    """Check that the events broker can rewrite its file when memory is short. ``policy`` is vm.overcommit_memory."""
    if policy.strip() in ("", "1"):
        return CheckResult("overcommit", "ok", "an append-only file can be rewritten when memory is short")
    detail = "the events broker may fail to rewrite its append-only file when memory is short"
    return CheckResult("overcommit", "warn", detail, "sysctl vm.overcommit_memory=1")


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
