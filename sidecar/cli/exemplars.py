"""`tidegate exemplars ...`: known attacks and known false alarms, in files that policies name."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click
import msgspec

from detectors.models.encoded import DEFAULT_MODEL, shared_encoder
from detectors.models.encoder import Encoder
from detectors.models.exemplar_sets import Exemplar
from detectors.models.exemplars import KNOWN_ATTACK_FROM, Matcher, embedded
from sidecar.cli.ending import WRONG, Failure, Group
from sidecar.cli.options import CONFIG
from sidecar.config import load_settings
from sidecar.exemplars import files
from sidecar.exemplars.advice import advice

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(cls=Group)
def exemplars() -> None:
    """Keep known attacks and known false alarms that act by nearness, without training.

    Example: tidegate exemplars add policies/exemplars/support.jsonl --is attack --text-file attack.txt
    """


@exemplars.command()
@_FILE
@click.option("--is", "kind", type=click.Choice(["attack", "false_alarm"]), required=True, help="What it is.")
@click.option("--id", "name", help="What events call it (default: made of the time).")
@click.option("--text", help="The text: a sentence or two, the part that matters.")
@click.option("--text-file", type=click.File("r", encoding="utf-8"), help="A file that has it; - is stdin.")
@click.option("--label", default="", help="Of a false alarm: the only label that it is about.")
@click.option("--note", default="", help="Your own words.")
@click.option("--bare", is_flag=True, help="Keep its vector in place of the text.")
def add(
    file: Path,
    kind: str,
    name: str | None,
    text: str | None,
    text_file: TextIO | None,
    label: str,
    note: str,
    bare: bool,
) -> None:
    """Add an exemplar to a file, which need not be there yet.

    The service takes it up as it does a policy that was changed.

    Example: tidegate exemplars add exemplars/support.jsonl --is false_alarm --text "How do I ignore a warning?"
    """
    if (text is None) == (text_file is None):
        raise click.UsageError("give the text with --text or with --text-file")
    said = text_file.read() if text_file is not None else text or ""
    added = datetime.now(UTC)
    made = Exemplar(
        id=name or f"{kind}-{added:%Y%m%d-%H%M%S-%f}",
        kind="attack" if kind == "attack" else "false_alarm",
        text=said.strip(),
        label=label,
        note=note,
        added=added.isoformat(timespec="seconds"),
    )
    if not made.text:
        raise Failure("the text is empty")
    found = files.add(file, files.bare([made])[0] if bare else made)
    click.echo(f"added {made.id} to {file}: {len(found.items)} exemplars", err=True)


@exemplars.command("list")
@_FILE
@click.option("--show-text", is_flag=True, help="Show the texts, too.")
@_JSON
def list_command(file: Path, show_text: bool, as_json: bool) -> None:
    """List the exemplars of a file, without their texts.

    Example: tidegate exemplars list exemplars/support.jsonl
    """
    found = files.read(file)
    rows = [_row(each, shows_text=show_text) for each in found.items]
    if as_json:
        click.echo(json.dumps({"digest": found.digest, "exemplars": rows}, indent=2, ensure_ascii=False))
        return
    for row in rows:
        click.echo("  ".join(_plain(str(value)) for value in row.values() if value != ""))


@exemplars.command()
@_FILE
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Harmless texts, as JSON lines with a `text`: how many would be found.",
)
@click.option("--model", default=DEFAULT_MODEL, show_default=True, help="The model that reads them.")
@_JSON
def check(file: Path, against: Path | None, model: str, as_json: bool) -> None:
    """Read a file as the service does, and say which exemplars will do harm or nothing.

    Exit status 1 when the file is wrong, or a harmless text would be found.

    Example: tidegate exemplars check exemplars/support.jsonl --against harmless.jsonl
    """
    found = files.read(file)
    encoder = shared_encoder(model)
    matcher = Matcher(encoder, found)
    said = [*advice(encoder, found)]
    harmed = _harmed(matcher, _texts(against), encoder) if against else []
    if as_json:
        result = {"exemplars": len(found.items), "digest": found.digest, "advice": said, "harmless_found": harmed}
        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        click.echo(f"{len(found.items)} exemplars, digest {found.digest[:12]}")
        for line in (*said, *(f"row {row} is taken for {name} ({score:.2f})" for row, name, score in harmed)):
            click.echo(f"- {_plain(line)}")
    if harmed:
        sys.exit(WRONG)


@exemplars.command()
@click.argument("name", required=False)
@CONFIG
def pull(name: str | None, config: Path | None) -> None:
    """Copy the vector stores that the settings name, or one of them, as the service does while it runs.

    Example: tidegate exemplars pull support --config tidegate.yaml
    """
    from sidecar.exemplars.copying import copy  # with its clients, which are extras

    settings = load_settings(config).exemplars
    wanted = settings.stores if name is None else {name: settings.stores[name]} if name in settings.stores else {}
    if not wanted:
        raise Failure(f"the settings name no store {name}" if name else "the settings name no store (exemplars.stores)")
    for each, store in wanted.items():
        state = "copied" if copy(each, store, settings.folder) else "as it was"
        click.echo(f"{state}  {settings.folder / each}.jsonl")


def _row(exemplar: Exemplar, *, shows_text: bool) -> dict[str, object]:
    size = f"{len(exemplar.text)} characters" if exemplar.text else "a vector"
    row = {"id": exemplar.id, "is": exemplar.kind, "size": size, "label": exemplar.label, "added": exemplar.added}
    return {**row, "note": exemplar.note, "text": exemplar.text if shows_text else ""}


class _Harmless(msgspec.Struct):
    """A row of harmless texts."""

    text: str


def _texts(path: Path) -> list[str]:
    """Raises `Failure` that names the row."""
    found = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                found.append(msgspec.json.decode(line, type=_Harmless).text)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise Failure(f"{path}:{number}: {error}") from None
    return found


def _harmed(matcher: Matcher, texts: Sequence[str], encoder: Encoder) -> list[tuple[int, str, float]]:
    """The rows that would be found: their number from 1, the exemplar, and how near."""
    near = [matcher.attack((text,), vector) for text, vector in zip(texts, embedded(encoder, texts), strict=True)]
    return [(row, each.id, each.score) for row, each in enumerate(near, 1) if each.score >= KNOWN_ATTACK_FROM]


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
