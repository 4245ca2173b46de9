"""``a3cp access``: tokens are shown once, the file has their hashes, and two commands at a time lose nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.process.access_file import MOST_FILE_BYTES, AccessFile
from contracts.process.access_uses import AccessUses, uses_path
from contracts.process.settings import Settings
from contracts.rules.access import is_token
from contracts.rules.rights import find_entry
from scripts.cli import app
from scripts.commands.access import AccessError, add_entry, revoke_entry


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "access.toml"
    monkeypatch.setenv("A3CP_ACCESS_FILE", str(path))
    return path


Run = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def a3cp(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command; returns its exit code, the lines of standard output, and its last line if it fails."""
    last: list[str] = []
    for module in ("logs", "run"):
        monkeypatch.setattr(f"contracts.process.{module}.write_last_line", last.append)

    def run(*arguments: str) -> tuple[int, list[str], str]:
        last.clear()
        result = CliRunner().invoke(app, ["access", *arguments])
        return result.exit_code, result.stdout.splitlines(), "".join(last)

    return run


def test_add_prints_the_token_alone_on_its_last_line_and_keeps_its_hash_only(a3cp: Run, path: Path) -> None:
    code, out, _ = a3cp("add", "ana-phone", "--role", "record", "--user", "ana", "--user", "ben", "--days", "7")
    token = out[-1]
    assert code == 0 and token.startswith("a3cp_") and is_token(token) and len(token) == 5 + 43
    assert out[0].startswith("ana-phone may record for ana, ben until 2")
    assert token not in path.read_text() and not any(token in line for line in out[:-1])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    entry = find_entry(AccessFile(path).entries(), token)
    assert entry is not None and (entry.name, entry.user_ids) == ("ana-phone", {"ana", "ben"})
    code, out, err = a3cp("list")
    assert (code, len(out)) == (0, 1) and out[0].split()[:3] == ["ana-phone", "record", "until"]
    assert "sha256" not in out[0] + err and out[0].endswith("ana ben")


def test_list_says_when_an_entry_was_used_last(
    a3cp: Run, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A3CP_STATE_DIR", str(tmp_path / "state"))
    for name in ("lab", "ward"):
        a3cp("add", name, "--role", "review")
    writer = AccessUses(uses_path(tmp_path / "state")).note("lab", datetime(2026, 1, 31, 12, 5, tzinfo=UTC))
    assert writer is not None
    writer.join()
    assert [line.split("  ")[-1] for line in a3cp("list")[1]] == ["used 2026-01-31 12:05", "not used"]


def test_names_are_unique_and_unknown_ones_are_refused(a3cp: Run, path: Path) -> None:
    assert a3cp("add", "lab", "--role", "review")[0] == 0
    code, out, err = a3cp("add", "lab", "--role", "operate")
    assert (code, out) == (1, []) and "there is an entry named lab already" in err
    code, _, err = a3cp("revoke", "other")
    assert code == 1 and "there is no entry named other" in err
    assert a3cp("revoke", "lab") == (0, ["lab is revoked."], "")
    assert AccessFile(path).entries() == ()
    assert a3cp("list")[1] == ["There are no entries; `a3cp access add` makes one."]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["a b", "--role", "review"], "'a b': use 1-128 of"),
        (["x", "--role", "admin"], "--role: choose one of record, review, operate"),
        (["x", "--role", "record"], "--user: name at least one person"),
        (["x", "--role", "review", "--user", "ana"], "--user: the role review is not limited to people"),
        (["api-token", "--role", "review"], "stands for A3CP_API_TOKEN"),
    ],
)
def test_wrong_arguments_are_explained_and_write_no_file(
    a3cp: Run, path: Path, arguments: list[str], says: str
) -> None:
    code, out, err = a3cp("add", *arguments)
    assert (code, out) == (2, []) and says in err
    assert not path.exists()


def test_without_the_setting_the_command_names_it(a3cp: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A3CP_ACCESS_FILE", raising=False)
    for arguments in (["list"], ["add", "x", "--role", "review"], ["revoke", "x"]):
        code, _, err = a3cp(*arguments)
        assert code == 2 and "A3CP_ACCESS_FILE is not set" in err


def test_revoke_keeps_comments_and_every_other_entry(a3cp: Run, path: Path) -> None:
    for name in ("first", "second.phone", "third"):
        assert a3cp("add", name, "--role", "review")[0] == 0
    path.write_text("# the clinic\n" + path.read_text().replace("[third]", "# until May\n[third]  # Cleo"))
    before = {entry.name: entry for entry in AccessFile(path).entries()}
    assert a3cp("revoke", "second.phone")[0] == 0
    assert set(AccessFile(path).entries()) == {before["first"], before["third"]}
    assert (
        path.read_text().startswith("# the clinic\n[first]\n") and "# until May\n[third]  # Cleo\n" in path.read_text()
    )
    assert a3cp("revoke", "third")[0] == 0
    assert a3cp("revoke", "first")[0] == 0
    assert AccessFile(path).entries() == ()


def test_a_file_with_a_mistake_is_not_changed(a3cp: Run, path: Path) -> None:
    path.write_text("[lab]\nrole = 1\n")
    for arguments in (["add", "x", "--role", "review"], ["revoke", "lab"], ["list"]):
        code, _, err = a3cp(*arguments)
        assert code == 2 and "line 1: lab, expires: it is missing (and 2 more)" in err
    assert path.read_text() == "[lab]\nrole = 1\n"


def test_an_entry_that_cannot_be_cut_out_is_left_to_the_operator(a3cp: Run, path: Path) -> None:
    assert a3cp("add", "lab", "--role", "review")[0] == 0
    text = path.read_text().replace("[lab]\n", "").replace("\n", ", ").rstrip(", ")
    path.write_text(f"lab = {{ {text} }}\n")
    with pytest.raises(AccessError, match="edit it by hand"):
        revoke_entry(Settings(access_file=path), "lab")
    assert len(AccessFile(path).entries()) == 1


def test_a_change_leaves_the_file_to_those_who_may_read_it(a3cp: Run, path: Path) -> None:
    a3cp("add", "lab", "--role", "review")
    path.chmod(0o640)
    group = next((each for each in os.getgroups() if each != os.getegid()), os.getegid())
    os.chown(path, -1, group)
    assert a3cp("add", "ward", "--role", "review")[0] == 0
    assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_gid) == (0o640, group)


def test_the_file_never_becomes_longer_than_a_gateway_reads(a3cp: Run, path: Path) -> None:
    a3cp("add", "lab", "--role", "review")
    path.write_text(path.read_text() + "#" * (MOST_FILE_BYTES - path.stat().st_size - 40))
    code, _, err = a3cp("add", "ward", "--role", "review")
    assert code == 1 and "would be longer than 262,144 bytes; revoke" in err
    assert a3cp("revoke", "lab")[0] == 0


def test_commands_at_the_same_time_lose_nothing(path: Path) -> None:
    settings = Settings(access_file=path)
    add_entry(settings, "old", "review", [], 1)

    def change(number: int) -> None:
        if number == 5:
            revoke_entry(settings, "old")
        else:
            add_entry(settings, f"new-{number}", "review", [], 1)

    with redirect_stdout(StringIO()), ThreadPoolExecutor(8) as threads:
        list(threads.map(change, range(12)))
    assert {entry.name for entry in AccessFile(path).entries()} == {f"new-{n}" for n in range(12) if n != 5}
    assert [file.name for file in path.parent.iterdir()] == ["access.toml"], "no temporary file is left"
