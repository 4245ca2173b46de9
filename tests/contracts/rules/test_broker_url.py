"""A broker's URL is refused if the client library would misread it or an option would break the stack.

The error is one line that names the variable and shows no part of a password.
"""

from __future__ import annotations

import pytest
import redis
from redis.connection import URL_QUERY_ARGUMENT_PARSERS

from contracts.process.settings import load_settings
from contracts.rules.broker_url import SCHEMES, socket_path, socket_url, url_problem
from contracts.rules.errors import ConfigurationError

PASSWORD = "Wc903z"

TAKEN = [
    "redis://h",
    "redis://h:6379/",
    "redis://h:6379/0",
    "redis://h:6379/12",
    "redis://[::1]:6379/0",
    "redis://:pw@h",
    "redis://user:a:b@h:6379",
    "redis://user:p%23%2F%3F%40%25@h:6379/0",
    "redis://pässword:grün@h",
    "redis://h?db=3",
    "redis://h?health_check_interval=30&client_name=a3cp&protocol=2",
    "rediss://h:6380/0?health_check_interval=5",
    "redis-cluster://h:6379",
    "redis-cluster://user:pw@h:6379/0?client_name=a3cp",
    "rediss-cluster://h:6379",
    "unix:///run/a3cp.sock",
    "unix:///run/user@1000/a3cp.sock?db=1",
    "unix://user:p%40w@/run/user%401000/a3cp.sock",
    "unix:///run/50%25%20off/a%23b.sock",
]


@pytest.mark.parametrize("url", TAKEN)
def test_a_valid_url_is_accepted(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:57#{PASSWORD}@10.0.0.5:6379/0",
        f"redis://:57/{PASSWORD}@10.0.0.5:6379/0",
        f"redis://:57?{PASSWORD}@10.0.0.5:6379/0",
        f"redis://:57@{PASSWORD}@10.0.0.5:6379/0",
        f"redis://user:{PASSWORD}#@h",
        f"redis://user:{PASSWORD}/x@h",
        f"redis://user/{PASSWORD}:x@h",
        f"redis://user:a%{PASSWORD}@h",
        f"redis://user:{PASSWORD} x@h",
        f"redis://user:{PASSWORD}[x@h",
        f"redis://user:{PASSWORD}]x@h",
        f"redis://user:1?a={PASSWORD}@h",
        f"rediss://user:57#{PASSWORD}@h?ssl_ca_certs=/x",
        f"redis-cluster://:57#{PASSWORD}@h",
        f"rediss-cluster://:57/{PASSWORD}@h",
        f"unix://user:57#{PASSWORD}@/run/x.sock",
        f"unix://user:57/{PASSWORD}@/run/x.sock",
        f"unix://user:57?{PASSWORD}@/run/x.sock",
        f"unix://user:57@/{PASSWORD}@/run/x.sock",
        f"unix://{PASSWORD}/run/x.sock",
    ],
)
def test_a_password_that_is_not_percent_encoded_is_refused_and_no_piece_of_it_is_shown(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"A3CP_EVENTS_URL": url})
    said = str(caught.value)
    assert said.startswith("A3CP_EVENTS_URL: ") and "percent-encode the password" in said and "\n" not in said
    assert not {PASSWORD, "57", "user", "10.0.0.5"} & set(said.replace(":", " ").replace(",", " ").split())
    assert PASSWORD not in said + repr(caught.value)


@pytest.mark.parametrize("url", ["redis://user:a\tb@h", "redis://h:6379\n", "redis://h:6379\r", "unix:///a\x00b"])
def test_a_control_character_is_refused(url: str) -> None:
    assert url_problem(url) is not None  # the library would drop the character


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    "option",
    [
        "decode_responses=True", "protocol=3", "retry_on_timeout=True", "retry_on_error=TimeoutError", "encoding=x",
        "socket_timeout=1", "socket_timeout=0", "socket_connect_timeout=9", "max_connections=1", "socket_keepalive=1",
        "encoding_errors=ignore", "single_connection_client=1", "username=x", "password=x", "host=elsewhere", "port=1",
        "path=/elsewhere", "ssl_cert_reqs=none", "ssl_check_hostname=False", "db=-1", "db=x", "DB=1", "db=1&db=2",
        "client_name=", "health_check_interval=-1", "health_check_interval=nan", "retry=1", "cache=1", "no_such=1", "x",
        "timeout=1", "driver_info=x", "lib_name=x", "legacy_responses=False", "idle_connection_check_interval=0.1",
    ],
)  # fmt: skip
def test_an_option_that_would_break_the_stack_is_refused_by_its_name(scheme: str, option: str) -> None:
    url = f"{scheme}user:{PASSWORD}@{'/run/x.sock' if scheme == 'unix://' else 'h:6379'}?{option}"
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"A3CP_FRAMES_URL": url})
    said, name = str(caught.value), option.partition("=")[0]
    assert said.startswith("A3CP_FRAMES_URL: ") and "\n" not in said and PASSWORD not in said
    assert f"its option {name} " in said or (name == "DB" and "one of its options cannot be used here" in said)


def test_every_option_of_the_client_library_is_allowed_or_refused() -> None:
    known = {name for name in URL_QUERY_ARGUMENT_PARSERS if url_problem(f"redis://h?{name}=2") is None}
    assert known == {"db", "health_check_interval", "protocol"} & set(URL_QUERY_ARGUMENT_PARSERS)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h/one",
        "redis://h/1/2",
        "redis://h:0",
        "redis-cluster://h/1",
        "redis-cluster://h?db=1",
        "unix://",
        "unix:///",
    ],
)
def test_a_database_or_a_socket_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^A3CP_FRAMES_URL: "):
        load_settings({"A3CP_FRAMES_URL": url})


@pytest.mark.parametrize("name", ["plain", "a b", "#", "?", "%41", "50% off", "ü", "@", ":;&[]\\", "a=b&c", "'\""])
def test_a_socket_at_any_path_is_found_through_its_url(name: str) -> None:
    path = f"/state/{name}/run/frames.sock"
    url = socket_url(path)
    assert url_problem(url) is None
    assert socket_path(url) == path
    assert redis.ConnectionPool.from_url(url).connection_kwargs["path"] == path
    assert socket_path("redis://h") is None
