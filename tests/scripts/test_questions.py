"""What commands ask at a terminal."""

from __future__ import annotations

import io

import pytest

from scripts.questions import confirmed


@pytest.mark.parametrize(("typed", "answer"), [("y\n", True), ("n\n", False), ("", False)])
def test_a_question_is_on_standard_error_and_no_answer_is_a_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, answer: bool
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert confirmed("Erase 2 captures?") is answer
    out, err = capsys.readouterr()
    assert not out.strip() and "Erase 2 captures?" in err
