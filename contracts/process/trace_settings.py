"""Which traces are kept and where they go: OpenTelemetry's own environment variables, checked. No I/O.

The rest of its variables (``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_EXPORTER_OTLP_HEADERS``,
``…_TIMEOUT``, ``…_COMPRESSION``, ``…_CERTIFICATE``, ``OTEL_BSP_…``) are read by its SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator

__all__ = ["LIVE_SHARE", "TraceSettings", "trace_variables"]

LIVE_SHARE = 0.01
"""The share of live frames that is traced if ``OTEL_TRACES_SAMPLER`` is not set: each camera sends some every second,
and each would be a trace of its own."""

Sampler = Literal[
    "always_on", "always_off", "traceidratio",
    "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
]  # fmt: skip


class TraceSettings(BaseModel):
    """Without an ``endpoint`` there are no traces, and OpenTelemetry is not loaded."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    endpoint: Annotated[str, Field(alias="OTEL_EXPORTER_OTLP_ENDPOINT")] = ""
    for_traces: Annotated[str, Field(alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")] = ""
    protocol: Annotated[Literal["http/json", "http/protobuf"], Field(alias="OTEL_EXPORTER_OTLP_PROTOCOL")] = "http/json"
    sampler: Annotated[Sampler | None, Field(alias="OTEL_TRACES_SAMPLER")] = None
    sampler_arg: Annotated[float, Field(alias="OTEL_TRACES_SAMPLER_ARG", ge=0, le=1, allow_inf_nan=False)] = 1.0

    @field_validator("endpoint", "for_traces")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            address = urlsplit(value)
            usable = address.scheme in ("http", "https") and bool(address.hostname) and (address.port or 1) > 0
        except ValueError:
            usable = False
        if not usable or not value.isprintable():
            raise ValueError("this is not the address of an OTLP receiver over HTTP, such as http://localhost:4318")
        return value

    @property
    def address(self) -> str:
        """Where traces are sent."""
        return self.for_traces or f"{self.endpoint.rstrip('/')}/v1/traces"

    def environ(self) -> dict[str, str]:
        """The variables for a process with these settings; none if traces are off."""
        return {name: str(value) for name, value in self.model_dump(by_alias=True, exclude_defaults=True).items()}

    @property
    def share(self) -> float:
        """The share of new traces that are kept, 0 to 1."""
        sampler = (self.sampler or "always_on").removeprefix("parentbased_")
        return {"always_on": 1.0, "always_off": 0.0}.get(sampler, self.sampler_arg)

    @property
    def follows_parent(self) -> bool:
        """Whether the parent of a span decides whether it is kept."""
        return self.sampler is None or self.sampler.startswith("parentbased_")

    @property
    def live_share(self) -> float:
        """The share of live frames that is traced, 0 to 1."""
        return LIVE_SHARE if self.sampler is None else self.share


def trace_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``environ`` that `TraceSettings` reads; none if traces are off. So what another program left in
    the environment stops no process."""
    if not environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return {}
    names = [str(field.alias) for field in TraceSettings.model_fields.values()]
    return {name: environ[name] for name in names if environ.get(name)}
