"""The ``a3cp`` command. Each subcommand imports its modules when it runs: the gateway never loads MediaPipe, and
``--help`` is quick."""

from __future__ import annotations

from contracts.process.loading import loading

with loading():
    import sys
    from io import TextIOWrapper
    from pathlib import Path
    from typing import TYPE_CHECKING, Annotated

    import typer

    from scripts.access_cli import access_app
    from scripts.backup_cli import backup_app
    from scripts.dead_cli import dead_app
    from scripts.exits import exits
    from scripts.export_cli import export_app
    from scripts.library_cli import catalog_app, library_app
    from scripts.retention_cli import retention_app
    from scripts.study_cli import study_app

if TYPE_CHECKING:
    from contracts.process.settings import Settings

__all__ = ["app", "main"]

app = typer.Typer(
    help="Camera captures in, verified landmark features out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


RecordId = Annotated[str, typer.Argument(help="The capture's record_id or capture_id.")]
UserOfRecord = Annotated[str | None, typer.Option(help="Its user; needed only if several records have this id.")]
SessionOfRecord = Annotated[str | None, typer.Option(help="Its session; needed only if several records have this id.")]
_ANSWERS = "yes|no|unknown"
Sessions = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SESSION]...", help="Session ids, or paths of logs; by default all of LOG_ROOT."),
]


def _settings() -> Settings:
    from contracts.process.settings import load_settings

    return load_settings()


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"a3cp {version('a3cp')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Camera captures in, verified landmark features out."""


@app.command()
@exits
def up(
    extractors: Annotated[int, typer.Option(min=1, max=64, help="Number of extractors.")] = 1,
    recorders: Annotated[int, typer.Option(min=1, max=8, help="Number of recorders; one of them is active.")] = 1,
    live: Annotated[int, typer.Option(min=0, max=64, help="Number of live workers.")] = 1,
    gateways: Annotated[int, typer.Option(min=1, max=64, help="Number of gateway processes; they share the port.")] = 1,
    lan: Annotated[bool, typer.Option("--lan", help="Serve HTTPS on the local network, for phones.")] = False,
    sign_in: Annotated[
        str | None, typer.Option("--for", help="With --lan: the entry that the QR code signs in.")
    ] = None,
) -> int:
    """Run the whole stack in this terminal.

    It starts two private brokers, unless broker URLs are set.
    """
    with loading():
        from scripts.commands.up import up

        settings = _settings()
    return up(
        settings, extractors=extractors, recorders=recorders, live=live, gateways=gateways, lan=lan, sign_in=sign_in
    )


@app.command()
def gateway(
    processes: Annotated[int, typer.Option(min=1, max=64, help="Number of processes; they share the port.")] = 1,
) -> None:
    """Run the gateway."""
    from gateway.__main__ import main

    raise typer.Exit(main(processes))


@app.command()
def extractor(processes: Annotated[int, typer.Option(min=1, max=64, help="Number of processes.")] = 1) -> None:
    """Run extractors, the workers of captures."""
    from workers.__main__ import main

    raise typer.Exit(main(processes=processes, lane="capture"))


@app.command()
def worker(
    processes: Annotated[int, typer.Option(min=1, max=64, help="Number of processes for each lane.")] = 1,
) -> None:
    """Run workers for the lanes in A3CP_WORKER_LANES."""
    from workers.__main__ import main

    raise typer.Exit(main(processes=processes))


@app.command()
def recorder() -> None:
    """Run a recorder. A second one stands by."""
    from recorder.__main__ import main

    raise typer.Exit(main())


@app.command()
@exits
def ingest(
    files: Annotated[list[Path], typer.Argument(help="Video files, or folders of images.")],
    user: Annotated[str, typer.Option(help="The user whose captures these are.")],
    consent: Annotated[str, typer.Option(metavar=_ANSWERS, help="Whether the person agreed to be recorded.")],
    session: Annotated[str | None, typer.Option(help="An open session; without it, a new one.")] = None,
    intent: Annotated[str | None, typer.Option(help="What the gesture means.")] = None,
    gateway: Annotated[str | None, typer.Option(help="The gateway's URL; by default A3CP_HOST and A3CP_PORT.")] = None,
    fps: Annotated[int, typer.Option(min=1, help="Frames a second of an image folder.")] = 15,
) -> int:
    """Stream video files or image folders.

    Each becomes one capture. All are checked before a session is opened. Its log notes their names and hashes.

    The token is A3CP_API_TOKEN. It is no option, because every user of the machine can read the options of a process.
    """
    from scripts.commands.gateway_client import known_gateway
    from scripts.commands.ingest import IngestRequest, ingest, read_consent

    settings = _settings()
    gateway_url, trust = known_gateway(settings, gateway)
    request = IngestRequest(
        files=files,
        user_id=user,
        gateway_url=gateway_url,
        trust=trust,
        token=settings.api_token.get_secret_value() if settings.api_token else None,
        session_id=session,
        intent=intent,
        device_id=settings.device_id,
        consent_given=read_consent(consent),
        fps=fps,
    )
    return ingest(request, settings.capture)


@app.command()
@exits
def replay(record_id: RecordId, user: UserOfRecord = None, session: SessionOfRecord = None) -> int:
    """Verify the artifact of one record.

    Prints its shape (T, D), hash and encoding.
    """
    from scripts.commands.verify import replay_record

    return replay_record(_settings(), record_id, user, session)


@app.command()
@exits
def verify(sessions: Sessions = None) -> int:
    """Verify every capture of whole sessions.

    Checks each artifact, its hash and shape, and that the log has exactly one event for it.
    """
    from scripts.commands.verify import verify_logs

    return verify_logs(_settings(), sessions or [])


@app.command()
@exits
def show(
    record_id: RecordId,
    user: UserOfRecord = None,
    session: SessionOfRecord = None,
    output: Annotated[str, typer.Option(help="The folder to write to.")] = "pictures",
    rerun: Annotated[bool, typer.Option("--rerun", help="Also write a recording for the Rerun viewer.")] = False,
) -> int:
    """Draw one capture as pictures.

    Writes a contact sheet, an animation, and a plot of presence and hand speed.
    """
    from scripts.pictures.show import show_record
    from scripts.terminal import output_folder

    return show_record(_settings(), record_id, user, session, output_folder(output), rerun=rerun)


@app.command()
@exits
def inspect() -> int:
    """Show the captures, workers and events in the brokers."""
    from scripts.commands.inspect import inspect

    return inspect(_settings())


@app.command()
@exits
def doctor() -> int:
    """Check this machine and the settings.

    Checks brokers, folders, models and port, and says how to fix each problem.
    """
    from scripts.commands.doctor import doctor

    return doctor(_settings())


@app.command()
@exits
def acl(
    role: Annotated[str, typer.Argument(help="frames or events.")],
    passwords: Annotated[
        Path | None, typer.Option(help="A folder with one password file for each user: gateway, extractor, …")
    ] = None,
) -> int:
    """Print the access rules of a broker.

    The output is an ACL file: a user for each process, with only the rights that it needs.
    """
    from scripts.commands.acl import print_acl

    return print_acl(role, passwords)


app.add_typer(export_app)
app.add_typer(library_app)
app.add_typer(catalog_app, name="catalog")
app.add_typer(study_app, name="study")
app.add_typer(dead_app, name="dead")
app.add_typer(access_app, name="access")
app.add_typer(backup_app)
app.add_typer(retention_app)


@app.command(hidden=True)
@exits
def demo(
    video: Annotated[Path | None, typer.Argument(help="A video; by default a sample clip.")] = None,
    consent: Annotated[str, typer.Option(metavar=_ANSWERS, help="Whether the person in it agreed.")] = "unknown",
) -> int:
    """Run the whole pipeline once, and verify the result."""
    from scripts.commands.demo import demo
    from scripts.commands.ingest import read_consent

    return demo(_settings(), video, read_consent(consent))


def _escape_unknown_letters() -> None:
    """Print letters that the locale does not have as escapes. By default such a letter raises, and ends the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run the command: the entry point of the console script."""
    _escape_unknown_letters()
    app()


if __name__ == "__main__":
    main()
