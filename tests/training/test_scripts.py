"""The vocabulary that reads more scripts than its base: what was readable stays, and every letter has a piece."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from training.encoder.scripts import UNUSED_IDS, extended, missing, write
from training.encoder.tokens import load_tokenizer

WORDS = ("[PAD]", "[UNK]", "hello", "w", "##orld", "α")


@pytest.fixture
def base(tmp_path: Path) -> Path:
    unused = [f"[unused{number}]" for number in range(len(UNUSED_IDS))]
    vocabulary = {piece: number for number, piece in enumerate((*WORDS, *unused))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    path = tmp_path / "base.json"
    tokenizer.save(str(path))
    return path


@pytest.fixture
def made(base: Path, tmp_path: Path) -> Tokenizer:
    write(base, ["你好 你", "ສະບາຍດີ", "ქართული"], tmp_path / "made.json")
    return load_tokenizer(tmp_path / "made.json")


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def test_what_was_readable_has_the_pieces_that_it_had(base: Path, made: Tokenizer) -> None:
    assert ids(made, "Hello world") == ids(load_tokenizer(base), "Hello world") == [2, 3, 4]


@pytest.mark.parametrize("text", ["你好", "ລາວ", "ქართული", "ኢትዮጵያ", "తెలుగు", "漢字", "хорошо"])
def test_no_letter_of_a_living_script_is_an_unknown_piece(made: Tokenizer, text: str) -> None:
    assert 1 not in ids(made, text)


def test_letters_that_were_met_have_pieces_of_their_own(made: Tokenizer) -> None:
    first, second = ids(made, "你好")
    assert first != second
    assert ids(made, "好你") == [second, first]


def test_a_letter_is_one_piece_at_the_beginning_of_a_word_and_within_it(made: Tokenizer) -> None:
    alone = ids(made, "ქ")
    assert ids(made, "ქქ") == alone * 2


def test_a_sentence_without_spaces_is_read_whatever_its_length(made: Tokenizer) -> None:
    assert ids(made, "ສະບາຍດີ" * 60) == ids(made, "ສະບາຍດີ") * 60


def test_a_script_that_is_not_read_is_unknown(made: Tokenizer) -> None:
    assert set(ids(made, "สวัสดีครับ")) == {1}


def test_signs_stay_unknown(made: Tokenizer) -> None:
    assert ids(made, "☃") == [1]


def test_the_most_frequent_letters_come_first() -> None:
    free = {f"[unused{number}]": number for number in range(300)}
    vocabulary = extended(free, {"ა": 1, "ბ": 5})
    assert (vocabulary["ბ"], vocabulary["ა"]) == (0, 1)
    assert vocabulary["##ბ"] == vocabulary["ბ"]
    assert not any(piece.startswith("[unused") for piece in vocabulary)


def test_only_letters_that_the_vocabulary_lacks_are_counted(base: Path) -> None:
    assert missing(load_tokenizer(base), ["plain text", "你好 你 ☃ α"]) == {"你": 2, "好": 1}
