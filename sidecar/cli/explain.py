"""The command `tidegate policy explain`: why a text comes out as it does."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from detectors.context import context_of
from detectors.models.places import use_places
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.options import CONFIG, LABELS, TENANT
from sidecar.config import load_settings
from sidecar.explanation.account import to_json
from sidecar.explanation.explainer import Explainer, Question
from sidecar.explanation.lines import lines
from sidecar.explanation.page import page
from sidecar.values import Channel, Direction, Part


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[FILES|DIRS...]")
@CONFIG
@click.option("--text", help="The text to explain.")
@click.option("--file", type=click.Path(path_type=Path, allow_dash=True), help="A file with the text; - is stdin.")
@click.option("--policy", "name", default="", help="The policy by name (default: the first that takes the text).")
@click.option(
    "--direction",
    type=click.Choice([each.value for each in Direction]),
    default=Direction.OUTPUT.value,
    show_default=True,
    help="Which half.",
)
@click.option(
    "--part",
    type=click.Choice([each.value for each in Part]),
    help="Whose words the text is (default: the model's for an output, the user's for an input).",
)
@click.option(
    "--channel",
    type=click.Choice([each.value for each in Channel]),
    default=Channel.CONTENT.value,
    show_default=True,
    help="What of a message the text is; tool_arguments are read as JSON.",
)
@click.option("--history", is_flag=True, help="The text stands in a request's history; with --direction input.")
@LABELS
@TENANT
@click.option(
    "--context",
    "contexts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A file that an answer should rest on; may be repeated. Its name without the ending is its id.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON on stdout.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the account to this file, as a page."
)
def explain(
    paths: tuple[Path, ...],
    config: Path | None,
    text: str | None,
    file: Path | None,
    name: str,
    direction: str,
    part: str | None,
    channel: str,
    history: bool,
    labels: Mapping[str, str],
    tenant: str,
    contexts: tuple[Path, ...],
    as_json: bool,
    html: Path | None,
) -> None:
    """Explain step by step what policies do to a text: who takes it, what is read, found, decided, held and let out.

    The text goes through the service's own engine. Also shown: what scored too little to count, and what rules would
    find that do not read such text. Nothing is published; `hash` and `pseudonym` use a public key. Without FILES the
    policies are the settings'. Exit status 1: no policy takes the text.

    Example: tidegate policy explain policies/ --text "my card is 4111 1111 1111 1111" --label app=shop
    """
    if history and direction != Direction.INPUT:
        raise Failure("only a request has a history: say --direction input")
    settings = load_settings(config)
    use_places(settings.models.places())
    explainer = Explainer.load(paths or tuple(settings.policies.directories))
    question = Question(
        text=_text(text, file),
        direction=Direction(direction),
        part=None if part is None else Part(part),
        channel=Channel(channel),
        labels=labels,
        tenant=tenant,
        policy=name,
        is_history=history,
        context=context_of([(path.stem, _read(path)) for path in contexts]) if contexts else None,
    )
    account = explainer.explain(question)
    if html is not None:
        _write(html, page(account))
    if as_json:
        click.echo(json.dumps(to_json(account), indent=2, ensure_ascii=False))
    elif html is None:
        click.echo("\n".join(lines(account)))
    sys.exit(0 if account.policy else WRONG)


def _text(text: str | None, file: Path | None) -> str:
    """The text that is to be explained."""
    if (text is None) == (file is None):
        raise click.UsageError("say what to explain: --text TEXT, or --file FILE")
    if text is None:
        return _read(file or Path("-"))
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Failure("--text is not UTF-8")
    return text


def _read(file: Path) -> str:
    name = "standard input" if str(file) == "-" else str(file)
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Failure(f"cannot read {name}: {error.strerror}") from None
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Failure(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from None
