"""Which pages may use a gateway: the rules of origins and of hosts."""

from __future__ import annotations

import pytest

from contracts.rules.access import is_loopback
from gateway.http.origins import OriginRule

LOCAL = OriginRule(frozenset({"https://a3cp.example"}), local=True)
PUBLIC = OriginRule(frozenset(), local=False)


@pytest.mark.parametrize(
    ("rule", "origin", "host", "admitted"),
    [
        (LOCAL, "http://localhost:8000", "localhost:8000", True),
        (LOCAL, "http://127.0.0.1:8000", "127.0.0.1:8000", True),
        (LOCAL, "http://[::1]:8000", "[::1]:8000", True),
        (LOCAL, "http://LOCALHOST", "localhost:80", True),
        (LOCAL, "http://localhost:5173", "localhost:8000", False),
        (LOCAL, "http://localhost:8000", "127.0.0.1:8000", False),
        (LOCAL, "https://a3cp.example", "localhost:8000", True),
        (LOCAL, "https://A3CP.example", "localhost:8000", True),
        (LOCAL, "http://a3cp.example", "localhost:8000", False),
        (LOCAL, "https://evil.example", "localhost:8000", False),
        (LOCAL, "http://evil.example:8000", "evil.example:8000", False),  # DNS rebinding
        (LOCAL, "http://127.0.0.1.evil.example", "127.0.0.1.evil.example", False),
        (LOCAL, "http://localhost.evil.example", "localhost.evil.example", False),
        (LOCAL, "http://raspberrypi:8000", "raspberrypi:8000", False),
        (LOCAL, "http://evil.example.:8000", "evil.example.:8000", False),
        (LOCAL, "http://192.168.1.2:8000", "192.168.1.2:8000", True),
        (LOCAL, "http://[fd00::1]:8000", "[fd00::1]:8000", True),
        (LOCAL, "https://a3cp.example:443", "localhost:8000", True),
        (PUBLIC, "http://gateway.example:8000", "gateway.example:8000", True),
        (PUBLIC, "https://gateway.example", "gateway.example", True),
        (PUBLIC, "https://gateway.example", "gateway.example:443", True),
        (PUBLIC, "http://gateway.example", "gateway.example:443", False),
        (PUBLIC, "null", "gateway.example", False),
        (PUBLIC, "", "", False),
        (PUBLIC, "http://", "", False),
        (PUBLIC, "file://gateway.example", "gateway.example", False),
        (PUBLIC, "http://gateway.example:port", "gateway.example", False),
        (PUBLIC, "http://[::1", "[::1", False),
    ],
)
def test_origin_must_be_the_same_host_or_an_allowed_one(
    rule: OriginRule, origin: str, host: str, admitted: bool
) -> None:
    assert rule.admits(origin, host) is admitted


def test_over_tls_a_page_of_the_same_host_without_tls_is_another_one() -> None:
    assert PUBLIC.admits("https://gateway.example", "gateway.example", is_encrypted=True)
    assert not PUBLIC.admits("http://gateway.example", "gateway.example", is_encrypted=True)
    assert LOCAL.admits("https://a3cp.example", "gateway", is_encrypted=True), "the operator allows it"


def test_null_is_refused_even_where_host_is_null() -> None:
    assert not PUBLIC.admits("null", "null")


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("", True),
        ("127.0.0.1:8000", True),
        ("192.168.1.2", True),
        ("[::1]:8000", True),
        ("localhost:8000", True),
        ("LOCALHOST", True),
        ("gateway:8000", True),
        ("raspberrypi.local", True),
        ("gateway.a3cp.svc", True),
        ("gateway.a3cp.svc.cluster.local:8000", True),
        ("a3cp.example", True),
        ("A3CP.example.:443", True),
        ("evil.example:8000", False),
        ("local.evil.example", False),
        ("xlocal.example", False),
        ("a3cp.example.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("@evil.example", False),
        ("user@evil.example:8000", False),
        ("[::1", False),
        (":8000", False),
        ("a.b/c", False),
    ],
)
def test_data_is_read_by_an_address_or_by_a_name_that_no_foreign_page_can_have(host: str, admitted: bool) -> None:
    assert LOCAL.admits_host(host) is admitted


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "x.localhost"])
def test_loopback_is_this_machine_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "localhost.example", ""])
def test_an_address_that_other_machines_can_reach_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)
