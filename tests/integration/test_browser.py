"""What people see, in a real browser: the operator's page, and chat interfaces behind the proxy."""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

import tidegate
from sidecar.app import App
from tests import providers
from tests.app.test_app import settings
from tests.dom import Element, read
from tests.integration.test_kits import KitProcess, node_program
from tests.providers import text
from tests.proxies import Proxied, proxied
from tests.upstream import Answer, Seen

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
    browser = Browser(node_program(missing, FOLDER, "the browser (make browser)"))
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


# --- what a chat shows ------------------------------------------------------------------------------------------------

RENDERERS = ("react-markdown", "streamdown")
MESSAGE = "I can't talk about that."
ACTING = f"""
apiVersion: tidegate.dev/v1
kind: Policy
metadata: {{name: acting, version: "1"}}
rules:
  - id: no-names
    detect: {{detector: patterns, keywords: {{NAME: ["project heron"]}}}}
    action: {{block: {{message: "{MESSAGE}"}}}}
  - id: addresses
    detect: {{detector: pii, labels: [EMAIL_ADDRESS]}}
    action: redact
  - id: cards
    detect: {{detector: pii, labels: [CREDIT_CARD]}}
    action: {{redact: {{with: mask, keep_last: 4}}}}
"""


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Proxied]:
    """A guarded model that says what the last message names (see `TEXTS`), a few characters at a time."""

    def said(seen: Seen) -> Answer:
        asked = json.loads(seen.body)["messages"][-1]["content"]
        words = TEXTS[asked if isinstance(asked, str) else asked[0]["text"]]
        return providers.play(seen, [text(*(words[at : at + 5] for at in range(0, len(words), 5)))])

    async with proxied(tmp_path, policy=ACTING, refusals="answer") as door:
        door.upstream.choose = said
        yield door


OPEN = {
    "nothing": "",
    "text": "Inside we call it ",
    "half a word": "Inside-",
    "bold": "Well, **we call it ",
    "bold in a word": "Well, **we** and __we call ",
    "emphasis": "Well, *we call it ",
    "struck": "Well, ~~we call it ",
    "inline code": "Run `make ",
    "fence": "Look:\n\n```python\nname = '",
    "fence of four": "Look:\n\n````markdown\n```\nname\n```\n",
    "tildes": "Look:\n\n~~~\nname = ",
    "fence in a list": "1. Look:\n\n   ```sh\n   make ",
    "fence in a quotation": "> ```\n> make ",
    "cell": "| name | team |\n| --- | --- |\n| a | b |\n| we call it ",
    "link": "See [what we call ",
    "link's target": "See [this](https://example.com/",
    "link's title": 'See [this](https://example.com/ "a ',
    "address": "See https://example.com/",
    "image": "![we call it ",
    "image's source": "![this](https://example.com/",
    "linked image": "[![this](https://example.com/p.png) we ",
    "footnote": "See[^1].\n\n[^1]: We call it ",
    "list": "- one\n- we call it ",
    "list in a list": "- one\n  - we **call** it ",
    "task": "- [ ] call it ",
    "quotation": "> We call it ",
    "heading": "# We call it ",
    "mathematics": "So:\n\n$$\na = ",
    "mathematics in brackets": "So:\n\n\\[\na = ",
    "mathematics in a line": "So $a = ",
    "folded part": "So:\n\n<details><summary>More</summary>\n\nWe call it ",
    "its summary": "<details><summary>We call it ",
    "thoughts": "<think>\nWe call it ",
    "comment": "So <!-- we call it ",
    "tag": 'So <a href="https://example.com/',
    "generics": "So List<String, ",
    "bold by HTML": "So <b>we call it ",
    "table by HTML": "<table><tr><td>we call it ",
}
"""What a model was saying when it was stopped, by what was open then."""

MARKUP = frozenset(
    "a b blockquote button code del details em h1 li math ol pre section strong summary table think ul".split()
)


@pytest.mark.parametrize("opened", OPEN)
@pytest.mark.parametrize("renderer", RENDERERS)
async def test_a_blocks_message_is_seen_set_off_and_outside_of_markup(
    browser: Browser, chat: Proxied, renderer: str, opened: str
) -> None:
    seen = await browser.ask(renderer, chat.url, f"stopped in {opened}", is_streamed=True)
    assert seen["errors"] == []
    assert MESSAGE in seen["text"].splitlines()
    (own,) = [each for each in read(seen["html"]).all() if each.name == "p" and each.text.strip() == MESSAGE]
    assert not {each.name for each in own.around()} & MARKUP


@pytest.mark.parametrize("renderer", RENDERERS)
async def test_a_refusal_is_seen_and_the_next_turn_is_answered(browser: Browser, chat: Proxied, renderer: str) -> None:
    refused = await browser.ask(renderer, chat.url, "Tell me of project heron", is_streamed=True)
    answered = await browser.ask(renderer, chat.url, "Tell me of project heron\nhello again", is_streamed=True)
    assert (refused["errors"], answered["errors"]) == ([], [])
    assert (refused["text"], answered["text"]) == (MESSAGE, TEXTS["hello again"])


MAIL, CARD = "jane@example.com", "5555-5555-5555-4444"
WORDS, MASK = "‹email-address›", "••••-••••-••••-4444"
HOLDING = {
    "words": f"Write to {MAIL} about {CARD}.",
    "table": f"| who | card |\n| --- | --- |\n| {MAIL} | {CARD} |\n| b | **{CARD}** |",
    "bold": f"Write to **{MAIL}** about **{CARD}**, or ***{CARD}***.",
    "bold in a word": f"a**{CARD}**b, 卡号**{CARD}**是",
    "emphasis": f"Write to *{MAIL}* about ~~{CARD}~~.",
    "heading": f"# {MAIL}\n\n{CARD}\n===\n\nb",
    "list": f"- {MAIL}\n- {CARD}\n  1. {CARD}",
    "quotation": f"> {MAIL}\n> {CARD}",
    "link": f"See [{CARD}](https://example.com/) and [Jane](mailto:{MAIL}) and [x](https://example.com/{MAIL}/a).",
    "reference": f"See [Jane][1].\n\n[1]: mailto:{MAIL}",
    "image": f"![{CARD}](https://example.com/p.png) ![y](https://example.com/{MAIL}/p.png)",
    "autolink": f"Write to <{MAIL}> or <mailto:{MAIL}>.",
    "code": f"Run `mail {MAIL}`:\n\n```sh\npay {CARD}\n```\n\n    pay {CARD}",
    "footnote": f"See[^1].\n\n[^1]: {MAIL} and {CARD}",
    "HTML": f"<b>{MAIL}</b> and <details><summary>{CARD}</summary>{MAIL}</details>",
    "mathematics": f"So:\n\n$$\n{CARD}\n$$",
    "mathematics in a line": f"So $a = {CARD}$.",
}
"""What holds values that are redacted, by what they stand in."""

TEXTS = {f"stopped in {name}": f"{before}project heron, and more" for name, before in OPEN.items()} | {
    f"redacted in {name}": said for name, said in HOLDING.items()
}
TEXTS["hello again"] = "How can I help?"


def redacted(clean: str) -> str:
    """The DOM of an answer that was not guarded, with the words that stand for what is redacted."""
    return clean.replace(f"mailto:{MAIL}", WORDS).replace(MAIL, WORDS).replace(CARD, MASK)


def outline(place: Element) -> list[str | tuple[str, dict[str, str]]]:
    """Elements and words, in order. What a redaction may change is left out: see `targets` and `is_address`."""
    said: list[str | tuple[str, dict[str, str]]] = []
    for child in place.children:
        if isinstance(child, str) or is_address(child):
            words = (child if isinstance(child, str) else WORDS).replace("\u2060", "")
            before = said.pop() if said and isinstance(said[-1], str) else ""
            said.append(f"{before}{words}")
        else:
            said += [(child.name, targets(child)), *outline(child), (f"/{child.name}", {})]
    return said


def targets(element: Element) -> dict[str, str]:
    """Attributes, without where a link leads or an image comes from if that was redacted: nowhere then."""
    return {
        name: value
        for name, value in element.attributes.items()
        if name not in ("href", "src") or not re.search(f"{WORDS}|#email-address", value)
    }


def is_address(element: Element) -> bool:
    """Whether an element is the link that an address is by itself: the words for it are none."""
    is_link = element.name == "a" or element.attributes.get("data-streamdown") == "link"
    return is_link and element.text == WORDS


NOT_AS_BEFORE = {
    ("react-markdown", "mathematics"): "••••−••••−••••−4444",  # KaTeX sets a mask as text, and digits as a number
    ("react-markdown", "mathematics in a line"): "••••−••••−••••−4444",
    ("streamdown", "image"): "[Image blocked: y]",  # it says so of an image that comes from nowhere
}
"""Where a renderer makes other elements of what stands for a value: what is read there."""


@pytest.mark.parametrize("place", HOLDING)
@pytest.mark.parametrize("renderer", RENDERERS)
async def test_a_redaction_is_read_and_nothing_else_is_changed(
    browser: Browser, chat: Proxied, renderer: str, place: str
) -> None:
    clean = await browser.ask(renderer, chat.upstream.url, f"redacted in {place}", is_streamed=True)
    seen = await browser.ask(renderer, chat.url, f"redacted in {place}", is_streamed=True)
    assert (clean["errors"], seen["errors"]) == ([], [])
    if (renderer, place) in NOT_AS_BEFORE:
        assert NOT_AS_BEFORE[renderer, place] in seen["text"]
        return
    assert seen["text"].replace("\u2060", "") == redacted(clean["text"])
    assert outline(read(seen["html"])) == outline(read(redacted(clean["html"])))
