"""``a3cp study``: an example that is a study, and mistakes with their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.rules.errors import ConfigurationError
from scripts.cli import app
from scripts.commands.study import new_study


def a3cp(*arguments: str) -> tuple[int, list[str], list[str]]:
    """The exit code, and the lines of standard output and of standard error."""
    result = CliRunner().invoke(app, ["study", *arguments])
    return result.exit_code, result.stdout.splitlines(), result.stderr.splitlines()


def test_new_writes_an_example_that_check_accepts_and_touches_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = a3cp("new")
    assert (code, out) == (0, ["example-study.toml is written. Change it, then: a3cp study check example-study.toml"])
    code, out, err = a3cp("check", "example-study.toml")
    assert (code, out[:3], err) == (
        0,
        [
            "example-study: Gestures of daily care",
            "  takes       4 prompts × 3 = 12, 4 s each, in another order for each participant, a break every 15 takes",
            "  good takes  check or better, hands_still ignored, found.any_hand at least 0.3, "
            "longest_time_gap_ms at most 500",
        ],
        [],
    )
    assert out[3].startswith("  consent     sha256:") and out[4:] == ["  kept        as long as the gateway says"]
    (tmp_path / "mine.toml").write_text("my work")
    assert a3cp("new", "mine.toml")[0] == 2
    with pytest.raises(ConfigurationError, match=r"mine\.toml exists already; name another file"):
        new_study(Path("mine.toml"))
    assert (tmp_path / "mine.toml").read_text() == "my work"


def test_check_prints_each_mistake_with_its_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "care.toml"
    file.write_text(
        'title = "x"\nrepeat = 3\n\n[[prompts]]\nid = "a b"\ntext = "\x1b[31m"\n'.replace("\x1b", "\\u001b")
    )
    code, out, err = a3cp("check", str(file))
    assert (code, out) == (1, [])
    assert [line.removeprefix(f"{file}:")[:20] for line in err] == ["2: repeat: there is ", "5: prompts 1, id: us"]
    code, _, err = a3cp("check", str(tmp_path / "absent.toml"))
    assert (code, err) == (1, [f"{tmp_path}/absent.toml: No such file or directory"])


def test_check_knows_the_limits_of_the_gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "care.toml"
    file.write_text('title = "x"\nseconds = 20\n[[prompts]]\nid = "a"\ntext = "A"\n')
    assert a3cp("check", str(file))[0] == 0
    monkeypatch.setenv("A3CP_CAPTURE_MAX_DURATION_S", "10")
    assert a3cp("check", str(file))[2] == [f"{file}:2: seconds: the gateway records captures of 2 to 10 seconds"]
