"""The ``a3cp`` command. Each command imports what it needs when it runs: the gateway never loads MediaPipe, and help
is quick."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app", "main"]

app = typer.Typer(
    help="Camera captures in, verified landmark features out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
def up(
    extractors: Annotated[int, typer.Option(min=1, max=64, help="Extractor processes.")] = 1,
    recorders: Annotated[int, typer.Option(min=1, max=8, help="Recorders; one is active, the others stand by.")] = 1,
    live: Annotated[int, typer.Option(min=0, max=64, help="Live workers, if STREAM_ENABLED is not false.")] = 1,
) -> None:
    """Run the whole stack in this terminal.

    With no broker URL set, it starts two private brokers.
    """

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.commands.up import up

        return up(load_settings(), extractors=extractors, recorders=recorders, live=live)

    _tool("up", action)


@app.command()
def gateway() -> None:
    """Run the gateway."""
    from gateway.__main__ import main

    raise typer.Exit(main())


@app.command()
def extractor(processes: Annotated[int, typer.Option(min=1, max=64, help="How many to run.")] = 1) -> None:
    """Run extractors: workers of the capture lane alone."""
    from workers.__main__ import main

    raise typer.Exit(main(processes=processes, lane="capture"))


@app.command()
def worker(
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many to run for each lane.")] = 1,
) -> None:
    """Run workers of the lanes that A3CP_WORKER_LANES names."""
    from workers.__main__ import main

    raise typer.Exit(main(processes=processes))


@app.command()
def recorder() -> None:
    """Run a recorder; a second one stands by."""
    from recorder.__main__ import main

    raise typer.Exit(main())


@app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(help="Video files, or folders of images.")],
    user: Annotated[str, typer.Option(help="Whose captures these are.")],
    session: Annotated[str | None, typer.Option(help="An open session; without it one is started and ended.")] = None,
    intent: Annotated[str | None, typer.Option(help="What the gesture means.")] = None,
    gateway: Annotated[str | None, typer.Option(help="The gateway's URL; A3CP_HOST and A3CP_PORT if not said.")] = None,
    fps: Annotated[int, typer.Option(min=1, help="Images a second, for folders.")] = 15,
) -> None:
    """Stream video files or image folders.

    Each becomes one capture. All are looked at before a session is opened, and its log notes their names and hashes.

    Its token is A3CP_API_TOKEN; as an option it would stand in the list of processes, for everybody to read.
    """

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.commands.ingest import IngestRequest, ingest
        from scripts.stack.stack import gateway_address

        settings = load_settings()
        request = IngestRequest(
            files=files,
            user_id=user,
            gateway_url=gateway or gateway_address(settings),
            token=settings.api_token.get_secret_value() if settings.api_token else None,
            session_id=session,
            intent=intent,
            device_id=settings.device_id,
            fps=fps,
        )
        return ingest(request, settings.capture)

    _tool("ingest", action)


@app.command()
def replay(
    record_id: Annotated[str, typer.Argument(help="The capture's record_id.")],
    user: Annotated[str | None, typer.Option(help="Whose it is; needed only if several have the same.")] = None,
    session: Annotated[str | None, typer.Option(help="The session it belongs to; needed as seldom.")] = None,
) -> None:
    """Load and verify one artifact, by its record.

    Prints (T, D), hash and encoding.
    """

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.commands.verify import replay_record

        return replay_record(load_settings(), record_id, user, session)

    _tool("replay", action)


@app.command()
def verify(
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[SESSION]...", help="Ids, or logs; all of LOG_ROOT if none is named.")
    ] = None,
) -> None:
    """Verify every capture of whole sessions.

    Artifact, hash, shape, and exactly one event each.
    """

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.commands.verify import verify_logs

        return verify_logs(load_settings(), sessions or [])

    _tool("verify", action)


@app.command()
def export(
    format_: Annotated[str, typer.Option("--format", help="pose, gislr, npy1662 or hf.")],
    sessions: Annotated[
        list[str] | None, typer.Argument(metavar="[SESSION]...", help="Ids, or logs; all of LOG_ROOT if none is named.")
    ] = None,
    output: Annotated[str, typer.Option(help="Where the folder named like the format will be.")] = "exports",
    user: Annotated[str | None, typer.Option(help="This user's sessions alone.")] = None,
    without_consent: Annotated[
        bool, typer.Option("--include-without-consent", help="Captures too whose consent_given is false.")
    ] = False,
    demos: Annotated[bool, typer.Option("--include-demo", help="Captures too whose is_demo is true.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an export that is there and differs.")] = False,
) -> None:
    """Verify captures and export them.

    For other tools: .pose, GISLR's Parquet, .npy, Hugging Face datasets.
    """

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.exports.command import ExportRequest, export
        from scripts.exports.sessions import Choice
        from scripts.terminal import output_folder

        request = ExportRequest(
            format=format_,
            sessions=sessions or (),
            output=output_folder(output),
            user_id=user,
            choice=Choice(without_consent=without_consent, demos=demos),
            replace=replace,
        )
        return export(load_settings(), request)

    _tool("export", action)


@app.command()
def show(
    record_id: Annotated[str, typer.Argument(help="The capture's record_id.")],
    user: Annotated[str | None, typer.Option(help="Whose it is; needed only if several have the same.")] = None,
    session: Annotated[str | None, typer.Option(help="The session it belongs to; needed as seldom.")] = None,
    output: Annotated[str, typer.Option(help="The folder to write to.")] = "pictures",
    rerun: Annotated[bool, typer.Option("--rerun", help="Write a recording for the Rerun viewer too.")] = False,
) -> None:
    """Draw one capture as pictures.

    A contact sheet, an animation, and a plot of presence and hand speed.
    """

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.pictures.show import show_record
        from scripts.terminal import output_folder

        return show_record(load_settings(), record_id, user, session, output_folder(output), rerun=rerun)

    _tool("show", action)


@app.command()
def inspect() -> None:
    """Show what is in the brokers now."""

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.commands.inspect import inspect

        return inspect(load_settings())

    _tool("inspect", action)


@app.command()
def doctor() -> None:
    """Check this machine and the settings.

    Brokers, folders, models, port; says how to fix what is wrong.
    """

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.commands.doctor import doctor

        return doctor(load_settings())

    _tool("doctor", action)


@app.command()
def acl(
    role: Annotated[str, typer.Argument(help="frames or events.")],
    passwords: Annotated[
        Path | None, typer.Option(help="A folder with a password in a file for each user: gateway, extractor, …")
    ] = None,
) -> None:
    """Print the access rules of a broker.

    An ACL file: a user for each process, with the rights that it needs.
    """

    def action() -> int:
        from scripts.commands.acl import print_acl

        return print_acl(role, passwords)

    _tool("acl", action)


@app.command(hidden=True)
def demo(video: Annotated[Path | None, typer.Argument(help="A video; a sample clip if none is named.")] = None) -> None:
    """Run the whole pipeline once and verify what it made."""

    def action() -> int:
        from contracts.process.settings import load_settings
        from scripts.commands.demo import demo

        return demo(load_settings(), video)

    _tool("demo", action)


def _tool(name: str, action: Callable[[], int]) -> None:
    """Run a command that ends; one line and exit code 1 for an `A3CPError`, never a traceback."""
    from contracts.process.logs import say_last
    from contracts.process.run import run_process
    from contracts.rules.errors import A3CPError, FatalError
    from scripts.terminal import until_the_reader_leaves

    def guarded() -> int:
        try:
            return until_the_reader_leaves(action)
        except FatalError:
            raise
        except A3CPError as error:
            say_last(f"a3cp {name}: {error}")
            return 1

    raise typer.Exit(run_process(name, guarded))


def _print_what_has_no_letter_here() -> None:
    """A locale may not have every letter that is printed: it is written as its escape, and ends no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """The console script."""
    _print_what_has_no_letter_here()
    app()


if __name__ == "__main__":
    main()
