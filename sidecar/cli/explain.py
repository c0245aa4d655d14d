"""The command `tidegate policy explain`: why a text comes out as it does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from click.core import ParameterSource

from detectors.context import context_of
from detectors.models.places import use_places
from sidecar.cli.ending import WRONG, Failure
from sidecar.cli.events.source import find_event, source_of
from sidecar.cli.options import CONFIG, CONTEXTS, FACTS, PART, facts_options
from sidecar.config import load_settings
from sidecar.explanation.account import to_json
from sidecar.explanation.explainer import Explainer, Question
from sidecar.explanation.lines import event_lines, lines
from sidecar.explanation.page import event_page, page
from sidecar.explanation.recorded import explain_event
from sidecar.policy.facts import StreamFacts
from sidecar.policy.session_facts import NOTHING_KNOWN, SessionFacts
from sidecar.values import Channel, Direction, Part, SessionMark

T = TypeVar("T", bound=msgspec.Struct)


def _session(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> SessionFacts:
    """How a session stands, from words such as `untrusted` and `risk=2`."""
    facts = NOTHING_KNOWN
    for value in values:
        name, equals, number = value.partition("=")
        try:
            if name == "risk" and equals:
                facts = replace(facts, risk=float(number))
            elif name == "violations" and equals:
                facts = replace(facts, violations=int(number))
            elif value in [each.value for each in SessionMark]:
                facts = replace(facts, **{value: True})
            else:
                raise click.BadParameter(f"{value!r} is none of untrusted, sensitive, sends, risk=N and violations=N")
        except ValueError:
            raise click.BadParameter(f"{value!r}: {number!r} is no number") from None
    return facts


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True), metavar="[FILES|DIRS...]")
@CONFIG
@click.option("--text", help="The text to explain.")
@click.option("--file", type=click.Path(path_type=Path, allow_dash=True), help="A file with the text; - is stdin.")
@click.option("--event", metavar="ID", help="An event to explain; with the text, what becomes of that now, too.")
@click.option("--event-file", type=click.Path(path_type=Path), help="JSON lines that have the event; - is stdin.")
@click.option("--outbox", type=click.Path(path_type=Path), help="The outbox that has it (default: the settings' one).")
@click.option("--bootstrap", metavar="HOST:PORT", help="The Kafka brokers that have it (default: the settings').")
@click.option("--policy", "name", default="", help="The policy by name (default: the first that takes the text).")
@PART
@click.option(
    "--channel",
    type=click.Choice([each.value for each in Channel]),
    default=Channel.CONTENT.value,
    show_default=True,
    help="What of a message the text is; tool_arguments are read as JSON.",
)
@click.option("--history", is_flag=True, help="The text stands in a request's history; with --direction input.")
@click.option(
    "--session",
    metavar="untrusted|sensitive|sends|risk=N|violations=N",
    multiple=True,
    callback=_session,
    help="What the text's session is like, for rules that insist on that; may be repeated.",
)
@facts_options
@CONTEXTS
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON on stdout.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), help="Write the account to this file, as a page."
)
def explain(
    paths: tuple[Path, ...],
    config: Path | None,
    text: str | None,
    file: Path | None,
    event: str | None,
    event_file: Path | None,
    outbox: Path | None,
    bootstrap: str | None,
    name: str,
    direction: Direction,
    facts: StreamFacts,
    part: str | None,
    channel: str,
    history: bool,
    session: SessionFacts,
    contexts: tuple[Path, ...],
    as_json: bool,
    html: Path | None,
) -> None:
    """Explain step by step what policies do to a text: who takes it, what is read, found, decided, held and let out.

    The text goes through the service's own engine. Also shown: what scored too little to count, and what rules would
    find that do not read such text. Nothing is published; `hash` and `pseudonym` use a public key. Without FILES the
    policies are the settings'.

    An event tells what was decided, why, and by which content of its policy; it holds no text. Given beside it, the
    text is replayed where the event says that it stood.

    Exit status 1: a policy is wrong, no policy takes the text, or it does not come out as the event says.

    Example: tidegate policy explain policies/ --text "my card is 4111 1111 1111 1111" --label app=shop
    """
    if history and direction is not Direction.INPUT:
        raise Failure("only a request has a history: say --direction input")
    settings = load_settings(config)
    use_places(settings.models.places())
    data = None
    if any(each is not None for each in (event, event_file, outbox, bootstrap)):
        _refuse_what_the_event_says()
        data = find_event(event, source_of(settings, outbox=outbox, file=event_file, bootstrap=bootstrap))
    explainer = Explainer.load(paths or tuple(settings.policies.directories))
    context = context_of([(path.stem, _read(path)) for path in contexts]) if contexts else None
    if data is not None:
        given = None if text is None and file is None else _text(text, file)
        told = explain_event(explainer, data, given, context=context, session=session)
        if given is not None and told.replay is None:
            raise Failure(f"a {told.kind} event is about no text: leave out --text and --file")
        _show(told, event_lines(told), event_page, as_json=as_json, html=html)
        sys.exit(WRONG if told.recurs is False else 0)
    question = Question(
        text=_text(text, file),
        facts=facts,
        part=None if part is None else Part(part),
        channel=Channel(channel),
        policy=name,
        is_history=history,
        context=context,
        session=session,
    )
    account = explainer.explain(question)
    _show(account, lines(account), page, as_json=as_json, html=html)
    sys.exit(0 if account.policy else WRONG)


_SAID_BY_EVENTS = ("name", "direction", "part", "channel", "history", *FACTS)


def _refuse_what_the_event_says() -> None:
    """Raise `UsageError` for an option that says where the text of an event stood."""
    context = click.get_current_context()
    for parameter in context.command.params:
        is_given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if is_given and parameter.name in _SAID_BY_EVENTS:
            raise click.UsageError(f"the event says where its text stood: leave out {parameter.opts[0]}")


def _show(told: T, text: Iterable[str], render: Callable[[T], str], *, as_json: bool, html: Path | None) -> None:
    """Print an account, or write its page."""
    if html is not None:
        _write(html, render(told))
    if as_json:
        click.echo(json.dumps(to_json(told), indent=2, ensure_ascii=False))
    elif html is None:
        click.echo("\n".join(text))


def _text(text: str | None, file: Path | None) -> str:
    """The text that is to be explained."""
    if text is not None and file is not None:
        raise click.UsageError("a text is given by --text or by --file, not by both")
    if text is None and file is None:
        raise click.UsageError("say what to explain: --text TEXT or --file FILE, or --event ID")
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
