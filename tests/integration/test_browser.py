"""What people see, in a real browser: the operator's page, and chat interfaces behind the proxy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tidegate
from sidecar.app import App
from tests.app.test_app import settings
from tests.integration.test_kits import KitProcess

pytestmark = [pytest.mark.clients, pytest.mark.slow]

FOLDER = Path(__file__).parents[1] / "browser"


class Browser(KitProcess):
    """A browser, and what is to be seen in it."""

    def __init__(self, program: str) -> None:
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")}
        super().__init__(program, "main.mjs", folder=FOLDER, env=env)


@pytest.fixture(scope="module")
def browser(missing: Callable[[str], None]) -> Iterator[Browser]:
    """One browser, which all tests share."""
    program = shutil.which("node")
    if program is None:
        missing("Node (20 or later)")
    if not (FOLDER / "node_modules").exists():
        missing("the browser (make browser)")
    assert program is not None
    browser = Browser(program)
    yield browser
    browser.stop()


async def test_the_operators_page(browser: Browser, tmp_path: Path) -> None:
    app = App(settings(tmp_path))
    async with app.running():
        async with tidegate.AsyncClient(app.grpc.addresses[0]) as client:
            result = await client.check("a plum", session_id='<b id="x">&amp;')
        seen = await browser.ask("console", f"http://{app.admin.address}/", result.summary.stream_id, is_streamed=False)
    assert "error" not in seen, seen
    assert (seen["errors"], seen["hosts"]) == ([], [app.admin.address])
    assert seen["ready"] == "ready"
    assert "words" in seen["policies"]
    assert "words/no-plums" in seen["rules"]
    assert '<b id="x">&amp;' in seen["latest"]
    assert "rule no-plums of policy words" in seen["answer"]
    assert seen["bars"] > 1
    assert seen["grounds"]["light"] != seen["grounds"]["dark"]
    assert seen["overflow"] == {"desk": 0, "phone": 0}
