"""What stands in the log? A record is an event in its envelope; here it turns into stored bytes and back.

The stored bytes are the JSON of `{"id", "recorded_at", "recorded_by", "event"}` in that order, fields that hold their
default left out, object keys of free form sorted. They are written once and never re-encoded. The position is not in
them: it is put in front when they are read, which makes the very line that `claims log` prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from . import events as ev
from . import names, when
from .errors import IntegrityError, NewerVersion
from .events import Event

ACTS: Final = (ev.Statement, ev.Denial, ev.Assessment)
ACT_TYPES: Final = frozenset(ACTS)
"""The same, for where each event of a million is asked whether it is one."""
RETRACTABLE: Final = (*ACTS, ev.Retraction)
UTTERANCES: Final = (*ACTS, ev.Retraction, ev.Correction)
"""What is said in the world, by somebody."""
CLERKS: Final = (ev.RecordAmended, ev.RecordVoided)
CHANGES: Final = (ev.RecordAmended, ev.Correction)
MOVING: Final = frozenset(("claim", "claims", "possible_claims", "from", "to", "act", "acts", "target", "changes"))
"""The fields by which a change has its target be about something else."""


class Record(Struct, gc=False, frozen=True, kw_only=True):
    """An event with its envelope, as the ledger holds it. Times are UTC with microseconds."""

    position: int
    id: str
    recorded_at: Annotated[datetime, Meta(tz=True)]
    recorded_by: str
    event: Event

    @property
    def recorded_us(self) -> int:
        """`recorded_at` in microseconds since 1970-01-01T00:00:00Z."""
        return when.micros(self.recorded_at)


_encoder: Final = msgspec.json.Encoder(order="deterministic")
_record_decoder: Final = msgspec.json.Decoder(Record)
_event_decoder: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)
encode_event: Final = _encoder.encode
"""The canonical JSON bytes of an event."""
encode_events: Final = _encoder.encode_lines
"""Those of many, each followed by a newline; JSON has none within."""


def envelope(event_id: str, recorded_by: str, event: bytes) -> tuple[bytes, bytes]:
    """The stored bytes before and after the recording time, which only the store knows, around those of an event."""
    before = b'{"id":%b,"recorded_at":"' % _encoder.encode(event_id)
    return before, b'","recorded_by":%b,"event":%b}' % (_quoted(recorded_by), event)


@lru_cache(maxsize=1024)  # few record, and each of them much
def _quoted(text: str) -> bytes:
    return _encoder.encode(text)


def line(position: int, stored: bytes) -> bytes:
    """Stored bytes with their position in front: a line of `claims log --format ndjson`, without its newline."""
    return b'{"position":%d,%b' % (position, stored[1:])


def decode(position: int, stored: bytes) -> Record:
    """Reads stored bytes. Fields that a later version added are passed over, never a whole event.

    Raises NewerVersion for an event type this version does not know, IntegrityError for bytes that are no record.
    """
    try:
        if not stored.startswith(b"{"):  # the one byte that the position takes the place of
            raise ValueError("it does not begin as an object")
        try:
            return _record_decoder.decode(line(position, stored))
        except msgspec.ValidationError as error:
            return _decode_tolerantly(position, stored, error)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise IntegrityError(f"position {position} holds no record: {error}; restore the file from a backup") from error


def decode_all(stored: Iterable[tuple[int, bytes]]) -> Iterator[Record]:
    """Reads many, lazily."""
    for position, data in stored:
        yield decode(position, data)


def gapless(stored: Iterable[tuple[int, bytes]], after: int = 0) -> Iterator[tuple[int, bytes]]:
    """The same, of what should be all records after a position. Raises IntegrityError where one is missing."""
    for expected, pair in enumerate(stored, after + 1):
        if pair[0] != expected:
            raise IntegrityError(f"position {expected} is missing; restore the file from a backup")
        yield pair


def sound(stored: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The same, each looked at. Raises IntegrityError where one is no record; one of a later version is passed on."""
    for position, data in stored:
        with suppress(NewerVersion):
            decode(position, data)
        yield position, data


event_from: Final = _event_decoder.decode
"""Reads an event strictly: an unknown field is an error. Raises what msgspec raises."""
events_from: Final = _event_decoder.decode_lines
"""The same, of many, each on a line."""


def _decode_tolerantly(position: int, stored: bytes, error: msgspec.ValidationError) -> Record:
    record = msgspec.json.decode(stored, type=dict[str, Any])
    event = record.get("event")
    tag = event.get("type") if isinstance(event, dict) else None
    if "sealed" in record or (isinstance(tag, str) and tag not in ev.TYPES):
        raise NewerVersion(
            f"position {position} holds a record of type {tag or 'sealed'!r}, which this version does not know; "
            "upgrade claim-ledger"
        )
    try:
        known = {field.encode_name for field in msgspec.structs.fields(Record)}
        kept = {name: value for name, value in record.items() if name in known}
        return msgspec.convert({**kept, "position": position, "event": _known_fields(record["event"])}, Record)
    except (msgspec.ValidationError, KeyError, AttributeError, TypeError):
        raise IntegrityError(
            f"position {position} holds no record this version can read: {error}; upgrade, or restore from a backup"
        ) from None


def _known_fields(event: dict[str, Any]) -> dict[str, Any]:
    """An event of a later version without the fields that this one does not know, in the event and below it."""
    known = _pick(event, ev.TYPES[event["type"]]) | {"type": event["type"]}
    if "chain" in known:
        known["chain"] = [_pick(link, ev.Link) for link in known["chain"]]
    if isinstance(known.get("likelihood"), dict):
        known["likelihood"] = _pick(known["likelihood"], ev.Likelihood)
    return known


def _pick(value: dict[str, Any], cls: type[Struct]) -> dict[str, Any]:
    return {f.encode_name: value[f.encode_name] for f in msgspec.structs.fields(cls) if f.encode_name in value}


def tags(event: Event) -> list[str]:
    """The tags of an event by its own content, distinct; what it owes to a target is added by `ledger.rules`.

    `claim:` for each claim, possible ones too; `source:` for each link; `act:` for each target; and for what the
    closures of relations must find without scanning acts, `relation:claim:` and `relation:source:`. A directed
    relation of sources is found from its near end only: nobody's answer depends on who else speaks for its principal.
    """
    if isinstance(event, ACTS):
        return tags_of_act(event)
    return list(dict.fromkeys([f"{name}:{value}" for name, value in _tagged(event)]))


def tags_of_act(event: ev.Act) -> list[str]:
    """Those of an act; this is the hot path of all that comes in."""
    claims = event.claims
    found = ["claim:" + claims[0]] if len(claims) == 1 else ["claim:" + claim for claim in claims]
    if event.possible_claims:
        found += ["claim:" + claim for claim in event.possible_claims]
    for source in names.fresh_sources(event.chain):
        found.append("source:" + source)
    if type(event) is ev.Denial and event.acts:
        found += ["act:" + act for act in event.acts]
    return found if len(found) == len(set(found)) else list(dict.fromkeys(found))


def _tagged(event: Event) -> Iterator[tuple[str, str]]:
    match event:
        case ev.Retraction() | ev.Correction():
            yield "act", event.act
            for source in names.sources(event.chain):
                yield "source", source
        case ev.ClaimRegistered() | ev.ClaimReworded() | ev.RulingRecorded():
            yield "claim", event.claim
            if not isinstance(event, ev.RulingRecorded):
                yield "relation:claim", event.claim
        case ev.ClaimsRelated():
            yield "relation:claim", event.from_
            yield "relation:claim", event.to
        case ev.SourceRegistered() | ev.SourceGraded():
            yield "source", event.source
            yield "relation:source", event.source
        case ev.SourceRelated():
            yield "source", event.from_
            yield "source", event.to
            yield "relation:source", event.from_
            if event.relation in ("same_as", "independent_of"):
                yield "relation:source", event.to
        case ev.EvidenceAttached():
            for claim in event.claims:
                yield "claim", claim
            if event.act is not None:
                yield "act", event.act
        case ev.ActGraded():
            yield "act", event.act
        case ev.RelationWithdrawn() | ev.RecordAmended() | ev.RecordVoided():
            yield "act", event.target


def tags_about(claim: str | None, source: str | None) -> list[tuple[str, ...]]:
    """By which tags a record is found that is about a claim, a source, or both: it carries one of each group.

    What relates the claim to others is about it too.
    """
    groups: list[tuple[str, ...]] = []
    if claim is not None:
        groups.append((f"claim:{claim}", f"relation:claim:{claim}"))
    if source is not None:
        groups.append((f"source:{source}",))
    return groups


def changes_within(changes: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Changes, the changes they make where they change a change, and so on."""
    within: Any = changes
    while within and isinstance(within, dict):
        yield within
        within = within.get("changes")


def new_targets(changes: dict[str, Any]) -> Iterator[str]:
    """The ids of the events that a change makes its target be about."""
    for within in changes_within(changes):
        yield from targets_in(within)


def targets_in(fields: dict[str, Any]) -> Iterator[str]:
    """The same, by the fields of one change; not by those of a change that it makes."""
    acts = fields.get("acts")
    for value in (fields.get("act"), fields.get("target"), *(acts if isinstance(acts, (list, tuple)) else ())):
        if isinstance(value, str):
            yield value


def targets(event: Event) -> tuple[str, ...]:
    """The event ids that an event is about, and that must be there before it."""
    if type(event) in _ABOUT_NONE:  # most are, and each is asked more than once
        return ()
    match event:
        case ev.Denial():
            return event.acts
        case ev.Retraction() | ev.Correction() | ev.ActGraded():
            return (event.act,)
        case ev.RelationWithdrawn() | ev.RecordAmended() | ev.RecordVoided():
            return (event.target,)
        case ev.EvidenceAttached(act=str(act)):
            return (act,)
        case _:  # evidence on claims alone
            return ()


def claims_of(event: Event) -> tuple[str, ...]:
    """The claims that must be registered before the event can be appended."""
    if type(event) is ev.ClaimRegistered:  # itself
        return ()
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            return event.claims + event.possible_claims
        case ev.ClaimsRelated():
            return (event.from_, event.to)
        case ev.ClaimReworded() | ev.RulingRecorded():
            return (event.claim,)
        case ev.EvidenceAttached():
            return event.claims
        case _:  # sources, gradings and voids name no claim; changes do in what they make
            return ()


def leads_to(event: Event) -> tuple[str, ...]:
    """The ids of the events that one is about, and of those that a change makes its target be about."""
    return (*targets(event), *new_targets(getattr(event, "changes", {})))


_ABOUT_NONE: Final = frozenset(
    (
        ev.Statement,
        ev.Assessment,
        ev.ClaimRegistered,
        ev.ClaimReworded,
        ev.ClaimsRelated,
        ev.SourceRegistered,
        ev.SourceRelated,
        ev.SourceGraded,
        ev.RulingRecorded,
    )
)
