"""The client's library and the commands that print it, with a gateway in a thread."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from scripts.client import CaptureClient, GatewayRefused, SyncCaptureClient, SyncSession, UsageError
from scripts.client import library as library_module
from scripts.commands.library import list_captures, say, withdraw
from tests.scripts.client.served import ThreadedGateway
from tests.support.commands import run_forked
from tests.support.messages import jpeg

SIZE: dict[str, Any] = {"fps": 15, "width": 64, "height": 48}


def record(session: SyncSession, intent: str) -> str:
    """Record a capture; returns its id."""
    with session.capture(**SIZE, intent=intent) as capture:
        capture.send_all(jpeg() for _ in range(5))
    return capture.capture_id


def test_what_is_said_about_a_capture_is_in_the_next_list(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        first, second = record(session, "wave"), record(session, "nod")
        page = client.library.page(user_id=unique)
        assert ([one.capture_id for one in page.captures], page.total, page.next) == ([second, first], 2, None)
        said_at = client.library.review(first, "redo", reason="blurred", performer_id="carer-1")
        client.library.relabel(page.captures[1], "hello", performer_id="carer-1")
        client.library.reassign(first, "person-2")
        assert [one.capture_id for one in client.library.captures(user_id=unique, review="redo")] == [first]
        known = client.library.capture(first)
        assert known is not None and (known.label, known.participant, known.review) == ("hello", "person-2", "redo")
        recorded, reviewed, *_ = known.history
        assert (recorded.event, reviewed.event) == ("capture.recorded", "capture.reviewed")
        assert (reviewed.recorded_at, reviewed.performer_id) == (said_at, "carer-1")
        assert reviewed.details == {"verdict": "redo", "reason": "blurred"}
        assert client.library.summary().user[unique] == 2


def test_the_same_record_id_says_it_once(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        capture_id, record_id = record(session, "wave"), str(uuid.uuid4())
        answers = {client.library.review(capture_id, "keep", record_id=record_id) for _ in range(2)}
        assert len(answers) == 1
        known = client.library.capture(capture_id)
        assert known is not None and len(known.history) == 2


async def test_captures_reads_every_page(
    threaded: ThreadedGateway, unique: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "MOST_PER_PAGE", 2)
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        ids = [record(session, "wave") for _ in range(5)]
        assert [one.capture_id for one in client.library.captures(user_id=unique)] == ids[::-1]
    async with CaptureClient(threaded.url) as client:
        assert [one.capture_id async for one in client.library.captures(user_id=unique)] == ids[::-1]


def test_wrong_arguments_are_named_and_unknown_captures_are_none(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client:
        assert client.library.capture(unique) is None and client.library.capture("../x") is None
        with pytest.raises(UsageError, match="quality"):
            client.library.page(quality="superb")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="limit"):
            client.library.page(limit=501)
        with pytest.raises(UsageError, match="no capture"):
            client.library.review(unique, "keep")
        with pytest.raises(GatewayRefused, match="cursor"):
            client.library.page(cursor="x")
        with client.session(unique) as session:
            capture_id = record(session, "wave")
        with pytest.raises(UsageError, match="verdict"):
            client.library.review(capture_id, "great")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="intent"):
            client.library.relabel(capture_id, " ")


def test_the_list_is_a_table_or_lines_of_json(
    threaded: ThreadedGateway, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        ids = [record(session, "[red]wave"), record(session, "nod")]
    assert say(Settings(), threaded.url, ids[0], lambda library, found: library.review(found, "keep")) == 0
    assert capsys.readouterr().out.startswith("recorded 20")
    assert list_captures(Settings(), threaded.url, {"user_id": unique}, 1) == 0
    head, row, last = capsys.readouterr().out.splitlines()
    assert head.split()[-1] == "capture" and row.split()[-1] == ids[1] and "nod" in row
    assert last == "1 of 2 captures; --limit 2 shows all"
    assert list_captures(Settings(), threaded.url, {"user_id": unique, "review": "keep"}, 600) == 0
    assert "[red]wave" in capsys.readouterr().out
    assert list_captures(Settings(), threaded.url, {"user_id": unique}, 600, as_json=True) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["capture_id"] for line in lines] == ids[::-1]
    assert list_captures(Settings(), threaded.url, {"user_id": unique + "-2"}, 600) == 0
    assert capsys.readouterr().out == "0 captures\n"


def run(*arguments: str) -> tuple[int, str, str]:
    done = run_forked(arguments, Path("/"), os.environ)
    return done.returncode, done.stdout, done.stderr


def test_the_commands_say_it_to_a_running_gateway(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        capture_id = record(session, "wave")
    gateway = ("--gateway", threaded.url)
    assert run("review", capture_id, "reject", "--reason", "dark", "--performer", "carer-1", *gateway)[0] == 0
    assert run("relabel", capture_id, "nod", *gateway)[0] == 0
    assert run("reassign", capture_id, "person-2", *gateway)[0] == 0
    code, out, _ = run("list", "--user", unique, "--since", "2026-01-31", "--json", *gateway)
    listed = json.loads(out)
    assert (code, listed["review"], listed["label"], listed["participant"]) == (0, "reject", "nod", "person-2")
    assert run("list", "--user", unique, "--until", "2026-01-31", *gateway) == (0, "0 captures\n", "")
    for absent in ("absent", str(uuid.uuid4())):
        code, out, err = run("review", absent, "keep", *gateway)
        assert (code, out, err) == (1, "", f"a3cp review: the library has no capture or record '{absent}'\n")
    assert run("review", listed["record_id"].upper(), "none", *gateway)[0] == 0
    assert run("relabel", listed["record_id"], "", *gateway)[0] == 0
    listed = json.loads(run("list", "--user", unique, "--json", *gateway)[1])
    assert (listed["review"], listed["label"]) == (None, "wave")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--review", "great"), "a3cp list: review: "),
        (("list", "--since", "yesterday"), "a3cp list: --since: a day or a time"),
        (("reassign", "c", "a b"), "a3cp reassign: the participant: 1-128 of A-Z"),
    ],
)
def test_a_wrong_argument_is_one_line_and_exit_code_2(
    threaded: ThreadedGateway, arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = run(*arguments, "--gateway", threaded.url)
    assert code == 2 and err.startswith(said) and len(err.splitlines()) == 1


def test_consent_is_withdrawn_from_a_capture_a_session_and_a_person(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        first, second = record(session, "wave"), record(session, "nod")
        asked = client.library.withdraw(first)
        assert (asked.withdrawn, asked.erasing) == (1, 0)
        known = client.library.capture(second)
        assert known is not None and known.state == "kept"
        assert client.library.withdraw(known, erase=True, performer_id="carer-1").erasing == 1
        asked = client.library.withdraw(user_id=unique, session_id=session.session_id)
        assert (asked.withdrawn, asked.erasing) == (2, 1)
        assert client.library.withdraw(user_id=unique, erase=True).erasing == 2
        assert {one.state for one in client.library.captures(user_id=unique)} == {"withdrawn"}
        with pytest.raises(UsageError, match="no capture"):
            client.library.withdraw("absent")
        with pytest.raises(UsageError, match="user_id"):
            client.library.withdraw()
        with pytest.raises(GatewayRefused, match="session"):
            client.library.withdraw(user_id=f"{unique}-x")


def test_the_command_withdraws_what_is_named_after_a_confirmation(
    threaded: ThreadedGateway, unique: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def withdrawn(capture_id: str | None = None, *, confirmed: bool = True, **named: Any) -> tuple[int, str]:
        def confirm(question: str) -> bool:
            asked.append(question)
            return confirmed

        options = {"user_id": None, "session_id": None, "erase": False, "performer_id": "carer-1"} | named
        code = withdraw(Settings(), threaded.url, capture_id, confirm=confirm, **options)
        return code, capsys.readouterr().out

    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        capture_id = record(session, "wave")
        assert withdrawn(capture_id, confirmed=False) == (1, "nothing was withdrawn\n")
        known = client.library.capture(capture_id)
        assert known is not None and known.state == "kept"
        assert withdrawn(capture_id) == (0, "withdrawn: 1 capture\n")
        code, said = withdrawn(user_id=unique, session_id=session.session_id, erase=True)
        assert (code, said) == (0, "withdrawn: 1 capture; 1 to be erased, as soon as an extractor has time\n")
    assert asked[1] == f"Withdraw consent to the capture {capture_id}?"
    assert asked[2].endswith("and erase it; this cannot be undone?")
    for wrong in ({}, {"session_id": "s"}, {"capture_id": "c", "session_id": "s"}):
        with pytest.raises(ConfigurationError):
            withdrawn(**wrong)


def test_the_command_line_withdraws(threaded: ThreadedGateway, unique: str) -> None:
    with SyncCaptureClient(threaded.url) as client, client.session(unique) as session:
        record(session, "wave")
    code, out, err = run("withdraw", "--user", unique, "--erase", "--yes", "--gateway", threaded.url)
    assert (code, err) == (0, "") and out.startswith("withdrawn: 1 capture; 1 to be erased")
