"""The studies in ``A3CP_STUDIES_DIR``, and the pictures beside them. It blocks: call it in a thread.

A file is read again when it changes, so a researcher need not restart the gateway.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from contracts.messages.study import PICTURE_TYPES
from contracts.process.logs import get_logger
from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import is_identifier
from contracts.rules.limits import CaptureLimits
from contracts.rules.toml_lines import Mistake, mistakes_at
from contracts.storage.files import open_regular
from contracts.storage.log_tail import file_version
from gateway.studies.table import StudyTable, read_table

__all__ = ["PromptPicture", "StudyFolder", "StudyReading", "read_picture", "read_study"]

log = get_logger()

MOST_STUDY_BYTES = 512 * 1024
MOST_PICTURE_BYTES = 2 * 1024 * 1024
SUFFIX = ".toml"

_HEADS = (
    re.compile(rb"\x89PNG\r\n\x1a\n"), re.compile(rb"\xff\xd8\xff"), re.compile(rb"GIF8"),
    re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
)  # fmt: skip
"""The first bytes of each of the `PICTURE_TYPES`, in their order."""


@dataclass(frozen=True, slots=True)
class StudyReading:
    """What a file has: a study, or the mistakes for which it is none."""

    study: StudyTable | None
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptPicture:
    """A picture's bytes and its media type, from the bytes themselves."""

    content: bytes
    media_type: str


def read_study(path: Path, limits: CaptureLimits) -> StudyReading:
    """Read one file, with its pictures. Whatever is wrong is a mistake; it raises nothing."""
    name = path.name.removesuffix(SUFFIX)
    if name == path.name or not is_identifier(name):
        why = f"call the file NAME{SUFFIX}, with a name of A-Z a-z 0-9 . _ -, which is the study's id in the logs"
        return StudyReading(None, (Mistake(None, why),))
    try:
        text = _read(path, MOST_STUDY_BYTES).decode("utf-8-sig")  # editors of Windows begin a file with a mark
    except OSError as error:
        return StudyReading(None, (Mistake(None, error.strerror or type(error).__name__),))
    except ValueError as error:
        why = "the file is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        return StudyReading(None, (Mistake(None, why),))
    table, mistakes = read_table(text)
    if table is not None:
        mistakes = mistakes_at(text, _beyond_the_text(path.parent, table, limits))
    return StudyReading(None if mistakes else table, tuple(mistakes))


def _beyond_the_text(folder: Path, table: StudyTable, limits: CaptureLimits) -> list[tuple[tuple[str | int, ...], str]]:
    """What is wrong with the pictures, and with a take's length for this gateway."""
    wrong: list[tuple[tuple[str | int, ...], str]] = []
    if not limits.min_duration_s <= table.seconds <= limits.max_duration_s:
        span = f"{limits.min_duration_s:g} to {limits.max_duration_s:g} seconds"
        wrong.append((("seconds",), f"the gateway records captures of {span}"))
    for index, prompt in enumerate(table.prompts):
        if prompt.picture is not None:
            try:
                read_picture(folder, prompt.picture)
            except OSError as error:
                wrong.append((("prompts", index, "picture"), error.strerror or type(error).__name__))
            except ValueError as error:
                wrong.append((("prompts", index, "picture"), str(error)))
    return wrong


def read_picture(folder: Path, name: str) -> PromptPicture:
    """Read a picture in the folder of its study.

    Raises:
        OSError: it is missing, or the system refuses.
        ValueError: it leads out of the folder, is too large, or is no PNG, JPEG, GIF or WebP.
    """
    content = _read(_inside(folder, name), MOST_PICTURE_BYTES)
    for media_type, head in zip(PICTURE_TYPES, _HEADS, strict=True):
        if head.match(content):
            return PromptPicture(content, media_type)
    raise ValueError("it is no PNG, JPEG, GIF or WebP")


def _inside(folder: Path, name: str) -> Path:
    """The file of this name. It may be a link, as in a volume of Kubernetes, but not to a place outside the folder."""
    try:
        path = (folder / name).resolve(strict=True)
        if path.is_relative_to(folder.resolve(strict=True)):
            return path
    except RuntimeError:  # links that lead to each other
        pass
    raise ValueError("it leads out of the folder of the study")


def _read(path: Path, most_bytes: int) -> bytes:
    with open_regular(path) as file:
        content = bytearray()
        while len(content) <= most_bytes and (more := file.read(most_bytes + 1 - len(content))):
            content += more
    if len(content) > most_bytes:
        raise ValueError(f"it is larger than {most_bytes:,} bytes")
    return bytes(content)


class StudyFolder:
    """The studies of a gateway. Without a folder there are none. Several threads may use it.

    Raises:
        ConfigurationError: ``A3CP_STUDIES_DIR`` is no folder.
    """

    def __init__(self, folder: Path | None, limits: CaptureLimits) -> None:
        if folder is not None and not folder.is_dir():
            raise ConfigurationError(f"A3CP_STUDIES_DIR: {folder} is no folder")
        self._folder = folder
        self._limits = limits
        self._lock = Lock()
        self._read: dict[str, tuple[str, StudyReading]] = {}

    def all(self) -> dict[str, StudyReading]:
        """Every file that should be a study, by its name without the suffix, in that order.

        Raises:
            OSError: the folder cannot be read.
        """
        if self._folder is None:
            return {}
        names = sorted(path.name.removesuffix(SUFFIX) for path in self._folder.iterdir() if path.name.endswith(SUFFIX))
        with self._lock:
            self._read = {name: known for name, known in self._read.items() if name in names}
            return {name: self._reading(self._folder, name) for name in names}

    def one(self, study: str) -> StudyReading | None:
        """One study; None if there is no such file."""
        if self._folder is None or not is_identifier(study) or not (self._folder / f"{study}{SUFFIX}").is_file():
            return None
        with self._lock:
            return self._reading(self._folder, study)

    def picture(self, name: str) -> PromptPicture:
        """A picture in the folder. Raises as `read_picture`."""
        if self._folder is None:
            raise FileNotFoundError(name)
        return read_picture(self._folder, name)

    def _reading(self, folder: Path, name: str) -> StudyReading:
        path = folder / f"{name}{SUFFIX}"
        try:
            version = file_version(path.stat())
        except OSError:
            version = ""
        known = self._read.get(name)
        if known is None or known[0] != version or known[1].mistakes:  # a mistake may be in a picture
            reading = read_study(path, self._limits)
            if reading.mistakes and (known is None or known[1] != reading):
                line = reading.mistakes[0].line
                log.warning("a study cannot be used", file=path.name, line=line, problem=reading.mistakes[0].text)
            known = self._read[name] = version, reading
        return known[1]
