"""Which names the settings accept for a local folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.process.local_folder import local_folder
from contracts.process.settings import load_settings
from contracts.rules.errors import ConfigurationError
from scripts.terminal import output_folder

URLS = ["s3://bucket/exports", "S3://b", "gs://b", "file:///tmp", "https://a.example/x", "s3:/bucket"]
NAMES = ["DATA_ROOT", "LOG_ROOT", "A3CP_STATE_DIR"]


@pytest.mark.parametrize("text", [*URLS, "~no-such-user-here/x", "data\r", "a\0b"])
def test_a_name_of_no_local_folder_is_refused_and_the_line_names_the_variable(text: str) -> None:
    for name in NAMES:
        with pytest.raises(ConfigurationError, match=rf"^{name}: "):
            load_settings({name: text})
    with pytest.raises(ConfigurationError, match=r"^--output: "):
        output_folder(text)


def test_a_home_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings({"DATA_ROOT": "~/data"}).data_root == output_folder("~/data") == tmp_path / "data"
    assert load_settings({"LOG_ROOT": "~"}).log_root == tmp_path


@pytest.mark.parametrize("text", ["data", "./s3", "/x/10:30", "a b/ü", "x/~", "10:/x", "-x"])
def test_any_other_name_is_taken_as_it_is(text: str) -> None:
    assert local_folder(text) == Path(text)
