"""What became of a record? A projection: the record, and all that is about it, directly or through what is about it."""

from __future__ import annotations

from contextlib import suppress

from ledger import Ledger, NotFound, records
from ledger.clerk import Clerk
from ledger.cuts import number_of
from ledger.fold import Question
from ledger.records import Record


class _About:
    def __init__(self, question: Question) -> None:
        self.clerk = Clerk()
        self.wanted = {question.subject or ""}


def initial(question: Question) -> _About:
    """Nothing yet of the record asked about, named by its event id."""
    return _About(question)


def evolve(state: _About, record: Record) -> _About:
    """The same, with one more record."""
    state.clerk.add(record)
    state.wanted.add(record.id)
    return state


def wants(state: _About) -> set[str]:
    """Tags still to be read."""
    return {tag for event_id in state.wanted for tag in (f"id:{event_id}", f"act:{event_id}")}


def answer(state: _About) -> Clerk:
    """The clerk that knows them: what is left of each, and of which there is nothing where the ledger has none."""
    return state.clerk


def id_at(ledger: Ledger, asked: str) -> str:
    """The id of the record at a position; what is no position of the ledger, or is an id itself, stays as it is.

    Raises NotFound where the record at the position was lost.
    """
    position = number_of(asked)
    if position is None or not 0 < position <= ledger.head:
        return asked
    with suppress(NotFound):
        return ledger.record(asked).id
    for record in ledger.events(after=position - 1, as_of=position):
        return record.id
    raise NotFound(f"there is no record at position {position}; `claims replay` tells if it was lost")


def line(ledger: Ledger, clerk: Clerk, event_id: str) -> bytes:
    """The line of a record in the log, with those about it under `about`, as everybody is given it."""
    ids = [f"id:{one.id}" for one in others(clerk, event_id)]
    about = ledger.tagged(ids) if ids else iter(())
    position = clerk.by_id[event_id].position
    [stored] = ledger.stored(after=position - 1, as_of=position)
    lines = b",".join(records.line(*pair) for pair in about)
    return records.line(*stored).rstrip().removesuffix(b"}") + b',"about":[%b]}' % lines


def others(clerk: Clerk, event_id: str) -> list[Record]:
    """What was recorded about a record, oldest first."""
    return [one for one in sorted(clerk.by_id.values(), key=lambda record: record.position) if one.id != event_id]
