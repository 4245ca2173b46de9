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

__all__ = ["FORMATS", "Conversion", "Format", "conversion"]

Conversion = Callable[[Iterable[VerifiedCapture]], Iterator[File]]
"""Converts captures, one after the other, into the files of an export. It does no I/O."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its title, the module with its function ``files``, and the packages that this module needs."""

    title: str
    module: str
    needs: tuple[str, ...] = ()


FORMATS = {
    "pose": Format("sign-language-processing's .pose", "scripts.exports.pose", ("pose_format",)),
    "gislr": Format("the Parquet layout of Kaggle's GISLR", "scripts.exports.gislr", ("pyarrow",)),
    "npy1662": Format("a (T, 1662) .npy each", "scripts.exports.npy1662"),
    "hf": Format("a Hugging Face datasets folder", "scripts.exports.huggingface", ("pyarrow",)),
}


def conversion(name: str) -> Conversion:
    """Import the conversion into a format.

    Raises:
        ConfigurationError: there is no such format, or a package that it needs is not installed.
    """
    if name not in FORMATS:
        raise ConfigurationError(f"--format: {' | '.join(FORMATS)}, not {name!r}")
    missing = [package for package in FORMATS[name].needs if find_spec(package) is None]
    if missing:
        raise ConfigurationError(f"--format {name} needs the export extra: pip install '.[export]' in the repository")
    return cast(Conversion, import_module(FORMATS[name].module).files)
