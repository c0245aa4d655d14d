"""`tidegate serve` as a process: its logs, its signals, its exit status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import tidegate
from sidecar.cli import main
from tests.app.test_app import write_policy

pytestmark = pytest.mark.slow


class Service:
    """A running service, and the log lines it has written."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []
        started = self.wait_for("serving")
        self.address: str = started["grpc"][0]
        self.admin: str = started["admin"]

    def wait_for(self, message: str) -> dict[str, Any]:
        """The next log line with this message."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(json.loads(line))
            if self.lines[-1]["message"] == message:
                return self.lines[-1]
        raise AssertionError(f"the service ended before it said {message!r}: {self.lines}")


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[Service]:
    (folder / "policies").mkdir(exist_ok=True)
    write_policy(folder)
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    settings = {
        "TIDEGATE_GRPC__LISTEN": f"127.0.0.1:0,unix:{folder}/tidegate.sock",
        "TIDEGATE_ADMIN__LISTEN": "127.0.0.1:0",
        "TIDEGATE_POLICIES__DIRECTORIES": str(folder / "policies"),
        "TIDEGATE_POLICIES__RELOAD": "false",
        "TIDEGATE_OUTBOX__PATH": str(folder / "outbox.db"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "serve"],
        env=own | settings | environment,
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    )
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
                assert "".join(client.stream("a secret plum").text()) == "a secret <FRUIT>"
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
        assert client.check("a plum and a fig").text == "a plum and a <FRUIT>"
        write_policy(tmp_path, version="3", word="[")
        service.process.send_signal(signal.SIGHUP)
        assert "words.yaml:8:" in service.wait_for("policy refused; the last good one stays")["error"]
        assert client.check("a fig").text == "a <FRUIT>"


def test_what_keeps_it_from_starting_is_one_line_and_status_2(tmp_path: Path):
    ended = subprocess.run(
        [sys.executable, "-m", "sidecar", "serve"],
        env=os.environ | {"TIDEGATE_POLICIES__DIRECTORIES": "/nonexistent", "TIDEGATE_ADMIN__LISTEN": "127.0.0.1:0"},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert ended.stderr.startswith("Error: /nonexistent: ")
    assert len(ended.stderr.splitlines()) == 1


def test_it_can_be_stopped_while_it_waits_for_the_inference_server(tmp_path: Path):
    (tmp_path / "policies").mkdir()
    write_policy(tmp_path)
    own = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    settings = {
        "TIDEGATE_ADMIN__LISTEN": "127.0.0.1:0",
        "TIDEGATE_POLICIES__DIRECTORIES": str(tmp_path / "policies"),
        "TIDEGATE_OUTBOX__PATH": str(tmp_path / "outbox.db"),
        "TIDEGATE_INFERENCE__TARGET": f"unix:{tmp_path}/nobody",
        "TIDEGATE_INFERENCE__MODELS": "tidegate-encoder=encoder",
        "TIDEGATE_INFERENCE__FALLBACK": "fail",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "sidecar", "serve"],
        env=own | settings,
        cwd=Path(__file__).parents[2],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert "waiting for the inference server" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert process.stderr.read() == ""
