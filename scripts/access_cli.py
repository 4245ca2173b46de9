"""``a3cp access``. Like `scripts.cli`, it imports what a command needs when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.exits import exits

__all__ = ["access_app"]

access_app = typer.Typer(help="Say who may use the gateway, in A3CP_ACCESS_FILE.")

EntryName = Annotated[str, typer.Argument(help="What the logs call its holder, such as ana-phone.")]


@access_app.command("add")
@exits
def access_add(
    name: EntryName,
    role: Annotated[str, typer.Option(help="record, review or operate.")],
    user: Annotated[
        list[str] | None, typer.Option(help="For record: a person for whom it may act; may be repeated.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long the token is valid.")] = 90,
) -> int:
    """Make a token, and print it alone on the last line.

    It is shown only now: the file has its hash. A gateway knows it from the next request on, without a restart.
    """
    from contracts.process.settings import load_settings
    from scripts.commands.access import add_entry

    return add_entry(load_settings(), name, role, user or [], days)


@access_app.command("list")
@exits
def access_list() -> int:
    """List the entries: name, role, until when, for whom.

    It shows no token and no hash.
    """
    from contracts.process.settings import load_settings
    from scripts.commands.access import list_entries

    return list_entries(load_settings())


@access_app.command("code")
@exits
def access_code(
    name: EntryName,
    url: Annotated[str | None, typer.Option(help="The gateway's URL as the device reaches it.")] = None,
) -> int:
    """Print a QR code that signs a phone in, once, within 10 minutes.

    The phone gets a token of its own, with the rights of the entry, until the
    entry expires or is revoked.
    """
    from contracts.process.settings import load_settings
    from scripts.commands.access_code import show_code

    return show_code(load_settings(), name, url)


@access_app.command("revoke")
@exits
def access_revoke(name: EntryName) -> int:
    """Remove an entry.

    A gateway refuses its token from the next request on, and ends its open connections within seconds.
    """
    from contracts.process.settings import load_settings
    from scripts.commands.access import revoke_entry

    return revoke_entry(load_settings(), name)
