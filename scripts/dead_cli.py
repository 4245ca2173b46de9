"""``a3cp dead``: what could not be recorded. Like `scripts.cli`, it imports what a command needs when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from scripts.exits import exits
from scripts.questions import confirmed

if TYPE_CHECKING:
    from contracts.process.settings import Settings

__all__ = ["dead_app"]

dead_app = typer.Typer(
    help="See what could not be recorded, try it again, drop it.", no_args_is_help=True, rich_markup_mode=None
)

ItemId = Annotated[str, typer.Argument(metavar="ID", help="The id that `a3cp dead list` prints.")]
Gateway = Annotated[str | None, typer.Option(help="The gateway's URL; by default A3CP_HOST and A3CP_PORT.")]


def _settings() -> Settings:
    from contracts.process.settings import load_settings

    return load_settings()


@dead_app.command("list")
@exits
def dead_list(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each, on a line.")] = False,
    gateway: Gateway = None,
) -> int:
    """List what could not be recorded.

    The newest come first. Times are in UTC.
    """
    from scripts.commands.dead import list_dead

    return list_dead(_settings(), gateway, as_json=json)


@dead_app.command("show")
@exits
def dead_show(item: ItemId, gateway: Gateway = None) -> int:
    """Show one, why it is there, and what to do.

    Prints the whole event.
    """
    from scripts.commands.dead import show_dead

    return show_dead(_settings(), gateway, item)


@dead_app.command("retry")
@exits
def dead_retry(
    item: Annotated[str | None, typer.Argument(metavar="[ID]", help="The id that `a3cp dead list` prints.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Each that would not fail again, the oldest first.")] = False,
    gateway: Gateway = None,
) -> int:
    """Try one again, exactly once.

    It is refused, with the reason, while it would fail again.
    """
    from scripts.commands.dead import retry_dead

    return retry_dead(_settings(), gateway, item, all_=all_)


@dead_app.command("drop")
@exits
def dead_drop(
    item: ItemId,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    gateway: Gateway = None,
) -> int:
    """Remove one for good.

    It asks, and says what is lost.
    """
    from scripts.commands.dead import drop_dead

    return drop_dead(_settings(), gateway, item, confirm=(lambda _: True) if yes else confirmed)
