"""``a3cp retention``: what it prints, what it asks and its exit codes, with a gateway in a thread."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from contracts.process.settings import Settings
from contracts.state.events import Receipt
from scripts.commands.retention import retention
from tests.gateway.library.catalogs import Library
from tests.gateway.library.test_retention import ended
from tests.scripts.client.served import gateway_in_a_thread


def test_the_story_of_two_captures_that_are_due(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Library(tmp_path).append(ended("old", 100, 31), ended("older", 101, 300), ended("young", 102, 1))
    Library(tmp_path).append(ended("other", 103, 300, "gone"))
    settings, asked = Settings(), list[str]()

    def answer(yes: bool) -> int:
        def confirm(question: str) -> bool:
            asked.append(question)
            return yes

        return retention(settings, threaded.url, dry_run=False, confirm=confirm)

    with gateway_in_a_thread(tmp_path, retention_days=30) as threaded:
        assert retention(settings, threaded.url, dry_run=True, confirm=lambda _: True) == 0
        shown = capsys.readouterr().out
        assert re.search(r"^- +30 days +3 +2 ", shown, re.MULTILINE)
        assert re.search(r"^gone +unknown +1 +0 ", shown, re.MULTILINE)
        assert "Put the study's file back" in shown
        assert re.search(r"older .*\n+old ", shown)
        assert retention(settings, threaded.url, dry_run=True, confirm=lambda _: True, as_json=True) == 0
        report = orjson.loads(capsys.readouterr().out)
        assert [each["due"] for each in report["studies"]] == [2, 0]

        assert answer(False) == 1
        assert asked[0].startswith("Erase 2 captures that are due at ")
        assert "nothing was erased" in capsys.readouterr().out

        threaded.gateway.recorder.refuse = Receipt(error="missing_session_path", detail="gone")
        assert answer(True) == 1
        assert "2 captures left: the gateway's log says why" in capsys.readouterr().err

        threaded.gateway.recorder.refuse = None
        assert answer(True) == 0
        assert "2 captures withdrawn; workers erase them" in capsys.readouterr().err
        assert answer(True) == 0
        assert len(asked) == 3
