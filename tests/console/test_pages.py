"""The operator's page as it is served: what it shows of a running service, and what it lets nobody do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import tidegate
from sidecar.app import App
from tests.app.test_app import settings

FILES = ("/", "/console/console.css", "/console/console.js", "/console/state")
SECRET = "plum"


async def get(app: App, path: str) -> tuple[int, Mapping[str, str], str]:
    async with aiohttp.ClientSession() as http, http.get(f"http://{app.admin.address}{path}") as answer:
        return answer.status, answer.headers, await answer.text()


async def json_of(app: App, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as http, http.get(f"http://{app.admin.address}{path}") as answer:
        return answer.status, await answer.json()


async def guarded(app: App, text: str) -> str:
    """The id of a stream that this text went through."""
    async with tidegate.AsyncClient(app.grpc.addresses[0]) as client:
        result = await client.check(text, session_id="chat-7", request_id="r-7")
        return result.summary.stream_id


async def test_a_redaction_is_told_of_without_its_text(tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    async with app.running():
        stream = await guarded(app, f"a {SECRET} and a pear")
        _, state = await json_of(app, "/console/state")
        (seen,) = state["latest"]
        assert (seen["policy"], seen["rule"], seen["action"]) == ("words", "no-plums", "redact")
        assert (seen["session"], seen["stream"]) == ("chat-7", stream)
        assert state["recent"]["done"] == {"redact": 1}
        assert state["recent"]["rules"] == {"words/no-plums": {"redact": 1}}
        assert sum(state["recent"]["first"]) == 1
        assert state["readiness"]["ready"]
        (policy,) = state["policies"]["loaded"]
        assert policy["digest"] == app.policies.plans["words"].digest
        for path in ("/console/state", f"/console/stops/{stream}"):
            assert f'"{SECRET}"' not in (await get(app, path))[2]


async def test_why_a_stream_was_stopped_is_found_by_its_id_and_its_requests(tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    async with app.running():
        stream = await guarded(app, SECRET)
        for name in (stream, "r-7"):
            status, said = await json_of(app, f"/console/stops/{name}")
            assert (status, [seen["rule"] for seen in said["found"]]) == (200, ["no-plums"])


@pytest.mark.parametrize("name", ["nobody", "%3Cscript%3E", "x" * 5000])
async def test_an_unknown_id_is_no_error(tmp_path: Path, name: str) -> None:
    app = App(settings(tmp_path))
    async with app.running():
        status, said = await json_of(app, f"/console/stops/{name}")
        assert (status, said["found"]) == (404, [])


async def test_a_policy_that_was_refused_is_told_of(tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    async with app.running():
        (tmp_path / "policies" / "broken.yaml").write_text("apiVersion: tidegate.dev/v1\nkind: Policy\n")
        app.reloader.ask()
        while not (state := (await json_of(app, "/console/state"))[1])["policies"]["errors"]:
            pass
        assert "broken.yaml" in state["policies"]["errors"][0]
        assert [each["name"] for each in state["policies"]["loaded"]] == ["words"]


async def test_nothing_is_loaded_from_elsewhere_and_nothing_is_kept(tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    async with app.running():
        for path in FILES:
            status, headers, text = await get(app, path)
            assert status == 200
            assert "default-src 'self'" in headers["Content-Security-Policy"]
            assert (headers["Cache-Control"], headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
            assert not re.search(r"https?://", text)
            assert "innerHTML" not in text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_it_changes_nothing(tmp_path: Path, method: str) -> None:
    app = App(settings(tmp_path))
    async with app.running(), aiohttp.ClientSession() as http:
        for path in (*FILES, "/console/stops/x"):
            async with http.request(method, f"http://{app.admin.address}{path}") as answer:
                assert answer.status == 405


async def test_it_can_be_left_out(tmp_path: Path) -> None:
    app = App(settings(tmp_path, admin={"listen": "127.0.0.1:0", "console": False}))
    async with app.running():
        assert [(await get(app, path))[0] for path in (*FILES, "/readyz")] == [404, 404, 404, 404, 200]
