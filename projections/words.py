"""How is an event, a status or an assessment said in a line? Plain text, to be escaped where it is laid out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ledger import events as ev
from ledger.cuts import known_at
from ledger.events import Event, Link
from ledger.fold import AsOf
from ledger.saying import Said

from .status import AssessmentAnswer, RulingAnswer, Through
from .world import TakenBack

FORMS: Final = {
    "flat": "denies",
    "dismissal": "dismisses",
    "partial": "denies in part",
    "non_denial": "answers without denying",
    "no_comment": "does not comment on",
    "cannot_confirm": "cannot confirm",
}
MODES: Final = {
    "asserted": "states",
    "conditional": "states under a condition",
    "question": "asks about",
    "mention": "mentions",
}

_SHOWN: Final = 3
_OF_THE_OPPOSITE: Final = " (of the opposite)"

SIDES: Final = {"support": "supports", "opposition": "opposes"}
RELATIONS: Final = {"entails": "entails", "same_as": "is the same as", "negates": "negates"}


def cuts_line(as_of: AsOf, said_by: str | None, rules: str | None) -> str:
    """What an answer knew, up to when it looked, and by which rules it is, if by any."""
    known = known_at(as_of.position)
    if as_of.recorded_at is not None:
        known += f", recorded {time(as_of.recorded_at)}"
    return " · ".join([known, *([f"said by {said_by}"] if said_by else []), *([f"rules {rules}"] if rules else [])])


def headline(status: str, support: Any, opposition: Any, assessed: str) -> str:
    """A status as it is always shown: with its interval, and what was assessed beside it."""
    match status:
        case "disputed":
            counted = f"{interval(support)}/{interval(opposition)}"
        case "denied":
            counted = interval(opposition)
        case _:
            counted = interval(support)
    word = "" if status == "assessed" else "assessed "
    return f"{status} {counted}" + (f" · {word}{assessed}" if assessed else "")


def interval(side: Any) -> str:
    """`[provable,possible]`: so many roots are provably distinct, so many possible."""
    return f"[{side.provable},{side.possible}]"


def counted(side: Any) -> str:
    """The interval of a side in words."""
    if side.possible == 1:
        return "one origin"
    if side.provable == side.possible:
        return f"{side.possible} origins, provably distinct"
    return f"{side.possible} origins, of which no more than {side.provable} provably distinct"


def assessed(assessments: Iterable[AssessmentAnswer]) -> str:
    """What the counting assessments say, each with who says it; of three, and how many more there are."""
    said = [f"{weight(one)} ({one.by})" for one in assessments if one.counts]
    more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return ", ".join([*said[:_SHOWN], *more])


def verdicts(assessments: Iterable[AssessmentAnswer], most: int | None = None) -> str:
    """The same in a word or two each: the verdict, or the term; of so many at most, and how many more there are."""
    told = [f"{one.by}: {_briefly(one)}" for one in assessments if one.counts]
    more = [f"{len(told) - most} more"] if most is not None and len(told) > most else []
    return "; ".join([*told[:most], *more])


def weight(one: AssessmentAnswer) -> str:
    """The verdict, or the likelihood in its own words with its band; what is turned tells of what the words were."""
    told = _weight(one.verdict, one.label, one.term, one.low, one.high, one.turned)
    return told + (f", {one.confidence} confidence" if one.confidence else "")


def assessment(one: AssessmentAnswer) -> str:
    """An assessment by whom, in what capacity, and whether it counts."""
    scale = f" on the scale {one.scale}" if one.scale and one.scale != "inferred" else ""
    kept = "" if one.counts else "; an earlier one, no longer counted"
    return f"{one.by} ({one.capacity.replace('_', ' ')}): {weight(one)}{scale}{kept}"


def root(name: str, kind: str | None) -> str:
    """An origin and what kind of source it is."""
    return f"{name} ({kind or 'of a kind told nowhere'})"


def band(low: float | None, high: float | None) -> str:
    """`.80–.95`."""
    return "" if low is None or high is None else f"{_number(low)}–{_number(high)}"


def who(chain: Sequence[Link]) -> str:
    """Who said it and through whom it came: `Dmitry Peskov via AFP, the article`."""
    carriers = ", ".join(link.name for link in chain[1:])
    return chain[0].name + (f" via {carriers}" if carriers else "")


def way(claim: str, through: Sequence[Through], side: str) -> str:
    """The relations by which an act bears on a claim, read on from one to the next: `a entails b entails c`.

    Opposition is read from the claim asked about, as it comes from broad to narrow; support from the act's own claim.
    """
    links = list(reversed(through)) if side == "opposition" else list(through)
    here = claim if side == "opposition" else start(claim, through)
    told = here
    for link in links:
        other = link.to if link.from_ == here else link.from_
        if link.from_ == here or link.relation != "entails":
            told += f" {RELATIONS[link.relation]} {other}"
        else:
            told += f"; {other} entails {here}"
        here = other
    return told


def so(claim: str, through: Sequence[Through], side: str, inferred: bool) -> str:
    """How an act comes to bear on a claim: `a entails b, so it opposes a (inferred)`."""
    kind = " (inferred)" if inferred else " (own words)"
    return f"{way(claim, through, side)}, so it {SIDES[side]} {claim}{kind}"


def start(claim: str, through: Sequence[Through]) -> str:
    """The claim an act itself is about: where the relations lead, walked back from the claim asked about."""
    for link in reversed(through):
        claim = link.from_ if link.to == claim else link.to
    return claim


def utterer(first: Link) -> str:
    """The one who said it, with role and medium: `Andriy Kovalenko (head of the Centre; Telegram)`."""
    more = "; ".join(filter(None, (first.role, first.medium)))
    return first.name + (f" ({more})" if more else "")


def ruling(answer: RulingAnswer) -> str:
    """The ruling, who made it, why."""
    when = f", {answer.said_at}" if answer.said_at else ""
    return f"{answer.ruling} by {answer.by}{when}: {answer.reasons} ({answer.event})"


def teller(event: Event, recorded_by: str) -> str:
    """Who an event comes from: the one who uttered it, else who is named, else its recorder."""
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment() | ev.Retraction() | ev.Correction():
            return event.chain[0].name
        case ev.ClaimsRelated() | ev.SourceGraded() | ev.ActGraded() | ev.RulingRecorded():
            return event.by or recorded_by
        case _:  # what the desk or the clerk enters
            return recorded_by


def what(event: Event) -> str:
    """What an event says, in a line."""
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            return act(event) + (f" “{event.quote}”" if event.quote else "")
        case ev.Retraction():
            return f"takes back {event.act}" + (f": {event.reason}" if event.reason else "")
        case ev.Correction():
            return f"corrects {event.act}: {changes(event.changes)}"
        case ev.ClaimRegistered():
            return f"{event.claim}: {event.text}"
        case ev.ClaimReworded():
            return f"{event.claim}: {event.text} ({event.why})"
        case ev.ClaimsRelated():
            return f"{event.from_} {event.relation} {event.to}" + (f": {event.why}" if event.why else "")
        case ev.RelationWithdrawn() | ev.RecordVoided():
            return f"{event.target}: {event.why}"
        case ev.SourceRegistered():
            told = ", ".join(filter(None, (event.name, event.kind)))
            return f"{event.source}: {told}" + (f"; {event.description}" if event.description else "")
        case ev.SourceRelated():
            return f"{event.from_} {event.relation} {event.to}" + (f": {event.basis}" if event.basis else "")
        case ev.EvidenceAttached():
            about = ", ".join(filter(None, (*event.claims, event.act)))
            return (
                f"{event.bearing} {about}: {event.description or event.url or event.sha256 or event.media_type or ''}"
            )
        case ev.SourceGraded():
            return f"{event.source}: {event.grade}" + (f" ({event.why})" if event.why else "")
        case ev.ActGraded():
            return f"{event.act}: {event.grade}" + (f" ({event.why})" if event.why else "")
        case ev.RecordAmended():
            return f"{event.target}: {changes(event.changes)} ({event.why})"
        case ev.RulingRecorded():
            return f"{event.claim} {event.ruling}: {event.reasons}"


def act(event: ev.Act, claims: Sequence[str] | None = None) -> str:
    """What an act does to which claims: `dismisses engineers-deployed, operating-in-occupied-areas`."""
    about = ", ".join(event.claims if claims is None else claims)
    match event:
        case ev.Statement():
            return f"{MODES[event.mode]} {about}"
        case ev.Denial():
            part = f", namely “{event.denied_part}”" if event.denied_part else ""
            return f"{FORMS[event.form]} {about or 'having said ' + ', '.join(event.acts)}{part}"
        case ev.Assessment():
            return f"assesses {about}: {_weight_of(event)}"


def correction(said: Said) -> str:
    """By whom an act was corrected, when, and in what: `as corrected by the Gazette, said 2024-10-06: quote (K)`."""
    assert isinstance(said.event, ev.Correction)
    what = ", ".join(said.event.changes)
    return f"as corrected by {who(said.event.chain)}, {said_when(said.event.said_at)}: {what} ({said.record.id})"


def taken_back(one: TakenBack) -> str:
    """Who took an act back, when, and what went with it."""
    event = one.said.event
    assert isinstance(event, (ev.Retraction, ev.Denial))
    lead = f"{one.said.record.id}, {said_when(event.said_at)}: {who(event.chain)}"
    if isinstance(event, ev.Denial):
        return f"{lead} denies having said {one.act}"
    more = ", and with it all that its speaker said on that side up to then" if one.sweeps else ""
    return f"{lead} takes back {one.act}{more}" + (f" “{event.reason}”" if event.reason else "")


def said_when(said_at: str | None) -> str:
    """When something was said, as it was written: `said 2024-10-08`."""
    return f"said {said_at or 'at a time untold'}"


def count(number: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def changes(fields: dict[str, Any]) -> str:
    """Fields and their new values: `said_at 2024-10-10`."""
    return ", ".join(f"{name} {'taken away' if value is None else _value(value)}" for name, value in fields.items())


def _briefly(one: AssessmentAnswer) -> str:
    if one.verdict is None and one.term is not None and one.turned:
        return f"{one.term}{_OF_THE_OPPOSITE}"
    return (one.verdict or one.term or "").replace("_", " ")


def _weight_of(event: ev.Assessment) -> str:
    told = event.likelihood
    term, low, high = (told.term, told.low, told.high) if told is not None else (None, None, None)
    return _weight(event.verdict, event.label, term, low, high)


def _weight(
    verdict: str | None,
    label: str | None,
    term: str | None,
    low: float | None,
    high: float | None,
    turned: bool = False,
) -> str:
    of = _OF_THE_OPPOSITE if turned else ""
    parts = []
    if verdict is not None:
        parts.append(verdict.replace("_", " ") + (f" “{label}”{of}" if label else ""))
    if term is not None:
        parts.append(f"{term}{of} {band(low, high)}".rstrip())
    return ", ".join(parts)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    import msgspec

    return msgspec.json.encode(value).decode()


def _number(value: float) -> str:
    text = f"{value:.2f}" if round(value, 2) == value else f"{value:.4f}".rstrip("0")
    return text.removeprefix("0") if text != "0.00" else "0"


def time(text: str | None) -> str:
    """An RFC 3339 moment to the second, as people read it."""
    return "never" if text is None else f"{text[:10]} {text[11:19]}Z"
