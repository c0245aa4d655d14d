"""Names by tags: the path through doubtful words, clean edges, and the detector around them."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from detectors.base import BatchDetector, BatchItem, DetectorError
from detectors.models.encoder import Tags
from detectors.models.tokenizer import Pieces
from detectors.pii.detector import Pii, PiiParams
from detectors.pii.known import KNOWN, MOST_WORDS
from detectors.pii.rows import is_of_program
from detectors.pii.tags import TagSet
from detectors.pii.words import is_nothing
from detectors.types import Finding
from tests.tiny_model import write_tiny_model

TAGS = ("O", "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION", "B-DATE_TIME", "I-DATE_TIME")


def tagged(text: str, words: list[tuple[str, str | dict[str, float]]]) -> Tags:
    """Tags of a text, given word by word: a tag that is nearly certain, or the probabilities of some."""
    rows, starts, ends, position = [], [], [], 0
    for word, tag in words:
        start = text.index(word, position)
        position = start + len(word)
        starts.append(start)
        ends.append(position)
        chances = {tag: 0.92} if isinstance(tag, str) else tag
        rest = (1.0 - sum(chances.values())) / max(len(TAGS) - len(chances), 1)
        rows.append([chances.get(name, rest) for name in TAGS])
    number = np.arange(len(words))
    pieces = Pieces(number, np.asarray(starts), np.asarray(ends), number)
    return Tags(pieces, np.asarray(rows, dtype=np.float32))


def names(text: str, words: list[tuple[str, str | dict[str, float]]], begin: int = 0) -> list[tuple[str, str]]:
    spans = TagSet(TAGS).spans(text, tagged(text, words), begin=begin)
    return [(text[each.start : each.end], each.label) for each in spans]


D, E = "B-DATE_TIME", "I-DATE_TIME"
P, Q, L, M, O = "B-PERSON", "I-PERSON", "B-LOCATION", "I-LOCATION", "O"  # noqa: E741 - as the scheme has it


@pytest.mark.parametrize(
    ("text", "tags", "expected"),
    (
        ("Ann Smith left", [P, Q, O], [("Ann Smith", "PERSON")]),
        ("Ann Bob left", [P, P, O], [("Ann", "PERSON"), ("Bob", "PERSON")]),
        ("Ann Paris", [P, L], [("Ann", "PERSON"), ("Paris", "LOCATION")]),
        ("so it is", [O, O, O], []),
        ("Mr. Smith 's", [P, Q, Q], [("Smith", "PERSON")]),
        ("Dr Who", [P, Q], [("Who", "PERSON")]),
        ("“Ann”, left", [P, O], [("Ann", "PERSON")]),
        ("Ann's car", [P, O], [("Ann", "PERSON")]),
        ("Bob Jr. left", [P, Q, O], [("Bob Jr.", "PERSON")]),
        ("to Ann.", [O, P], [("Ann", "PERSON")]),
        ("J. R. Tolkien", [P, Q, Q], [("J. R. Tolkien", "PERSON")]),
        ("Paris (France) now", [L, M, O], [("Paris (France)", "LOCATION")]),
        ("(in Paris) now", [O, L, O], [("Paris", "LOCATION")]),
        ("in Ames, Iowa now", [O, L, M, O], [("Ames", "LOCATION"), ("Iowa", "LOCATION")]),
        ("Smith, Ann", [P, Q], [("Smith, Ann", "PERSON")]),
        ("President Ann Smith", [P, Q, Q], [("Ann Smith", "PERSON")]),
        ("General of Ulm", [P, Q, Q], [("General of Ulm", "PERSON")]),
        ("Prince Ann", [P, Q], [("Prince Ann", "PERSON")]),
    ),
)
def test_edges(text: str, tags: list[str], expected: list[tuple[str, str]]) -> None:
    assert names(text, list(zip(text.split(), tags, strict=True))) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    (
        ("<Write> a haiku about leaves.", ""),
        ("Please stay.\n<Translate this> into German.", ""),
        ("<How can I> reset it?", ""),
        ("and <the> river", ""),
        ("it cost <21>.5 in all", ""),
        ("it cost 21.<5> in all", ""),
        ("on <21>.5.2024 we met", "21"),
        ("at <21>:30 we met", "21"),
        ("<I need to classify plant species using> this", ""),
        ("<Summarize the main lessons of this> page", ""),
        ("costs, <inter alia>, of travel", ""),
        ("Thanks <Siri>! Ask <Jira>.", ""),
        ("Hey <Alexa>, what time is it?", ""),
        ("<Alexa> and Cortana agree", ""),
        ("Reply to <The> now", "The"),
        ("They call it <IT>", "IT"),
        ("the <US> left", "US"),
        ("<Will> you come", "Will"),
        ("<Who> and <The Who>", "The Who"),
        ("in <New Jersey and> beyond", "New Jersey"),
        ("<Alexa> is my neighbour", "Alexa"),
        ("<Siri Hustvedt> wrote it", "Siri Hustvedt"),
        ("<The prime minister Ann Smith> left", "The prime minister Ann Smith"),
        ("<Write> off", ""),
        ("a <Write> b", "Write"),
        ("ratio <56:61> or <12:45>", "12:45"),
        ("took <3.1991> of it", ""),
        ("<27.24.14> and <17.11.24>", "17.11.24"),
        ("(<20.7>.15-3ubuntu4)", ""),
        ("in job.c:<1948>: code", ""),
        ("reset, id 620d:<1987>", ""),
        ('HOST = "<2001>:db8::530"', ""),
        ("peer 7a0a:98c6:<3625:595>:aeba now", ""),
        ("born in <1948>.", "1948"),
        ("4127  4117  <1991>  9453", ""),
        ("3652, 1864, <1991>, 0667", ""),
        ("<1990>, 1991 and 1992 were good years", "1990"),
        ("2024-05-01,35,17.2,<1991>", ""),
        ("<2024-05-01>,35,17.2,99", "2024-05-01"),
        ("<weekday>(year, month, day)", ""),
        ("<postgres>[9112]: started", ""),
        ("failed,<HK>-16658,488e394f", ""),
        ("a flight to <HK> now", "HK"),
        ("5,<11.16>,28:22,6258", ""),
        ("5,<17:44>,28.2,6258", "17:44"),
        ("|<AM-21932>|", ""),
        ("Downloading job-<10.15>.29-cp311", ""),
        ("backup-<2024.05.01>", "2024.05.01"),
        ("a4c0ffee-a4c0-<1975>-ec09", ""),
        ("etcd[<2004>]: job", ""),
        ("svc=<postgres> job=7", ""),
        ("<kube>-proxy[34332]: queue", ""),
        ("<mean> share crc\n0.58  99.8%  -4", ""),
        ("code;id;rank;<sku>;status", ""),
        ("name, city, <ann>", "ann"),
        ("<mean> mean mean", ""),
        ("the total price was set by <ann>", "ann"),
        ("said <President> Ann", ""),
        ("called <Mayor Quimby>", "Quimby"),
        ("<sku> | share | crc\n", ""),
        ("name: <ann lee>\niban: qa16 5701 2360 5621", "ann lee"),
        ("on <20240501> we met", "20240501"),
        ("usb: reset, id <1912>:38ec", ""),
        ("|<01bd0bcd>|", ""),
        ("<ann> lives\nin 3 of 4 houses", "ann"),
    ),
)
def test_what_is_no_name_whatever_the_tags_say(text: str, found: str) -> None:
    """What stands in brackets was tagged: as a date where it has a digit, as a person where it has none."""
    plain, spans = "", []
    for piece in re.split("([<>])", text):
        if piece in ("<", ">"):
            spans.append(len(plain))
        else:
            plain += piece
    tags, pieces = [], list(re.finditer(r"\w+", plain))
    for word in pieces:
        inside = next((low for low, high in pairwise(spans) if low <= word.start() < high and low in spans[::2]), None)
        begun, on = (D, E) if any(map(str.isdigit, word.group())) else (P, Q)
        tags.append(O if inside is None else begun if word.start() == inside else on)
    words: list[tuple[str, str | dict[str, float]]] = [
        (word.group(), tag) for word, tag in zip(pieces, tags, strict=True)
    ]
    assert " ".join(name for name, _ in names(plain, words)) == found


@pytest.mark.parametrize(
    ("text", "is_date"),
    (
        ("18 months", False),
        ("three-year", False),
        ("last year", False),
        ("the coming weeks", False),
        ("first quarter", False),
        ("two weeks ago", False),
        ("the year 2020", True),
        ("summer 2020", True),
        ("the 1990s", True),
        ("10 in the morning", True),
        ("half past ten", True),
        ("tomorrow", True),
        ("last Monday", True),
        ("5 May", True),
    ),
)
def test_a_date_says_a_day_a_year_or_an_hour(text: str, is_date: bool) -> None:
    assert is_nothing(text, 0, len(text), "DATE_TIME") != is_date


@pytest.mark.parametrize(
    ("text", "is_people"),
    (
        ("Translate this into <French>.", False),
        ("from English to <German>", False),
        ("she speaks <Polish> and Czech", False),
        ("from <German> companies", True),
        ("the <French> said", True),
        ("in <French-speaking> towns", True),
        ("moved to <Swiss>.", True),
    ),
)
def test_a_people_is_not_its_language(text: str, is_people: bool) -> None:
    start, end = text.index("<"), text.index(">") - 1
    assert is_nothing(text.replace("<", "").replace(">", ""), start, end, "NRP") != is_people


@pytest.mark.parametrize(
    ("text", "is_date"),
    (
        ('{"ts":"<last year>"}', True),
        ("| Ann | <two weeks ago> |", True),
        ("Born: <next month>\nName: Ann", True),
        ("**Start:** <last year>\n", True),
        ("He said: <last year> it rained", False),
        ("It rained (<last year>)", False),
        ("<This week>, the court met", False),
    ),
)
def test_a_vague_date_is_one_where_it_is_all_of_a_field(text: str, is_date: bool) -> None:
    start, end = text.index("<"), text.index(">") - 1
    assert is_nothing(text.replace("<", "").replace(">", ""), start, end, "DATE_TIME") != is_date


@pytest.mark.parametrize(
    ("text", "is_place"),
    (
        ("a <Turkey> sandwich", False),
        ("two <Turkey Sandwiches>", True),  # as a shop has it: the model decides
        ("<turkey> burgers", False),
        ("<China> plates", False),
        ("<China plates>", False),
        ("<CHINA> CUPS", False),
        ("<Brussels> sprouts", False),
        ("a <Panama> hat", False),
        ("a <Paris>-style café", False),
        ("a <New York> -style pizza", False),
        ("<Turkey> exports", True),
        ("the <China> trade deal", True),
        ("the <China> Club", True),
        ("<Boston> pizza", True),
        ("a <Paris>-based firm", True),
        ("<Turkey> and its legs", True),
        ("<China> settled", True),
        ("a <Danish> pastry", False),
        ("the <French> army", True),
    ),
)
def test_a_place_that_says_the_sort_of_a_thing_is_none(text: str, is_place: bool) -> None:
    start, end = text.index("<"), text.index(">") - 1
    assert is_nothing(text.replace("<", "").replace(">", ""), start, end, "LOCATION") != is_place


@pytest.mark.parametrize("label", ("PERSON", "LOCATION"))
@pytest.mark.parametrize(
    ("name", "is_name"),
    (
        ("Steuernummer", False),
        ("Sozialversicherungsnummer", False),
        ("Num\u00e9ro de s\u00e9curit\u00e9 sociale", False),
        ("Personalausweis", False),
        ("License", False),
        ("Vertragsnummer", False),
        ("Meine Steuernummer", False),
        ("Kennzeichen M XY 4567", False),
        ("Anna Nummer", True),
        ("Passport", False),
        ("Steuernummer Anna", True),
        ("Hong Kong", True),
        ("Burger", True),
        ("Anna Smith", True),
    ),
)
def test_what_a_form_calls_an_id_by_is_no_name(name: str, is_name: bool, label: str) -> None:
    text = f"x {name}: 86095742719"
    assert is_nothing(text, 2, 2 + len(name), label) != is_name


@pytest.mark.parametrize(
    ("name", "is_name"),
    (
        ("Python", False),
        ("PostgreSQL", False),
        ("JSON", False),
        ("Monty Python", True),
        ("GitHub", True),
        ("Ulmia", True),
    ),
)
def test_a_tool_or_format_is_no_organization(name: str, is_name: bool) -> None:
    assert is_nothing(f"at {name}", 3, 3 + len(name), "ORGANIZATION") != is_name


def test_a_firm_may_be_called_as_a_form_calls_an_id() -> None:
    assert not is_nothing("at Medicare", 3, 11, "ORGANIZATION")


@pytest.mark.parametrize(
    ("number", "is_address"),
    (
        ("28007", True),
        ("12345-6789", True),
        ("04757-310", True),
        ("85006341", True),
        ("299389008", False),
        ("131 2940 8220", False),
        ("12/345/67890", False),
        ("04945843S", False),
    ),
)
def test_a_number_longer_than_postcodes_are_is_no_address(number: str, is_address: bool) -> None:
    assert is_of_program(f"lives at {number}.", 9, 9 + len(number), "ADDRESS") != is_address


KINDS = ("PERSON", "LOCATION", "ORGANIZATION", "NRP")


def labelled(text: str, *chances: dict[str, float]) -> list[tuple[str, str]]:
    """The names in words of which each has these probabilities, and is nothing for the rest."""
    tags = ("O", *(f"{begun}-{kind}" for kind in KINDS for begun in "BI"))
    rows = [[own.get(tag, 0.0) for tag in tags] for own in chances]
    for row in rows:
        row[0] += 1.0 - sum(row)
    words = list(re.finditer(r"\w+|[^\w\s]", text))
    starts, ends = (np.asarray([getattr(each, side)() for each in words]) for side in ("start", "end"))
    number = np.arange(len(words))
    spans = TagSet(tags).spans(text, Tags(Pieces(number, starts, ends, number), np.asarray(rows, dtype=np.float32)))
    return [(text[each.start : each.end], each.label) for each in spans]


def test_a_known_name_is_likelier_to_be_what_it_is() -> None:
    firm = {"B-ORGANIZATION": 0.8, "B-LOCATION": 0.1}
    assert labelled("Iran", firm) == [("Iran", "LOCATION")]
    assert labelled("Ulmia", firm) == [("Ulmia", "ORGANIZATION")]
    assert labelled("Japanese", {"B-LOCATION": 0.6, "B-NRP": 0.2}) == [("Japanese", "NRP")]
    assert labelled("South Korea", {"B-NRP": 0.6, "B-LOCATION": 0.2}, {"I-NRP": 0.6, "I-LOCATION": 0.2}) == [
        ("South Korea", "LOCATION")
    ]


def test_a_known_name_is_found_where_the_model_nearly_saw_it() -> None:
    doubtful = {"B-LOCATION": 0.05}
    assert labelled("iran", doubtful) == labelled("Ulmia", doubtful) == []
    assert labelled("U.S.", doubtful, doubtful, doubtful, doubtful) == [("U.S.", "LOCATION")]


def test_a_known_name_stays_a_part_of_a_longer_one() -> None:
    bank, on = {"B-ORGANIZATION": 0.99}, {"I-ORGANIZATION": 0.99, "I-LOCATION": 0.001}
    assert labelled("Bank of China", bank, on, on) == [("Bank of China", "ORGANIZATION")]
    club = {"B-ORGANIZATION": 0.9, "B-LOCATION": 0.1}
    assert labelled("Manchester United", club, on) == [("Manchester United", "ORGANIZATION")]


def test_where_labels_share_a_word_it_is_something() -> None:
    shared = {"B-PERSON": 0.3, "B-ORGANIZATION": 0.28}
    assert labelled("Ulmia", shared) == [("Ulmia", "PERSON")]
    assert labelled("Ulmia", {"B-PERSON": 0.3}) == []


def test_many_blanks_between_the_words_of_a_name_are_read_once() -> None:
    blanks = " " * 20_000
    began = time.thread_time()
    assert names(f"New{blanks}York", [("New", L), ("York", M)]) == [(f"New{blanks}York", "LOCATION")]
    assert names(f"Ames ,{blanks}Iowa", [("Ames", L), (",", M), ("Iowa", M)]) == [
        ("Ames", "LOCATION"),
        ("Iowa", "LOCATION"),
    ]
    assert time.thread_time() - began < 0.5, "a search at each blank took 8 s"


def test_known_names_are_no_longer_than_is_looked_for() -> None:
    words = re.compile(r"\w+|[^\w\s]")
    assert max(len(words.findall(name)) for name in KNOWN) == MOST_WORDS
    assert {label for label, _ in KNOWN.values()} == {"LOCATION", "ORGANIZATION", "NRP"}


def test_what_a_hash_stands_in_is_no_name() -> None:
    assert is_of_program("shard f46ef77d20b9 skipped", 0, 18, "PERSON")


def test_a_number_in_a_row_of_numbers_is_no_address() -> None:
    text = "4887, 6060, 6433, 7118"
    assert is_of_program(text, 0, 4, "ADDRESS")
    assert is_of_program("a11d,938,", 5, 8, "ADDRESS")
    assert not is_of_program("Apt. 938, Oslo", 5, 8, "ADDRESS")
    assert not is_of_program("94107 San Francisco", 0, 5, "ADDRESS")


def test_what_a_hyphen_or_an_apostrophe_parts_is_one_name() -> None:
    words: list[tuple[str, str | dict[str, float]]] = [
        ("Jean", P),
        ("-", O),
        ("Luc", P),
        ("O", Q),
        ("'", O),
        ("Neill", P),
    ]
    assert names("Jean-Luc O'Neill", words) == [("Jean-Luc O'Neill", "PERSON")]


def test_one_doubtful_word_does_not_break_a_name() -> None:
    """Alone, `York` would be a person that goes on; nothing began that could."""
    words: list[tuple[str, str | dict[str, float]]] = [("New", L), ("York", {Q: 0.5, M: 0.4}), ("now", O)]
    assert names("New York now", words) == [("New York", "LOCATION")]


def test_a_name_that_goes_on_from_nowhere_begins_there() -> None:
    assert names("and Smith too", [("and", O), ("Smith", {Q: 0.6, P: 0.3}), ("too", O)]) == [("Smith", "PERSON")]


def test_of_a_name_that_began_before_the_segment_the_rest_is_found() -> None:
    assert names("Ann Smith left", [("Ann", P), ("Smith", Q), ("left", O)], begin=3) == [("Smith", "PERSON")]
    assert names("Ann Smith left", [("Ann", P), ("Smith", Q), ("left", O)], begin=9) == []


def test_the_score_is_the_mean_over_words() -> None:
    tags = tagged("Ann Smith", [("Ann", {P: 0.8, Q: 0.1}), ("Smith", {P: 0.1, Q: 0.6})])
    (span,) = TagSet(TAGS).spans("Ann Smith", tags)
    assert span.score == pytest.approx(0.8)


def test_tags_without_beginnings_go_on() -> None:
    tags = Tags(tagged("a b c", [("a", O), ("b", O), ("c", O)]).pieces, np.asarray([[0.1, 0.9]] * 3, dtype=np.float32))
    assert [(each.start, each.end) for each in TagSet(("O", "PERSON")).spans("a b c", tags)] == [(0, 5)]


# ---------------------------------------------------------------- the detector


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> BatchDetector:
    folder = write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
    built = Pii.parts(PiiParams(model=str(folder)))[1].build()
    assert isinstance(built, BatchDetector)
    return built


def found(detector: BatchDetector, text: str, begin: int = 0) -> list[str]:
    (findings,) = detector.detect([BatchItem(text, begin)])
    return [text[each.start : each.end] for each in findings]


def test_names_are_found(detector: BatchDetector) -> None:
    (findings,) = detector.detect([BatchItem("the Ann Smith.", 0)])
    assert findings == [Finding(4, 13, "PERSON", findings[0].score, "tagged by the model")]
    assert 0.9 < findings[0].score < 1.0
    assert detector.labels == {"PERSON"}


def test_nothing_is_found_in_the_left_context(detector: BatchDetector) -> None:
    assert found(detector, "Ann Smith the ann", 9) == ["ann"]
    assert found(detector, "Ann Smith the", 9) == []
    assert found(detector, "", 0) == found(detector, "\ud800 \u200b", 0) == []


def test_of_a_beginning_it_is_told_what_its_words_could_be(detector: BatchDetector) -> None:
    texts = ("the Ann Smith", 0), ("the ann", 0), ("Ann Smith the", 9), ("", 0)
    found = detector.detect([BatchItem(text, begin, is_early=True) for text, begin in texts])
    assert [[(each.start, each.end, each.label) for each in own] for own in found] == [
        [(begin, len(text), "PERSON")] for text, begin in texts
    ]
    sure, likely, none, empty = (own[0].score for own in found)
    assert sure > 0.9 > none
    assert likely > none > empty == 0.0


def test_of_a_beginning_known_names_are_told_as_they_would_be_of_the_whole(
    detector: BatchDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("detectors.pii.tags.KNOWN", {"Ann": ("PERSON", 40.0)})
    early, whole, behind = detector.detect(
        [BatchItem("the Ann", 0, is_early=True), BatchItem("the Ann", 0), BatchItem("Ann the", 3, is_early=True)]
    )
    assert early[0].score >= whole[0].score > 0.99
    assert behind[0].score < 0.5


def test_a_name_in_an_address_of_the_net_belongs_to_it(detector: BatchDetector) -> None:
    assert found(detector, "mail ann.smith@example.com or Ann") == ["Ann"]


def test_a_context_word_raises_the_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.pii.tagged.TAGGED", {"PERSON": ("bank",)})
    folder = write_tiny_model(tmp_path / "tiny")
    built = Pii.parts(PiiParams(model=str(folder)))[1].build()
    assert isinstance(built, BatchDetector)
    plain, after = built.detect([BatchItem("the goal Ann", 0), BatchItem("the bank Ann", 0)])
    assert plain[0].score < 1.0 == after[0].score


def test_a_model_without_tags_cannot_read_names(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "tiny")
    card = (folder / "model.yaml").read_text(encoding="utf-8")
    (folder / "model.yaml").write_text(card.replace('"pii"', '"tags"'), encoding="utf-8")
    params = PiiParams(model=str(folder))
    assert "PERSON" not in Pii.labels_of(params)
    with pytest.raises(DetectorError, match="has no head 'pii'"):
        Pii.parts(params)[1].build()


def test_a_missing_model_is_told_when_a_rule_needs_it() -> None:
    with pytest.raises(DetectorError, match="no model named 'no-such-model'"):
        Pii.parts(PiiParams(model="no-such-model"))[1].build()


@pytest.mark.parametrize(
    ("text", "is_address"),
    (
        ("Sozialversicherungsnummer 65 070649 C 103", False),
        ("Kennzeichen M XY 4567", False),
        ("Hausnummer 12 B", True),
        ("Passauer Str. 4", True),
        ("Address 10115", True),
    ),
)
def test_an_id_behind_its_name_is_no_address(text: str, is_address: bool) -> None:
    assert is_nothing(text, 0, len(text), "ADDRESS") != is_address


@pytest.mark.parametrize(
    ("text", "is_name"),
    (
        ("@<mike> can you check?", False),
        ("thanks, @<Jane>", False),
        ("Robert@<ACME>", True),
        ("thanks, @<Jane Miller>", True),
    ),
)
def test_what_one_is_called_by_in_a_chat_is_no_name(text: str, is_name: bool) -> None:
    start, end = text.index("<"), text.index(">") - 1
    assert is_nothing(text.replace("<", "").replace(">", ""), start, end, "PERSON") != is_name


def test_half_of_a_share_is_no_date() -> None:
    assert is_of_program("epoch 12/50 loss 0.1234", 6, 8, "DATE_TIME")
    assert not is_of_program("on 12/5 we", 3, 7, "DATE_TIME")


def test_a_product_of_a_name_and_a_model_is_nobody() -> None:
    assert is_nothing("with Claude Code", 5, 16, "PERSON")
    assert not is_nothing("with Claude Monet", 5, 17, "PERSON")
