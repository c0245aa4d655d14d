"""`tidegate policy status`: what a running service says of its policies."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner, Result

from sidecar.app import App
from sidecar.cli.main import main
from tests.app.test_app import eventually, settings, write_policy


async def status(*arguments: str) -> Result:
    """The command, while the service runs on this event loop."""
    return await asyncio.to_thread(CliRunner().invoke, main, ["policy", "status", *arguments])


async def test_it_says_what_is_in_force_and_what_was_refused(tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    async with app.running():
        digest = app.policies.plans["words"].digest
        fine = await status("--url", app.admin.address)
        assert fine.exit_code == 0, fine.output
        lines = fine.stdout.splitlines()
        assert lines[0].startswith(f"words 1  {digest[:12]}  since 20")
        assert lines[1] == f"  from {tmp_path / 'policies' / 'words.yaml'}"
        assert "loaded  words 1" in lines[-1]

        write_policy(tmp_path, version="2", word="[")
        await eventually(lambda: bool(app.reloader.errors))
        await eventually(lambda: app.reloader.told[-1].step == "refused")
        refused = await status("--url", f"http://{app.admin.address}/")
        assert refused.exit_code == 1
        (said,) = (line for line in refused.stdout.splitlines() if line.startswith("refused: "))
        assert "words.yaml:8:" in said
        assert refused.stdout.startswith("words 1 ")

        state = json.loads((await status("--url", app.admin.address, "--json")).stdout)
        assert [(each["name"], each["version"], each["digest"]) for each in state["loaded"]] == [("words", "1", digest)]
        assert (state["latest"][0]["step"], state["latest"][0]["what"]) == ("refused", "words.yaml")
        assert len(state["errors"]) == 1


async def test_it_is_told_where_the_page_for_people_is_left_out(tmp_path: Path) -> None:
    app = App(settings(tmp_path, admin={"listen": f"unix:{tmp_path}/admin.sock", "console": False}))
    async with app.running():
        told = await status("--url", app.admin.address)
    assert (told.exit_code, told.stdout.split()[:2]) == (0, ["words", "1"])


def test_a_service_that_does_not_answer_is_told_with_what_to_look_at() -> None:
    result = CliRunner().invoke(main, ["policy", "status", "--url", "127.0.0.1:1"])
    assert result.exit_code == 2
    assert "nothing that can be read answers at 127.0.0.1:1 (ConnectionRefusedError)" in result.stderr
    assert "admin.listen" in result.stderr
