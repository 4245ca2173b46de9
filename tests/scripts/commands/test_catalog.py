"""``a3cp catalog rebuild``."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from gateway.library.library import catalog_folder
from scripts.commands.catalog import CatalogError, rebuild_catalog
from tests.contracts.storage.session_lines import recorded, start
from tests.gateway.library.catalogs import Library
from tests.scripts.test_cli import a3cp


def test_it_makes_the_rows_that_the_gateway_makes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = Library(tmp_path)
    library.append(start(), recorded(), b"broken\n")
    library.catch_up()
    before = library.rows()
    settings = Settings(log_root=library.log_root, state_dir=tmp_path / "state")
    assert catalog_folder(settings) == library.folder
    assert rebuild_catalog(settings) == 0
    assert library.rows() == before
    out = capsys.readouterr().out
    assert out.startswith(f"{library.folder}: 1 log in ")
    assert out.endswith(" s, 1 line skipped\n")
    library.catalog.close()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LOG_ROOT: there is no"):
        rebuild_catalog(Settings(log_root=tmp_path / "absent", state_dir=tmp_path / "state"))
    (tmp_path / "state").write_text("a file")
    with pytest.raises(CatalogError, match="A3CP_STATE_DIR: "):
        rebuild_catalog(Settings(log_root=tmp_path, state_dir=tmp_path / "state"))


def test_the_command_runs_and_says_its_name_if_it_fails(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    run = a3cp("catalog", "rebuild", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "0 logs in" in run.stdout
    run = a3cp("catalog", "rebuild", cwd=tmp_path, LOG_ROOT="absent")
    assert run.returncode == 2
    assert run.stderr.startswith("a3cp catalog rebuild: LOG_ROOT: ")
