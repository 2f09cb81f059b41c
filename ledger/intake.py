"""Is this an event? What comes in from outside is read strictly here, normalised, and refused with a pointer.

Nothing here knows the ledger: whether an event may be appended *there* is for `ledger.rules`. Free text becomes NFC
with newlines as line ends; control characters other than newline and tab are refused; a likelihood gets the band of
its scale; ids must be slugs and times must be times.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from . import events as ev
from . import records, when
from .checks import banded, checked
from .errors import InvalidEvent
from .events import Event

MAX_LINE_BYTES: Final = 256 * 1024
#: Less by what its envelope takes: what is accepted can be exported, and read again.
MAX_EVENT_BYTES: Final = MAX_LINE_BYTES - 2 * 1024
MAX_DEPTH: Final = 64
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ESCAPED: Final = re.compile(rb"\\[bfru]")
_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
_LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_PATH: Final = re.compile(r"(?P<reason>.*?)(?: - at (?:key in )?`\$(?P<path>[\w.\[\]]*)`)?", re.DOTALL)
_CLASSES: Final = frozenset(ev.TYPES.values())
#: So many events at a time stay in the processor's cache from one look to the next.
_STRETCH: Final = 100
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)


class Entry(Struct, gc=False, frozen=True, kw_only=True):
    """An event on its way in, with the id and the recorder that its sender may bring.

    Without an `id` the ledger gives a UUIDv7; without `recorded_by` the ledger's own name stands.
    """

    event: Event
    id: str | None = None
    recorded_by: str | None = None


class Incoming(Struct, gc=False, frozen=True):
    """An event of a batch, read strictly: with its bytes, its own tags, and the moment it brings, if it does."""

    id: str | None
    recorded_by: str
    event: Event
    data: bytes
    tags: list[str]
    recorded_us: int | None
    stored: bytes | None = None
    """What the log will hold, byte for byte, where it came in like that."""


class Settled(Entry, frozen=True, kw_only=True):
    """An entry as this module read it: the event is canonical, these are its bytes, and the tags that it has of
    itself. Nobody else makes one.

    It is equal to the entry without them.
    """

    data: bytes
    tags: list[str]
    exported: Incoming | None = None
    """The same with its moment, of a record that came in as the log will hold it."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entry):
            return NotImplemented
        return (self.event, self.id, self.recorded_by) == (other.event, other.id, other.recorded_by)

    def __hash__(self) -> int:
        return hash(Entry(event=self.event, id=self.id, recorded_by=self.recorded_by))


def entry(line: bytes) -> Entry:
    """Reads one line of NDJSON: an event object, with `id` and `recorded_by` beside its fields where it brings them.

    Raises InvalidEvent with pointer and reason.
    """
    fields = _object(line)
    if "type" not in fields and fields.keys() >= {"recorded_at", "event"}:
        raise InvalidEvent("this is a record of an export: `claims import` takes it, with its id and time")
    event_id, recorded_by = fields.pop("id", None), fields.pop("recorded_by", None)
    if event_id is not None:
        check_id(event_id)
    if recorded_by is not None:
        check_recorder(recorded_by)
    event, data, tags = _event(fields)
    return Settled(event=event, id=event_id, recorded_by=recorded_by, data=data, tags=tags)


def record(line: bytes) -> tuple[Entry, int]:
    """Reads one line of an export: the entry, and its recorded_at in microseconds since 1970-01-01T00:00:00Z.

    Raises InvalidEvent with pointer and reason.
    """
    found = _as_stored([line])
    return found[0] if found else _record(line)


def record_all(lines: Sequence[bytes]) -> list[tuple[Entry, int]]:
    """As `record`, of many lines. Which of them an error is about is not told: ask one by one."""
    found: list[tuple[Entry, int]] = []
    for start in range(0, len(lines), _STRETCH):
        stretch = lines[start : start + _STRETCH]
        found += _as_stored(stretch) or map(record, stretch)
    return found


def _as_stored(lines: Sequence[bytes]) -> list[tuple[Entry, int]] | None:
    """Lines that are, byte for byte, what the log stores: this is the hot path of an import. None where any other is
    among them."""
    if max(map(len, lines)) > MAX_LINE_BYTES:
        return None
    whole = b"".join([line + b"\n" for line in lines])
    try:
        read = _decoder.decode_lines(whole)
        # The same bytes again: so no key stood twice in them, and no text was written in another way.
        # As many, too: what was given as a line may be two.
        if len(read) != len(lines) or records.encode_events(read) != whole or not _is_clean(whole):
            return None
        check_ids([one.id for one in read])
        for name in {one.recorded_by for one in read}:
            check_recorder(name)
        # No text holds these bytes: JSON writes a quotation mark in it with a backslash.
        data = [line.partition(b',"event":')[2][:-1] for line in lines]
        columns = _checked_together([one.event for one in read], data)
        return list(map(_exported, read, *columns, lines))
    except (InvalidEvent, *_UNREADABLE):
        return None  # to be told with its pointer


def _exported(one: _Exported, event: Event, data: bytes, tags: list[str], line: bytes) -> tuple[Entry, int]:
    """A record of which these are the event and its bytes, once it has its band, and this was the line."""
    at, event_id, recorded_by = when.instant(one.recorded_at), one.id, one.recorded_by
    if event is one.event and when.is_stamp(one.recorded_at):
        exported = Incoming(event_id, recorded_by, event, data, tags, at, line)
    else:
        exported = None
    return Settled(event=event, id=event_id, recorded_by=recorded_by, data=data, tags=tags, exported=exported), at


def _record(line: bytes) -> tuple[Entry, int]:
    fields = _object(line)
    fields.pop("position", None)
    for name in ("id", "recorded_at", "recorded_by", "event"):
        if name not in fields:
            raise InvalidEvent(
                f"an exported record has a field {name!r}; is this a file for `claims append`?", f"/{name}"
            )
    unknown = fields.keys() - {"id", "recorded_at", "recorded_by", "event"}
    if unknown:
        name = _clean_text(min(unknown), "")
        raise InvalidEvent(f"unknown field {name!r} in a record; written by a later version?", f"/{_escape(name)}")
    check_id(fields["id"])
    check_recorder(fields["recorded_by"])
    if not isinstance(fields["event"], dict):
        raise InvalidEvent("expected an object", "/event")
    try:
        event, data, tags = _event(fields["event"])
    except InvalidEvent as error:
        raise InvalidEvent(error.reason, f"/event{error.pointer}") from None
    entry = Settled(event=event, id=fields["id"], recorded_by=fields["recorded_by"], data=data, tags=tags)
    return entry, _recorded_at(fields["recorded_at"])


class _Exported(Struct, gc=False, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    recorded_at: str
    recorded_by: str
    event: Event


_decoder: Final = msgspec.json.Decoder(_Exported)


class Canonical(NamedTuple):
    """An event as it will be stored, its bytes there, and the tags that it has of itself."""

    event: Event
    data: bytes
    tags: list[str]


class Columns(NamedTuple):
    """The same of many events."""

    events: list[Event]
    data: list[bytes]
    tags: list[list[str]]


def normalise(event: Event) -> Event:
    """The event as it will be stored, whoever built it.

    Raises InvalidEvent with pointer and reason for anything that does not meet the schema.
    """
    return canonical(event).event


def canonical(event: Event) -> Canonical:
    """The event as it will be stored, whoever built it, with its bytes.

    Raises InvalidEvent with pointer and reason for anything that does not meet the schema.
    """
    if type(event) not in _CLASSES:
        raise InvalidEvent(f"expected an event such as Statement or Denial, got {type(event).__name__}")
    try:
        data = records.encode_event(event)
        # Clean text needs no second look, string by string; this is the hot path of every append. Changes are of free
        # form; and what is read again as something else holds what is no JSON: bytes, NaN, a list.
        if _is_clean(data) and type(event) not in records.CHANGES and records.event_from(data) == event:
            return _settled(event, data)
    except UnicodeEncodeError:
        pass  # a lone surrogate, which is looked for below
    except (TypeError, *_UNREADABLE) as error:
        raise _invalid(error, {"type": ev.tag_of(event)}) from None
    try:
        fields = msgspec.to_builtins(event, builtin_types=(bytes, bytearray, memoryview))
    except (TypeError, *_UNREADABLE) as error:
        raise _invalid(error, {"type": ev.tag_of(event)}) from None
    return _event(fields)


def canonical_all(events: Sequence[Event]) -> Columns:
    """As `canonical`, of many. Which of them an error is about is not told: ask one by one."""
    found = Columns([], [], [])
    for start in range(0, len(events), _STRETCH):
        stretch = list(events[start : start + _STRETCH])
        columns = _together(stretch) or Columns(*map(list, zip(*map(canonical, stretch), strict=True)))
        for column, part in zip(found, columns, strict=True):
            column.extend(part)  # type: ignore[attr-defined]  # of three kinds
    return found


def _together(events: list[Event]) -> Columns | None:
    """Many by a few calls, whatever their number; None where any of them takes a closer look.

    This is the hot path of every batch.
    """
    if not _CLASSES.issuperset(map(type, events)):
        return None
    try:
        whole = records.encode_events(events)
        # Else one holds what is no JSON, and was encoded all the same: bytes, NaN, a list. What was read to see that is
        # let go at once: the next stretch is read into memory that the processor has at hand.
        if records.events_from(whole) != events or not _is_clean(whole):
            return None
        lines = whole.split(b"\n")
        del lines[-1]
        return _checked_together(events, lines)
    except (InvalidEvent, TypeError, *_UNREADABLE):
        return None


def _checked_together(events: list[Event], lines: list[bytes]) -> Columns:
    if max(map(len, lines)) > MAX_EVENT_BYTES:
        raise InvalidEvent("one of them is too long")
    tags = list(map(checked, events))
    for place, event in enumerate(events):
        if type(event) is ev.Assessment:
            if (whole := banded(event)) is not event:
                events[place], lines[place] = whole, records.encode_event(whole)
        elif type(event) is ev.Correction or type(event) is ev.RecordAmended:
            _clean(event.changes, "", 1)  # what is of free form may be JSON that 64 bits or levels do not hold
    return Columns(events, lines, tags)


def changed(event: Event, changes: dict[str, Any]) -> Event:
    """The event with top-level fields replaced whole; null takes a value away.

    Raises InvalidEvent where the result is not valid; the pointer is that in the result.
    """
    fields = msgspec.to_builtins(event)
    for name, value in changes.items():
        if name == "type":
            raise InvalidEvent("an event never changes its type; void it and append another", "/type")
        if value is None:
            fields.pop(name, None)
        else:
            fields[name] = value
    return _valid(fields).event  # its text is clean: both the event and the changes came in through here


def _is_clean(data: bytes) -> bool:
    """Whether no text in canonical JSON needs mending or refusing: JSON writes controls and lone surrogates with a
    backslash, but for DEL and C1."""
    if b"\\" in data and _ESCAPED.search(data.replace(b"\\\\", b"")):
        return False
    if b"\x7f" in data:
        return False
    if data.isascii():
        return True
    if b"\xc2" in data and _C1.search(data):
        return False
    return unicodedata.is_normalized("NFC", data.decode())


def check_id(event_id: object) -> None:
    """Raises InvalidEvent unless an id is 1..200 printable characters."""
    if not isinstance(event_id, str) or not 1 <= len(event_id) <= 200 or not event_id.isprintable():
        raise InvalidEvent("an id is text of 1 to 200 printable characters", "/id")
    # What is about it names it in NFC, as all text is.
    if not event_id.isascii() and not unicodedata.is_normalized("NFC", event_id):
        raise InvalidEvent(f"an id is in NFC; write {unicodedata.normalize('NFC', event_id)!r}", "/id")


def check_ids(ids: Sequence[str | None]) -> None:
    """As `check_id`, of those that are given."""
    given = [event_id for event_id in ids if event_id is not None]
    joined = "".join(given)
    if not joined.isascii() or not joined.isprintable() or not all(given) or max(map(len, given), default=1) > 200:
        for event_id in given:
            check_id(event_id)


def check_recorder(name: object) -> None:
    """Raises InvalidEvent unless the name of a recorder is 1..200 printable characters."""
    if not isinstance(name, str) or not 1 <= len(name) <= 200 or not name.isprintable():
        raise InvalidEvent("recorded_by is text of 1 to 200 printable characters", "/recorded_by")


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise InvalidEvent(
            f"the line has {len(line):,} bytes, more than {MAX_LINE_BYTES:,}; split the act or shorten its texts"
        )
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"byte {error.start + 1} of the line is not UTF-8; convert the file to UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_pairs, parse_int=_integer, parse_constant=_no_constant)
    except RecursionError:
        raise InvalidEvent(f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise InvalidEvent(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError as error:  # a duplicate key, a constant that JSON does not have
        raise InvalidEvent(str(error)) from None
    if not isinstance(value, dict):
        raise InvalidEvent("expected a JSON object, one event a line")
    return value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice in one object; keep one of them")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON; write a number, text or null")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= 20 else math.inf  # which is refused where it stands


def _event(fields: dict[str, Any]) -> Canonical:
    """Validates plain data as an event, its text normalised."""
    return _valid(_clean(fields, "", 0))


def _valid(fields: dict[str, Any]) -> Canonical:
    try:
        event: Event = msgspec.convert(fields, Event)
        data = records.encode_event(event)
    except _UNREADABLE as error:
        raise _invalid(error, fields) from None
    return _settled(event, data)


def _clean(value: Any, pointer: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidEvent(f"nested deeper than {MAX_DEPTH} levels", pointer)
    if isinstance(value, str):
        return _clean_text(value, pointer)
    if isinstance(value, dict):
        return {
            _clean_text(key, pointer): _clean(item, f"{pointer}/{_escape(key)}", depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_clean(item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, (int, float)):
        if not -(2**63) <= value < 2**63:  # nor is NaN
            raise InvalidEvent("the number is too large, or none; write one that 64 bits hold", pointer)
    elif value is not None:
        raise InvalidEvent(f"{type(value).__name__} is not JSON; write text, a number, a list or an object", pointer)
    return value


def _clean_text(text: str, pointer: str) -> str:
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    bad = _CONTROL.search(text) or _LONE_SURROGATE.search(text)
    if bad:
        raise InvalidEvent(f"U+{ord(bad[0]):04X} at character {bad.start() + 1} is no text; take it out", pointer)
    return text


def _settled(event: Event, data: bytes) -> Canonical:
    if len(data) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event has {len(data):,} bytes, more than {MAX_EVENT_BYTES:,}; shorten its texts")
    tags = checked(event)
    if type(event) is ev.Assessment and (whole := banded(event)) is not event:
        return Canonical(whole, records.encode_event(whole), tags)
    return Canonical(event, data, tags)


def _recorded_at(text: object) -> int:
    try:
        if not isinstance(text, str):
            raise ValueError("expected text")
        return when.instant(text)
    except ValueError as error:
        raise InvalidEvent(str(error), "/recorded_at") from None


def _invalid(error: Exception, fields: dict[str, Any] | None = None) -> InvalidEvent:
    """An error of msgspec, its path turned into a JSON pointer (RFC 6901)."""
    if isinstance(error, RecursionError):
        return InvalidEvent(f"nested deeper than {MAX_DEPTH} levels")
    match = _PATH.fullmatch(str(error))
    assert match is not None
    reason, path = match["reason"], match["path"] or ""
    pointer = "".join(f"/{part}" for part in re.findall(r"[^.\[\]]+", path))
    if pointer == "/type" or (fields is not None and "type" not in fields):
        reason = f"an event has a type, one of: {', '.join(ev.TYPES)}"
        pointer = "/type"
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", reason, re.DOTALL)
    if unknown:
        return InvalidEvent(f"unknown field; see `claims schema{_type_of(fields)}`", f"{pointer}/{_escape(unknown[1])}")
    missing = re.fullmatch(r"Object missing required field `(.*)`", reason)
    if missing:
        return InvalidEvent(f"required; see `claims schema{_type_of(fields)}`", f"{pointer}/{_escape(missing[1])}")
    return InvalidEvent(f"{reason[:1].lower()}{reason[1:]}; see `claims schema{_type_of(fields)}`", pointer)


def _type_of(fields: dict[str, Any] | None) -> str:
    tag = (fields or {}).get("type")
    return f" {tag}" if isinstance(tag, str) and tag in ev.TYPES else ""


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
