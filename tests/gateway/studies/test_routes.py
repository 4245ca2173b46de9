"""``/studies``: the studies of a folder, their pictures, and how far a participant is."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from contracts.rules.errors import ConfigurationError
from gateway.library import library as library_module
from gateway.studies.folder import StudyFolder
from tests.contracts.storage.session_lines import SESSION, USER, line_bytes, quality, recorded, said, start
from tests.gateway.docs.against import documented
from tests.gateway.library.catalogs import Library
from tests.gateway.reached import Reached, assert_refused, reaching
from tests.gateway.studies.test_table import GOOD, PNG, written

STUDY = """title = "Gestures of daily care"
language = "en"
consent = "# May we?"
repetitions = 2
order = "given"
seconds = 3
break_every = 10

[good]
ignore = ["hands_still"]

[[prompts]]
id = "drink"
text = "Drink"
picture = "drink.png"
say = "I would like a drink."

[[prompts]]
id = "pain"
text = "Something hurts"
intent = "pain"
"""


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_module, "FRESH_S", 60.0)
    monkeypatch.setattr(library_module, "FIRST_S", 60.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "studies"
    made.mkdir()
    written(made, PNG, "drink.png")
    written(made, STUDY, "daily-care.toml")
    return made


async def got(gateway: Reached, path: str) -> dict[str, Any]:
    answer = await gateway.client.get(path)
    assert answer.status_code == 200, answer.text
    assert documented(answer)
    return dict(answer.json())


async def test_the_studies_are_listed_by_file_name_and_those_with_a_mistake_apart(folder: Path, tmp_path: Path) -> None:
    written(folder, GOOD, "a.toml")
    written(folder, GOOD + "strange = 1\n", "broken.toml")
    written(folder, "no study", "notes.md")
    async with reaching(tmp_path, recorder=False, studies_dir=folder) as gateway:
        listed = await got(gateway, "/studies")
        assert listed == {
            "studies": [
                {"study": "a", "title": "Care", "language": None, "prompts": 1, "wanted": 2},
                {
                    "study": "daily-care",
                    "title": "Gestures of daily care",
                    "language": "en",
                    "prompts": 2,
                    "wanted": 4,
                },
            ],
            "unreadable": ["broken"],
        }
        assert_refused(await gateway.client.get("/studies/broken"), 500, "study_unreadable")
        for unknown in ("absent", "..%2Fdaily-care", ".toml", "notes.md"):
            refused = await gateway.client.get(f"/studies/{unknown}")
            assert refused.status_code == 404 and refused.json()["error"] in ("unknown_study", "not_found")


async def test_a_study_has_all_that_a_page_needs(folder: Path, tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, studies_dir=folder, consent="required") as gateway:
        study = await got(gateway, "/studies/daily-care")
        assert study == {
            "study": "daily-care",
            "title": "Gestures of daily care",
            "language": "en",
            "consent": {
                "text": "# May we?",
                "hash": "sha256:" + hashlib.sha256(b"# May we?").hexdigest(),
                "required": True,
                "retention_days": None,
            },
            "prompts": [
                {
                    "prompt": "drink",
                    "text": "Drink",
                    "intent": "Drink",
                    "picture": "studies/daily-care/pictures/drink",
                    "say": "I would like a drink.",
                },
                {"prompt": "pain", "text": "Something hurts", "intent": "pain", "picture": None, "say": None},
            ],
            "repetitions": 2,
            "order": "given",
            "seconds": 3.0,
            "until_rest": False,
            "break_every": 10,
            "read_aloud": False,
            "good": {"worst_verdict": "good", "ignore": ["hands_still"], "at_least": {}, "at_most": {}},
        }
        written(folder, GOOD, "a.toml")
        of_gateway = (await gateway.client.get("/consent")).json()
        assert (await got(gateway, "/studies/a"))["consent"] == of_gateway


async def test_a_file_that_changes_is_read_again(folder: Path, tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False, studies_dir=folder) as gateway:
        assert (await got(gateway, "/studies/daily-care"))["repetitions"] == 2
        written(folder, STUDY.replace("repetitions = 2", "repetitions = 10"), "daily-care.toml")
        assert (await got(gateway, "/studies/daily-care"))["repetitions"] == 10
        (folder / "drink.png").unlink()
        written(folder, STUDY, "daily-care.toml")
        assert_refused(await gateway.client.get("/studies/daily-care"), 500, "study_unreadable")
        written(folder, PNG, "drink.png")
        assert (await got(gateway, "/studies/daily-care"))["repetitions"] == 2
        (folder / "daily-care.toml").unlink()
        assert_refused(await gateway.client.get("/studies/daily-care"), 404, "unknown_study")


async def test_a_picture_is_served_by_its_prompt_and_nothing_else_of_the_folder_is(
    folder: Path, tmp_path: Path
) -> None:
    async with reaching(tmp_path, recorder=False, studies_dir=folder) as gateway:
        study = await got(gateway, "/studies/daily-care")
        answer = await gateway.client.get("/" + study["prompts"][0]["picture"])
        assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, PNG, "image/png")
        assert answer.headers["x-content-type-options"] == "nosniff"
        for other in ("pain", "drink.png", "daily-care.toml", "..%2Fdaily-care.toml"):
            assert_refused(await gateway.client.get(f"/studies/daily-care/pictures/{other}"), 404, "not_found")
        (folder / "drink.png").unlink()
        (folder / "drink.png").symlink_to(tmp_path / "elsewhere.png")
        written(tmp_path, PNG, "elsewhere.png")
        assert_refused(await gateway.client.get("/studies/daily-care/pictures/drink"), 404, "not_found")


async def test_a_gateway_without_a_folder_has_no_study(tmp_path: Path) -> None:
    async with reaching(tmp_path, recorder=False) as gateway:
        assert await got(gateway, "/studies") == {"studies": [], "unreadable": []}
        assert_refused(await gateway.client.get("/studies/daily-care/progress?user_id=p"), 404, "unknown_study")


async def test_a_folder_that_is_none_stops_the_gateway_and_one_that_goes_is_said(folder: Path, tmp_path: Path) -> None:
    for missing in (tmp_path / "absent", folder / "daily-care.toml"):
        with pytest.raises(ConfigurationError, match=r"A3CP_STUDIES_DIR: .* is no folder"):
            StudyFolder(missing, limits=None)  # type: ignore[arg-type]
    async with reaching(tmp_path, recorder=False, studies_dir=folder) as gateway:
        folder.rename(tmp_path / "away")
        assert_refused(await gateway.client.get("/studies"), 500, "studies_unreadable")


# --- progress ------------------------------------------------------------------------------------------


_numbers = itertools.count(1000)


def take(prompt: str | None, of: dict[str, Any] | None = None, *, study: str = "daily-care", **more: Any) -> Any:
    """A recorded take of a prompt, good unless ``of`` is another quality."""
    number = next(_numbers)
    annotation = {"intent": str(prompt), "study": study} | ({"prompt": prompt} if prompt else {})
    return recorded(f"c{number}", number, annotation=annotation, quality=of or quality(), **more)


class Participant:
    """A participant's log, and the progress that the gateway answers."""

    def __init__(self, gateway: Reached, library: Library) -> None:
        self._gateway = gateway
        self._library = library
        self._seconds = itertools.count()

    def says(self, *events: dict[str, Any], **of: Any) -> str:
        """Append events; returns the capture of the last one."""
        self._library.append(*(line_bytes(event, next(self._seconds)) for event in events), **of)
        return str(events[-1].get("capture_id"))

    async def progress(self, user_id: str = USER) -> dict[str, Any]:
        found = await got(self._gateway, f"/studies/daily-care/progress?user_id={user_id}")
        assert (found["study"], found["user_id"], found["wanted"]) == ("daily-care", user_id, 4)
        return found

    async def kept(self, user_id: str = USER) -> dict[str, int]:
        return {each["prompt"]: each["kept"] for each in (await self.progress(user_id))["prompts"]}


@asynccontextmanager
async def participating(folder: Path, tmp_path: Path) -> AsyncIterator[Participant]:
    async with reaching(tmp_path, recorder=False, studies_dir=folder) as gateway:
        yield Participant(gateway, Library(tmp_path))


async def test_progress_names_what_is_done_and_what_is_next(folder: Path, tmp_path: Path) -> None:
    async with participating(folder, tmp_path) as participant:
        found = await participant.progress()
        assert (found["kept"], found["takes"]) == (0, [])
        assert found["prompts"] == [{"prompt": "drink", "kept": 0}, {"prompt": "pain", "kept": 0}]
        assert found["remaining"] == ["drink", "pain", "drink", "pain"]
        capture_id = participant.says(start(), take("drink"))
        found = await participant.progress()
        assert (found["kept"], found["remaining"]) == (1, ["pain", "drink", "pain"])
        assert found["takes"] == [
            {
                "capture_id": capture_id,
                "session_id": SESSION,
                "prompt": "drink",
                "recorded_at": "2026-01-31T12:00:01.000Z",
                "counts": True,
                "faults": [],
                "review": None,
                "relabelled": False,
            }
        ]
        later = "sess_00000000000000aa"  # on another device, the next day
        participant.says({**take("pain"), "session_id": later}, session_id=later)
        assert (await participant.progress())["remaining"] == ["drink", "pain"]
        participant.says(take("drink"), take("drink"), take("pain"))
        found = await participant.progress()
        assert (found["kept"], found["remaining"]) == (5, [])
        assert [each["kept"] for each in found["prompts"]] == [3, 2]


async def test_only_takes_of_this_study_its_prompts_and_this_participant_count(folder: Path, tmp_path: Path) -> None:
    async with participating(folder, tmp_path) as participant:
        participant.says(
            take("drink", study="another"), take(None), take("gone"), recorded("x", 1, quality=quality()),
            take("drink", user_id="u2"),
        )  # fmt: skip
        assert await participant.kept() == {"drink": 0, "pain": 0}
        assert (await participant.progress())["takes"] == []
        capture_id = participant.says(take("drink"))
        assert await participant.kept() == {"drink": 1, "pain": 0}
        participant.says(said("capture.reassigned", 7, capture_id=capture_id, participant="p7"))
        assert (await participant.kept(), await participant.kept("p7")) == (
            {"drink": 0, "pain": 0},
            {"drink": 1, "pain": 0},
        )


COUNTED: list[tuple[dict[str, Any] | None, list[dict[str, Any]], bool, list[str]]] = [
    (quality(), [], True, []),
    (quality("check", "hands_still"), [], True, []),
    (quality("check", "hands_rarely"), [], False, ["hands_rarely"]),
    (quality("poor", "no_hand"), [], False, ["no_hand"]),
    ({"verdict": "unknown"}, [], False, ["no_quality"]),
    (quality("poor", "no_hand"), [said("capture.reviewed", verdict="keep")], True, ["no_hand"]),
    (quality(), [said("capture.reviewed", verdict="redo")], False, []),
    (quality(), [said("capture.reviewed", verdict="reject")], False, []),
    (quality(), [said("capture.reviewed", verdict="redo"), said("capture.reviewed", 2)], True, []),
    (quality(), [said("capture.relabelled", intent="eat")], False, []),
    (quality(), [said("capture.reviewed", verdict="keep"), said("capture.relabelled", intent="eat")], False, []),
    (quality(), [said("capture.relabelled", intent="drink")], True, []),
    (quality(), [said("capture.relabelled", intent="eat"), said("capture.relabelled", 2)], True, []),
    (quality(), [{"consent_given": False}], False, []),
]
"""The quality of a take, what is said about it later, whether it counts, and its faults."""


@pytest.mark.parametrize(("of", "statements", "counts", "faults"), COUNTED)
async def test_a_take_counts_if_a_person_keeps_it_or_if_it_is_good_and_no_person_says_otherwise(
    folder: Path, tmp_path: Path, of: dict[str, Any], statements: list[dict[str, Any]], counts: bool, faults: list[str]
) -> None:
    async with participating(folder, tmp_path) as participant:
        event = take("drink", of)
        participant.says(start(), event, *({**each, "capture_id": event["capture_id"]} for each in statements))
        found = await participant.progress()
        assert found["kept"] == counts
        assert [(each["counts"], each["faults"]) for each in found["takes"]] == [(counts, faults)]


async def test_a_withdrawn_take_is_to_do_again_and_is_not_shown(folder: Path, tmp_path: Path) -> None:
    async with participating(folder, tmp_path) as participant:
        capture_id = participant.says(start(), take("drink"))
        assert await participant.kept() == {"drink": 1, "pain": 0}
        participant.says(said("consent.withdrawn", 3, capture_id=capture_id))
        found = await participant.progress()
        assert (found["kept"], found["takes"], found["remaining"][0]) == (0, [], "drink")


@pytest.mark.parametrize("query", ["", "?user_id=", "?user_id=.x", "?user_id=a&user_id=b", "?user_id=a&more=1"])
async def test_progress_is_of_one_participant(folder: Path, tmp_path: Path, query: str) -> None:
    async with reaching(tmp_path, recorder=False, studies_dir=folder) as gateway:
        answer = await gateway.client.get(f"/studies/daily-care/progress{query}")
        assert_refused(answer, 422, "schema_error")
        assert documented(answer)
