"""``a3cp acl``: the users that it prints and the arguments that it refuses."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from contracts.rules.errors import ConfigurationError
from scripts.commands.acl import print_acl


def test_passwords_are_printed_as_hashes_and_only_those_users_that_have_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gateway").write_text("of the gateway\n")
    assert print_acl("events", tmp_path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["default", "gateway"]
    assert f"#{sha256(b'of the gateway').hexdigest()}" in lines[1] and "of the gateway" not in lines[1]


def test_without_passwords_every_user_has_a_placeholder_that_no_broker_accepts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert print_acl("frames", None) == 0
    assert capsys.readouterr().out.count("#<sha256 of ") == 6


@pytest.mark.parametrize("content", [None, "", "\n", "as base64\ndoes\n"])
def test_no_password_is_refused(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "gateway").write_text(content)
    with pytest.raises(ConfigurationError, match="--passwords"):
        print_acl("frames", tmp_path)


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="frames and events"):
        print_acl("pictures", None)
