"""Check the URL of a broker. redis-py accepts too much: a ``#`` in a password makes it connect to another host, and
an option of the URL can override a setting that this project relies on. No I/O.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

__all__ = ["SCHEMES", "TLS_FILES", "socket_path", "socket_url", "url_problem"]

SCHEMES = ("redis://", "rediss://", "unix://", "redis-cluster://", "rediss-cluster://")

TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")

_FORMS = {
    "db": r"[0-9]{1,5}",
    "client_name": r"[!-~]{1,100}",
    "health_check_interval": r"[0-9]{1,6}",
    "protocol": r"2",  # the scripts' replies are parsed as RESP2
}
_TLS_FORMS = dict.fromkeys(TLS_FILES, r".+")

_ENCODE = (
    "percent-encode the password (and a name or path): # is %23, / is %2F, ? is %3F, @ is %40, [ is %5B, % is %25, a "
    "space is %20"
)


def url_problem(url: str) -> str | None:
    """Why a URL cannot be used, in one line that shows no part of a password; None if the URL is valid."""
    if not url.startswith(SCHEMES):
        return f"a broker's URL starts with one of {', '.join(SCHEMES)}"
    try:
        split = urlsplit(url)
        port_is_bad = split.port == 0
    except ValueError:  # a [ in the password, or a port that is not a number; the error's own text may quote either
        return f"not a URL: its host and port cannot be read; {_ENCODE}"
    if _needs_encoding(url, split):
        return _ENCODE
    if port_is_bad or not _is_path(split):
        return f"not a URL; write {_example(split)}"
    return _option_problem(split)


def _needs_encoding(url: str, split: SplitResult) -> bool:
    """Whether a character of the password was read as a separator. If there is a host or a user before the first
    slash, an ``@`` after that slash shows it."""
    if "#" in url or re.search(r"[\x00-\x20\x7f]", url):
        return True
    user, at, host = split.netloc.rpartition("@")
    if "@" in user or re.search(r"%(?![0-9A-Fa-f]{2})", user):
        return True
    if split.scheme == "unix":
        return bool(host) or (bool(at) and "@" in split.path)
    return "@" in split.path or ("@" in split.query and not at)


def _is_path(split: SplitResult) -> bool:
    """Whether the path is that of a socket, or the number of a database. A cluster has database 0 only."""
    if split.scheme == "unix":
        return split.path.startswith("/") and split.path != "/"
    return re.fullmatch("/?0?" if split.scheme.endswith("-cluster") else "/?|/[0-9]{1,5}", split.path) is not None


def _example(split: SplitResult) -> str:
    if split.scheme == "unix":
        return "unix:///path/of/the.sock"
    return f"{split.scheme}://USER:PASSWORD@HOST:PORT" + ("" if split.scheme.endswith("-cluster") else "/0")


def _option_problem(split: SplitResult) -> str | None:
    forms = _FORMS | (_TLS_FORMS if split.scheme.startswith("rediss") else {})
    if split.scheme.endswith("-cluster"):
        forms = {name: form for name, form in forms.items() if name != "db"}
    known = f"the options are {', '.join(forms)}"
    options = parse_qsl(split.query, keep_blank_values=True)
    names = [name for name, _ in options]
    for name, value in options:
        shown = f"its option {name}" if re.fullmatch(r"[a-z_]{1,40}", name) else "one of its options"
        if name not in forms:
            return f"{shown} cannot be used here: {known}"
        if names.count(name) > 1:
            return f"{shown} occurs twice"
        if not re.fullmatch(forms[name], value):
            return f"{shown} has an invalid value"
    return None


def socket_url(path: str) -> str:
    """The ``unix://`` URL of the broker that listens at a path; every character of the path may occur."""
    return f"unix://{quote(path)}"


def socket_path(url: str) -> str | None:
    """The path of the socket that a ``unix://`` URL names; None for any other URL."""
    return unquote(urlsplit(url).path) if url.startswith("unix://") else None
