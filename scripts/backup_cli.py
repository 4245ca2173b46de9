"""``a3cp backup`` and ``a3cp restore``. Like `scripts.cli`, it imports what a command needs when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scripts.exits import exits

if TYPE_CHECKING:
    from contracts.process.settings import Settings

__all__ = ["backup_app"]

backup_app = typer.Typer()


def _settings() -> Settings:
    from contracts.process.settings import load_settings

    return load_settings()


@backup_app.command()
@exits
def backup(target: Annotated[str, typer.Argument(help="A new folder, or that of an earlier backup.")]) -> int:
    """Copy logs, artifacts and the events broker's file.

    The stack may run. The copy is verified; an earlier one is kept until the new one is complete.
    """
    from scripts.commands.backup import backup
    from scripts.terminal import named_folder

    return backup(_settings(), named_folder("TARGET", target))


@backup_app.command()
@exits
def restore(source: Annotated[str, typer.Argument(help="The folder of a backup.")]) -> int:
    """Put a backup into empty folders, and verify them.

    It is refused if there is anything in them, or a stack runs on them.
    """
    from scripts.commands.restore import restore
    from scripts.terminal import named_folder

    return restore(_settings(), named_folder("SOURCE", source))
