"""A module that stands for another loads it when a test uses it, and not when pytest reads the tests."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.support.later import Later

TESTS = Path(__file__).resolve().parents[1]
LARGE = re.compile(r"^(import|from) (cv2|datasets|matplotlib|mediapipe|mlcroissant|pandas|rerun)\b", re.MULTILINE)


def test_a_module_is_loaded_with_its_first_attribute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_module_for_later.py").write_text("number = 7\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = Later("a_module_for_later")
    assert not hasattr(module, "__test__") and "a_module_for_later" not in sys.modules
    assert module.number == 7


def test_no_test_loads_a_large_library_before_it_runs() -> None:
    assert [str(path) for path in TESTS.rglob("*.py") if LARGE.search(path.read_text("utf-8"))] == []
