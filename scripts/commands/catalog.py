"""``a3cp catalog rebuild``: fill the catalog of this machine's gateway again from the session logs."""

from __future__ import annotations

import sqlite3
import time

from contracts.process.settings import Settings
from contracts.rules.errors import A3CPError, ConfigurationError
from gateway.library.catalog import Catalog
from gateway.library.library import catalog_folder
from scripts.terminal import many, printable

__all__ = ["CatalogError", "rebuild_catalog"]


class CatalogError(A3CPError):
    """The catalog cannot be written; the text says why."""


def rebuild_catalog(settings: Settings) -> int:
    """Fill the catalog from nothing, and print how many logs it has; returns 0. A running gateway answers from the old
    rows until the new ones are complete.

    Raises:
        ConfigurationError: ``LOG_ROOT`` does not exist.
        CatalogError: the file system refuses, or another process writes the catalog all the time.
    """
    if not settings.log_root.is_dir():
        raise ConfigurationError(f"LOG_ROOT: there is no {settings.log_root.absolute()}")
    folder = catalog_folder(settings)
    catalog = Catalog(folder, settings.log_root)
    began = time.perf_counter()
    try:
        logs = catalog.rebuild()
    except (sqlite3.Error, OSError) as error:
        why = getattr(error, "strerror", None) or error
        raise CatalogError(f"A3CP_STATE_DIR: the catalog in {folder} cannot be written: {why}") from error
    finally:
        catalog.close()
    skipped = f", {many(catalog.skipped, 'line')} skipped" if catalog.skipped else ""
    print(printable(f"{folder.absolute()}: {many(logs, 'log')} in {time.perf_counter() - began:.1f} s{skipped}"))
    return 0
