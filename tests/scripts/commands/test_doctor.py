"""The doctor's findings, and its advice how to fix each."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from rich.console import Console

import contracts.process
from contracts.process.certificates import CertificateFacts
from contracts.process.settings import Settings
from contracts.process.trace_settings import TraceSettings
from contracts.rules.errors import ConfigurationError
from scripts.commands.access import add_entry
from scripts.commands.check_result import CheckResult
from scripts.commands.doctor import doctor, examine, judge_certificate, judge_core_files, judge_overcommit, judge_swap
from scripts.commands.doctor_brokers import judge_clock, judge_debuggers
from scripts.commands.exposure import examine_entries, judge_access, listening_on
from scripts.commands.folders import judge_names, judge_room
from scripts.measurements.collector import collector
from scripts.stack.authority import keep_certificate
from scripts.stack.machine import this_machine
from scripts.stack.running import running_stack, running_urls, write_running
from tests.conftest import BrokerPair


def settings_in(folder: Path, **changes: object) -> Settings:
    roots = {"data_root": folder / "data", "log_root": folder / "logs", "state_dir": folder / "state", "port": 0}
    return Settings().model_copy(update=roots | changes)


def verdicts(settings: Settings) -> dict[str, str]:
    return {found.subject: found.verdict for found in examine(settings)}


def found(settings: Settings, subject: str) -> CheckResult:
    return next(each for each in examine(settings) if each.subject == subject)


def refusing(error: int) -> Any:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(error, os.strerror(error))

    return refuse


def test_a_machine_without_configured_brokers_has_no_fault(tmp_path: Path) -> None:
    found = verdicts(settings_in(tmp_path))
    assert found["brokers"] == found["DATA_ROOT"] == found["models"] == found["port"] == "ok"
    assert "fail" not in found.values()
    assert list(tmp_path.iterdir()) == []  # the doctor changes nothing


def test_brokers_that_are_configured_for_their_roles_have_no_fault(tmp_path: Path, brokers: BrokerPair) -> None:
    urls = {"frames_url": SecretStr(brokers.frames.url), "events_url": SecretStr(brokers.events.url)}
    found = verdicts(settings_in(tmp_path, **urls))
    assert found["frames broker"] == found["events broker"] == found["frames broker's clock"] == "ok"


def test_brokers_in_each_others_role_fail_with_a_fix(tmp_path: Path, brokers: BrokerPair) -> None:
    urls = {"frames_url": SecretStr(brokers.events.url), "events_url": SecretStr(brokers.frames.url)}
    out = io.StringIO()
    assert doctor(settings_in(tmp_path, **urls), Console(file=out)) == 1
    assert "raw frames" in out.getvalue()
    assert "fix it with: CONFIG SET appendonly" in out.getvalue()


def test_a_broker_that_is_away_fails(tmp_path: Path) -> None:
    away = SecretStr(f"unix://{tmp_path}/missing.sock")
    found = verdicts(settings_in(tmp_path, frames_url=away, events_url=away))
    assert found["frames broker"] == found["events broker"] == "fail"


def test_one_url_without_the_other_fails(tmp_path: Path) -> None:
    assert verdicts(settings_in(tmp_path, frames_url=SecretStr("redis://x")))["brokers"] == "fail"


def test_a_file_where_a_folder_should_be_fails(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert verdicts(settings_in(tmp_path))["DATA_ROOT"] == "fail"


def test_a_port_in_use_is_a_warning(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert verdicts(settings_in(tmp_path, port=taken.getsockname()[1]))["port"] == "warn"


def test_an_open_gateway_without_a_token_is_a_warning(tmp_path: Path) -> None:
    assert verdicts(settings_in(tmp_path, host="0.0.0.0"))["access"] == "warn"
    assert verdicts(settings_in(tmp_path, host="0.0.0.0", api_token=SecretStr("t0ken-of-8")))["access"] == "ok"


def test_an_events_broker_without_a_bound_is_a_warning_with_a_fix(tmp_path: Path, own_brokers: BrokerPair) -> None:
    with own_brokers.events.client() as client:
        client.config_set("maxmemory", "0")
    urls = {"frames_url": SecretStr(own_brokers.frames.url), "events_url": SecretStr(own_brokers.events.url)}
    [found] = [found for found in examine(settings_in(tmp_path, **urls)) if found.subject == "events broker"]
    assert (found.verdict, found.fix) == ("warn", "CONFIG SET maxmemory 512mb")


def test_the_consent_text_is_checked_and_what_is_required_is_said(tmp_path: Path) -> None:
    assert found(settings_in(tmp_path), "consent").detail.startswith("a session may start without an answer")
    text = tmp_path / "study.md"
    study = settings_in(tmp_path, consent="required", consent_file=text)
    assert (missing := found(study, "A3CP_CONSENT_FILE")).verdict == "fail" and str(text) in missing.detail
    text.write_text("# May we?")
    assert found(study, "consent").detail == f"nothing is recorded without a yes; the pages show {text}"


def test_the_collector_of_traces_is_asked_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    assert not {"traces", name} & set(verdicts(settings_in(tmp_path)))
    with collector() as taken:
        traced = settings_in(tmp_path, traces=TraceSettings(endpoint=taken.address))
        assert found(traced, "traces").detail == f"{taken.address} takes them; 100 % of captures are traced"
        taken.status = 401
        assert (refused := found(traced, name)).verdict == "warn" and "401" in refused.detail
    monkeypatch.delattr(contracts.process, "otel", raising=False)
    monkeypatch.setitem(sys.modules, "contracts.process.otel", None)
    assert (missing := found(traced, name)).verdict == "fail" and missing.fix.startswith("run ./scripts/install")


def test_each_study_is_checked_if_there_is_a_folder_of_them(tmp_path: Path) -> None:
    assert not {"studies", "A3CP_STUDIES_DIR"} & set(verdicts(settings_in(tmp_path)))
    folder = tmp_path / "studies"
    settings = settings_in(tmp_path, studies_dir=folder)
    assert (missing := found(settings, "A3CP_STUDIES_DIR")).verdict == "fail" and str(folder) in missing.detail
    folder.mkdir()
    (folder / "care.toml").write_text('title = "x"\n[[prompts]]\nid = "a"\ntext = "A"\n')
    assert found(settings, "studies").detail == f"1 in {folder}"
    (folder / "broken.toml").write_text("title")
    broken = found(settings, "studies")
    assert (broken.verdict, broken.detail) == ("warn", "1 study file with a mistake: broken")
    assert broken.fix == f"a3cp study check {folder}/broken.toml"


@pytest.mark.parametrize("name", ["dump.rdb", "temp-1.rdb", "renamed"])
def test_a_snapshot_in_the_folder_of_the_frames_broker_fails(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "state" / "frames"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("no snapshot")
    assert "frames on a disk" not in verdicts(settings_in(tmp_path))
    (folder / name).write_bytes(b"REDIS0011")
    out = io.StringIO()
    assert doctor(settings_in(tmp_path), Console(file=out)) == 1
    assert str(folder / name) in out.getvalue() and "notes.txt" not in out.getvalue()


def test_programs_that_may_read_an_embedded_brokers_memory_are_a_warning() -> None:
    if sys.platform.startswith("linux"):
        assert [[found.verdict for found in judge_debuggers(scope, True)] for scope in ("0\n", "", "1\n", "2\n")] == [
            ["warn"], ["warn"], ["ok"], ["ok"],
        ]  # fmt: skip
    assert judge_debuggers("0\n", False) == []


@pytest.mark.parametrize(
    ("swaps", "verdict"),
    [
        ("", "ok"),
        ("Filename Type Size Used Priority\n", "ok"),
        ("Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n", "ok"),
        ("Filename Type Size Used Priority\n/swapfile file 1 0 -2\n", "warn"),
    ],
)
def test_swap_on_a_disk_is_a_warning(swaps: str, verdict: str) -> None:
    assert judge_swap(swaps).verdict == verdict


@pytest.mark.parametrize(
    ("pattern", "verdict"),
    [
        ("core\n", "ok"),
        ("", "ok"),
        ("|/usr/lib/systemd/systemd-coredump %P\n", "ok"),
        ("|/usr/share/apport %p\n", "ok"),
        ("@/run/coredump.sock\n", "warn"),
    ],
)
def test_core_dumps_that_pass_the_limit_are_a_warning(pattern: str, verdict: str) -> None:
    assert judge_core_files(-1, pattern).verdict == verdict


def test_clocks_and_overcommit() -> None:
    assert judge_clock("frames", 0.5).verdict == "ok"
    assert "behind" in judge_clock("frames", -60).detail
    assert judge_overcommit("1\n").verdict == "ok"
    assert judge_overcommit("0\n").verdict == "warn"


def test_a_file_system_without_hard_links_fails_before_anything_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refusing(errno.EPERM))
    data_root = found(settings_in(tmp_path), "DATA_ROOT")
    assert (data_root.verdict, "has no hard links" in data_root.detail) == ("fail", True)
    assert found(settings_in(tmp_path, artifact_url="s3://bucket"), "DATA_ROOT").verdict == "ok"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["LOG_ROOT", "A3CP_STATE_DIR"])
def test_a_file_system_without_locks_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK))
    there = found(settings_in(tmp_path), name)
    assert (there.verdict, "has no locks" in there.detail) == ("fail", True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("free", "verdict"), [(0, "fail"), (16_000_000, "fail"), (10**8, "warn"), (10**10, "ok")])
def test_a_disk_that_is_full_or_nearly_full_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: str
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    for name in ("DATA_ROOT", "LOG_ROOT", "A3CP_STATE_DIR"):
        assert found(settings_in(tmp_path), name).verdict == verdict
    assert judge_room("DATA_ROOT", tmp_path, 3_400_000_000).detail == f"{tmp_path}, 3.4 GB free"


def test_a_file_system_that_ignores_case_is_a_warning() -> None:
    assert judge_names("LOG_ROOT", False) is None
    told = judge_names("LOG_ROOT", True)
    assert told is not None and told.verdict == "warn" and "Ann and ann" in told.detail


@contextmanager
def gateway_on(host: str, token: str | None) -> Iterator[int]:
    """Serve a gateway's answers; yields the port."""

    class Responder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            free = self.path == "/livez" or token is None or self.headers["Authorization"] == f"Bearer {token}"
            self.send_response(200 if free else 401)
            self.end_headers()
            self.wfile.write(b'{"status":"alive"}')

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer((host, 0), Responder) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("host", "token", "verdict", "words"),
    [
        ("0.0.0.0", None, "warn", "asks for no token"),
        ("0.0.0.0", "t", "ok", "asks for a token"),
        ("127.0.0.1", None, "ok", "this machine only"),
    ],
)
def test_a_running_gateway_is_judged_by_its_own_answers_and_not_by_the_shell_s_settings(
    tmp_path: Path, host: str, token: str | None, verdict: str, words: str
) -> None:
    with gateway_on(host, token) as port:
        for changes in ({"host": "127.0.0.1"}, {"host": "0.0.0.0", "api_token": SecretStr("another")}):
            access = found(settings_in(tmp_path, port=port, **changes), "access")
            assert (access.verdict, words in access.detail) == (verdict, True), access


def test_a_running_stack_is_asked_at_its_own_address(tmp_path: Path) -> None:
    with gateway_on("0.0.0.0", None) as port:
        settings = settings_in(tmp_path, port=1)
        stack_json(settings, os.getpid(), f"http://127.0.0.1:{port}")
        assert found(settings, "access").verdict == "warn"
        assert found(settings, "port").verdict == found(settings, "stack").verdict == "ok"


def test_the_access_file_and_the_certificate_of_the_local_network_are_checked(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, access_file=tmp_path / "access.toml", port=1)
    assert found(settings, "A3CP_ACCESS_FILE").verdict == "fail"
    add_entry(settings, "ana-phone", "record", ["ana"], 90)
    access = found(settings, "access file")
    assert access.verdict == "ok" and access.detail.endswith("valid for 1 holder")
    (access,) = examine_entries(settings, datetime.now(UTC) + timedelta(days=91))
    assert (access.verdict, access.detail.partition(": ")[2]) == ("warn", "valid for 0 holders; expired: ana-phone")
    made = keep_certificate(settings.state_dir / "tls", this_machine(), datetime.now(UTC))
    write_running(settings.state_dir, "https://127.0.0.1:1", ("", ""), made.served)
    assert "for localhost, " in found(settings, "certificate").detail


def test_a_certificate_that_ends_soon_is_a_warning_that_says_so() -> None:
    now = datetime.now(UTC)
    for days, words in ((-1, "it has expired: "), (10, "it ends soon: "), (60, "for a3cp.example"), (120, "it is not")):
        ends = now + timedelta(days=days)
        facts = CertificateFacts(("a3cp.example",), ends - timedelta(days=90), ends)
        assert judge_certificate(facts, True, now).detail.startswith(words)


def stack_json(settings: Settings, pid: int, address: str = "http://127.0.0.1:1") -> None:
    settings.state_dir.mkdir(exist_ok=True)
    urls = {"frames_url": "unix:///nowhere/frames.sock", "events_url": "unix:///nowhere/events.sock"}
    (settings.state_dir / "stack.json").write_text(json.dumps({"pid": pid, "address": address, **urls}))


def test_the_stack_json_of_a_killed_stack_is_reported_and_not_used(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stack_json(settings, gone.pid)
    assert running_stack(settings) is None
    with pytest.raises(ConfigurationError, match=rf"the stack of {settings.state_dir} is not running"):
        running_urls(settings)
    assert found(settings, "stack").verdict == "warn"
    assert found(settings, "brokers").verdict == "ok"


def test_a_pid_that_another_program_has_now_is_no_stack(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    stack_json(settings, os.getpid())
    assert running_stack(settings) is not None
    lock = settings.state_dir / "lock"
    lock.touch()
    assert running_stack(settings) is None
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert running_stack(settings) is not None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": "x"}', '{"pid": -1}', "\udcff"])
def test_a_stack_json_of_nonsense_is_no_stack(tmp_path: Path, text: str) -> None:
    settings = settings_in(tmp_path)
    settings.state_dir.mkdir()
    (settings.state_dir / "stack.json").write_bytes(text.encode(errors="surrogateescape"))
    assert running_stack(settings) is None


PROC = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 00000000:1F41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   2: 0500A8C0:1F40 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   3: 00000000000000000000000001000000:1F42 00000000000000000000000000000000:0000 0A 0 0 0 0 0 1 1 0
   4: 00000000000000000000000000000000:1F43 00000000000000000000000000000000:0000 0A 0 0 0 0 0 1 1 0
"""


def test_the_system_s_table_says_where_a_port_listens() -> None:
    found = {port: listening_on(port, PROC) for port in (8000, 8001, 8002, 8003, 8004)}
    assert found == {8000: ["127.0.0.1"], 8001: ["0.0.0.0"], 8002: ["::1"], 8003: ["::"], 8004: []}
    wide = {
        "127.0.0.1": "ok",
        "::1": "ok",
        "::ffff:127.0.0.1": "ok",
        "0.0.0.0": "warn",
        "::": "warn",
        "a.example": "warn",
    }
    assert {host: judge_access(host, False).verdict for host in wide} == wide
    assert judge_access("127.0.0.1", False, is_proxied=True).verdict == "warn"
    assert judge_access("127.0.0.1", True, is_proxied=True).verdict == "ok"
