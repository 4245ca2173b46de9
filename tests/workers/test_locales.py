"""A worker starts whatever the user's locale: MediaPipe decodes its own options in the locale's encoding."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """
import locale, threading
from functools import partial
from contracts.messages.pipelines import PIPELINES
from contracts.process.settings import Settings
from workers.pool.process import run_worker, warm_up

def work(stop: threading.Event) -> None:
    from workers.vision.pipelines import registry
    for pipeline_id in PIPELINES:
        warm_up(partial(registry.make_pipeline, pipeline_id))
    print("made", *PIPELINES, locale.getpreferredencoding(False), flush=True)

run_worker("live", Settings(), work)
"""


def latin_1(folder: Path) -> dict[str, str]:
    """The ``LANG=en_US`` of glibc, compiled here: most machines no longer have it."""
    made = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(folder / "en_US")]
    subprocess.run(made, check=True, capture_output=True)
    return {"LANG": "en_US", "LOCPATH": f"{folder}:/usr/lib/locale"}


def ascii_alone(_: Path) -> dict[str, str]:
    return {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("environment", [latin_1, ascii_alone])
def test_a_worker_loads_every_pipeline_in_a_locale_that_is_not_utf_8(tmp_path: Path, environment: object) -> None:
    base = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))}
    given = environment(tmp_path)  # type: ignore[operator]
    shown = [sys.executable, "-c", "import locale; print(locale.getpreferredencoding(False))"]
    before = subprocess.run(shown, env={**base, **given}, capture_output=True, text=True, check=True).stdout.strip()
    assert before in ("ISO-8859-1", "ANSI_X3.4-1968")
    done = subprocess.run([sys.executable, "-c", WORKER], env={**base, **given}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == ["made", "holistic", "pose", "hands", "face", "UTF-8"]
