"""A mirror, a proxy and a private certificate authority that are set for pip are used by uv too."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.build.uv_settings import uv_settings

DEFAULT = {"UV_SYSTEM_CERTS": "true"}


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("", {}),
        ("global.index-url='https://mirror/simple'", {"UV_DEFAULT_INDEX": "https://mirror/simple"}),
        ("global.extra-index-url='https://a https://b'", {"UV_INDEX": "https://a https://b"}),
        (r"global.extra-index-url='\nhttps://a\nhttps://b'", {"UV_INDEX": "https://a https://b"}),
        (":env:.find-links='/wheels https://a/files'", {"UV_FIND_LINKS": "/wheels,https://a/files"}),
        (":env:.find-links='wheels'", {"UV_FIND_LINKS": str(Path.cwd() / "wheels")}),
        ("global.no-index='1'", {"UV_NO_INDEX": "true"}),
        ("global.no-index='false'", {}),
        ("global.trusted-host='mirror other:8443'", {"UV_INSECURE_HOST": "mirror other:8443"}),
        (":env:.default-timeout='180'", {"UV_HTTP_TIMEOUT": "180"}),
        ("global.timeout='7.5'", {"UV_HTTP_TIMEOUT": "8"}),
        ("global.proxy='http://proxy:3128'", {"ALL_PROXY": "http://proxy:3128"}),
        ("global.cert='/etc/own ca.pem'", {"SSL_CERT_FILE": "/etc/own ca.pem"}),
        ("global.client-cert='/etc/me.pem'", {"SSL_CLIENT_CERT": "/etc/me.pem"}),
        ("global.progress-bar='off'\nnot a setting", {}),
    ],
)
def test_each_setting_of_pip_has_its_variable(listed: str, expected: dict[str, str]) -> None:
    assert uv_settings(listed, {}) == DEFAULT | expected


def test_the_environment_counts_more_than_the_section_of_install_and_that_more_than_the_global_one() -> None:
    listed = [
        ":env:.index-url='https://env'",
        "install.index-url='https://install'",
        "global.index-url='https://global'",
    ]
    for number, address in enumerate(("env", "install", "global")):
        assert uv_settings("\n".join(listed[number:]), {})["UV_DEFAULT_INDEX"] == f"https://{address}"


def test_the_settings_that_uv_has_already_are_kept() -> None:
    listed = "global.index-url='https://mirror'\nglobal.cert='/pip.pem'"
    assert uv_settings(listed, {"UV_INDEX_URL": "https://own", "SSL_CERT_FILE": "/own.pem"}) == DEFAULT
    assert uv_settings(listed, {"UV_DEFAULT_INDEX": "https://own", "UV_SYSTEM_CERTS": ""}) == {
        "SSL_CERT_FILE": "/pip.pem"
    }


def test_the_certificates_that_pip_takes_from_variables_of_other_programs() -> None:
    environment = {"REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "/curl.pem"}
    assert uv_settings("", environment)["SSL_CERT_FILE"] == "/curl.pem"
    assert uv_settings("global.cert='/pip.pem'", environment)["SSL_CERT_FILE"] == "/pip.pem"
