"""The subcommands of ``a3cp`` about the library. Like `scripts.cli`, it imports what a command needs when it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from scripts.exits import exits
from scripts.questions import confirmed

if TYPE_CHECKING:
    from contracts.process.settings import Settings

__all__ = ["catalog_app", "library_app"]

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


library_app = typer.Typer()
"""Commands without a group: ``a3cp list``, not ``a3cp library list``."""

CaptureId = Annotated[str, typer.Argument(help="The capture's capture_id or record_id.")]
Performer = Annotated[str, typer.Option(help="Who says it; the log keeps the name.")]
Gateway = Annotated[str | None, typer.Option(help="The gateway's URL; by default A3CP_HOST and A3CP_PORT.")]


def _settings() -> Settings:
    from contracts.process.settings import load_settings

    return load_settings()


@library_app.command("list")
@exits
def list_(
    user: Annotated[str | None, typer.Option(help="Only captures of this user.")] = None,
    participant: Annotated[str | None, typer.Option(help="Only captures that show this person.")] = None,
    session: Annotated[str | None, typer.Option(help="Only captures of this session.")] = None,
    label: Annotated[str | None, typer.Option(help="Only captures with this label; '' finds those without.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Recorded on this day or later; or at a time, 2026-01-31T12:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Recorded before this day or time.")] = None,
    quality: Annotated[str | None, typer.Option(help="good, check, poor or none.")] = None,
    review: Annotated[str | None, typer.Option(help="keep, redo, reject or none.")] = None,
    consent: Annotated[str | None, typer.Option(help="given, refused, withdrawn or unknown.")] = None,
    state: Annotated[str | None, typer.Option(help="kept, withdrawn or erased.")] = None,
    study: Annotated[str | None, typer.Option(help="Only takes of this study.")] = None,
    search: Annotated[str | None, typer.Option(help="Words that occur in the label or in an id.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest first.")] = 100,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each capture, on a line.")] = False,
    gateway: Gateway = None,
) -> int:
    """List the captures of a running gateway.

    The newest come first. Times are in UTC.
    """
    from scripts.commands.library import list_captures
    from scripts.exports.choice import moment

    filters = {
        "user_id": user, "session_id": session, "label": label,
        "since": moment("--since", since), "until": moment("--until", until),
        "quality": quality, "review": review, "consent": consent, "state": state,
        "participant": participant, "study": study, "search": search,
    }  # fmt: skip
    return list_captures(_settings(), gateway, cast(Any, filters), limit, as_json=json)


@library_app.command()
@exits
def review(
    capture: CaptureId,
    verdict: Annotated[str, typer.Argument(help="keep, redo or reject; none takes the last verdict back.")],
    reason: Annotated[str | None, typer.Option(help="Why, in a few words.")] = None,
    performer: Performer = "system",
    gateway: Gateway = None,
) -> int:
    """Judge a capture: keep, redo or reject.

    The verdict is one more line in the session's log. The last one counts.
    """
    from scripts.commands.library import say

    verdict_: Any = None if verdict == "none" else verdict  # the client checks it
    return say(
        _settings(), gateway, capture,
        lambda library, found: library.review(found, verdict_, reason=reason, performer_id=performer),
    )  # fmt: skip


@library_app.command()
@exits
def relabel(
    capture: CaptureId,
    intent: Annotated[str, typer.Argument(help="What the gesture means; '' takes the last correction back.")],
    performer: Performer = "system",
    gateway: Gateway = None,
) -> int:
    """Correct what a capture means.

    The label is one more line in the session's log. The last one counts.
    """
    from scripts.commands.library import say

    return say(
        _settings(), gateway, capture,
        lambda library, found: library.relabel(found, intent or None, performer_id=performer),
    )  # fmt: skip


@library_app.command()
@exits
def reassign(
    capture: CaptureId,
    participant: Annotated[str, typer.Argument(help="The person whom the capture shows.")],
    performer: Performer = "system",
    gateway: Gateway = None,
) -> int:
    """Correct whom a capture shows.

    It is one more line in the session's log; no file is moved. The last one counts.
    """
    from contracts.rules.errors import ConfigurationError
    from contracts.rules.ids import is_identifier
    from scripts.commands.library import say

    if not is_identifier(participant):
        raise ConfigurationError("the participant: 1-128 of A-Z a-z 0-9 . _ -, not starting with a dot")
    return say(
        _settings(), gateway, capture,
        lambda library, found: library.reassign(found, participant, performer_id=performer),
    )  # fmt: skip


@library_app.command()
@exits
def forget(
    user: Annotated[str, typer.Argument(help="The person's user_id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> int:
    """Remove all of a person, their logs too.

    Nothing may run on these folders and brokers. It asks for the user_id again, and cannot be undone.
    """
    from scripts.commands.forget import forget

    return forget(_settings(), user, yes=yes)


@library_app.command()
@exits
def withdraw(
    capture: Annotated[str | None, typer.Argument(help="The capture's capture_id or record_id.")] = None,
    user: Annotated[str | None, typer.Option(help="The person: without --session, all that shows them.")] = None,
    session: Annotated[str | None, typer.Option(help="Only this session of the user.")] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Have the artifacts removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    performer: Performer = "system",
    gateway: Gateway = None,
) -> int:
    """Withdraw consent to a capture, a session or a person.

    At once no page, picture or export has the captures any more. With --erase, workers remove their artifacts, and the
    log keeps that they did.
    """
    from scripts.commands.library import withdraw as withdraw_

    return withdraw_(
        _settings(), gateway, capture, user_id=user, session_id=session, erase=erase, performer_id=performer,
        confirm=(lambda _: True) if yes else confirmed,
    )  # fmt: skip
