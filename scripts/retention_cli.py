"""``a3cp retention``. Like `scripts.cli`, it imports what a command needs when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.exits import exits
from scripts.questions import confirmed

__all__ = ["retention_app"]

retention_app = typer.Typer()
"""A command without a group, for `scripts.cli`."""


@retention_app.command()
@exits
def retention(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List it, and erase nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the list as one JSON object.")] = False,
    gateway: Annotated[str | None, typer.Option(help="The gateway's URL; by default A3CP_HOST and A3CP_PORT.")] = None,
) -> int:
    """Erase the captures whose time is over.

    The gateway erases by itself what comes due while it runs. All else waits for
    this command, which asks.
    """
    from contracts.process.settings import load_settings
    from scripts.commands.retention import retention

    confirm = (lambda _: True) if yes else confirmed
    return retention(load_settings(), gateway, dry_run=dry_run, confirm=confirm, as_json=json)
