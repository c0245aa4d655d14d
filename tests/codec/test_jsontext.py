"""Strings are changed in place; every other byte stays."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.codec.jsontext import NotJsonError, Path, WideNumber, dumps, edited, literal, loads, replace_values
from sidecar.codec.places import Reader

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def strings(value: object, path: Path = ()) -> list[Path]:
    if isinstance(value, str):
        return [path]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in inner for found in strings(each, (*path, key))]


def lookup(value: object, path: Path) -> object:
    for key in path:
        value = value[key]  # type: ignore[index]
    return value


def test_only_the_string_changes() -> None:
    document = '{ "b" : 1.50, "a":[ "x\\u00e9" ,"y"],"c":-0e+3 }\n'
    assert replace_values(document, {("a", 0): literal('q"ü')}) == '{ "b" : 1.50, "a":[ "q\\"ü" ,"y"],"c":-0e+3 }\n'


def test_any_value_can_be_changed() -> None:
    document = '{"a": {"b": [1, {"c": "x"}]}, "d": 2}'
    assert replace_values(document, {("a",): "null", ("d",): '"y"'}) == '{"a": null, "d": "y"}'


def test_no_changes_no_difference() -> None:
    assert replace_values(' {"a": "\\ud83d\\ude00"} ', {}) == ' {"a": "\\ud83d\\ude00"} '


def test_half_a_surrogate_pair_stays_escaped() -> None:
    assert replace_values('{"a": "x"}', {("a",): literal("\ud83d")}) == '{"a": "\\ud83d"}'


@pytest.mark.parametrize(
    "document", ("", "{", '{"a" 1}', '{"a":1,}', "[1,]", "nul", '"x', "{} {}", "[" * 100 + "]" * 100)
)
def test_what_is_not_json_is_refused(document: str) -> None:
    with pytest.raises(NotJsonError):
        replace_values(document, {})


def test_parsing_refuses_what_is_not_json() -> None:
    with pytest.raises(NotJsonError):
        loads(b"{")
    with pytest.raises(NotJsonError):
        loads("[" * 100_000)


@given(VALUES, st.data(), st.booleans())
def test_a_change_is_seen_at_its_path_alone(value: object, data: st.DataObject, is_ascii: bool) -> None:
    document = json.dumps(value, ensure_ascii=is_ascii, indent=data.draw(st.sampled_from([None, 1])))
    paths = strings(value)
    chosen = data.draw(st.lists(st.sampled_from(paths), unique=True)) if paths else []
    changed = json.loads(replace_values(document, dict.fromkeys(chosen, literal("new"))))
    for path in paths:
        assert lookup(changed, path) == ("new" if path in chosen else lookup(value, path))


WIDE = ("9" * 5_000, "-" + "1" * 100_000, "1e999", "-2.5E+400", "1" * 400 + ".5")


@pytest.mark.parametrize("number", WIDE, ids=len)
@pytest.mark.parametrize("text", ["plain", "ü", "half \ud83d", "#0", "##0", "a##"])
def test_a_number_of_any_size_is_json_and_is_written_as_it_was_spelt(number: str, text: str) -> None:
    document = f'{{"n":{number},"t":{literal(text)},"l":[{number},1]}}'
    value = loads(document)
    assert value == {"n": WideNumber(number), "t": text, "l": [WideNumber(number), 1]}
    assert dumps(value) == document
    assert (
        edited(document, {("t",): "new", ("l", 1): value["n"]}) == f'{{"n":{number},"t":"new","l":[{number},{number}]}}'
    )


def test_a_number_for_which_there_is_room_is_a_number() -> None:
    assert loads("[1, -7, 2.5, 1e308]") == [1, -7, 2.5, 1e308]
    assert loads("9" * 4_000) == int("9" * 4_000)


def test_a_wide_number_costs_no_more_beside_text_that_looks_like_its_stand_in() -> None:
    text, count = "#" * 4_000, 4_000
    value = loads(f'["{text}"{",1e999" * count}]')
    tracemalloc.start()
    document = dumps(value)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(document) == len(text) + 4 + 6 * count
    assert peak < len(text) * count / 4


def test_a_wide_number_names_the_same_choice_in_each_frame() -> None:
    reader = Reader(is_streamed=True)
    told = [loads(each) for each in ("1e999", "1e999", "2e999", "1e999", '"1e999"')]
    first, second, other, third, text = map(reader.choice, told)
    assert first == second == third
    assert len({first, other, text}) == 3


def test_what_is_no_value_of_json_is_not_written() -> None:
    with pytest.raises(TypeError):
        dumps({"a": {1, 2}})
