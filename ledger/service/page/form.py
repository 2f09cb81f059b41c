"""What can be told of an act in a form? Its fields as one table; what was filled in, as an event; errors at the fields.

The form knows no rule of its own: what it makes of the fields is read by `ledger.intake`, as anything that comes in is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, get_args
from uuid import uuid4

import msgspec
from msgspec import Struct

from ledger import InvalidEvent, intake, scales
from ledger import events as ev
from ledger.intake import Entry

TYPES: Final[dict[str, str]] = {
    "statement": "states it: asserts, asks, mentions",
    "denial": "denies it: claims to know, or is concerned",
    "assessment": "weighs what others said",
}
MOST_LINKS: Final = 12
_SPLIT: Final = re.compile(r"[\s,]+")
_TRIES: Final = 20


class Field(Struct, frozen=True):
    """A field: its name, its label, and what more is to be known of it."""

    name: str
    label: str
    hint: str = ""
    choices: tuple[str, ...] = ()
    long: bool = False
    of: str | None = None
    """The type of act that has it; None where all have."""


def _of(annotation: Any) -> tuple[str, ...]:
    return tuple(get_args(annotation))


ABOUT: Final = (
    Field("claims", "Claims", "ids of claims, with spaces between: six-killed kn23-teams"),
    Field("possible_claims", "Claims perhaps meant, too", "shown, never counted"),
)
OWN: Final = (
    Field("mode", "How it is stated", "only asserted commits the speaker", _of(ev.Mode), of="statement"),
    Field("form", "Form of the denial", "flat and dismissal commit the speaker", _of(ev.Form), of="denial"),
    Field(
        "scope",
        "Who says that it is this that was denied",
        "the speaker (explicit), or the carrier (framed)",
        ("explicit", "framed", "ambiguous"),
        of="denial",
    ),
    Field("denied_part", "What of the claim is denied", of="denial"),
    Field("acts", "Acts denied to have been said", "ids of events; without claims: “I never said that”", of="denial"),
    Field("term", "How likely, in the words used", "highly likely", of="assessment"),
    Field("scale", "Scale", "in which the term stands", (*scales.SCALES, scales.INFERRED), of="assessment"),
    Field("low", "From", "0 to 1, for an inferred scale", of="assessment"),
    Field("high", "To", "0 to 1", of="assessment"),
    Field("mapped_by", "Who mapped the term to the band", of="assessment"),
    Field("verdict", "Verdict", "where both are given, it decides the side", _of(ev.Verdict), of="assessment"),
    Field("label", "The verdict, verbatim", "Pants on fire", of="assessment"),
    Field("confidence", "Confidence", "", ("low", "moderate", "high"), of="assessment"),
    Field("capacity", "In what capacity", "", ("party", "analyst", "fact_checker", "desk"), of="assessment"),
)
WORDS: Final = (
    Field("said_at", "Said at", "2024-10-08 · 2024-10 · 2024-10-08T14:30:00Z · ../2024-10-10; empty is unknown"),
    Field("quote", "The words, verbatim", long=True),
    Field("language", "Their language", "en, uk, ko (BCP 47)"),
    Field("original", "What they were translated from", long=True),
    Field("url", "Where it can be read", "https://…"),
    Field("in_reply_to", "What it answers", "the id of an event"),
    Field("note", "What the next reader should know", long=True),
)
LINK: Final = (
    Field("name", "Name, as printed"),
    Field("role", "Role, as printed"),
    Field("kind", "Kind", "", _of(ev.Kind)),
    Field("medium", "Medium", "Telegram, parliament, briefing"),
    Field("report", "How it reports", "", ("direct_quote", "partial_quote", "paraphrase", "narrated")),
    Field("cue", "Reporting verb"),
    Field("url", "Address", "https://…"),
    Field("published_at", "Published at"),
    Field("source", "Source id", "left out, the slug of the name"),
)
_LIKELIHOOD: Final = ("term", "scale", "low", "high", "mapped_by")
_LISTS: Final = ("claims", "possible_claims", "acts")


class Filled(Struct, frozen=True):
    """A form as it was filled in, field by field; a link's fields are `link-0-name` and so on."""

    values: Mapping[str, str]
    links: int

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Filled:
        """What came from the form, or from an address that fills it in."""
        links = max(2, *(int(name.split("-")[1]) + 1 for name in pairs if _is_link(name)), 2)
        values = {name: value for name, value in pairs.items() if value.strip()}
        return cls({"type": "statement", "id": str(uuid4()), **values}, min(links, MOST_LINKS))

    def get(self, name: str) -> str:
        """What stands in a field."""
        return self.values.get(name, "")

    @property
    def claims(self) -> list[str]:
        """The claims it is about."""
        return _listed(self.get("claims"))

    def event(self) -> dict[str, Any]:
        """The event that these fields tell of, as JSON would have it; fields of other types are left aside."""
        own = [field.name for field in OWN if field.of == self.get("type")]
        names = [*(field.name for field in ABOUT), *own, *(field.name for field in WORDS)]
        told: dict[str, Any] = {"type": self.get("type")}
        for name in names:
            value = self.get(name)
            if value and name not in _LIKELIHOOD:
                told[name] = _listed(value) if name in _LISTS else _text(value)
        likelihood = {name: _number(name, self.get(name)) for name in _LIKELIHOOD if name in own and self.get(name)}
        if likelihood:
            told["likelihood"] = likelihood
        return told | {"chain": [link for _, link in self._links()]}

    def entry(self, recorded_by: str | None) -> Entry:
        """The act, as it may be appended. Raises InvalidEvent."""
        told = self.event() | {"id": self.get("id")} | ({"recorded_by": recorded_by} if recorded_by else {})
        return intake.entry(msgspec.json.encode(told))

    def errors(self) -> dict[str, str]:
        """Everything that makes it no event, by field: what is wrong is taken out, and the rest is read again."""
        told, found = self.event(), dict[str, str]()
        for _ in range(_TRIES):
            try:
                intake.entry(msgspec.json.encode(told))
                return found
            except InvalidEvent as error:
                field = self.field_of(error.pointer)
                reason = "required" if error.pointer == "/chain" else error.reason.partition("; see `claims schema")[0]
                found.setdefault(field, reason)
                told = _without(told, error.pointer)
        return found

    def _links(self) -> Iterator[tuple[int, dict[str, str]]]:
        """The links that say something, each with its place in the form."""
        for place in range(self.links):
            given = {field.name: _text(self.get(f"link-{place}-{field.name}")) for field in LINK}
            if link := {name: value for name, value in given.items() if value}:
                yield place, link

    def field_of(self, pointer: str) -> str:
        """The field at which what is wrong in the event is told."""
        first, *rest = pointer.split("/")[1:] or [""]
        if first == "chain":
            places = [place for place, _ in self._links()]
            index = int(rest[0]) if rest and rest[0].isdigit() else 0
            return f"link-{places[index] if index < len(places) else 0}-{rest[1] if len(rest) > 1 else 'name'}"
        if first == "likelihood":
            return rest[0] if rest else "term"
        return first or ("term" if self.get("type") == "assessment" else "type")


def label_of(name: str) -> str:
    """What a field is called."""
    if _is_link(name):
        _, place, field = name.split("-", 2)
        who = "Who said it" if place == "0" else f"Carrier {place}"
        return f"{who}: {next((one.label for one in LINK if one.name == field), field)}"
    return next((one.label for one in (*ABOUT, *OWN, *WORDS) if one.name == name), name)


def _without(told: dict[str, Any], pointer: str) -> dict[str, Any]:
    """The same with something that is right in place of what is wrong."""
    first, *rest = pointer.split("/")[1:] or [""]
    right: dict[str, Any] = {"claims": ["a"], "type": "statement", "chain": [{"name": "a"}], "": None}
    if first == "chain" and len(rest) > 1 and told["chain"]:
        chain = [dict(link) for link in told["chain"]]
        chain[int(rest[0])] = {**chain[int(rest[0])], rest[1]: "a"} if rest[1] == "name" else _less(chain, rest)
        return {**told, "chain": chain}
    if first in ("likelihood", ""):
        return {**told, "likelihood": {"term": "a", "scale": "inferred", "low": 0, "high": 1}}
    less = {name: value for name, value in told.items() if name != first}
    return less | {first: right[first]} if first in right else less


def _less(chain: list[dict[str, str]], path: list[str]) -> dict[str, str]:
    return {name: value for name, value in chain[int(path[0])].items() if name != path[1]}


def _is_link(name: str) -> bool:
    return re.fullmatch(r"link-\d{1,2}-[a-z_]+", name) is not None


def _listed(text: str) -> list[str]:
    return [one for one in _SPLIT.split(text.strip()) if one]


def _text(value: str) -> str:
    return value.strip()


def _number(name: str, text: str) -> Any:
    """A number where one is due and one was written; the text itself where it is none, to be told so."""
    if name in ("low", "high"):
        try:
            return float(text)
        except ValueError:
            return text
    return _text(text)
