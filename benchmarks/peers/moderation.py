"""A moderation service over the network, called like OpenAI's `/v1/moderations`: a stand-in that answers after a while.

The stand-in runs on loopback in a process of its own and finds nothing. How long it takes is an assumption that the
caller states, not a measurement: what is measured is the client's processor time, with the real `openai` client.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import NamedTuple

from openai import OpenAI

START_SECONDS = 60.0
MODEL = "omni-moderation-latest"
ANSWER = {
    "id": "modr-1",
    "model": MODEL,
    "results": [{"flagged": False, "categories": {}, "category_scores": {}, "category_applied_input_types": {}}],
}


class Call(NamedTuple):
    """What a call took its caller."""

    cpu_seconds: float
    seconds: float
    """With the network and the service."""


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __init__(self, *arguments: object, latency_ms: float) -> None:
        self._latency_ms = latency_ms
        super().__init__(*arguments)  # type: ignore[arg-type]  # the server's own three

    def do_POST(self) -> None:
        """Read the request, wait, find nothing."""
        self.rfile.read(int(self.headers["content-length"]))
        time.sleep(self._latency_ms / 1000)
        body = json.dumps(ANSWER).encode()
        self.send_response(200 if self.path == "/v1/moderations" else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def answering(latency_ms: float) -> Iterator[OpenAI]:
    """A client of a service that answers each call so much later, for as long as the context lasts."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_serve, args=(latency_ms, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the stand-in for a moderation service did not start")
        with OpenAI(base_url=f"http://127.0.0.1:{ours.recv()}/v1", api_key="none", max_retries=0) as client:
            yield client
    finally:
        process.terminate()
        process.join()


def moderated(client: OpenAI, texts: Sequence[str]) -> list[Call]:
    """What the calls for the texts took, one after another over one connection."""
    client.moderations.create(model=MODEL, input="Warm up: the first call connects.")
    return [_moderated(client, text) for text in texts]


def _moderated(client: OpenAI, text: str) -> Call:
    begun, cpu = time.perf_counter(), time.process_time()
    answer = client.moderations.create(model=MODEL, input=text)
    assert not answer.results[0].flagged
    return Call(time.process_time() - cpu, time.perf_counter() - begun)


def _serve(latency_ms: float, port: Connection) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Answering, latency_ms=latency_ms))
    port.send(server.server_port)
    server.serve_forever()
