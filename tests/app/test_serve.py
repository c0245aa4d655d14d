"""`tidegate serve` as a process: its logs, its signals, its exit status."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

import tidegate
from sidecar.cli.main import main
from tests.app.serving import Serving, refused, start
from tests.app.test_app import write_policy

pytestmark = pytest.mark.slow


class Service(Serving):
    """One that says where it serves."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(process)
        started = self.wait_for("serving")
        self.address: str = started["grpc"][0]
        self.admin: str = started["admin"]


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Service]:
    process = start(folder, TIDEGATE_GRPC__LISTEN=f"127.0.0.1:0,unix:{folder}/tidegate.sock", **environment)
    try:
        yield Service(process)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, loop: str):
    with serving(tmp_path, TIDEGATE_LOOP=loop) as service:
        for address in (service.address, f"unix:{tmp_path}/tidegate.sock"):
            with tidegate.Client(address) as client:
                assert "".join(client.stream("a secret plum").text()) == "a secret ‹fruit›"
        assert CliRunner().invoke(main, ["health", "--address", service.admin]).exit_code == 0
        service.process.send_signal(signal.SIGTERM)
        service.wait_for("draining")
        assert service.process.wait(30) == 0
        assert service.process.stderr is not None
        assert "plum" not in json.dumps(service.lines) + service.process.stderr.read()


def test_a_hang_up_reads_the_policies_again(tmp_path: Path):
    with serving(tmp_path) as service, tidegate.Client(service.address) as client:
        write_policy(tmp_path, version="2", word="fig")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for("policies reloaded")
        assert client.check("a plum and a fig").text == "a plum and a ‹fruit›"
        write_policy(tmp_path, version="3", word="[")
        service.process.send_signal(signal.SIGHUP)
        assert "words.yaml:8:" in service.wait_for("policy refused; the last good one stays")["error"]
        assert client.check("a fig").text == "a ‹fruit›"


def test_what_keeps_it_from_starting_is_one_line_and_status_2(tmp_path: Path):
    said = refused(tmp_path, TIDEGATE_POLICIES__DIRECTORIES="/nonexistent")
    assert said.startswith("/nonexistent: error TG001: ")
    assert len(said.splitlines()) == 1


def test_it_can_be_stopped_while_it_waits_for_the_inference_server(tmp_path: Path):
    inference = {
        "TIDEGATE_INFERENCE__TARGET": f"unix:{tmp_path}/nobody",
        "TIDEGATE_INFERENCE__MODELS": "tidegate-encoder=encoder",
        "TIDEGATE_INFERENCE__FALLBACK": "fail",
    }
    with start(tmp_path, **inference) as process:
        assert process.stderr is not None
        assert "waiting for the inference server" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
