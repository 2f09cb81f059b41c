"""How does one event go in from options? Its envelope, its chain, its changes; and the line that tells where it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, NamedTuple, TypeVar

import click
import msgspec

from ledger import Entry, Ledger, Link
from ledger import events as ev
from ledger.events import Event
from ledger.ledger import is_url
from ledger.names import source_id
from projections import aftermath

from . import render
from .options import Words, at_ledger, for_checking, receipt_line, told

F = TypeVar("F", bound=Callable[..., Any])
_UNNAMED: Final = ("unnamed", "collective", "untraced")
_COUNTED: Final = ("grade",)
"""The fields of events that hold a number."""


class Writer(NamedTuple):
    """Where one event goes, and with what envelope."""

    db: str
    id: str | None
    recorded_by: str | None
    expected: int | None
    register: bool
    as_json: bool

    def append(self, event: Event) -> None:
        """Appends the event and tells where it went; one that may not go in leaves no new file behind.

        What it is about may be named by its position.
        """
        if not is_url(self.db):  # whose file is there
            self._check(event)
        with Ledger.open(self.db) as ledger:
            receipt = ledger.append(
                _by_ids(ledger, event),
                id=self.id,
                recorded_by=self.recorded_by,
                expected=self.expected,
                register=self.register,
            )
        with told(f"this is recorded, as {receipt_line(receipt)}: do not repeat it"):
            if self.as_json:
                render.data(msgspec.json.encode(receipt))
            else:
                click.echo(receipt_line(receipt))

    def _check(self, event: Event) -> None:
        with for_checking(self.db) as ledger:
            entry = Entry(event=_by_ids(ledger, event), id=self.id, recorded_by=self.recorded_by)
            for error in ledger.check([entry], register=self.register):
                raise error


def _by_ids(ledger: Ledger, event: Event) -> Event:
    """The event, what it is about named by ids where it was by positions: a log on a terminal cuts ids short."""
    named: dict[str, Any] = {}
    for field in ("act", "target"):
        if isinstance(given := getattr(event, field, None), str):
            named[field] = aftermath.id_at(ledger, given)
    if isinstance(event, ev.Denial):
        named["acts"] = tuple(aftermath.id_at(ledger, given) for given in event.acts)
    return msgspec.structs.replace(event, **named)


def writes(command: F) -> F:
    """Gives a command a `writer`, and the options of the envelope."""
    return _writing(command, [])


def writes_act(command: F) -> F:
    """As `writes`, with --register for claims that are not registered."""
    return _writing(command, [click.option("--register", is_flag=True, help="Register claims that are not.")])


def attributed(command: F) -> F:
    """Gives a command the `chain` of its utterance: who said it, and through whom it came."""

    @wraps(command)
    def chained(*args: Any, **options: Any) -> Any:
        own = {
            name: options.pop(name) for name in ("by", *_UNNAMED, "kind", "role", "source", "medium", "report", "cue")
        }
        return command(*args, chain=(_utterer(**own), *map(_carrier, options.pop("via"))), **options)

    for option in reversed(_CHAIN):
        chained = option(chained)
    return chained  # type: ignore[return-value]


def sets(command: F) -> F:
    """Gives a command the `changes` that its --set options make."""

    def collected(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for text in values:
            name, equals, value = text.partition("=")
            if not equals or not name:
                raise click.BadParameter(f"{text!r} sets nothing; write FIELD=VALUE")
            if name in changes:
                raise click.BadParameter(f"{name!r} is set twice; set it once")
            changes[name] = _value(name, value)
        return changes

    return click.option(
        "--set",
        "changes",
        multiple=True,
        required=True,
        metavar="FIELD=VALUE",
        callback=collected,
        help="A field and its new value: text, or a list or object as JSON; null takes it away. Repeatable.",
    )(command)


said_at = click.option(
    "--said-at", metavar="T", help="When it was said: 2024-10-08, 2024-10, A/B, ../B, A/.., with ~ or ?."
)
_CHAIN: Final = (
    click.option("--by", metavar="NAME", help="Who said it: a person, unless --kind says otherwise."),
    click.option("--unnamed", metavar="TEXT", help='Who, where no name is given: "a source in Ukraine".'),
    click.option("--collective", metavar="TEXT", help='Who, where several are lumped together: "experts".'),
    click.option("--untraced", metavar="TEXT", help='Who, where nobody can tell: "several reports".'),
    click.option("--kind", type=Words(ev.Kind), help="What kind of source NAME is."),
    click.option("--role", metavar="TEXT", help='The role as printed: "Kremlin spokesman".'),
    click.option("--source", metavar="ID", help="The source it counts under. Default: the slug of the name."),
    click.option(
        "--via", metavar="NAME[:KIND]", multiple=True, help="A carrier, an outlet by default. Repeatable, in order."
    ),
    click.option("--medium", metavar="TEXT", help="Where it was said: Telegram, parliament, a briefing."),
    click.option(
        "--report", type=Words(("direct_quote", "partial_quote", "paraphrase", "narrated")), help="How it is told."
    ),
    click.option("--cue", metavar="TEXT", help='The reporting verb: "claimed".'),
)
_ENVELOPE: Final = (
    click.option("--id", "id_", metavar="ID", help="The event's id. Default: a new UUIDv7."),
    click.option("--recorded-by", metavar="NAME", help="Who records it. Default: the user of this process."),
    click.option(
        "--expected", type=int, metavar="POS", help="Refuse if anything on its claims came after this position."
    ),
    at_ledger,
    click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON."),
)


def _writing(command: F, more: list[Callable[[Any], Any]]) -> F:
    @wraps(command)
    def written(
        *args: Any,
        db: str,
        id_: str | None,
        recorded_by: str | None,
        expected: int | None,
        as_json: bool,
        register: bool = False,
        **rest: Any,
    ) -> Any:
        return command(*args, writer=Writer(db, id_, recorded_by, expected, register, as_json), **rest)

    for option in reversed((*more, *_ENVELOPE)):
        written = option(written)
    return written  # type: ignore[return-value]


def _utterer(by: str | None, kind: str | None, source: str | None, **rest: str | None) -> Link:
    given = [
        (name, text) for name, text in (("by", by), *((name, rest.pop(name)) for name in _UNNAMED)) if text is not None
    ]
    if len(given) != 1:
        raise click.UsageError("say who said it: just one of --by, --unnamed, --collective, --untraced")
    ((how, name),) = given
    if how != "by" and kind is not None:
        raise click.UsageError(f"--{how} says what kind of source it is; leave --kind out")
    told = (kind or "person") if how == "by" else how
    link = {"name": name, "kind": told, "source": None if source is None else source_id(source), **rest}
    return Link(**link)  # type: ignore[arg-type]


def _carrier(text: str) -> Link:
    name, colon, kind = text.rpartition(":")
    kinds = Words(ev.Kind).choices
    if colon and name and kind in kinds:
        return Link(name=name, kind=kind)  # type: ignore[arg-type]
    if colon and name and kind.isascii() and kind.isalpha() and kind.islower():  # a slip, rather than part of a name
        raise click.UsageError(f"--via {text!r}: {kind!r} is no kind; there are {', '.join(kinds)}")
    return Link(name=text, kind="outlet")


def _value(name: str, text: str) -> Any:
    """The new value of a field: JSON where it is, and text where a number or a truth value would fit no event."""
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, (int, float)) and name not in _COUNTED else value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
