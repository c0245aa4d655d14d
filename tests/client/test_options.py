"""What a call may be told: a word that the client does not know is never passed over."""

from __future__ import annotations

from typing import Any

import pytest

import tidegate
from tidegate.testing import Guard, block


@pytest.mark.parametrize(
    ("call", "options", "said"),
    [
        (
            "stream",
            {"label": {"app": "a"}},
            r"stream\(\) got an unexpected keyword argument 'label'; did you mean 'labels'\?",
        ),
        ("check", {"polcy": "a"}, r"check\(\) got an unexpected keyword argument 'polcy'; did you mean 'policy'\?"),
        ("check", {"timout": 3}, r"did you mean 'timeout'\?"),
        ("check", {"zzz": 3}, r"'zzz'; it takes lane, timeout, tool, policy, "),
        ("check", {"policy": 3}, r"check\(\): policy is of type int; it is a text \(str\)"),
        ("stream", {"labels": "app=a"}, r"stream\(\): labels maps texts to texts"),
        ("stream", {"attributes": {"n": 1}}, r"stream\(\): attributes maps texts to texts"),
    ],
)
def test_a_word_that_is_not_known_is_an_error(call: str, options: dict[str, Any], said: str):
    guard = Guard(block("no"))

    with pytest.raises(TypeError, match=said):
        getattr(guard.client(), call)("fine", **options)
    assert guard.calls == []


async def test_the_asyncio_client_says_the_same():
    client = Guard().async_client()
    options: Any = {"label": {"app": "a"}}

    with pytest.raises(TypeError, match="did you mean 'labels'"):
        await client.check("fine", **options)
    with pytest.raises(TypeError, match="did you mean 'labels'"):
        client.stream(["fine"], **options)


def test_a_text_that_is_none_is_named():
    text: Any = None
    with pytest.raises(TypeError, match=r"check\(\): text is of type NoneType; it is a text"):
        Guard().client().check(text)


def test_what_is_none_is_not_said():
    guard = Guard()
    options: Any = {"policy": None, "labels": None}

    guard.client().check("fine", **options)

    assert {"policy", "labels"}.isdisjoint({key for key, value in guard.calls[0].options.items() if value})


def test_chunks_that_are_none_are_skipped():
    chunks = ["one ", None, (0, "content", None), "two"]

    assert "".join(Guard().client().stream(chunks).text()) == "one two"  # type: ignore[arg-type]


async def test_chunks_that_are_none_are_skipped_by_the_asyncio_client():
    assert [text async for text in Guard().async_client().stream([None, "one", None]).text()] == ["one"]


def test_a_word_for_blocks_is_one_of_two():
    word: Any = "rise"
    with pytest.raises(ValueError, match="on_block is 'rise'; it is one of raise, yield"):
        Guard().client().stream(["fine"], on_block=word)


def test_another_chunk_is_named():
    chunks: Any = ["one", 2]
    with pytest.raises(tidegate.InvalidRequest, match="a chunk is of type int"):
        list(Guard().client().stream(chunks))
