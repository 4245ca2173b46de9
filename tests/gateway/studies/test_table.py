"""A study's file: what it says, and every kind of mistake with its line and a sentence that helps."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

import pytest

from contracts.rules.limits import CaptureLimits
from gateway.studies.folder import MOST_PICTURE_BYTES, MOST_STUDY_BYTES, read_study
from gateway.studies.table import MOST_TAKES, StudyTable, read_table

PNG = b"\x89PNG\r\n\x1a\n"
GOOD = """title = "Care"
repetitions = 2

[[prompts]]
id = "drink"
text = "Drink"
"""


def written(folder: Path, text: str | bytes, name: str = "care.toml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def mistakes(path: Path) -> list[tuple[int | None, str]]:
    reading = read_study(path, CaptureLimits())
    assert (reading.study is None) == bool(reading.mistakes)
    return [(mistake.line, mistake.text) for mistake in reading.mistakes]


def test_the_smallest_study_needs_a_title_and_a_prompt(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, GOOD), CaptureLimits()).study
    assert study == StudyTable.model_validate(
        {"title": "Care", "repetitions": 2, "prompts": [{"id": "drink", "text": "Drink"}]}
    )
    assert (study.order, study.seconds, study.break_every, study.consent, study.wanted) == ("given", 4, None, None, 2)


def test_an_editor_s_mark_at_the_start_is_no_mistake(tmp_path: Path) -> None:
    """Notepad writes one (a byte order mark)."""
    assert not mistakes(written(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()))


def test_the_example_is_a_study_and_has_every_setting() -> None:
    example = files("gateway.studies").joinpath("example.toml").read_text("utf-8")
    table, found = read_table(example)
    assert table is not None and not found
    assert table.model_fields_set | {"retention_days"} == set(StudyTable.model_fields)
    assert "\n# retention_days = 365 # " in example  # not set: it would count more than the gateway's own
    assert table.good.model_fields_set == set(type(table.good).model_fields)


MISTAKES: list[tuple[str, str, list[tuple[int | None, str]]]] = [
    ('"Care"', '"Care', [(1, "this is no TOML: Illegal character '\\n'")]),
    ("= 2", "= " + "9" * 5000, [(None, "this is no TOML that can be read: Exceeds the limit")]),
    ("= 2", "= " + "[" * 5000, [(None, "this is no TOML that can be read: it is nested too deeply")]),
    ("[[prompts]]", "[[prompts]", [(4, "this is no TOML: Expected ']]' at the end of an array declaration")]),
    ('title = "Care"\n', "", [(None, "title: it is missing")]),
    ('id = "drink"\n', "", [(4, "prompts 1, id: it is missing")]),
    ("repetitions", "repititions", [(2, "repititions: there is no such setting; did you mean repetitions?")]),
    ('text = "Drink"', 'text = "Drink"\npicure = "a.png"',
     [(7, "prompts 1, picure: there is no such setting; did you mean picture?")]),
    ("= 2", "= 0", [(2, "repetitions: it must be greater than or equal to 1, not 0")]),
    ("= 2", '= "2"', [(2, "repetitions: it must be a valid integer, not '2'")]),
    ("= 2", "= 5001", [(2, "repetitions: it must be less than or equal to 1000, not 5001")]),
    ("repetitions = 2", 'order = "random"', [(2, "order: it must be 'given' or 'shuffled', not 'random'")]),
    ("repetitions = 2", "seconds = 1", [(2, "seconds: the gateway records captures of 2 to 120 seconds")]),
    ("repetitions = 2", 'language = "German"', []),
    ("repetitions = 2", 'language = "de_DE"', [(2, "language: write a language as de, en or pt-BR")]),
    ("repetitions = 2", 'consent = """\n\n"""', [(2, "consent: it is empty")]),
    ('"drink"', '"trinken ä"', [(5, "prompts 1, id: use 1 to 128 of A-Z a-z 0-9 . _ -, not starting with a dot")]),
    ('"Drink"', '" "', [(6, "prompts 1, text: it is empty")]),
    ('"Drink"', '"Drink"\n[[prompts]]\ntext = "Eat"\nid = "drink"',
     [(9, "prompts 2, id: prompt 1 has the id 'drink' already")]),
    ('[[prompts]]\nid = "drink"\ntext = "Drink"\n', "", [(None, "prompts: it is missing")]),
    ('[[prompts]]\nid = "drink"\ntext = "Drink"\n', "prompts = []", [(4, "prompts: there must be at least one")]),
    ("repetitions = 2", 'good.ignore = ["hand_still"]', [(2, "good, ignore 1: it must be 'nothing_found', ")]),
    ("repetitions = 2", "good.at_least.found.nose = 1", [(2, "good, at_least, found.nose: a quality has no such")]),
    ("repetitions = 2", 'good.worst = "check"',
     [(2, "good, worst: there is no such setting; there are worst_verdict, ignore, at_least, at_most")]),
    ('"Drink"', '"Drink"\npicture = "a.png"', [(7, "prompts 1, picture: No such file or directory")]),
    ('"Drink"', '"Drink"\npicture = "../a.png"',
     [(7, "prompts 1, picture: name a file in the folder of this file, without a path")]),
    ('"Drink"', '"Drink"\npicture = "/etc/hosts"', [(7, "prompts 1, picture: name a file in the folder of this file")]),
    ('"Drink"', '"Drink"\npicture = "care.toml"', [(7, "prompts 1, picture: it is no PNG, JPEG, GIF or WebP")]),
    ('title = "Care"\nrepetitions = 2', 'title = 5\nrepetitions = -1\nbreaks = 3',
     [(1, "title: it must be a valid string, not 5"), (2, "repetitions: "), (3, "breaks: there is no such setting; ")]),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "expected"), MISTAKES)
def test_a_mistake_is_explained_with_its_line(
    tmp_path: Path, right: str, wrong: str, expected: list[tuple[int | None, str]]
) -> None:
    assert GOOD.count(right) == 1
    found = mistakes(written(tmp_path, GOOD.replace(right, wrong)))
    assert [line for line, _ in found] == [line for line, _ in expected]
    assert all(text.startswith(beginning) for (_, text), (_, beginning) in zip(found, expected, strict=True)), found


def test_a_study_may_not_ask_for_more_takes_than_a_person_can_give(tmp_path: Path) -> None:
    prompts = "".join(f'[[prompts]]\nid = "p{number}"\ntext = "x"\n' for number in range(51))
    text = f'title = "x"\nrepetitions = 100\n{prompts}'
    assert mistakes(written(tmp_path, text)) == [
        (2, f"repetitions: 51 prompts × 100 are 5,100 takes; a study may ask for {MOST_TAKES:,}")
    ]


def test_a_file_that_is_no_text_or_has_another_name_is_explained(tmp_path: Path) -> None:
    assert mistakes(tmp_path / "absent.toml") == [(None, "No such file or directory")]
    assert mistakes(written(tmp_path, b"\xff")) == [(None, "the file is not UTF-8 text")]
    assert mistakes(written(tmp_path, b"#" * (MOST_STUDY_BYTES + 1))) == [(None, "it is larger than 524,288 bytes")]
    for name in ("care.txt", "my study.toml", ".toml"):
        ((line, text),) = mistakes(written(tmp_path, GOOD, name))
        assert line is None and text.startswith("call the file NAME.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    assert mistakes(tmp_path / "pipe.toml") == [(None, "it is not a regular file")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (PNG, ""), (b"\xff\xd8\xff\xe0", ""), (b"GIF89a", ""), (b"RIFF\n\n\n\nWEBP", ""), (b"", "it is no PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is no PNG"), (b"RIFF1234WAVE", "it is no PNG"),
        (PNG + bytes(MOST_PICTURE_BYTES), "it is larger than 2,097,152 bytes"),
    ],
)  # fmt: skip
def test_a_picture_is_one_by_its_bytes_and_not_too_large(tmp_path: Path, content: bytes, why: str) -> None:
    written(tmp_path, content, "größe 1.png")
    found = mistakes(written(tmp_path, GOOD + 'picture = "größe 1.png"\n'))
    assert [text.removeprefix("prompts 1, picture: ")[: len(why)] for _, text in found] == ([why] if why else [])


def test_a_link_may_lead_to_a_place_in_the_folder_and_to_no_other(tmp_path: Path) -> None:
    """A volume of Kubernetes has a link for each file, to a folder in the same folder."""
    folder = tmp_path / "studies"
    (folder / "..data").mkdir(parents=True)
    written(folder / "..data", PNG, "a.png")
    (folder / "a.png").symlink_to("..data/a.png")
    study = written(folder, GOOD + 'picture = "a.png"\n')
    assert not mistakes(study)
    (folder / "b.png").symlink_to("b.png")
    looped = written(folder, GOOD + 'picture = "b.png"\n', "looped.toml")
    assert mistakes(looped) == [(7, "prompts 1, picture: it leads out of the folder of the study")]
    written(tmp_path, PNG, "secret.png")
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to(tmp_path / "secret.png")
    assert mistakes(study) == [(7, "prompts 1, picture: it leads out of the folder of the study")]
