"""Settings: frozen models. A process's ``__main__`` reads them once from the environment and passes them down.

No other module reads the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.functional_validators import AfterValidator

from contracts.process.environment import check_environment
from contracts.process.local_folder import local_folder
from contracts.process.trace_settings import TraceSettings, trace_variables
from contracts.rules.access import check_origins, is_token, read_origins, shortest_token
from contracts.rules.artifact_url import read_artifact_url
from contracts.rules.broker_url import TLS_FILES, url_problem
from contracts.rules.errors import ConfigurationError
from contracts.rules.ids import check_identifier
from contracts.rules.limits import CaptureLimits
from contracts.rules.retention import MOST_DAYS
from contracts.rules.reverse_proxy import read_networks, read_root_path

__all__ = [
    "Lane", "Settings", "harmless_environment", "load_settings", "only_harmless_environment", "set_library_variable",
]  # fmt: skip

Lane = Literal["capture", "live"]
"""``capture``: extract bounded captures into artifacts. ``live``: answer the frames of the real-time lane."""


_ArtifactURL = Annotated[str, AfterValidator(read_artifact_url)]


class Settings(BaseModel):
    """All settings. A field's alias is its environment variable. Sizes are bytes, durations seconds, if not named."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    data_root: Annotated[Path, Field(alias="DATA_ROOT")] = Path("data")
    log_root: Annotated[Path, Field(alias="LOG_ROOT")] = Path("logs")
    state_dir: Annotated[Path, Field(alias="A3CP_STATE_DIR")] = Path("state")
    frames_url: Annotated[SecretStr | None, Field(alias="A3CP_FRAMES_URL")] = None
    events_url: Annotated[SecretStr | None, Field(alias="A3CP_EVENTS_URL")] = None
    frames_volatile: Annotated[Literal["check", "assume"], Field(alias="A3CP_FRAMES_VOLATILE")] = "check"
    artifact_url: Annotated[_ArtifactURL | None, Field(alias="A3CP_ARTIFACT_URL")] = None
    host: Annotated[str, Field(alias="A3CP_HOST", min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(alias="A3CP_PORT", ge=0, le=65535)] = 8000
    api_token: Annotated[SecretStr | None, Field(alias="A3CP_API_TOKEN")] = None
    access_file: Annotated[Path | None, Field(alias="A3CP_ACCESS_FILE")] = None
    tls_cert: Annotated[Path | None, Field(alias="A3CP_TLS_CERT")] = None
    tls_key: Annotated[Path | None, Field(alias="A3CP_TLS_KEY")] = None
    tls_ca: Annotated[Path | None, Field(alias="A3CP_TLS_CA")] = None
    allowed_origins: Annotated[str, Field(alias="A3CP_ALLOWED_ORIGINS"), AfterValidator(check_origins)] = ""
    root_path: Annotated[str, Field(alias="A3CP_ROOT_PATH"), AfterValidator(read_root_path)] = ""
    trusted_proxies: Annotated[str, Field(alias="A3CP_TRUSTED_PROXIES"), AfterValidator(read_networks)] = ""
    app_env: Annotated[str, Field(alias="APP_ENV")] = "local"
    device_id: Annotated[Annotated[str, AfterValidator(check_identifier)] | None, Field(alias="DEVICE_ID")] = None
    consent: Annotated[Literal["optional", "required"], Field(alias="A3CP_CONSENT")] = "optional"
    consent_file: Annotated[Path | None, Field(alias="A3CP_CONSENT_FILE")] = None
    studies_dir: Annotated[Path | None, Field(alias="A3CP_STUDIES_DIR")] = None
    retention_days: Annotated[int, Field(alias="A3CP_RETENTION_DAYS", ge=0, le=MOST_DAYS)] = 0
    max_event_bytes: Annotated[int, Field(alias="MAX_EVENT_BYTES", ge=1024, le=64 * 1024 * 1024)] = 512 * 1024
    recorder_fsync: Annotated[Literal["never", "always"], Field(alias="A3CP_RECORDER_FSYNC")] = "never"
    dead_letters_max_bytes: Annotated[int, Field(alias="A3CP_DEAD_LETTERS_MAX_BYTES", ge=2**24, le=2**34)] = 2**26
    failed_captures_s: Annotated[int, Field(alias="A3CP_FAILED_CAPTURES_S", ge=0, le=86_400)] = 0
    failed_captures_max_bytes: Annotated[int, Field(alias="A3CP_FAILED_CAPTURES_MAX_BYTES", ge=1, le=2**34)] = 2**26
    metrics_port: Annotated[int | None, Field(alias="A3CP_METRICS_PORT", ge=0, le=65535)] = None
    worker_lanes: Annotated[str, Field(alias="A3CP_WORKER_LANES")] = "capture,live"
    extractor_captures: Annotated[int, Field(alias="A3CP_EXTRACTOR_CAPTURES", ge=1, le=8)] = 2
    stream_enabled: Annotated[bool, Field(alias="STREAM_ENABLED")] = True
    stream_drop_threshold: Annotated[float, Field(alias="STREAM_DROP_THRESHOLD", ge=0, le=1)] = 0.10
    stream_slowdown_threshold: Annotated[float, Field(alias="STREAM_SLOWDOWN_THRESHOLD", ge=0, le=1)] = 0.30
    stream_max_frame_size_mb: Annotated[float, Field(alias="STREAM_MAX_FRAME_SIZE_MB", gt=0, le=64)] = 5
    stream_max_sessions: Annotated[int, Field(alias="STREAM_MAX_SESSIONS", ge=1)] = 10
    stream_max_graphs: Annotated[int, Field(alias="STREAM_MAX_GRAPHS", ge=1)] = 16
    upload_max_bytes: Annotated[int, Field(alias="A3CP_UPLOAD_MAX_BYTES", ge=1, le=2**31)] = 200 * 1024 * 1024
    upload_max_videos: Annotated[int, Field(alias="A3CP_UPLOAD_MAX_VIDEOS", ge=0, le=10_000)] = 16
    upload_max_total_bytes: Annotated[int, Field(alias="A3CP_UPLOAD_MAX_TOTAL_BYTES", ge=1, le=2**40)] = 500_000_000
    upload_max_s: Annotated[float, Field(alias="A3CP_UPLOAD_MAX_S", gt=0, le=86_400, allow_inf_nan=False)] = 900
    capture: CaptureLimits = Field(default_factory=CaptureLimits)
    traces: TraceSettings = Field(default_factory=TraceSettings)

    @field_validator("port", mode="before")
    @classmethod
    def _no_service_link(cls, value: Any) -> Any:
        if isinstance(value, str) and "://" in value:
            raise ValueError(
                "this is an address, which Kubernetes sets for a Service named a3cp; give the Service another name, or "
                "set enableServiceLinks: false for the pod"
            )
        return value

    @field_validator("data_root", "log_root", "state_dir", "studies_dir", mode="before")
    @classmethod
    def _folder(cls, value: object) -> object:
        return local_folder(value) if isinstance(value, str) else value

    @field_validator("worker_lanes")
    @classmethod
    def _known_lanes(cls, value: str) -> str:
        lanes = [lane.strip() for lane in value.split(",")]
        if len(set(lanes)) != len(lanes) or not set(lanes) <= set(get_args(Lane)):
            raise ValueError(
                f"a worker can serve the lanes {' and '.join(get_args(Lane))}; name one, or both: "
                f"{','.join(get_args(Lane))}"
            )
        return value

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        if self.stream_drop_threshold > self.stream_slowdown_threshold:
            raise ValueError("STREAM_DROP_THRESHOLD is above STREAM_SLOWDOWN_THRESHOLD")
        if (self.tls_cert is None) != (self.tls_key is None):
            missing = "A3CP_TLS_CERT" if self.tls_cert is None else "A3CP_TLS_KEY"
            raise ValueError(f"{missing} is not set but the other one is: set both for HTTPS, or neither for HTTP")
        return self

    @model_validator(mode="after")
    def _token_not_guessable(self) -> Settings:
        if self.api_token and len(self.api_token.get_secret_value()) < (least := shortest_token(self.host)):
            raise ValueError(
                f"A3CP_API_TOKEN: a token for {self.host} must have at least {least} characters; `python3 -c 'import "
                "secrets; print(secrets.token_urlsafe())'` prints a good one"
            )
        return self

    @field_validator("frames_url", "events_url")
    @classmethod
    def _broker_scheme(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and (problem := url_problem(value.get_secret_value())):
            raise ValueError(problem)
        if value is not None and (unreadable := _unreadable_file(value.get_secret_value())):
            raise ValueError(f"{unreadable} names no file that can be read")
        return value

    @field_validator("api_token")
    @classmethod
    def _token_form(cls, value: SecretStr | None) -> SecretStr | None:
        # a browser sends it as a WebSocket subprotocol, which is an HTTP token (RFC 9110, 5.6.2)
        if value is not None and not is_token(value.get_secret_value()):
            raise ValueError("a token may contain letters, digits and !#$%&'*+-.^_`|~ only")
        return value

    @property
    def asks_for_a_token(self) -> bool:
        """Whether a request needs a token."""
        return self.api_token is not None or self.access_file is not None

    @property
    def scheme(self) -> str:
        """How clients reach this process: ``http`` or ``https``."""
        return "http" if self.tls_cert is None else "https"

    @property
    def origins(self) -> frozenset[str]:
        """The origins whose pages may use the gateway beside its own, written as browsers send them."""
        return read_origins(self.allowed_origins)

    @property
    def lanes(self) -> frozenset[Lane]:
        """The lanes that a worker pool serves."""
        lanes = frozenset(cast(Lane, lane.strip()) for lane in self.worker_lanes.split(","))
        return lanes if self.stream_enabled else lanes - {"live"}

    @property
    def stream_max_frame_bytes(self) -> int:
        """The size limit of a frame of the real-time lane, in bytes."""
        return int(self.stream_max_frame_size_mb * 1_048_576)

    @property
    def artifact_root(self) -> Path | None:
        """The folder that workers write artifacts to, ``DATA_ROOT``; None if they write to an object store."""
        return self.data_root if self.artifact_url is None else None

    @property
    def assume_volatile(self) -> bool:
        """Whether to skip the check that the frames broker never writes to a disk."""
        return self.frames_volatile == "assume"

    def broker_urls(self) -> tuple[str, str]:
        """The URLs of the frames broker and of the events broker.

        Raises:
            ConfigurationError: one of them is not set.
        """
        for name, url in (("A3CP_FRAMES_URL", self.frames_url), ("A3CP_EVENTS_URL", self.events_url)):
            if url is None:
                raise ConfigurationError(
                    f"{name} is not set: set it to a Redis URL, or use `a3cp up`, which starts its own brokers"
                )
        assert self.frames_url is not None and self.events_url is not None
        return self.frames_url.get_secret_value(), self.events_url.get_secret_value()

    def environ(self) -> dict[str, str]:
        """The environment for a child process with these settings: this process's environment, in which these values
        replace the variables of all settings."""
        ours = {
            str(field.alias): getattr(self, name) for name, field in Settings.model_fields.items() if field.alias
        } | {_CAPTURE_PREFIX + name.upper(): value for name, value in self.capture.model_dump().items()}
        environ = {
            name: value
            for name, value in os.environ.items()
            if name not in ours and not name.startswith(_CAPTURE_PREFIX)
        }
        for name, value in (ours | self.traces.environ()).items():
            if value is not None:
                environ[name] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        return environ


def _unreadable_file(url: str) -> str | None:
    """The name of the URL's first option that names a file that this process cannot read."""
    files = [(name, path) for name, path in parse_qsl(urlsplit(url).query) if name in TLS_FILES]
    return next((name for name, path in files if not os.access(path, os.R_OK)), None)


_CAPTURE_PREFIX = "A3CP_CAPTURE_"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environ`` (the process's environment by default). An empty value counts as unset.

    Raises:
        ConfigurationError: a value is wrong. The text is one line that names the variable and shows no secret.
    """
    environ = os.environ if environ is None else environ
    names = {str(field.alias) for field in Settings.model_fields.values() if field.alias}
    limits = {_CAPTURE_PREFIX + name.upper() for name in CaptureLimits.model_fields}
    check_environment(environ, names | {name for name in environ if name.startswith(_CAPTURE_PREFIX)} | limits)
    values: dict[str, Any] = {name: environ[name] for name in names if environ.get(name)}
    values["capture"] = {
        name.removeprefix(_CAPTURE_PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(_CAPTURE_PREFIX) and value
    }
    values["traces"] = trace_variables(environ)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(_first_line(error)) from None


def set_library_variable(name: str, value: str) -> None:
    """Set an environment variable of this process for a library that can be configured in no other way."""
    os.environ[name] = value


_HARMLESS = re.compile(r"PATH|HOME|TZ|LANG|LC_\w+|LD_LIBRARY_PATH|PYTHON\w+")


def harmless_environment() -> dict[str, str]:
    """The variables of this process that hold no secret, for a program that needs no setting. Other programs of the
    same user can read that program's environment, unless it forbids it."""
    return {name: value for name, value in os.environ.items() if _HARMLESS.fullmatch(name)}


@contextmanager
def only_harmless_environment() -> Iterator[None]:
    """Remove all other variables while the block runs: a library starts a program in it with the whole environment."""
    hidden = {name: os.environ.pop(name) for name in set(os.environ) - set(harmless_environment())}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _first_line(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    location = [str(part) for part in first["loc"]]
    message = first["msg"].removeprefix("Value error, ")
    if location[:1] == ["capture"]:
        if len(location) == 1:
            return message  # two limits contradict each other, and the message names both
        name = _CAPTURE_PREFIX + location[1].upper()
        return f"{name}: there is no such setting" if first["type"] == "extra_forbidden" else f"{name}: {message}"
    return f"{location[-1]}: {message}" if location else message  # without a location, the message names the settings
