"""The demo in a mesh: as a whole, as a user runs it, and its parts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import aiohttp
import pytest

from demo.mesh.llm import OTHERWISE, RECORDED, RecordedModel, serving
from demo.mesh.scenes import CARD, Heard, Scene, faults, scenes
from demo.topic import Violation
from tests.demo.playing import played
from tests.demo.test_parts import EVENT

SCENES = {scene.session: scene for scene in scenes()}


@pytest.mark.broker
@pytest.mark.envoy
@pytest.mark.slow
@pytest.mark.usefixtures("binary")
def test_it_ends_well_and_shows_every_violation(missing: Callable[[str], None]) -> None:
    done = played("demo.mesh", missing)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✓") == len(SCENES)
    assert "✗" not in done.stdout
    assert CARD not in done.stdout
    assert "3 violations, 0 characters leaked" in done.stdout


def _heard(scene: Scene) -> Heard:
    return Heard(scene.answer, scene.finish)


def _published(scene: Scene) -> list[Violation]:
    return [
        dataclasses.replace(EVENT, session=scene.session, rule=rule, label=label) for rule, label in scene.violations
    ]


@pytest.mark.parametrize("scene", SCENES.values(), ids=list(SCENES))
def test_nothing_is_wrong_when_everything_happened(scene: Scene) -> None:
    asked = [scene.question] if scene.is_asked else []

    assert faults(scene, _heard(scene), asked, _published(scene)) == []


def test_each_thing_that_went_wrong_is_named() -> None:
    scene = SCENES["billing"]
    leaked = [dataclasses.replace(each, leaked_chars=2) for each in _published(scene)]

    assert faults(scene, Heard(RECORDED["card"], "stop"), [scene.question], _published(scene)) == [
        f"{RECORDED['card']!r} was let out"
    ]
    assert faults(scene, Heard(scene.answer, "", "APIError"), [], []) == [
        "the answer ended with nothing",
        "the client raised APIError",
        "the model was never asked",
        "the topic has no violation",
    ]
    assert faults(scene, _heard(scene), [scene.question], leaked) == ["characters leaked"]
    assert "the model was asked" in faults(SCENES["attack"], _heard(SCENES["attack"]), [SCENES["attack"].question], [])


async def test_the_recorded_model_plays_each_answer_whole_and_in_tokens() -> None:
    model = RecordedModel(tokens_per_second=1e6)
    async with serving(model) as address, aiohttp.ClientSession() as client:
        for word, answer in [*RECORDED.items(), ("anything else", OTHERWISE)]:
            body = {"model": "recorded", "messages": [{"role": "user", "content": f"Tell me: {word}"}]}
            url = f"http://{address}/v1/chat/completions"
            async with client.post(url, json=body) as response:
                assert (await response.json())["choices"][0]["message"]["content"] == answer
            async with client.post(url, json={**body, "stream": True}) as response:
                *events, last = (await response.text()).removesuffix("\n\n").split("\n\n")
            assert last == "data: [DONE]"
            deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events]
            assert "".join(delta.get("content", "") for delta in deltas) == answer
            assert len(deltas) > len(answer) / 8
    assert len(model.asked) == 2 * (len(RECORDED) + 1)
