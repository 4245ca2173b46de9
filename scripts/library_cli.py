"""The subcommands of ``a3cp`` about the library. Like `scripts.cli`, it imports what a command needs when it runs."""

from __future__ import annotations

import typer

from scripts.exits import exits

__all__ = ["catalog_app"]

catalog_app = typer.Typer(help="Rebuild the gateway's catalog of captures.")


@catalog_app.callback()
def _catalog() -> None:
    """Without a callback, Typer drops the name of a subcommand that is alone."""


@catalog_app.command("rebuild")
@exits
def catalog_rebuild() -> int:
    """Fill the catalog again from the session logs.

    It is needed only if a log was changed by hand. A gateway may run meanwhile.
    """
    from contracts.process.settings import load_settings
    from scripts.commands.catalog import rebuild_catalog

    return rebuild_catalog(load_settings())
