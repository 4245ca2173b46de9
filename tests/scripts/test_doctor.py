"""What the doctor says, and that it says how to mend it."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console

from contracts.settings import Settings
from scripts.doctor import doctor, examine, judge_core_files, judge_overcommit, judge_swap
from scripts.doctor_brokers import judge_clock, judge_debuggers
from tests.conftest import BrokerPair


def settings_in(folder: Path, **changes: object) -> Settings:
    roots = {"data_root": folder / "data", "log_root": folder / "logs", "state_dir": folder / "state", "port": 0}
    return Settings().model_copy(update=roots | changes)


def verdicts(settings: Settings) -> dict[str, str]:
    return {found.subject: found.verdict for found in examine(settings)}


def test_a_machine_without_brokers_of_its_own_is_well(tmp_path: Path) -> None:
    found = verdicts(settings_in(tmp_path))
    assert found["brokers"] == found["DATA_ROOT"] == found["models"] == found["port"] == "ok"
    assert "fail" not in found.values()
    assert list(tmp_path.iterdir()) == []  # looking changes nothing


def test_brokers_as_their_roles_need_them_are_well(tmp_path: Path, brokers: BrokerPair) -> None:
    urls = {"frames_url": SecretStr(brokers.frames.url), "events_url": SecretStr(brokers.events.url)}
    found = verdicts(settings_in(tmp_path, **urls))
    assert found["frames broker"] == found["events broker"] == found["frames broker's clock"] == "ok"


def test_brokers_in_each_others_role_fail_with_a_mend(tmp_path: Path, brokers: BrokerPair) -> None:
    urls = {"frames_url": SecretStr(brokers.events.url), "events_url": SecretStr(brokers.frames.url)}
    out = io.StringIO()
    assert doctor(settings_in(tmp_path, **urls), Console(file=out)) == 1
    assert "raw frames" in out.getvalue()
    assert "mend it with: CONFIG SET appendonly" in out.getvalue()


def test_a_broker_that_is_away_fails(tmp_path: Path) -> None:
    away = SecretStr(f"unix://{tmp_path}/nobody.sock")
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


def test_an_events_broker_without_a_bound_is_a_warning_with_a_mend(tmp_path: Path, own_brokers: BrokerPair) -> None:
    with own_brokers.events.client() as client:
        client.config_set("maxmemory", "0")
    urls = {"frames_url": SecretStr(own_brokers.frames.url), "events_url": SecretStr(own_brokers.events.url)}
    [found] = [found for found in examine(settings_in(tmp_path, **urls)) if found.subject == "events broker"]
    assert (found.verdict, found.mend) == ("warn", "CONFIG SET maxmemory 512mb")


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
