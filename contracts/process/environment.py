"""Check the names and values of all environment variables before `settings` reads one. No I/O."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from difflib import get_close_matches

from contracts.rules.errors import ConfigurationError

__all__ = ["check_environment"]

_PREFIX = "A3CP_"
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_(HOST|PORT\w*)|PORT_\d+_(TCP|UDP|SCTP)\w*)")


def check_environment(environ: Mapping[str, str], names: Collection[str]) -> None:
    """Refuse a setting whose value has a control character, and a variable whose name is a misspelt setting.

    A file with Windows line ends puts a carriage return at the end of every value; it would become part of a folder's
    name. A misspelt ``A3CP_TOKEN`` would leave the gateway without a token. Names that resemble no setting are ignored:
    they may belong to another version, to compose, or to Kubernetes, which sets names like ``A3CP_SERVICE_HOST``.

    Args:
        environ: the environment variables, value by name.
        names: the variables that are settings.

    Raises:
        ConfigurationError: one line that names the variable and never shows its value.
    """
    for name, value in sorted(environ.items()):
        if name in names:
            if any(unicodedata.category(character) == "Cc" for character in value):
                raise ConfigurationError(
                    f"{name}: the value contains a control character, such as the carriage return of a Windows line end"
                ) from None
        elif name.startswith(_PREFIX) and value and not _SERVICE_LINK.fullmatch(name):
            for meant in get_close_matches(name, names, n=1, cutoff=0.82):
                raise ConfigurationError(f"{name}: there is no such setting; did you mean {meant}?") from None
