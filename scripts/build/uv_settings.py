"""Translate pip's settings, as ``pip config list`` prints them, to the variables that uv reads.

``pip config list | python -m scripts.build.uv_settings`` prints one ``NAME=value`` a line. `scripts/setup.sh` runs it
before a package is installed, so it needs the standard library only. uv does not read pip's files and variables: users
of a mirror, a proxy or a private certificate authority set these for pip only.
"""

from __future__ import annotations

import os
import re
import sys
from ast import literal_eval
from collections.abc import Mapping
from pathlib import Path
from typing import Final

__all__ = ["main", "uv_settings"]

_LINE: Final = re.compile(r"^(global|install|:env:)\.([a-z-]+)=(.*)$")

_SECTIONS: Final = ("global", "install", ":env:")
"""A later one counts."""

_NAMES: Final = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
}

_SEPARATORS: Final = {"UV_FIND_LINKS": ","}
"""Between several values, which pip separates by white space; uv by a space, or by this."""

_OLDER_NAMES: Final = {"UV_DEFAULT_INDEX": "UV_INDEX_URL", "UV_INDEX": "UV_EXTRA_INDEX_URL"}

_PATHS: Final = ("UV_FIND_LINKS", "SSL_CERT_FILE", "SSL_CLIENT_CERT")

_REQUESTS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that pip reads for its certificates, if it has no setting."""


def uv_settings(listed: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Variables for uv, from what ``pip config list`` printed. What ``environment`` has for uv is kept."""
    found = {"UV_SYSTEM_CERTS": "true"}  # as pip does from 24.2 on: a private authority is in the system's store
    if bundle := next((environment[name] for name in _REQUESTS if environment.get(name)), None):
        found["SSL_CERT_FILE"] = bundle
    lines = [match for match in map(_LINE.match, listed.splitlines()) if match is not None and match[2] in _NAMES]
    for line in sorted(lines, key=lambda line: _SECTIONS.index(line[1])):
        name = _NAMES[line[2]]
        if value := _value(name, str(literal_eval(line[3]))):
            found[name] = value
    return {name: value for name, value in found.items() if not _is_set(name, environment)}


def _value(name: str, text: str) -> str:
    if name == "UV_HTTP_TIMEOUT":
        return str(round(float(text)))
    if name == "UV_NO_INDEX":
        return "true" if text.lower() in ("1", "true", "yes", "y", "on", "t") else ""
    parts = [text] if name.startswith("SSL_") else text.split()
    return _SEPARATORS.get(name, " ").join(_absolute(part) if name in _PATHS else part for part in parts)


def _absolute(place: str) -> str:
    """uv runs in another folder."""
    return place if "://" in place else str(Path(place).expanduser().absolute())


def _is_set(name: str, environment: Mapping[str, str]) -> bool:
    return name in environment or _OLDER_NAMES.get(name, "") in environment


def main() -> int:
    """Print the variables; returns the exit code."""
    for name, value in uv_settings(sys.stdin.read(), os.environ).items():
        print(f"{name}={value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
