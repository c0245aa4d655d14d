"""Plays one conversation: its tokens go in at a model's speed while what the policy allows comes out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

from demo.conversations import Conversation
from demo.screen import View
from demo.tokens import tokens
from demo.transcript import Evidence, Piece, Transcript
from tidegate import Annotation, AsyncClient, Release, Summary, Verdict

TIMEOUT_SECONDS = 60.0


async def play(client: AsyncClient, conversation: Conversation, view: View, *, tokens_per_second: float) -> Transcript:
    """Stream a conversation, show each step, and return all that is known of it. Raises `tidegate.TidegateError`."""
    transcript = Transcript()

    async def spoken() -> AsyncIterator[str]:
        async for token in _paced(tokens(conversation.text), tokens_per_second):
            transcript.received += token
            view.show(transcript)
            yield token

    guarded = client.stream(
        spoken(),
        policy=conversation.policy,
        direction=conversation.direction,
        tenant="demo",
        session_id=conversation.session,
        labels={"app": "demo"},
        context=conversation.context,
        prompt=conversation.prompt,
        model="demo-model",
        on_block="yield",
        timeout=TIMEOUT_SECONDS,
    )
    async with guarded:
        async for shown in guarded:
            _take(shown, transcript)
            view.show(transcript)
    return transcript


async def _paced(pieces: list[str], per_second: float) -> AsyncIterator[str]:
    """The pieces at a steady speed, however long each is worked on meanwhile."""
    clock = asyncio.get_running_loop().time
    start = clock()
    for number, piece in enumerate(pieces):
        await asyncio.sleep(start + number / per_second - clock())
        yield piece


def _take(shown: Release | Verdict | Summary, transcript: Transcript) -> None:
    match shown:
        case Release():
            transcript.released_to = shown.input.end
            transcript.pieces += _pieces(shown)
            transcript.replaced += [(each.span.start, each.span.end) for each in shown.redactions]
            transcript.evidence += [_evidence(each, transcript) for each in shown.annotations if each.grounding]
        case Verdict():
            transcript.blocked_by = shown.rule
            transcript.message = shown.message
        case Summary():
            transcript.violations = Counter((each.rule, each.label) for each in shown.violations)
            transcript.leaked_chars = sum(each.leaked_chars for each in shown.violations)
            transcript.max_held_chars = shown.max_held_chars
            transcript.is_complete = True


def _evidence(annotation: Annotation, transcript: Transcript) -> Evidence:
    assert annotation.grounding is not None
    sentence = transcript.received[annotation.span.start : annotation.span.end]
    return Evidence(sentence, annotation.grounding.passage, annotation.grounding.support)


def _pieces(release: Release) -> list[Piece]:
    """A release cut at its replacements."""
    pieces, position = [], 0
    for redaction in release.redactions:
        pieces.append(Piece(release.text[position : redaction.replacement.start]))
        pieces.append(Piece(release.text[redaction.replacement.start : redaction.replacement.end], redaction.rule))
        position = redaction.replacement.end
    pieces.append(Piece(release.text[position:]))
    return [piece for piece in pieces if piece.text or piece.rule]
