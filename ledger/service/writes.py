"""How does an event come in over HTTP? In batches of 1 to 1,000, each all or none, answered when it is durable.

A body is a JSON array of events, one such event, or NDJSON. It is split without being read, so that each event is read
as strictly as anywhere (`ledger.intake`); where any is bad, every bad one is told, and nothing is written.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ledger import Ledger, intake, records
from ledger import events as ev
from ledger.batch import Receipt, check_size
from ledger.cuts import number_of
from ledger.errors import IdReused, InvalidEvent, LedgerError, NotFound, Refused, UsageError
from ledger.intake import Entry
from projections.words import count

from . import access, asking, problems, service
from .access import SCOPE_OF, Caller
from .operations import EVENTS, Answer, Operation, Parameter
from .problems import Problem

_JSON: Final = "application/json"
_NDJSON: Final = "application/x-ndjson"
#: A body of so many bytes is read where it came in; a longer one would keep others waiting.
_SHORT: Final = 8 * 1024
_MOST_CLAIMS: Final = 10_000
"""Claims that a batch may name which registers what is not: each may be one more event."""
_HALF: Final = "it has half of a surrogate pair, such as \\ud800, which is no text; take it out"
_one: Final = msgspec.json.Decoder(msgspec.Raw)
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Appended(Struct, frozen=True, kw_only=True):
    """Where each event of a batch stands, in its order; none where it was only checked."""

    receipts: list[Receipt]


class Fault(Struct, frozen=True, kw_only=True):
    """What is wrong with an event: its place in the batch, where that is (RFC 6901), why, and the type of problem."""

    index: int
    pointer: str
    detail: str
    type: str

    @classmethod
    def of(cls, error: LedgerError) -> Fault:
        """What an error of the ledger says of the event at its `index`."""
        index, kind = error.index or 0, problems.type_of(problems.kind_of(error))
        detail = error.reason if isinstance(error, InvalidEvent) else str(error)
        return cls(index=index, pointer=f"/{index}{error.pointer}", detail=detail, type=kind)


class Terms(Struct, frozen=True, kw_only=True):
    """On which terms a batch comes: what its query says."""

    expected: int | None
    register: bool
    dry_run: bool

    @classmethod
    def of(cls, request: Request) -> Terms:
        """Those of a request. Raises UsageError."""
        query = request.query_params
        text = query.get("expected")
        expected = None if text is None else number_of(text)
        if text is not None and expected is None:
            raise UsageError(f"expected: {text!r} is no position")
        register, dry_run = (_truth(name, query.get(name)) for name in ("register", "dry_run"))
        if dry_run and expected is not None:
            raise UsageError("dry_run checks the events alone; leave expected out")
        return cls(expected=expected, register=register, dry_run=dry_run)


class Read(Struct, frozen=True):
    """What a body holds: the events that are some, with their places in it, and what is wrong with the others."""

    places: list[int]
    entries: list[Entry]
    errors: list[LedgerError]

    def refused_by(self, ledger: Ledger, register: bool) -> list[LedgerError]:
        """All that is wrong, by place: with what are no events, and with those that may not be appended."""
        refused = list(ledger.check(self.entries, register=register))
        for error in refused:
            error.index = self.places[error.index or 0]
        return sorted([*self.errors, *refused], key=lambda error: error.index or 0)

    def check_registrations(self) -> None:
        """Raises UsageError where so many claims may be registered on the way that others would wait for it."""
        claims = set().union(*(records.claims_of(entry.event) for entry in self.entries))
        if len(claims) > _MOST_CLAIMS:
            most, many = f"{_MOST_CLAIMS:,}", f"{len(claims):,}"
            raise UsageError(
                f"events to be appended with `register` name {most} claims at most, not {many}; send fewer"
            )


async def append(request: Request) -> Response:
    """Appends a batch, or checks it."""
    caller, terms, split = access.of(request), Terms.of(request), _splitter(request)
    body = await request.body()
    reading = partial(_read, body, split, caller)
    read = reading() if len(body) <= _SHORT else await run_in_threadpool(reading)
    if terms.register:
        read.check_registrations()
    if terms.dry_run or read.errors:
        await _check(request, read, terms)
        return Response(msgspec.json.encode(Appended(receipts=[])), media_type=_JSON)
    receipts = await _appended(request, read, terms)
    service.of(request).metrics.appended(receipts)
    status = 200 if all(receipt.replayed for receipt in receipts) else 201
    return Response(msgspec.json.encode(Appended(receipts=receipts)), status, media_type=_JSON)


async def _appended(request: Request, read: Read, terms: Terms) -> list[Receipt]:
    """The receipts, when the events are durable. Raises Problem, and what an append does."""
    writer = service.of(request).writer
    try:
        answer = writer.submit(read.entries, expected=terms.expected, register=terms.register)
        return await asyncio.wrap_future(answer)
    except (InvalidEvent, NotFound, Refused, IdReused) as error:
        await _check(request, read, terms)
        raise _refusal([error]) from error  # what it hung on has changed since


async def _check(request: Request, read: Read, terms: Terms) -> None:
    """Raises Problem, which tells all that is wrong."""
    errors = await run_in_threadpool(read.refused_by, service.of(request).ledger, terms.register)
    if errors:
        raise _refusal(errors)


def _refusal(errors: Sequence[LedgerError]) -> Problem:
    """The problem of a batch: the first bad event decides of which kind."""
    kind, faults = problems.kind_of(errors[0]), list(map(Fault.of, errors))
    detail = f"{count(len(errors), 'bad event')}, and nothing was written; at {faults[0].pointer}: {faults[0].detail}"
    more: dict[str, Any] = {"positions": errors[0].positions} if isinstance(errors[0], IdReused) else {}
    return Problem(kind if kind in ("invalid-event", "id-reused") else "refused", detail, errors=faults, **more)


def _read(body: bytes, split: Callable[[bytes], list[bytes]], caller: Caller) -> Read:
    """Reads the events of a body. Raises Problem for what is no JSON, and for what the caller may not append."""
    lines = split(body)
    check_size(len(lines))
    read = Read([], [], [])
    for place, line in enumerate(lines):
        try:
            entry = _signed(intake.entry(line), caller)
        except InvalidEvent as error:
            error.index = place
            read.errors.append(error)
            continue
        tag = ev.tag_of(entry.event)
        access.demand(caller, SCOPE_OF[tag], f"an event of type {tag}")
        read.places.append(place)
        read.entries.append(entry)
    return read


def _signed(entry: Entry, caller: Caller) -> Entry:
    """The entry, recorded by who brings it. Raises InvalidEvent where it says that somebody else does."""
    if entry.recorded_by is not None:
        raise InvalidEvent("who records is told by the token, never by the event; leave it out", "/recorded_by")
    return entry if caller.name is None else msgspec.structs.replace(entry, recorded_by=caller.name)


def _splitter(request: Request) -> Callable[[bytes], list[bytes]]:
    """How a body of this type is split into its events. Raises Problem (415)."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in _SPLIT:
        raise Problem("media-type", f"events come as {' or '.join(_SPLIT)}, not as {media or 'a body of no type'!r}")
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem("media-type", "a body comes as it is, not encoded", headers={"Accept-Encoding": "identity"})
    return _SPLIT[media]


def _elements(body: bytes) -> list[bytes]:
    """The elements of an array, or the one object, each byte for byte."""
    return _split(body, _array.decode if body.lstrip()[:1] == b"[" else lambda one: [_one.decode(one)])


def _lines(body: bytes) -> list[bytes]:
    """The objects of NDJSON, each byte for byte."""
    return _split(body, _one.decode_lines)


_SPLIT: Final[dict[str, Callable[[bytes], list[bytes]]]] = {_JSON: _elements, _NDJSON: _lines}


def _split(body: bytes, decode: Callable[[bytes], list[msgspec.Raw]]) -> list[bytes]:
    try:
        body.decode()
        return list(map(bytes, decode(body)))
    except RecursionError:
        raise Problem("not-json", f"nested deeper than {intake.MAX_DEPTH} levels") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise Problem("not-json", _HALF if _is_json(body) else str(error)) from None


def _is_json(body: bytes) -> bool:
    """Whether Python reads it, which takes half of a surrogate pair for a character."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _truth(name: str, text: str | None) -> bool:
    if text not in (None, "true", "false"):
        raise UsageError(f"{name}: {text!r} is neither true nor false")
    return text == "true"


_APPEND: Final = Operation(
    method="POST",
    path="/v1/events",
    handler=append,
    about="""Appends 1 to 1,000 events at consecutive positions, or none; answered when they are durable.

        The body is a JSON array of events, one event, or NDJSON. Each may bring its `id`: the same `id` with the same
        event again is a no-op, whose receipt is `replayed`. Who records is told by the token. 201, or 200 where all
        were replayed, or only checked. Where any is bad, `errors` names every one, and nothing is written. Events that
        settle what the record makes of others (relations, gradings, rulings, amendments …) take the scope curate.""",
    answer=Appended,
    scope="append",
    parameters=(
        Parameter(
            name="expected",
            about="The last position seen: 412 where anything about the events' claims came after it.",
            schema={"type": "integer", "minimum": 0},
        ),
        Parameter(
            name="register",
            about="Whether claims that are not registered are, in the same append, of 10,000 claims at most.",
            schema={"type": "boolean", "default": False},
        ),
        Parameter(
            name="dry_run",
            about="Whether the events are checked only; nothing is written, and there are no receipts.",
            schema={"type": "boolean", "default": False},
        ),
    ),
    body=EVENTS,
    answers=(Answer(about="Appended.", status=201, type=Appended),),
    problems=("id-reused", "overtaken"),
)
OPERATIONS: Final = (msgspec.structs.replace(_APPEND, handler=asking.checked(_APPEND)),)
