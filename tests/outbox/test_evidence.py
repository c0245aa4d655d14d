"""Levels of evidence: each keeps what it says and no more, in every form; only the right key reads what is sealed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sidecar.cli.main import main
from sidecar.config import load_settings
from sidecar.errors import ConfigError
from sidecar.keys import keeping
from sidecar.outbox.builders import violation_event
from sidecar.outbox.encode import decode, encode, encode_line
from sidecar.outbox.event import Event, Evidence, Violation
from sidecar.outbox.evidence import EvidenceError, EvidenceKey, Keeping, Recipient, masked_of, new_pair, reveal
from sidecar.policy.compiler import compile_file
from sidecar.values import EvidenceLevel
from tests.outbox.samples import INFO, NOW, SECRET, a_decision, a_plan, numbered

TEXT = "4111 1111 1111 1234"
PRIVATE = X25519PrivateKey.from_private_bytes(b"a key for tests, of 32 bytes ...")
KEEPING = Keeping(key=EvidenceKey(SECRET), recipient=Recipient(PRIVATE.public_key()))
FIELDS = {
    "none": {"level"},
    "hash": {"level", "hash", "key_id"},
    "shape": {"hash", "key_id"},
    "masked": {"level", "hash", "key_id", "masked"},
    "encrypted": {"level", "hash", "key_id", "sealed", "sealed_for"},
    "raw": {"level", "hash", "key_id", "raw", "reason"},
}
LEVELS: tuple[EvidenceLevel, ...] = get_args(EvidenceLevel)


def violation(level: EvidenceLevel | None, *, own: Keeping = KEEPING, text: str = TEXT, reason: str = "") -> Event:
    """A violation of a rule that keeps that."""
    plan = a_plan()
    rule = dataclasses.replace(plan.rules[0], evidence=level, evidence_reason=reason)
    plan = dataclasses.replace(plan, rules=(rule,))
    return violation_event(INFO, plan, a_decision(text), NOW, keeping=own)


def evidence_of(event: Event) -> Evidence:
    assert isinstance(event.data, Violation)
    return event.data.evidence


@pytest.mark.parametrize("level", LEVELS)
def test_a_level_keeps_what_it_says(level: EvidenceLevel):
    event = violation(level, reason="SEC-812" if level == "raw" else "")
    row = json.loads(encode_line(numbered(event), NOW))["data"]["evidence"]
    assert set(row) - {"shape"} == FIELDS[level]
    assert row["shape"] == ("" if level in {"none", "hash"} else "9999 9999 9999 9999")
    assert ("1234" in json.dumps(row)) == (level in {"masked", "raw"})
    assert (TEXT in json.dumps(row)) == (level == "raw")


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("form", ["json", "protobuf"])
def test_a_level_comes_back_from_every_form(level: EvidenceLevel, form: Literal["json", "protobuf"]):
    event = violation(level, reason="why")
    message = encode(numbered(event), NOW, form)
    back = decode(message.headers, message.value).data
    assert isinstance(back, Violation)
    assert back.evidence == evidence_of(event)


def test_what_a_rule_does_not_say_the_settings_do():
    assert evidence_of(violation(None, own=replace(KEEPING, level="masked"))).masked == "**** **** **** 1234"
    assert evidence_of(violation("none", own=replace(KEEPING, level="masked"))) == Evidence(shape="", level="none")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("123", "***"),
        ("1234", "***4"),
        ("jane@x.org", "****@*.*rg"),
        ("4111111111111234", "************1234"),
        ("Zsófia Kőrösi", "****** ****si"),
        ("a\u200bb\U000e0041c", "*****"),
    ],
)
def test_a_mask_shows_the_last_quarter_and_four_at_most(text: str, masked: str):
    assert masked_of(text) == masked


@given(st.text(max_size=256))
def test_a_mask_shows_no_more(text: str):
    masked = masked_of(text)
    shown = [each for each in masked if each.isalnum()]
    known = sum(each.isascii() and each.isalnum() for each in text)
    assert len(shown) <= min(4, known // 4)
    assert len(masked) <= 65
    assert masked.isprintable()


# --- Encrypted --------------------------------------------------------------------------------------------------------


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=256))
def test_who_has_the_key_reads_it(text: str):
    event = violation("encrypted", text=text)
    assert reveal(evidence_of(event), event.id, PRIVATE) == text


def test_nobody_else_does_and_it_opens_in_no_other_event():
    event, other = violation("encrypted"), X25519PrivateKey.generate()
    with pytest.raises(EvidenceError, match="encrypted for the key"):
        reveal(evidence_of(event), event.id, other)
    posing = replace(evidence_of(event), sealed_for=Recipient(other.public_key()).id)
    with pytest.raises(EvidenceError, match="changed"):
        reveal(posing, event.id, other)
    with pytest.raises(EvidenceError, match="another event"):
        reveal(evidence_of(event), violation("encrypted").id, PRIVATE)
    with pytest.raises(EvidenceError, match="changed"):
        reveal(replace(evidence_of(event), sealed="AAAA"), event.id, PRIVATE)


def test_the_same_text_is_never_encrypted_alike():
    assert evidence_of(violation("encrypted")).sealed != evidence_of(violation("encrypted")).sealed


# --- By hand ----------------------------------------------------------------------------------------------------------


def run(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["events", *map(str, arguments)], input=stdin)


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    made = run("keygen", tmp_path / "k", "--for", "evidence")
    assert made.exit_code == 0
    settings = load_settings(environment={"TIDEGATE_EVENTS__EVIDENCE_KEY_FILE": str(tmp_path / "k.pub")})
    own = replace(keeping(settings), key=EvidenceKey(b"1" * 32))
    former = replace(own, key=EvidenceKey(b"2" * 32))
    events = [violation("encrypted", own=own), violation("encrypted", own=former), violation("shape", own=own)]
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(encode_line(numbered(event, place), NOW) for place, event in enumerate(events, 1)))
    return path


def test_reveal_prints_what_was_matched(lines: Path):
    result = run("reveal", "--file", lines, "--key", lines.parent / "k.key", "--json")
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == [TEXT, TEXT]
    assert result.exit_code == 0


def test_reveal_says_what_cannot_be_read(lines: Path, tmp_path: Path):
    new_pair(tmp_path / "other")
    result = run("reveal", "--file", lines, "--key", tmp_path / "other.key")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "encrypted for the key" in result.stderr
    assert run("reveal", "--file", lines, "--key", lines.parent / "k.pub").exit_code == 2
    assert run("reveal", "--file", lines, "--key", lines.parent / "k.key", "--event", "none").exit_code == 1


def test_lookup_finds_a_value_under_every_key_it_was_hashed_with(lines: Path, tmp_path: Path):
    new, former = tmp_path / "new", tmp_path / "former"
    new.write_bytes(b"1" * 32)
    former.write_bytes(b"2" * 32)
    found = run("lookup", "--file", lines, "--hash-key", new, "--hash-key", former, "--json", stdin=TEXT + "\n")
    assert len(found.stdout.splitlines()) == 3
    assert len(run("lookup", "--file", lines, "--hash-key", former, stdin=TEXT).stdout.splitlines()) == 1
    assert run("lookup", "--file", lines, "--hash-key", new, stdin="another").exit_code == 1


# --- Refused when it is loaded ----------------------------------------------------------------------------------------


def errors(tmp_path: Path, evidence: str, **options: Any) -> list[str]:
    path = tmp_path / "p.yaml"
    path.write_text(
        'apiVersion: tidegate.dev/v1\nkind: Policy\nmetadata: {name: p, version: "1"}\n'
        f"rules: [{{id: a, detect: {{detector: pii}}, evidence: {evidence}, action: redact}}]\n"
    )
    return [str(each.code) for each in compile_file(path, **options).errors]


def test_raw_needs_a_reason(tmp_path: Path):
    assert errors(tmp_path, "{level: raw}") == ["TG360"]
    assert errors(tmp_path, '{level: raw, reason: " "}') == ["TG360"]
    assert errors(tmp_path, "{level: raw, reason: SEC-812}") == []


def test_what_the_settings_have_no_key_for_is_refused(tmp_path: Path):
    none = Keeping().levels
    assert errors(tmp_path, "{level: encrypted}", keeps=none) == ["TG361"]
    assert errors(tmp_path, "{level: hash}", keeps=none) == ["TG361"]
    assert errors(tmp_path, "{level: masked}", keeps=none) == []
    assert errors(tmp_path, "{level: encrypted}", keeps=KEEPING.levels) == []


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"TIDEGATE_EVENTS__EVIDENCE": "encrypted"}, "evidence_key_file"),
        ({"TIDEGATE_EVENTS__EVIDENCE": "hash"}, "keys.hash_file"),
        ({"TIDEGATE_EVENTS__EVIDENCE": "raw"}, "evidence"),
        ({"TIDEGATE_EVENTS__EVIDENCE_KEY_FILE": "/nowhere"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_be_kept_are_refused(values: dict[str, str], says: str):
    with pytest.raises(ConfigError, match=says):
        keeping(load_settings(environment=values))
