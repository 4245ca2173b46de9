"""The ports of a stack's parts."""

from __future__ import annotations

import socket

import pytest

from contracts.process.settings import Settings
from contracts.rules.errors import ConfigurationError
from scripts.stack.ports import metrics_ports

PARTS = ["recorder-1", "extractor-1", "live-1"]


def test_without_a_metrics_port_there_is_none() -> None:
    assert metrics_ports(Settings(), PARTS) == {}


def test_any_free_ports_are_different_ones() -> None:
    ports = metrics_ports(Settings(metrics_port=0), PARTS)
    assert list(ports) == PARTS
    assert len(set(ports.values())) == len(PARTS)
    for port in ports.values():
        socket.create_server(("127.0.0.1", port)).close()


def test_parts_get_the_port_and_those_after_it() -> None:
    first = 0
    for first in range(20_000, 30_000, 10):  # three in a row that are free
        try:
            ports = metrics_ports(Settings(metrics_port=first), PARTS)
            break
        except ConfigurationError:
            continue
    assert ports == {"recorder-1": first, "extractor-1": first + 1, "live-1": first + 2}


def test_a_port_that_is_taken_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"^A3CP_METRICS_PORT: cannot listen on 127.0.0.1:{port}"):
            metrics_ports(Settings(metrics_port=port), PARTS)


def test_more_parts_than_ports_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^A3CP_METRICS_PORT: 3 parts"):
        metrics_ports(Settings(metrics_port=65_534), PARTS)
