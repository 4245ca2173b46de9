"""Check the environment as a whole, before any value is read. No I/O."""

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
    """Refuse a value with a control character, and a variable whose name is nearly that of a setting.

    A file with Windows line ends gives every value a carriage return, which would become a part of a folder's name.
    A misspelt ``A3CP_TOKEN`` would leave a gateway without a token. A name that resembles no setting is left alone: it
    may belong to another version, to compose, or to Kubernetes, which sets ``A3CP_SERVICE_HOST`` and its like.

    Args:
        environ: the environment, by name.
        names: the settings' variables.

    Raises:
        ConfigurationError: one line that names the variable, never its value.
    """
    for name, value in sorted(environ.items()):
        if name in names:
            if any(unicodedata.category(character) == "Cc" for character in value):
                raise ConfigurationError(
                    f"{name}: its value holds a control character, such as the carriage return of a Windows line end"
                ) from None
        elif name.startswith(_PREFIX) and value and not _SERVICE_LINK.fullmatch(name):
            for meant in get_close_matches(name, names, n=1, cutoff=0.82):
                raise ConfigurationError(f"{name}: there is no such setting; {meant} is one") from None
