"""How does an answer come out of records? By a fold, and nothing else.

A projection is any module or object with

    initial(question) -> state          an empty state for what is asked
    evolve(state, record) -> state      the state with one more record; never raises, never reads a clock, a disk or
                                        a random number
    answer(state) -> answer             optional; without it the state is the answer
    wants(state) -> tags                optional; the tags still to be read
    served                              optional; where a service answers it, as `Served`

A projection without `wants` is given every record, in position order. One with `wants` is given the records that
carry the tags it wants, each record once, in position order within one asking; it is asked again until it wants
nothing that it has not been given. So it must not matter to it which asking brought a record. A projection of yours
is the equal of those in `projections`.

Records come as they were recorded, up to `as_of`: what became of them is told by others. Whoever wants what still
stands sees to amendments, voids, retractions and `said_by` itself, or builds on `initial`, `wants` and `evolve` of
`projections.dossier`, and settles in `answer` as `projections.status` does (an example stands in the README).

The tags are those of `ledger.records.tags`: `claim:ID` (what names a claim, possible claims too, and whatever is about
that), `source:ID` (every link of a chain), `act:ID` (what is about an event), `id:ID` (one event), and, for what hangs
together without any act, `relation:claim:ID` and `relation:source:ID`. A whole projection that counts what was recorded
as said of a claim, whether it was taken back since or not, is

    class Count:
        def initial(self, question): return {"of": question.subject, "acts": 0}
        def wants(self, state): return {f"claim:{state['of']}"}
        def evolve(self, state, record):
            return state | {"acts": state["acts"] + isinstance(record.event, Statement | Denial | Assessment)}

    ledger.state(Count(), "kn23-teams")
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from .errors import UsageError
from .records import Record

A_co = TypeVar("A_co", covariant=True)


class AsOf(Struct, frozen=True):
    """The knowledge cut of an answer: the last position it may know, and when that was recorded (None: nothing yet)."""

    position: int
    recorded_at: str | None


class Question(Struct, frozen=True, kw_only=True):
    """What is asked: about whom or what, and at which two cuts."""

    subject: str | None
    """A claim id, a source id, or None for everything."""
    as_of: AsOf
    said_by: int | None = None
    """The world cut, inclusive, in microseconds since 1970-01-01T00:00:00Z; None for no cut."""
    said_by_text: str | None = None
    """The world cut as it was written, to be echoed."""


class Projection(Protocol):
    """The two functions every projection has; `wants` and `answer` are looked up where they are there."""

    def initial(self, question: Question, /) -> Any:
        """An empty state for what is asked."""

    def evolve(self, state: Any, record: Record, /) -> Any:
        """The state with one more record."""


class Answering(Projection, Protocol[A_co]):
    """A projection with an `answer`, by which type checkers know what `Ledger.state` gives for it."""

    def answer(self, state: Any, /) -> A_co:
        """The answer."""


class Served(Struct, frozen=True):
    """Where a service answers a projection that has it as `served`: it is asked, and nothing is folded here."""

    path: str
    """The path below /v1, with `{subject}` in it where it is about one."""
    answer: Any
    """The type of the answer."""
    query: tuple[tuple[str, str], ...] = ()
    rows: str | None = None
    """The field of the answer that comes page by page, where one does."""

    @property
    def has_subject(self) -> bool:
        """Whether it is about a claim or a source."""
        return "{subject}" in self.path


Read = Callable[[Collection[str]], Iterable[Record]]
"""Gives the records at the cut that carry any of the tags; all of them where ALL is among these."""

ALL: frozenset[str] = frozenset({"*"})
"""What a projection wants that wants every record after all."""


def fold(projection: Projection, question: Question, read: Read) -> Any:
    """The answer of a projection to a question over what `read` gives.

    Raises UsageError for what is no projection, and where one that a service answers is asked about nothing, or about
    what it does not take.
    """
    _check_projection(projection)
    _check_subject(getattr(projection, "served", None), question.subject)
    state = projection.initial(question)
    evolve = projection.evolve
    wants = getattr(projection, "wants", None)
    if wants is None:
        for record in read(ALL):
            state = evolve(state, record)
    else:
        asked: set[str] = set()
        seen: set[int] = set()
        while tags := set(wants(state)) - asked:
            asked |= tags
            for record in read(tags):
                if record.position not in seen:
                    seen.add(record.position)
                    state = evolve(state, record)
    answer = getattr(projection, "answer", None)
    return state if answer is None else answer(state)


def _check_projection(projection: object) -> None:
    if _is_projection(projection):
        return
    told = f"{getattr(projection, '__name__', repr(projection))} is no projection: that has `initial` and `evolve`"
    held = getattr(projection, "__dict__", {}).items()
    within = sorted(name for name, value in held if _is_projection(value) and not name.startswith("_"))
    raise UsageError(f"{told}; in it are {', '.join(within)}" if within else f"{told}, as projections.status has")


def _is_projection(value: object) -> bool:
    return callable(getattr(value, "initial", None)) and callable(getattr(value, "evolve", None))


def _check_subject(served: object, subject: str | None) -> None:
    if not isinstance(served, Served) or bool(subject) == served.has_subject:
        return
    if subject:
        raise UsageError(f"this projection is not asked about any one: leave {subject!r} out")
    about = served.path.partition("/")[0].removesuffix("s")
    raise UsageError(f"this projection is asked about a {about}: give its id")
