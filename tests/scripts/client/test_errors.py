"""The client's errors: one tree, a fix for every code, and answers of other servers or versions."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import websockets.sync.server
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

import scripts.client
from contracts.process.metrics_server import metrics_served
from contracts.process.settings import Settings
from contracts.rules.codes import CAPTURE_CODES, LiveCode
from contracts.rules.errors import A3CPError, ConfigurationError
from scripts.client import (
    CaptureAborted,
    CaptureOutcome,
    ClientError,
    GatewayAway,
    GatewayRefused,
    LiveEnded,
    SyncCaptureClient,
)
from tests.support.certificates import Pair


def test_every_error_of_the_client_is_in_one_tree() -> None:
    errors = [
        thing
        for name in scripts.client.__all__
        if isinstance(thing := getattr(scripts.client, name), type) and issubclass(thing, BaseException)
    ]
    assert len(errors) == 7
    assert all(issubclass(error, ClientError) and issubclass(error, A3CPError) for error in errors)


def aborted(code: str) -> CaptureAborted:
    return CaptureAborted(CaptureOutcome("u", "s", "c", "r", "aborted", code))


@pytest.mark.parametrize("code", sorted(CAPTURE_CODES))
def test_every_code_says_what_happened_and_what_to_do(code: str) -> None:
    error = aborted(code)
    assert error.code == code and error.fix
    assert str(error).startswith(f"the capture was aborted: {code}: ") and str(error).endswith(f". {error.fix}")
    assert "\n" not in str(error)
    with pytest.raises(CaptureAborted):
        error.outcome.checked()


def test_a_temporary_fault_may_be_retried_and_a_client_s_own_may_not() -> None:
    passing = {code for code in CAPTURE_CODES if aborted(code).worth_repeating}
    assert {"server_shutdown", "too_many_captures", "frames_lost", "gateway_lost"} <= passing
    assert not passing & {"invalid_frame", "session_closed", "duplicate_capture", "protocol_violation"}
    assert not any(code.startswith("limit_") for code in passing - {"limit_forward_buffer_exceeded"})


def test_a_code_of_another_version_is_shown_as_it_is() -> None:
    error = aborted("new_code")
    assert (str(error), error.fix, error.worth_repeating) == ("the capture was aborted: new_code", "", False)


@pytest.mark.parametrize("code", get_args(LiveCode))
def test_the_end_of_a_live_stream_is_one_line(code: str) -> None:
    assert str(LiveEnded(code, "A sentence.")).startswith(f"the live stream ended: {code}: A sentence.")


class Foreign:
    """A server that sends one fixed answer to any request and closes."""

    says: str | bytes = b""

    def __init__(self) -> None:
        self._server = websockets.sync.server.serve(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _answer(self, socket: websockets.sync.server.ServerConnection) -> None:
        socket.recv()
        socket.send(self.says)

    def stop(self) -> None:
        self._server.shutdown()

    def capture(self) -> None:
        """Begin a capture."""
        with SyncCaptureClient(self.url) as client:
            session = client.session("u", session_id="sess_" + "0" * 16)
            with session.capture(fps=1, width=1, height=1):
                raise AssertionError

    def ask(self) -> None:
        """Ask the real-time lane."""
        with SyncCaptureClient(self.url) as client, client.live() as live:
            live.ask(b"\xff\xd8")


@pytest.fixture(scope="module")
def foreign() -> Iterator[Foreign]:
    server = Foreign()
    yield server
    server.stop()


NONSENSE: list[str | bytes] = [
    "", "nonsense", "{}", "[]", '"event"', "5", b"\xff\xd8", '{"event":5}', '{"event":"capture.progress"}',
    '{"event":"capture.abort","error_code":5}', '{"frame_index":0,"result":5}', '{"warning":"stop"}', '{"error":5}',
]  # fmt: skip


@pytest.mark.parametrize("says", NONSENSE)
def test_an_answer_of_no_gateway_is_one_sentence(foreign: Foreign, says: str | bytes) -> None:
    foreign.says = says
    for step in (foreign.capture, foreign.ask):
        with pytest.raises(ClientError, match=r"^this is not an answer of an A3CP gateway; check the URL$"):
            step()


def test_plain_http_to_a_gateway_with_https_is_explained(tmp_path: Path) -> None:
    settings = Settings(**Pair(tmp_path).settings, metrics_port=0, host="127.0.0.1")
    with capture_logs() as lines, metrics_served(settings, CollectorRegistry()):
        url = str(lines[0]["address"]).removesuffix("/metrics").replace("https:", "http:")
        with SyncCaptureClient(url) as client, pytest.raises(GatewayAway, match=r"it stopped, or it serves https:$"):
            client.signed_in()


def test_a_newer_gateway_may_have_other_codes_and_messages(foreign: Foreign) -> None:
    foreign.says = '{"event":"capture.abort","error_code":"new_code","more":[]}'
    with pytest.raises(CaptureAborted, match="new_code"):
        foreign.capture()
    foreign.says = '{"event":"capture.cheer"}'
    with pytest.raises(GatewayAway, match="lost"):
        foreign.capture()
    foreign.says = '{"error":"new_code","detail":"A sentence.","more":[]}'
    with pytest.raises(LiveEnded, match=r"new_code: A sentence\."):
        foreign.ask()


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8000", "ftp://x", "http://", "http://x:99999", "http://x:port", "http://[::1", "http://x\0",
     "http://x/?a=b", "http://x/#a", "http://xn--a", f"http://{'a' * 64}"],
)  # fmt: skip
def test_an_invalid_address_is_refused_when_the_client_is_made(url: str) -> None:
    with pytest.raises(ConfigurationError, match="a gateway's URL is like"):
        SyncCaptureClient(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [("HTTP://a_service:8000/", "http://a_service:8000"), ("http://[::1]:8000", "http://[::1]:8000"),
     ("https://bücher.example/a3cp//", "https://bücher.example/a3cp")],
)  # fmt: skip
def test_any_form_of_a_gateway_s_address_is_accepted(url: str, shown: str) -> None:
    with SyncCaptureClient(url) as client:
        assert client.url == shown


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "nonsense://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    for name in ("ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, proxy)
    with pytest.raises(ConfigurationError, match="proxy"):
        SyncCaptureClient("http://gateway.example:8000")
    SyncCaptureClient("http://127.0.0.1:8000").close()


@pytest.mark.parametrize("token", ["sesame\n", "open sesame", "sésame"])
def test_an_invalid_token_is_not_sent_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigurationError, match="letters, digits and") as error:
        SyncCaptureClient("http://127.0.0.1:1", token)
    assert "same" not in str(error.value)


def test_a_password_in_the_address_is_not_shown() -> None:
    for url in ("http://me:sesame@127.0.0.1:1", "http://me:sesame@127.0.0.1:port"):
        with pytest.raises((GatewayAway, ConfigurationError)) as error, SyncCaptureClient(url) as client:
            assert client.url == "http://127.0.0.1:1"
            client.pipelines()
        assert "127.0.0.1" in str(error.value) and "sesame" not in str(error.value)


def test_a_refusal_that_no_gateway_wrote_is_reported_as_such() -> None:
    said = "the server at this URL is no A3CP gateway, or a proxy before one (502); check the URL"
    assert str(GatewayRefused(502, "", "")) == said


def test_a_refused_token_is_one_sentence() -> None:
    said = str(GatewayRefused(401, "unauthorized", "Send the token."))
    assert said == (
        "the gateway refused (401 unauthorized): Send the token; its token is missing or wrong: set A3CP_API_TOKEN, "
        "or token="
    )


def test_without_a_url_the_client_uses_the_gateway_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"A3CP_HOST": "::", "A3CP_PORT": "8123", "A3CP_API_TOKEN": "sesame-open"}.items():
        monkeypatch.setenv(name, value)
    with SyncCaptureClient() as client:
        assert client.url == "http://[::1]:8123"
    monkeypatch.setenv("A3CP_PORT", "eighty")
    with pytest.raises(ConfigurationError, match=r"^A3CP_PORT: "):
        SyncCaptureClient()
