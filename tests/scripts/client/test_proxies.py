"""The client chooses the proxy for HTTP and for WebSockets by one rule."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from contracts.rules.errors import ConfigurationError
from scripts.client import GatewayAway, SyncCaptureClient
from scripts.client.proxies import proxy_of

P = "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("gateway", "proxies", "proxy"),
    [
        ("http://gateway.example:8000", {}, None),
        ("http://gateway.example:8000", {"http": P}, P),
        ("http://gateway.example:8000", {"https": P}, None),
        ("https://gateway.example", {"https": P}, P),
        ("https://gateway.example", {"http": P}, None),
        ("https://gateway.example", {"all": P}, P),
        ("http://gateway.example", {"http": "", "all": P}, P),
        ("http://gateway.example", {"socks": "socks5://x:1", "ftp": "nonsense"}, None),
        ("http://gateway.example", {"http": "proxy.example:3128"}, P),
        ("http://gateway.example", {"http": " http://me:pass@proxy.example "}, "http://me:pass@proxy.example"),
        ("http://localhost:8000", {"http": "nonsense://"}, None),
        ("http://127.0.0.2:8000", {"http": P}, None),
        ("http://[::1]:8000", {"http": P}, None),
        ("http://[fd07::1]:8000", {"http": P}, P),
    ],
)
def test_the_proxy_is_the_one_for_the_gateways_scheme(gateway: str, proxies: dict[str, str], proxy: str | None) -> None:
    assert proxy_of(urlsplit(gateway), proxies) == proxy


@pytest.mark.parametrize(
    ("host", "no_proxy", "direct"),
    [
        ("gateway.example", "*", True),
        ("gateway.example", "gateway.example", True),
        ("gateway.example", "GATEWAY.example", True),
        ("gateway.example.", "gateway.example", True),
        ("gateway.example", " other.example , example ", True),
        ("gateway.example", ".example", True),
        ("gateway.example", "*.example", True),
        ("gateway.example", "http://gateway.example", True),
        ("gateway.example", "gateway.example:8000", True),
        ("gateway.example", "gateway.example:9000", False),
        ("mygateway.example", "gateway.example", False),
        ("gateway.example", ",, ,", False),
        ("gateway.example", "10.0.0.0/8,[::1],fd07::/64", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.3:8000", True),
        ("10.1.2.3", ".2.3", False),
        ("10.1.2.3", "nonsense/8, 10.1.2.3/99", False),
        ("[fd07::1]", "fd07::/64", True),
        ("[fd07::1]", "[fd07::]/64", True),
        ("[fd07::1]", "[fd07::1]", True),
        ("[fd07::1]", "fd07:0:0::1", True),
        ("[fd07::1]", "[fd07::1]:8000", True),
        ("[fd07::1]", "[fd07::1]:9000", False),
        ("[fd08::1]", "fd07::/64,::1", False),
    ],
)
def test_no_proxy_names_hosts_addresses_and_networks(host: str, no_proxy: str, direct: bool) -> None:
    assert (proxy_of(urlsplit(f"http://{host}:8000"), {"http": P, "no": no_proxy}) is None) is direct


@pytest.mark.parametrize(
    "proxy", ["socks5://proxy.example:1", "nonsense://x", "http://", "http://proxy:port", "http://[::1", "http://x:0"]
)
def test_a_proxy_that_cannot_be_used_is_one_sentence_without_its_password(proxy: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^all_proxy: .*no_proxy$"):
        proxy_of(urlsplit("http://gateway.example"), {"all": proxy})
    with pytest.raises(ConfigurationError) as error:
        proxy_of(urlsplit("http://gateway.example"), {"http": "http://me:sesame@proxy:port"})
    assert "sesame" not in str(error.value)


class Proxy:
    """Notes the first line of every request and closes the connection."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://me:sesame@127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as file:
                line = file.readline().decode().strip()
                if not line:
                    return
                self.asked.append(line.rsplit(" ", 1)[0])

    def stop(self) -> None:
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "socks_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    proxy = Proxy()
    yield proxy
    proxy.stop()


def both_ways(url: str) -> list[str]:
    """The errors of a session's request and of a capture's socket, both of which fail at the proxy."""
    said: list[str] = []
    with SyncCaptureClient(url) as client:
        with pytest.raises(GatewayAway) as away:
            client.pipelines()
        said.append(str(away.value))
        session = client.session("u", session_id="sess_" + "0" * 16)
        with pytest.raises(GatewayAway) as away, session.capture(fps=1, width=1, height=1):
            raise AssertionError
        return [*said, str(away.value)]


def test_requests_and_sockets_go_through_the_same_proxy(monkeypatch: pytest.MonkeyPatch, proxy: Proxy) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "fd07::/64,[::1],http://[")  # each of which httpx raises for
    for said in both_ways("http://gateway.invalid:8000"):
        assert "through the proxy 127.0.0.1:" in said and "sesame" not in said
    assert proxy.asked == ["GET http://gateway.invalid:8000/pipelines", "CONNECT gateway.invalid:8000"]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "SOCKS_PROXY"])
def test_requests_and_sockets_both_pass_by_a_proxy_for_others(
    monkeypatch: pytest.MonkeyPatch, proxy: Proxy, name: str
) -> None:
    monkeypatch.setenv(name, proxy.url)
    for said in both_ways("http://gateway.invalid:8000"):
        assert "proxy" not in said
    assert proxy.asked == []
