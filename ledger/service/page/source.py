"""What is a source on record with, and how was an event recorded? Each on a page of its own."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger import Ledger, NotFound, Record, UsageError, names, when
from ledger import events as ev
from ledger.clerk import Clerk
from ledger.events import Event
from ledger.names import source_id
from ledger.visible import visible_json
from projections import aftermath, sources, words
from projections.sources import Source, SourceDossier

from . import urls
from .look import Context, Look

MOST: Final = 200
"""So many acts a page shows at most, the latest; the API has all."""


class Described(Struct, frozen=True):
    """A projection: a source's record, with the ids of those it speaks for."""

    found: Source
    line: list[str]
    """Its principal, that one's principal, and so on; in the order of `found.speaks_for`."""

    initial = staticmethod(sources.initial)
    evolve = staticmethod(sources.evolve)
    wants = staticmethod(sources.wants)

    @staticmethod
    def answer(state: SourceDossier) -> Described:
        """The record, and the line."""
        found = sources.answer(state)
        return Described(found, list(state.settle().lines.line(found.source))[1:])


def source(look: Look) -> Context:
    """All that a source said and carried; whom it speaks for."""
    ledger, cuts, name = look.ledger, look.cuts, source_id(look.params["source"])
    described: Described = ledger.state(Described, name, as_of=cuts.as_of, said_by=cuts.said_by)
    found = described.found
    return {
        "found": found,
        "line_up": list(zip(described.line, found.speaks_for, strict=True)),
        "said": found.said[-MOST:],
        "carried": found.carried[-MOST:],
        "most": MOST,
        "texts": _texts(ledger, found),
        "line": urls.command("claims", "source", name, *cuts.options()),
        "raw_url": f"/v1{urls.source_url(name)}{cuts.query}",
    }


def _texts(ledger: Ledger, found: Source) -> dict[str, str]:
    """What was quoted of the acts it uttered, as it was recorded."""
    quoted = {}
    for one in found.said[-MOST:]:
        event = ledger.record(one.act).event
        if isinstance(event, (ev.Statement, ev.Denial, ev.Assessment)) and event.quote:
            quoted[one.act] = event.quote
    return quoted


def event(look: Look) -> Context:
    """A record as it was recorded, and what came to be recorded about it."""
    ledger, asked, cuts = look.ledger, look.params.get("event") or look.get("id"), look.cuts
    if not asked:
        raise UsageError("name an event by its id or position: /events/A10")
    event_id = aftermath.id_at(ledger, asked)
    clerk: Clerk = ledger.state(aftermath, event_id, as_of=cuts.as_of)
    if event_id not in clerk.by_id:
        raise NotFound(f"there is no event {asked!r} here; what changed lately stands on the board")
    record, now = clerk.by_id[event_id], clerk.effective(event_id)
    [(_, stored)] = list(ledger.stored(after=record.position - 1, as_of=record.position))
    return {
        "record": record,
        "type": ev.tag_of(record.event),
        "what": words.what(record.event),
        "by": words.teller(record.event, record.recorded_by),
        "at": when.stamp(record.recorded_us),
        "fields": fields_of(record.event),
        "chain": chain_of(record.event),
        "came_of_it": [(one, ev.tag_of(one.event), words.what(one.event)) for one in aftermath.others(clerk, event_id)],
        "voided": now is None,
        "changed": changed_fields(record, now),
        "raw": visible_json(stored).decode(),
        "digest": sha256(stored).hexdigest(),
        "size": len(stored),
        "line": urls.command("claims", "show", event_id, "--json", *cuts.options()),
        "raw_url": urls.raw_event_url(event_id),
    }


def chain_of(event: Event) -> list[tuple[ev.Link, str]]:
    """Every link of its chain, with the source it counts under."""
    chain = getattr(event, "chain", ())
    return list(zip(chain, names.sources(chain), strict=True)) if chain else []


def fields_of(event: Event) -> dict[str, Any]:
    """The fields that say something, but for the chain."""
    return {
        name: value
        for name, value in msgspec.to_builtins(event).items()
        if name not in ("type", "chain") and value != []
    }


def changed_fields(record: Record, now: Record | None) -> dict[str, Any]:
    """What an amendment made of the fields; None is taken away."""
    if now is None or now.event == record.event:
        return {}
    before, after = (msgspec.to_builtins(one.event) for one in (record, now))
    return {name: after.get(name) for name in {**before, **after} if before.get(name) != after.get(name)}
