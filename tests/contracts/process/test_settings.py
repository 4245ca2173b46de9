"""Settings: a wrong value stops a process with one line that names its variable and shows no secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.process.settings import Settings, load_settings
from contracts.rules.errors import ConfigurationError
from contracts.rules.limits import CaptureLimits

SECRET = "s3cret-word"


def test_nothing_set_gives_the_defaults_of_the_contract() -> None:
    settings = load_settings({})
    assert (settings.data_root, settings.log_root, settings.state_dir) == (Path("data"), Path("logs"), Path("state"))
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.max_event_bytes == 512 * 1024
    assert settings.capture == CaptureLimits()
    assert settings.frames_url is settings.events_url is settings.api_token is None
    assert not settings.assume_volatile
    assert (settings.recorder_fsync, settings.consent, settings.consent_file) == ("never", "optional", None)
    assert settings.origins == frozenset()
    assert settings.root_path == settings.trusted_proxies == ""


def test_every_setting_is_read_from_its_variable() -> None:
    settings = load_settings(
        {
            "DATA_ROOT": "d", "LOG_ROOT": "l", "A3CP_STATE_DIR": "s", "A3CP_FRAMES_URL": "redis://f",
            "A3CP_EVENTS_URL": "rediss-cluster://e", "A3CP_FRAMES_VOLATILE": "assume", "A3CP_HOST": "0.0.0.0",
            "A3CP_PORT": "0", "A3CP_API_TOKEN": SECRET,
            "A3CP_ALLOWED_ORIGINS": "https://a.example/, https://b.example,",
            "APP_ENV": "prod", "DEVICE_ID": "cam.1", "MAX_EVENT_BYTES": "2048", "A3CP_RECORDER_FSYNC": "always",
            "A3CP_CONSENT": "required", "A3CP_CONSENT_FILE": "study.md", "A3CP_STUDIES_DIR": "~/studies",
            "A3CP_ROOT_PATH": "/tools/a3cp/", "A3CP_TRUSTED_PROXIES": "127.0.0.1, fd07::/64,",
            "A3CP_CAPTURE_MAX_FPS": "30", "A3CP_CAPTURE_MAX_DURATION_S": "10",
        }
    )  # fmt: skip
    assert (settings.data_root, settings.log_root, settings.state_dir) == (Path("d"), Path("l"), Path("s"))
    assert settings.broker_urls() == ("redis://f", "rediss-cluster://e")
    assert settings.assume_volatile
    assert (settings.host, settings.port, settings.app_env, settings.device_id) == ("0.0.0.0", 0, "prod", "cam.1")
    assert settings.api_token is not None
    assert settings.api_token.get_secret_value() == SECRET
    assert settings.origins == {"https://a.example", "https://b.example"}
    assert (settings.max_event_bytes, settings.recorder_fsync) == (2048, "always")
    assert (settings.consent, settings.consent_file) == ("required", Path("study.md"))
    assert settings.studies_dir == Path("~/studies").expanduser()
    assert (settings.root_path, settings.trusted_proxies) == ("/tools/a3cp", "127.0.0.1/32,fd07::/64")
    assert load_settings(settings.environ()).trusted_proxies == settings.trusted_proxies
    assert (settings.capture.max_fps, settings.capture.max_frames) == (30, 330)


@pytest.mark.parametrize("limit", list(CaptureLimits.model_fields))
def test_every_limit_has_a_variable_of_its_name(limit: str) -> None:
    name = "A3CP_CAPTURE_" + limit.upper()
    value = int(getattr(CaptureLimits(), limit)) + (0 if limit in ("max_short_side", "min_duration_s") else 1)
    assert getattr(load_settings({name: str(value)}).capture, limit) == value
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        load_settings({name: "-1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A3CP_PORT", "eighty"), ("A3CP_PORT", "tcp://10.0.0.1:8000"),
        ("A3CP_API_TOKEN", "x"), ("A3CP_API_TOKEN", "123"),
        ("A3CP_ALLOWED_ORIGINS", "https://*.example.org"), ("A3CP_ALLOWED_ORIGINS", "file://x"),
        ("A3CP_ALLOWED_ORIGINS", "null"), ("A3CP_ALLOWED_ORIGINS", "https://straße.example"),
        ("A3CP_ALLOWED_ORIGINS", "capacitor://"),
        ("DATA_ROOT", "data\r"), ("LOG_ROOT", "a\x1b[1m"), ("A3CP_HOST", "127.0.0.1\n"), ("A3CP_FRAMES_URL", "redis://h\t"),
        ("A3CP_TOKEN", "a-long-enough-one"), ("A3CP_APITOKEN", "a-long-enough-one"), ("A3CP_API_TOKENS", "x"),
        ("A3CP_ALLOWED_ORIGIN", "https://x.example"), ("A3CP_FRAME_URL", "redis://h"),
        ("A3CP_PORT", "65536"), ("A3CP_PORT", "-1"), ("A3CP_PORT", "80.5"),
        ("A3CP_FRAMES_URL", "http://h"), ("A3CP_FRAMES_URL", "localhost:6379"), ("A3CP_EVENTS_URL", "memcached://h"),
        ("A3CP_FRAMES_VOLATILE", "yes"), ("A3CP_FRAMES_VOLATILE", "true"),
        ("A3CP_ARTIFACT_URL", "ftp://bucket"),
        ("A3CP_API_TOKEN", "two words"), ("A3CP_API_TOKEN", "tökén"), ("A3CP_API_TOKEN", "a\nb"), ("A3CP_API_TOKEN",
         "a,b"),
        ("A3CP_ALLOWED_ORIGINS", "a3cp.example"), ("A3CP_ALLOWED_ORIGINS", "*"),
        ("A3CP_ALLOWED_ORIGINS", "https://a3cp.example/path"), ("A3CP_ALLOWED_ORIGINS", "https://a:b@c.example"),
        ("A3CP_ROOT_PATH", "a3cp"), ("A3CP_ROOT_PATH", "//evil.example"), ("A3CP_ROOT_PATH", "/a/../b"),
        ("A3CP_ROOT_PATH", "/./a"), ("A3CP_ROOT_PATH", "/a b"), ("A3CP_ROOT_PATH", "https://a3cp.example/a3cp"),
        ("A3CP_ROOT_PATH", "/a?b"), ("A3CP_ROOT_PATH", "/a%2fb"), ("A3CP_ROOT_PATH", "/ä"), ("A3CP_ROOT_PATH", "//"),
        ("A3CP_TRUSTED_PROXIES", "*"), ("A3CP_TRUSTED_PROXIES", "nginx"), ("A3CP_TRUSTED_PROXIES", "10.0.0.7/8"),
        ("A3CP_TRUSTED_PROXIES", "0.0.0.0/0"), ("A3CP_TRUSTED_PROXIES", "::/0"), ("A3CP_TRUSTED_PROXIES", "[::1]"),
        ("DEVICE_ID", "../x"), ("DEVICE_ID", "a b"),
        ("MAX_EVENT_BYTES", "0"), ("MAX_EVENT_BYTES", "1e9999"), ("MAX_EVENT_BYTES", "lots"),
        ("A3CP_RECORDER_FSYNC", "sometimes"),
        ("A3CP_CONSENT", "yes"), ("A3CP_CONSENT", "Required"), ("A3CP_CONSENTS", "required"),
        ("A3CP_CONSENT_FILES", "a.md"),
        ("A3CP_CAPTURE_MAX_FPS", "15.5"), ("A3CP_CAPTURE_MAX_FPS", "fast"), ("A3CP_CAPTURE_MAX_FPS", "0"),
        ("A3CP_CAPTURE_MAX_DURATION_S", "nan"), ("A3CP_CAPTURE_MAX_DURATION_S", "inf"),
        ("A3CP_CAPTURE_MAX_DURATION_S", "1e999"), ("A3CP_CAPTURE_MAX_FRAMES", "x"), ("A3CP_CAPTURE_MAX_FRAMES", "0"),
        ("A3CP_CAPTURE_MAX_FPSS", "15"), ("A3CP_CAPTURE_", "15"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_one_line_that_names_its_variable(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value})
    assert str(caught.value).startswith(f"{name}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unknown_limit_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match=r"^A3CP_CAPTURE_MAX_FPSS: there is no such setting$"):
        load_settings({"A3CP_CAPTURE_MAX_FPSS": "15"})


def test_limits_that_contradict_each_other_are_both_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^A3CP_CAPTURE_MIN_DURATION_S is above A3CP_CAPTURE_MAX_DURATION_S$"):
        load_settings({"A3CP_CAPTURE_MIN_DURATION_S": "121"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("A3CP_FRAMES_URL", f"http://user:{SECRET}@h"),
        ("A3CP_EVENTS_URL", f"user:{SECRET}@h"),
        ("A3CP_API_TOKEN", f"{SECRET} {SECRET}"),
    ],
)
def test_no_text_shows_a_secret(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: value})
    assert SECRET not in str(caught.value) + repr(caught.value)
    settings = load_settings({"A3CP_FRAMES_URL": f"redis://:{SECRET}@h", "A3CP_API_TOKEN": SECRET})
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


def test_an_empty_value_counts_as_unset() -> None:
    names = [str(field.alias) for field in Settings.model_fields.values() if field.alias]
    empty = dict.fromkeys([*names, "A3CP_CAPTURE_MAX_FPS", "A3CP_CAPTURE_NO_SUCH"], "")
    assert load_settings(empty) == load_settings({})


def test_variables_of_other_programs_are_ignored() -> None:
    assert load_settings({"PORT": "x", "HOST": "y", "PATH": "z", "A3CP_OTHER": "1"}) == load_settings({})


@pytest.mark.parametrize("missing", ["A3CP_FRAMES_URL", "A3CP_EVENTS_URL"])
def test_a_missing_broker_url_is_an_error_that_names_the_variable(missing: str) -> None:
    both = {"A3CP_FRAMES_URL": "redis://f", "A3CP_EVENTS_URL": "redis://e"}
    with pytest.raises(ConfigurationError, match=f"^{missing} is not set"):
        load_settings({name: url for name, url in both.items() if name != missing}).broker_urls()


def test_settings_are_fixed() -> None:
    with pytest.raises(ValidationError):
        load_settings({}).port = 1  # type: ignore[misc]


def test_without_an_argument_the_process_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A3CP_PORT", "8123")
    assert load_settings().port == 8123


def test_a_child_process_reads_the_settings_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A3CP_PORT", "1")
    monkeypatch.setenv("A3CP_CAPTURE_MAX_CAPTURES", "1")
    monkeypatch.setenv("SOMETHING_ELSE", "kept")
    given = load_settings({"A3CP_PORT": "9000", "A3CP_API_TOKEN": SECRET, "A3CP_CAPTURE_MAX_DURATION_S": "10"})
    environ = given.environ()
    assert load_settings(environ) == given
    assert environ["SOMETHING_ELSE"] == "kept"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STREAM_ENABLED", "perhaps"),
        ("STREAM_DROP_THRESHOLD", "1.5"),
        ("STREAM_SLOWDOWN_THRESHOLD", "-0.1"),
        ("STREAM_SLOWDOWN_THRESHOLD", "0.05"),
        ("STREAM_MAX_FRAME_SIZE_MB", "0"),
        ("STREAM_MAX_SESSIONS", "0"),
        ("A3CP_WORKER_LANES", "capture,uploads"),
        ("A3CP_WORKER_LANES", "live,live"),
        ("A3CP_METRICS_PORT", "70000"),
    ],
)
def test_a_wrong_setting_of_the_real_time_lane_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load_settings({name: value})


def test_a_pool_serves_the_lanes_of_its_setting_and_no_live_lane_if_that_is_off() -> None:
    assert load_settings({}).lanes == {"capture", "live"}
    assert load_settings({"A3CP_WORKER_LANES": "live"}).lanes == {"live"}
    assert load_settings({"STREAM_ENABLED": "false"}).lanes == {"capture"}


def test_the_longest_frame_of_the_real_time_lane_is_given_in_units_of_1048576_bytes() -> None:
    assert load_settings({}).stream_max_frame_bytes == 5_242_880
    assert load_settings({"STREAM_MAX_FRAME_SIZE_MB": "0.5"}).stream_max_frame_bytes == 524_288


@pytest.mark.parametrize(
    ("named", "sent"),
    [
        ("https://a3cp.example:443", "https://a3cp.example"),
        ("http://A3CP.example:80/", "http://a3cp.example"),
        ("https://a3cp.example:8443", "https://a3cp.example:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://xn--strae-oqa.example", "https://xn--strae-oqa.example"),
        ("http://[FD00::1]:8000", "http://[fd00::1]:8000"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("ionic://localhost", "ionic://localhost"),
        ("tauri://localhost", "tauri://localhost"),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
    ],
)
def test_an_allowed_origin_is_kept_in_the_form_in_which_browsers_send_it(named: str, sent: str) -> None:
    assert load_settings({"A3CP_ALLOWED_ORIGINS": named}).origins == {sent}


@pytest.mark.parametrize("name", [
    "A3CP_SERVICE_HOST", "A3CP_PORT_8000_TCP", "A3CP_PORT_8000_TCP_ADDR", "A3CP_SERVICE_PORT", "A3CP_DATA", "A3CP_LOGS",
    "A3CP_BENCH_QUICK",
])  # fmt: skip
def test_a_variable_that_resembles_no_setting_is_left_alone(name: str) -> None:
    assert load_settings({name: "tcp://10.0.0.1:8000"}) == load_settings({})


def test_an_extractor_has_one_to_eight_captures() -> None:
    assert [load_settings({"A3CP_EXTRACTOR_CAPTURES": text}).extractor_captures for text in ("1", "", "8")] == [1, 2, 8]
    for text in ("0", "9", "all"):
        with pytest.raises(ConfigurationError, match=r"^A3CP_EXTRACTOR_CAPTURES: "):
            load_settings({"A3CP_EXTRACTOR_CAPTURES": text})


@pytest.mark.parametrize(("host", "least"), [("127.0.0.1", 4), ("::1", 4), ("0.0.0.0", 8), ("192.168.1.2", 8)])
def test_a_token_must_be_longer_if_other_machines_can_reach_the_gateway(host: str, least: int) -> None:
    assert load_settings({"A3CP_HOST": host, "A3CP_API_TOKEN": "x" * least}).api_token
    with pytest.raises(ConfigurationError, match=rf"^A3CP_API_TOKEN: .* {least} characters") as caught:
        load_settings({"A3CP_HOST": host, "A3CP_API_TOKEN": "y" * (least - 1)})
    assert "yyy" not in str(caught.value)
