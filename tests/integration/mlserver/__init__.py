"""A real inference server: MLServer, in an environment of its own, with a runtime for ONNX folders."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from tests.integration.broker import free_port
from tests.tiny_model import write_tiny_model

ROOT = Path(__file__).parents[3]
READY_S = 90.0
_POLL_S = 0.05
_BINARY = ROOT / ".venv-mlserver/bin/mlserver"
_RUNTIME = Path(__file__).parent / "onnx_folder.py"


def mlserver_binary() -> str | None:
    """The program, or None where it is not installed."""
    path = os.environ.get("TIDEGATE_MLSERVER") or str(_BINARY)
    return path if os.access(path, os.X_OK) else None


class ModelServer:
    """MLServer with one model, `served`: the tiny one. It can be killed and started again, on the same port."""

    def __init__(self, binary: str, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.model = write_tiny_model(folder / "served")
        self._binary = binary
        self._folder = folder
        self._http = free_port()
        self._log = folder / "mlserver.txt"
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copy(_RUNTIME, self.model)
        settings = {
            "name": "served",
            "implementation": "onnx_folder.OnnxFolder",
            "parameters": {"uri": str(self.model)},
        }
        (self.model / "model-settings.json").write_text(json.dumps(settings))

    async def start(self) -> None:
        """Start it; returns when the model is ready."""
        self.slow(0)
        environment = {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": str(self._http),
            "MLSERVER_GRPC_PORT": self.address.rpartition(":")[2],
            "MLSERVER_METRICS_ENDPOINT": "",
            "MLSERVER_PARALLEL_WORKERS": "0",
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "start", str(self._folder)],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self._folder)} | environment,
            )
        async with asyncio.timeout(READY_S):
            while not await asyncio.to_thread(self._is_ready):
                assert self._process.poll() is None, self._log.read_text(errors="replace")
                await asyncio.sleep(_POLL_S)

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def slow(self, seconds: float) -> None:
        """Have each answer take so long from now on."""
        (self.model / "slow").write_text(str(seconds))

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._http}/v2/models/served/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
