"""The stamp: what is set up is not set up again, an interrupted setup starts over. A stand-in plays Python and pip.

The clone is in a folder with a space and a letter that is not ASCII, as ``~/My Documents`` is.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STAND_IN = """#!/bin/bash
# Notes what it is asked; "-m venv DIR" puts itself there, and pip installs uv if there is one.
echo "$*" >>"$CALLS"
case "$*" in
    *"-m venv "*) mkdir -p "${@: -1}/bin" && cp "$0" "${@: -1}/bin/python" ;;
    *"-r "*requirements-uv.lock) [ ! -e "$CALLS.uv" ] || cp "$CALLS.uv" "$(dirname "$0")/uv" ;;
    *"-m scripts.build.uv_settings") echo "UV_INDEX=https://mirror/a https://mirror/b" ;;
    *"-m scripts.build.packages "*) echo "part-of-lock==1" ;;
    *"-r "*) [ ! -e "$CALLS.fail" ] ;;
esac
"""


INSTALLER = re.compile(r"scripts\.build|requirements-uv\.lock|a3cp-run\.lock|config list")
"""The calls before the whole lock is installed: its parts, and uv."""


def kinds(calls: list[str]) -> list[str]:
    """The modules of the calls that install the whole lock."""
    return [call.split()[1] for call in calls if not INSTALLER.search(call)]


class Clone:
    """A folder with the files that setup reads, and a fake Python that notes its arguments."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a b" / "ü"
        self.calls = folder / "calls"
        self.python = folder / "bin" / "python3.11"
        for path in (self.root / "scripts", self.python.parent):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "setup.sh", self.root / "scripts" / "setup.sh")
        for name in ("requirements.lock", "requirements-uv.lock", "pyproject.toml"):
            (self.root / name).write_text(name)
        self.provide_python(STAND_IN)

    def provide_python(self, script: str) -> None:
        for name in ("python3.11", "python3.12", "python3"):
            path = self.python.with_name(name)
            path.write_text(script)
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def provide_uv(self, script: str) -> None:
        """Let pip install a uv that notes its arguments, settings and folder, and then runs ``script``."""
        uv = self.calls.with_name("calls.uv")
        uv.write_text(f'#!/bin/bash\necho "-m uv $UV_INDEX in $PWD: $*" >>"$CALLS"\n{script}\n')
        uv.chmod(0o755)

    def set_up(self, *, fails: bool = False, **environment: str) -> list[str]:
        """Run setup; returns the commands it gave Python, except questions about Python itself."""
        self.calls.write_text("")
        result = subprocess.run(
            ["bash", "-c", 'set -euo pipefail; source "$1"; echo done', "-", str(self.root / "scripts" / "setup.sh")],
            env={"PATH": f"{self.python.parent}:{os.environ['PATH']}", "CALLS": str(self.calls)} | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert (result.stdout == "done\n") is (result.returncode == 0) is not fails, result.stderr
        self.said = result.stderr.splitlines()
        return [line for line in self.calls.read_text().splitlines() if line.startswith("-m ")]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_the_first_run_sets_up_from_the_hashed_lock_and_the_second_does_nothing(clone: Clone) -> None:
    venv, lock, project, bytecode = [call for call in clone.set_up() if not INSTALLER.search(call)]
    assert venv.startswith("-m venv ")
    assert "--no-deps --require-hashes -r" in lock
    assert "--no-deps --no-build-isolation -e" in project
    assert bytecode.startswith("-m compileall ")
    assert bytecode.endswith(f" {clone.root / 'scripts'}")
    assert clone.set_up() == []
    assert clone.said == []
    assert clone.calls.read_text() == ""  # the second run does not start Python at all


def test_the_variable_python_chooses_one_of_several(clone: Clone) -> None:
    chosen = clone.python.with_name("python-of-choice")
    chosen.write_text(STAND_IN.replace('echo "$*"', 'echo "chosen: $*"'))
    chosen.chmod(0o755)
    clone.set_up(PYTHON="python-of-choice")
    assert "chosen: -m venv" in clone.calls.read_text()


@pytest.mark.parametrize("changed", ["requirements.lock", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_into_the_same_venv(clone: Clone, changed: str) -> None:
    clone.set_up()
    (clone.root / changed).write_text("changed")
    assert kinds(clone.set_up()) == ["pip", "pip", "compileall"]
    assert clone.set_up() == []


def test_an_interrupted_setup_starts_over(clone: Clone) -> None:
    Path(f"{clone.calls}.fail").touch()
    clone.set_up(fails=True)
    assert "could not be installed" in clone.said[-1]
    Path(f"{clone.calls}.fail").unlink()
    leftover = clone.root / ".venv" / "half-installed"
    leftover.touch()
    assert kinds(clone.set_up()) == ["venv", "pip", "pip", "compileall"]
    assert not leftover.exists()


def test_uv_installs_the_packages_with_the_settings_of_pip_and_not_those_of_the_project(clone: Clone) -> None:
    clone.provide_uv("echo ' Downloaded numpy'; echo ' + numpy==2'")
    first, uv = [call for call in clone.set_up() if call.startswith("-m uv ")]
    assert first.endswith("a3cp-run.lock --compile-bytecode") and "compile" not in uv
    assert uv.startswith("-m uv https://mirror/a https://mirror/b in /: pip install ")
    assert "--no-deps --require-hashes" in uv and uv.endswith(f"-r {clone.root / 'requirements.lock'}")
    assert "setup:   numpy is here, 1 of the 0 large ones" in clone.said
    assert not [line for line in clone.said if "==" in line]


def test_pip_installs_the_packages_if_uv_cannot_and_the_error_is_shown(clone: Clone) -> None:
    clone.provide_uv("echo 'error: no such index'; echo '  Caused by: the network'; exit 2")
    assert kinds(clone.set_up()) == ["venv", "uv", "pip", "pip", "compileall"]
    assert clone.said[2:4] == ["error: no such index", "  Caused by: the network"]
    assert clone.set_up() == []


def test_an_interrupted_uv_is_not_followed_by_pip(clone: Clone) -> None:
    clone.provide_uv("exit 130")
    assert clone.set_up(fails=True)[-1].startswith("-m uv ")
    clone.provide_uv("")
    assert clone.set_up()[0].startswith("-m venv ")


def test_the_demo_gets_what_it_needs_and_the_tests_complete_it(clone: Clone) -> None:
    part = clone.root / ".venv" / "a3cp-run.lock"
    assert any(call.endswith(f"-r {part}") for call in clone.set_up(SET_UP="run"))
    assert part.read_text() == "part-of-lock==1\n"
    assert clone.set_up(SET_UP="run") == []
    extras = clone.set_up(SET_UP="extras")
    assert "-m scripts.build.packages extras" in extras and not any(call.startswith("-m venv") for call in extras)
    assert clone.set_up(SET_UP="run") == clone.set_up(SET_UP="extras") == []
    assert any(call.endswith(f"-r {clone.root / 'requirements.lock'}") for call in clone.set_up())
    assert clone.set_up(SET_UP="run") == clone.set_up(SET_UP="extras") == clone.set_up() == []


def test_a_venv_that_has_everything_keeps_it_up_to_date_for_the_demo_too(clone: Clone) -> None:
    clone.set_up()
    (clone.root / "requirements.lock").write_text("changed")
    assert any(call.endswith(f"-r {clone.root / 'requirements.lock'}") for call in clone.set_up(SET_UP="run"))
    assert clone.set_up() == []


def test_a_stamp_of_an_earlier_version_is_that_of_everything(clone: Clone) -> None:
    clone.set_up()
    stamp = clone.root / ".venv" / "a3cp-stamp"
    stamp.write_text(stamp.read_text().split()[0] + "\n")
    assert clone.set_up() == clone.set_up(SET_UP="run") == []


def test_a_clone_that_was_moved_is_set_up_again(clone: Clone) -> None:
    clone.set_up()
    clone.root = clone.root.rename(clone.root.with_name("moved"))
    assert clone.set_up() != []


def test_no_python_is_one_line(clone: Clone) -> None:
    clone.provide_python("#!/bin/bash\nexit 1\n")
    clone.set_up(fails=True)
    assert clone.said == ["setup: Python 3.11 or 3.12 is needed, and none is here: apt-get install python3"]


def test_two_at_once_set_up_one_venv(clone: Clone) -> None:
    clone.calls.write_text("")
    command = ["bash", "-c", 'set -euo pipefail; source "$1"', "-", str(clone.root / "scripts" / "setup.sh")]
    environ = {"PATH": f"{clone.python.parent}:{os.environ['PATH']}", "CALLS": str(clone.calls)}
    both = [subprocess.Popen(command, env=environ, stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.wait(300) for process in both] == [0, 0]
    for process in both:
        assert process.stderr is not None
        process.stderr.close()
    assert clone.calls.read_text().count("-m venv ") == 1


def test_each_step_says_what_it_does_and_how_much_it_takes(clone: Clone) -> None:
    clone.set_up()
    steps = [line.removeprefix("setup: ").split()[0] for line in clone.said]
    assert steps == ["making", "downloading", "uv", "downloading", "uv", "installing", "compiling", "done"]
    assert "GB on the disk" in clone.said[0]


def test_a_clone_that_cannot_be_written_to_is_one_sentence(clone: Clone) -> None:
    (clone.root / ".cache").touch()  # a file in place of the folder, because root may write into any folder
    clone.set_up(fails=True)
    assert len(clone.said) == 1
    assert "make a clone of your own" in clone.said[0]


A3CP = """#!/bin/bash
printf '%s\n' "$PWD" "$DATA_ROOT" "$LOG_ROOT" "$A3CP_STATE_DIR" "$@"
"""


def called(clone: Clone, command: str, *arguments: str, cwd: Path, **environ: str) -> list[str]:
    """The folder, settings and arguments with which a command calls ``a3cp``."""
    shutil.copy(ROOT / "scripts" / command, clone.root / "scripts" / command)
    a3cp = clone.root / ".venv" / "bin" / "a3cp"
    a3cp.write_text(A3CP)
    a3cp.chmod(0o755)
    settings = {"DATA_ROOT": "", "LOG_ROOT": "", "A3CP_STATE_DIR": ""} | environ
    done = subprocess.run(
        [str(clone.root / "scripts" / command), *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "CALLS": str(clone.calls)} | settings,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_from_another_folder_the_printed_paths_are_found_from_there(clone: Clone, tmp_path: Path) -> None:
    clone.set_up()
    root = str(clone.root)
    own = [f"{root}/data", f"{root}/logs", f"{root}/state"]
    assert called(clone, "demo", "my video.mp4", cwd=tmp_path) == [root, *own, "demo", f"{tmp_path}/my video.mp4"]
    said = called(clone, "demo", cwd=tmp_path, DATA_ROOT="here", LOG_ROOT="/there", A3CP_STATE_DIR="")
    assert said == [root, f"{tmp_path}/here", "/there", f"{root}/state", "demo"]
    assert called(clone, "demo", cwd=clone.root) == [root, "", "", "", "demo"]


def test_an_option_of_the_demo_is_not_read_as_a_video(clone: Clone) -> None:
    clone.set_up()
    assert called(clone, "demo", "--help", cwd=clone.root)[4:] == ["demo", "--help"]
