"""The formats of `a3cp export`, and the packages that each needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import cast

from contracts.rules.errors import ConfigurationError
from scripts.exports.capture import VerifiedCapture
from scripts.exports.tables import File

__all__ = ["FORMATS", "Conversion", "Format", "conversion", "format_named"]

Conversion = Callable[[Iterable[VerifiedCapture]], Iterator[File]]
"""Converts captures, one after the other, into the files of an export. It does no I/O."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        module: the module with its function ``files``.
        data: the files with the landmarks, as a glob pattern.
        encoding: their media type.
        needs: the packages that the module needs.
    """

    title: str
    module: str
    data: str
    encoding: str
    needs: tuple[str, ...] = ()


_PARQUET = "application/x-parquet"

FORMATS = {
    "pose": Format(
        "sign-language-processing's .pose",
        "scripts.exports.pose",
        "*.pose",
        "application/octet-stream",
        ("pose_format",),
    ),
    "gislr": Format(
        "the Parquet layout of Kaggle's GISLR",
        "scripts.exports.gislr",
        "train_landmark_files/*/*.parquet",
        _PARQUET,
        ("pyarrow",),
    ),
    "npy1662": Format("a (T, 1662) .npy each", "scripts.exports.npy1662", "*.npy", "application/octet-stream"),
    "eaf": Format("an .eaf for ELAN each", "scripts.exports.eaf", "*.eaf", "text/x-eaf+xml"),
    "hf": Format(
        "a Hugging Face datasets folder", "scripts.exports.huggingface", "data/*.parquet", _PARQUET, ("pyarrow",)
    ),
}


def format_named(name: str | None) -> Format:
    """Find a format.

    Raises:
        ConfigurationError: there is no such format, or a package that it needs is not installed.
    """
    if name is None or name not in FORMATS:
        raise ConfigurationError(f"--format: {' | '.join(FORMATS)}" + (f", not {name!r}" if name else ""))
    if any(find_spec(package) is None for package in FORMATS[name].needs):
        raise ConfigurationError(f"--format {name} needs the export extra: ./scripts/install installs it")
    return FORMATS[name]


def conversion(name: str) -> Conversion:
    """Import the conversion into a format.

    Raises:
        ConfigurationError: there is no such format, or a package that it needs is not installed.
    """
    return cast(Conversion, import_module(format_named(name).module).files)
