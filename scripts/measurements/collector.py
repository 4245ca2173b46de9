"""A collector for traces: an HTTP server that takes OTLP as JSON and keeps the spans in memory."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["CollectedSpan", "Collector", "collector", "read_spans"]

PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class CollectedSpan:
    """One span as it was sent. ``parent_id`` is empty at the root; times are nanoseconds since 1970."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    begin_ns: int
    end_ns: int
    error: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    resource: Mapping[str, Any] = field(default_factory=dict)


def read_spans(document: Mapping[str, Any]) -> Iterator[CollectedSpan]:
    """The spans of an ``ExportTraceServiceRequest`` in JSON."""
    for of_process in document.get("resourceSpans", []):
        resource = _values(of_process["resource"])
        for of_scope in of_process["scopeSpans"]:
            for span in of_scope["spans"]:
                status = span.get("status", {})
                yield CollectedSpan(
                    str(resource["service.name"]), span["name"], span["traceId"], span["spanId"],
                    span.get("parentSpanId", ""), int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]),
                    status.get("message", "") if status.get("code") == 2 else "", _values(span), resource,
                )  # fmt: skip


def _values(owner: Mapping[str, Any]) -> dict[str, Any]:
    return {each["key"]: _value(each["value"]) for each in owner.get("attributes", [])}


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    return int(held) if kind == "intValue" else held


class Collector:
    """What a running collector got. While ``status`` is not 200, it refuses with it and keeps nothing."""

    def __init__(self) -> None:
        self.address = ""
        self.status = 200
        self.requests = 0
        self.headers: list[dict[str, str]] = []
        self._spans: list[CollectedSpan] = []
        self._lock = threading.Lock()

    @property
    def spans(self) -> list[CollectedSpan]:
        """All spans so far, by their begin."""
        with self._lock:
            return sorted(self._spans, key=lambda span: span.begin_ns)

    def trace_of(self, attribute: str, value: object) -> list[CollectedSpan]:
        """The spans of the trace in which a span has this attribute, by their begin; empty if there is none yet."""
        spans = self.spans
        ids = {span.trace_id for span in spans if span.attributes.get(attribute) == value}
        return [span for span in spans if span.trace_id in ids]

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        """Take one request; returns the status of the answer."""
        with self._lock:
            self.requests += 1
            self.headers.append(dict(headers))
            if self.status == 200:
                self._spans += read_spans(json.loads(body))
            return self.status


@contextmanager
def collector(port: int = 0) -> Iterator[Collector]:
    """Listen on this machine while the block runs, on any free port by default."""
    taken = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            self.send_response(taken.take(dict(self.headers), body) if self.path == PATH else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        taken.address = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, name="collector", daemon=True).start()
        yield taken
        server.shutdown()
