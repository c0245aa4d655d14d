"""Few file descriptors: connections of strangers do not take the last ones, which health checks need."""

from __future__ import annotations

import resource
import socket
import urllib.request
from pathlib import Path

import pytest

from tests.conformance.door import SERVERS, door

FEW = 200


@pytest.mark.slow
@pytest.mark.parametrize("server", SERVERS)
def test_health_answers_while_more_connections_come_than_there_are_descriptors(server: str, tmp_path: Path):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, before[1]))  # the service starts with this
    try:
        running = door(server, tmp_path)
        found = running.__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    host, _, port = found.address.rpartition(":")
    kept = [socket.create_connection((host, int(port)), timeout=30) for _ in range(2 * FEW)]
    try:
        for _ in range(20):
            with urllib.request.urlopen(f"http://{found.admin}/healthz", timeout=30) as answer:
                assert answer.read() == b"ok\n"
    finally:
        for each in kept:
            each.close()
        running.__exit__(None, None, None)
