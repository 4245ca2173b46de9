"""``a3cp dead``: what it prints and its exit codes, with a gateway in a thread."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import orjson
import pytest

from contracts.broker import keys
from contracts.broker.script import run
from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.paths import session_log_path
from contracts.state import dead_letters
from contracts.state.events import EventEntry, Receipt
from scripts.client import GatewayRefused
from scripts.commands.dead import drop_dead, list_dead, retry_dead, show_dead
from tests.contracts.storage.session_lines import record_id
from tests.scripts.client.served import ThreadedGateway

SESSION = "sess_00000000000000dd"
REFUSED = Receipt(error="missing_session_path", detail="the session's directory does not exist")


def make_dead(threaded: ThreadedGateway, user_id: str, name: str) -> str:
    async def made() -> str:
        event = orjson.dumps({"user_id": user_id, "session_id": SESSION, "event": name})
        fields = EventEntry(event, user_id, SESSION, record_id(1)).encode()
        broken = {n.encode(): v if isinstance(v, bytes) else v.encode() for n, v in fields.items()}
        events = threaded.gateway.state.events
        await run(events, dead_letters.dead_letter("1-0", REFUSED, broken, datetime.now(UTC)))
        [[letter_id, _]] = await events.xrevrange(keys.DEAD_EVENTS, count=1)
        return str(letter_id.decode())

    return threaded.run(made())


def test_the_story_of_two_letters(threaded: ThreadedGateway, unique: str, capsys: pytest.CaptureFixture[str]) -> None:
    settings, url = Settings(), threaded.url
    first, second = make_dead(threaded, unique, "note"), make_dead(threaded, unique, "\x1b[31mred")

    assert list_dead(settings, url) == 0
    table = capsys.readouterr().out
    assert re.search(rf"{first} .* missing_session_path +note +{unique} +{SESSION} +\d+ bytes", table)
    assert "\x1b" not in table and "2 dead letters" in table
    assert list_dead(settings, url, as_json=True) == 0
    assert {orjson.loads(line)["id"] for line in capsys.readouterr().out.splitlines()} == {first, second}

    assert show_dead(settings, url, second) == 0
    shown = capsys.readouterr().out
    assert "\x1b" not in shown and "What to do: Restore the directory" in shown and f'"user_id": "{unique}"' in shown

    with pytest.raises(GatewayRefused, match=r"would_fail_again.*directory does not exist"):
        retry_dead(settings, url, first, all_=False)
    assert retry_dead(settings, url, None, all_=True) == 1
    assert capsys.readouterr().out.splitlines()[0].startswith(f"{first} stays: missing_session_path")

    asked: list[str] = []
    assert drop_dead(settings, url, second, confirm=lambda text: bool(asked.append(text))) == 1
    assert "never in its session's log" in asked[0] and "\x1b" not in asked[0]
    assert drop_dead(settings, url, second, confirm=lambda _: True) == 0

    session_log_path(threaded.gateway.state.settings.log_root, unique, SESSION).parent.mkdir(parents=True)
    assert retry_dead(settings, url, None, all_=True) == 0
    assert f"{first} is on its way again since" in capsys.readouterr().out
    with pytest.raises(GatewayRefused, match="It was put back into the stream at"):
        retry_dead(settings, url, first, all_=False)
    assert list_dead(settings, url) == 0
    assert "0 dead letters" in capsys.readouterr().out


@pytest.mark.parametrize(("item", "all_"), [(None, False), ("1-0", True)])
def test_a_retry_names_one_or_all(item: str | None, all_: bool) -> None:
    with pytest.raises(ConfigurationError, match="name one id, or --all"):
        retry_dead(Settings(), None, item, all_=all_)
