"""Words and their spans from tokenizers to which a word is what stands between spaces."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from detectors.models.tokenizer import PieceTokenizer

_PIECES = ("▁", "▁Ann", "▁(", "Ann", "Smith", ")", "son", ",")


@pytest.mark.parametrize(
    ("text", "words"),
    (
        ("Ann Smith", ["Ann", "Smith"]),
        ("(Annson Smith)", ["(", "Annson", "Smith", ")"]),
        ("Ann, Ann", ["Ann", ",", "Ann"]),
        ("  Ann  ", ["Ann"]),
        ("", []),
    ),
)
def test_a_word_ends_at_spaces_and_where_letters_meet_marks(text: str, words: list[str]) -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), *((piece, -1.0) for piece in _PIECES)], 0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    (pieces,) = PieceTokenizer(tokenizer).encode([text])
    spans: dict[int, tuple[int, int]] = {}
    for word, start, end in zip(pieces.words.tolist(), pieces.starts.tolist(), pieces.ends.tolist(), strict=True):
        spans[word] = (spans.get(word, (start, end))[0], max(end, spans.get(word, (0, 0))[1]))
    assert [text[start:end].strip() for start, end in spans.values()] == words
