"""The certificate of a server: what is refused at the start, what is known of it, and who trusts it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from contracts.process.certificates import AUTHORITY_NAME, certificate_facts, is_public
from contracts.process.tls import ServedCertificate
from contracts.rules.errors import ConfigurationError
from tests.support.certificates import Pair


def encrypt(path: Path) -> None:
    key = load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))


def replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda pair: pair.key.unlink(), "A3CP_TLS_KEY: {key}: No such file or directory"),
        (lambda pair: replace_by_fifo(pair.cert), "A3CP_TLS_CERT: {cert}: it is no regular file"),
        (lambda pair: pair.issue(key_too=False), "A3CP_TLS_KEY: {key}: this is not the key of the certificate {cert}"),
        (lambda pair: encrypt(pair.key), "A3CP_TLS_KEY: {key}: the key has a password; store it without"),
        (
            lambda pair: pair.cert.write_text("x"),
            "A3CP_TLS_CERT, A3CP_TLS_KEY: {cert}, {key}: these are not",
        ),
    ],
)
def test_a_pair_that_cannot_be_served_is_refused_in_a_line_that_names_it(
    tmp_path: Path, spoil: Callable[[Pair], None], said: str
) -> None:
    pair = Pair(tmp_path)
    spoil(pair)
    with pytest.raises(ConfigurationError) as refused:
        ServedCertificate(pair.cert, pair.key)
    assert str(refused.value).startswith(said.format(cert=pair.cert, key=pair.key))


def test_the_facts_come_from_the_certificate_that_is_served(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.issue("a3cp.example")
    facts = certificate_facts(pair.cert, ServedCertificate(pair.cert, pair.key).context)
    assert set(facts.names) == {"localhost", "127.0.0.1", "a3cp.example"}
    assert facts.expires_at > datetime(2100, 1, 1, tzinfo=UTC)


def test_only_an_authority_of_the_system_that_is_no_local_one_is_public(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for authority, is_known, expected in (
        ("Hospital", False, False),
        ("Hospital", True, True),
        (f"{AUTHORITY_NAME} of a laptop", True, False),
    ):
        pair = Pair(tmp_path, authority)
        monkeypatch.setenv("SSL_CERT_FILE", str(pair.ca if is_known else "/dev/null"))
        served = ServedCertificate(pair.cert, pair.key)
        assert (is_public(served.context), served.is_public) == (expected, expected)
