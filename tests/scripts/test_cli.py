"""The ``a3cp`` command: one line for an error, no traceback, quick help."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli import app
from tests.scripts.clips.videos import make_folder
from tests.support.commands import run_forked
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = ("gateway", "extractor", "worker", "recorder", "up", "inspect", "doctor", "verify", "demo")


def a3cp(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, whose imports are done."""
    return run_forked(arguments, cwd, environment(environ))


def started_a3cp(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Start ``a3cp`` as a terminal does."""
    return subprocess.run(
        [sys.executable, "-m", "scripts.cli", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=cwd,
        env=environment(environ),
        timeout=DEADLINE_S,
    )


def environment(environ: dict[str, str]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("A3CP_", "DATA_", "LOG_"))}
    return {**clean, "PYTHONPATH": str(ROOT), **environ}


@pytest.mark.parametrize(
    ("command", "variable", "value"),
    [(command, "A3CP_PORT", "eighty") for command in PROCESSES]
    + [
        ("gateway", "A3CP_FRAMES_URL", "http://x"),
        ("extractor", "A3CP_CAPTURE_MAX_FPS", "0"),
        ("recorder", "A3CP_CAPTURE_X", "1"),
    ],
)
def test_a_wrong_setting_stops_each_process_with_one_line_that_names_it(
    tmp_path: Path, command: str, variable: str, value: str
) -> None:
    run = a3cp(command, cwd=tmp_path, **{variable: value})
    assert run.returncode == 2
    assert run.stderr.splitlines() == [run.stderr.strip()]
    assert run.stderr.startswith(f"a3cp {command}: {variable}: ")
    assert run.stdout == ""


@pytest.mark.parametrize("command", ["gateway", "extractor", "worker", "recorder", "inspect"])
def test_a_process_without_a_broker_names_the_variable(tmp_path: Path, command: str) -> None:
    run = a3cp(command, cwd=tmp_path)
    assert run.returncode == 2
    assert "A3CP_FRAMES_URL" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_worker_without_a_lane_names_both_variables(tmp_path: Path) -> None:
    run = a3cp("worker", cwd=tmp_path, A3CP_WORKER_LANES="live", STREAM_ENABLED="false")
    assert run.returncode == 2
    assert "A3CP_WORKER_LANES" in run.stderr and "STREAM_ENABLED" in run.stderr
    run = a3cp("extractor", cwd=tmp_path, A3CP_WORKER_LANES="live", STREAM_ENABLED="false")
    assert "A3CP_FRAMES_URL" in run.stderr, "it has a lane of its own"


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ([], {"extractors": 1, "recorders": 1, "live": 1, "gateways": 1}),
        (
            ["--extractors", "4", "--live", "0", "--gateways", "2"],
            {"extractors": 4, "recorders": 1, "live": 0, "gateways": 2},
        ),
    ],
)
def test_up_starts_one_of_each_and_as_many_as_it_is_told(
    monkeypatch: pytest.MonkeyPatch, options: list[str], parts: dict[str, object]
) -> None:
    started: list[dict[str, object]] = []
    monkeypatch.setattr("contracts.process.run.run_process", lambda _, action: action())
    monkeypatch.setattr("scripts.commands.up.up", lambda _, **counts: started.append(counts) or 0)
    assert CliRunner().invoke(app, ["up", *options]).exit_code == 0
    assert started == [{"lan": False, "sign_in": None, **parts}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ingest", "x.mp4", "--consent", "yes", "--user", "../etc"), "--user"),
        (("ingest", "x.mp4", "--consent", "yes", "--user", "u", "--session", "x"), "--session"),
        (("ingest", "x.mp4", "--consent", "yes", "--user", "u", "--intent", "x" * 257), "--intent"),
        (("ingest", "x.mp4", "--user", "u", "--consent", "maybe"), "--consent: yes, no or unknown"),
        (("ingest", "x.mp4", "--consent", "yes", "--user", "u", "--gateway", "ftp://x"), "--gateway"),
        (
            ("ingest", "pictures", "--consent", "no", "--user", "u", "--gateway", "http://127.0.0.1:1"),
            "does not answer",
        ),
        (("replay", "nonsense", "--user", "u", "--session", "s"), "not a record_id"),
        (("show", "nonsense"), "has a capture or a record nonsense"),
        (("verify",), "LOG_ROOT"),
        (("verify", "no-such-log.jsonl"), "no-such-log.jsonl"),
        (("verify", 300 * "a"), "no such session log"),
        (("demo", "no-such-video.mp4"), "no-such-video.mp4"),
        (("demo", 300 * "a"), "no such file or folder"),
    ],
)
def test_a_wrong_argument_is_one_line_and_a_failure(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    make_folder(tmp_path / "pictures", images=30)
    run = a3cp(*arguments, cwd=tmp_path)
    assert run.returncode not in (0, -11)
    assert said in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    run = a3cp("gateway", cwd=tmp_path, A3CP_API_TOKEN="s3cret token")
    assert run.returncode == 2
    assert "A3CP_API_TOKEN" in run.stderr
    assert "s3cret" not in run.stderr + run.stdout


def test_the_gateway_never_loads_mediapipe_and_help_loads_few_modules() -> None:
    probe = "import sys, {}; print([m for m in {!r} if m in sys.modules])"
    heavy = ["mediapipe", "cv2"]
    for module, forbidden in (
        ("gateway.__main__", heavy),
        ("gateway.process", heavy),
        ("gateway.pool", [*heavy, "redis", "starlette", "uvicorn"]),
        ("scripts.cli", [*heavy, "numpy", "redis", "pydantic", "av"]),
    ):
        run = subprocess.run(
            [sys.executable, "-c", probe.format(module, forbidden)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=300,
        )
        assert run.stdout == "[]\n", run.stdout + run.stderr


def test_the_version_is_shown(tmp_path: Path) -> None:
    run = started_a3cp("--version", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, f"a3cp {version('a3cp')}\n")


def test_the_list_of_commands_cuts_no_sentence(tmp_path: Path) -> None:
    run = started_a3cp("--help", cwd=tmp_path, COLUMNS="80")
    assert "Run the whole stack in this terminal.\n" in run.stdout
    assert "..." not in run.stdout.partition("Commands:")[2]


LOCALES = (
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
)


COMMANDS = {
    ("acl", "--help"): 0,
    ("acl", "frames"): 0,
    ("verify", "手話\udce9.jsonl"): 2,
    ("ingest", "手話\udce9.mp4", "--user", "u", "--consent", "yes"): 1,
    ("demo", "手話\udce9.mp4"): 1,
}

EACH = """
import os, sys
import scripts.commands.demo, scripts.commands.ingest, scripts.commands.verify
from scripts.cli import main
arguments = sys.argv[1:]
while arguments:
    end = arguments.index("/")
    sys.argv = ["a3cp", *arguments[:end]]
    arguments = arguments[end + 1:]
    if os.fork() == 0:
        for number in (1, 2):
            os.dup2(os.open(f"{len(arguments)}.{number}", os.O_RDWR | os.O_CREAT), number)
        main()
    code = os.waitstatus_to_exitcode(os.wait()[1])
    os.write(1, b"%d %d\\n" % (code, len(arguments)))
"""
"""Runs each of several commands, with "/" behind it, in a fork of a Python that was started once: a locale is read, and
arguments are decoded, when Python starts. Prints the exit code of each, and which files have its output."""


@pytest.mark.parametrize("locale", LOCALES)
def test_no_locale_ends_a_command_with_anything_but_its_answer(tmp_path: Path, locale: dict[str, str]) -> None:
    arguments = [word for command in COMMANDS for word in (*command, "/")]
    command, environ = [sys.executable, "-c", EACH, *arguments], environment(locale)
    ran = subprocess.run(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True, timeout=DEADLINE_S)
    ends = [line.split() for line in ran.stdout.splitlines()]
    assert [int(code) for code, _ in ends] == [*COMMANDS.values()]
    for code, files in ends:
        said = (tmp_path / f"{files}.2").read_text(errors="replace")
        assert "Error" not in said and "Traceback" not in said
        assert len(said.splitlines()) == (code != "0")
