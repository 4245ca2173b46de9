"""The access file: its mistakes with their lines, and that it is read again when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.process.access_file import MOST_FILE_BYTES, AccessFile, read_access
from contracts.rules import toml_lines
from contracts.rules.errors import ConfigurationError
from contracts.rules.rights import hash_token
from contracts.rules.toml_lines import TomlLines

HASH = hash_token("a3cp_one")
ENTRY = f'[ana-phone]\nrole = "record"\nusers = ["ana"]\nexpires = 2027-02-27T12:00:00Z\ntoken = "{HASH}"\n'


def test_an_entry_is_read() -> None:
    [entry], mistakes = read_access(ENTRY)
    assert not mistakes and (entry.name, entry.role, entry.user_ids) == ("ana-phone", "record", {"ana"})
    assert entry.expires_at is not None and entry.expires_at.isoformat() == "2027-02-27T12:00:00+00:00"
    assert entry.token_hash == HASH
    assert read_access("") == ((), [])


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[ana", 1, "this is no TOML"),
        (ENTRY.replace('"record"', '"recorder"'), 2, "role: it must be 'record', 'review' or 'operate'"),
        (ENTRY.replace('users = ["ana"]\n', ""), 1, "needs users"),
        (ENTRY.replace('"record"', '"review"'), 1, "not limited to users"),
        (ENTRY.replace('["ana"]', '["a/b"]'), 1, "'a/b' is no user_id"),
        (ENTRY.replace("12:00:00Z", "12:00:00"), 4, "write a time with its offset"),
        (ENTRY.replace("2027-02-27T12:00:00Z", "9999-12-31T23:00:00-12:00"), 4, "the years 2 to 9998"),
        (ENTRY.replace(HASH, "a3cp_secret"), 5, "the hash of a token"),
        (ENTRY.replace("users", "user"), 3, "there is no such setting; there are role, users, expires, token"),
        (ENTRY + ENTRY.replace("ana-phone", "other"), 10, "ana-phone has the same token"),
        (ENTRY.replace("[ana-phone]", "[ana phone]"), 1, "this is no TOML"),
        (ENTRY.replace("[ana-phone]", '["ana phone"]'), 1, "a name has"),
        (ENTRY.replace("ana-phone", "api-token"), 1, "A3CP_API_TOKEN"),
        ("name = 1\n", 1, "write a table"),
    ],
)
def test_a_mistake_has_its_line_and_quotes_no_token(text: str, line: int, says: str) -> None:
    entries, mistakes = read_access(text)
    assert not entries
    assert mistakes[0].line == line and says in mistakes[0].text, mistakes
    assert not any("a3cp_secret" in mistake.text for mistake in mistakes)


def test_a_file_with_a_mistake_in_each_entry_is_parsed_once_for_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[str] = []

    class Counted(TomlLines):
        def __init__(self, text: str) -> None:
            looks.append(text)
            super().__init__(text)

    monkeypatch.setattr(toml_lines, "TomlLines", Counted)
    wrong = ENTRY.replace("users", "user")
    _, mistakes = read_access(wrong + wrong.replace("ana-phone", "ben-phone"))
    assert [mistake.line for mistake in mistakes] == [3, 8] and len(looks) == 1


def test_a_change_counts_at_once_and_a_mistake_leaves_the_entries_in_force(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "access.toml"
    path.write_text(ENTRY)
    file = AccessFile(path)
    assert [entry.name for entry in file.entries()] == ["ana-phone"]
    path.write_text(ENTRY + ENTRY.replace("ana-phone", "lab").replace(HASH, hash_token("two")))
    assert [entry.name for entry in file.entries()] == ["ana-phone", "lab"]
    path.write_text("[broken")
    for _ in range(3):
        assert [entry.name for entry in file.entries()] == ["ana-phone", "lab"]
    path.unlink()
    assert len(file.entries()) == 2
    path.write_text("")
    assert file.entries() == ()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[a]\nrole=1\n", r"line 1: a, expires: it is missing \(and 2 more\)"),
        (b"\xff", "not UTF-8"),
        (b"#" * (MOST_FILE_BYTES + 1), "longer"),
    ],
)
def test_a_file_that_cannot_be_used_ends_the_start(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "access.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"A3CP_ACCESS_FILE: {path}: .*{says}"):
        AccessFile(path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="there is no such file; `a3cp access add` makes it"):
        AccessFile(path)
    with pytest.raises(ConfigurationError, match="no regular file"):
        AccessFile(tmp_path)
