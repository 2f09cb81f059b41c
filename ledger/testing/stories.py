"""How do you tell a ledger in a few lines, and say what must come of it?

A *scene* is given events, when more come, and then an answer or a refusal. A *story* is a throw-away ledger that is
told act by act.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from ledger import events as ev
from ledger import fold, names
from ledger.batch import Receipt
from ledger.cuts import Cut
from ledger.errors import LedgerError, Refused
from ledger.events import Event, Link
from ledger.intake import Entry
from ledger.ledger import Ledger


def by(name: str, kind: ev.Kind | None = "person", **more: Any) -> Link:
    """A link of a chain; a person unless said otherwise."""
    return Link(name=name, kind=kind, **more)


def chain(who: str | Link, via: str | Link | Sequence[str | Link] = ()) -> tuple[Link, ...]:
    """Who said it, and through whom it came. A bare name is a person; a bare carrier is an outlet."""
    carriers = [via] if isinstance(via, (str, Link)) else via
    return (
        by(who) if isinstance(who, str) else who,
        *(by(carrier, "outlet") if isinstance(carrier, str) else carrier for carrier in carriers),
    )


def given(*events: Event | Entry) -> Scene:
    """A throw-away ledger that holds these events; claims they name are registered."""
    scene = Scene()
    if events:
        scene.ledger.append_all(events, register=True)
    return scene


class Scene:
    """A ledger before and after something is appended. Made by `given`; every verb but `ask` returns the scene."""

    def __init__(self) -> None:
        self.ledger = Ledger.open(":memory:", recorded_by="the desk")
        self.receipts: list[Receipt] = []
        self.error: LedgerError | None = None

    def when(self, *events: Event | Entry) -> Self:
        """Appends these in one batch; `then` expects them to be accepted, `refused` not to be."""
        self._accepted()
        try:
            self.receipts = self.ledger.append_all(events)
        except LedgerError as error:
            self.error = error
        return self

    def refused(self, error: type[LedgerError] = Refused, match: str = "") -> Self:
        """What came was refused with such an error, whose message matches, and nothing was written."""
        if self.error is None:
            raise AssertionError(f"expected {error.__name__}, but it was accepted")
        if not isinstance(self.error, error) or not re.search(match, str(self.error)):
            raise AssertionError(f"expected {error.__name__} like {match!r}, got {self.error!r}") from self.error
        return self

    def then(
        self,
        projection: fold.Projection,
        subject: str | None = None,
        *checks: Callable[[Any], object],
        as_of: Cut | None = None,
        said_by: Cut | None = None,
        **expected: object,
    ) -> Self:
        """The answer has these attributes, and passes these checks."""
        answer = self.ask(projection, subject, as_of=as_of, said_by=said_by)
        wrong = [f"{k} is {getattr(answer, k)!r}, not {v!r}" for k, v in expected.items() if getattr(answer, k) != v]
        wrong += [f"{check!r} does not hold" for check in checks if not check(answer)]
        if wrong:
            raise AssertionError(f"{'; '.join(wrong)}, in {answer!r}")
        return self

    def ask(
        self,
        projection: fold.Projection,
        subject: str | None = None,
        *,
        as_of: Cut | None = None,
        said_by: Cut | None = None,
    ) -> Any:
        """The answer of a projection, as `Ledger.state` gives it."""
        self._accepted()
        return self.ledger.state(projection, subject, as_of=as_of, said_by=said_by)

    def _accepted(self) -> None:
        if self.error is not None:
            raise AssertionError(f"expected it to be accepted, but: {self.error}") from self.error


class Story:
    """A throw-away ledger, told act by act. Every verb appends one event and returns its id: `e1`, `e2` …

    Claims are registered as they come up. `at` is said_at; a bare name speaks as a person, `via` an outlet. Whatever
    else an event has is given by the name of its field. Recording begins on 2024-10-11, a second an event; `record_on`
    moves it on.
    """

    def __init__(self) -> None:
        self.now = datetime(2024, 10, 11, tzinfo=UTC)
        self.ledger = Ledger.open(":memory:", recorded_by="the desk", clock=lambda: self.now)
        self._told = 0

    def tell(self, event: Event) -> str:
        """Appends any event."""
        receipt = self.ledger.append(event, id=f"e{self._told + 1}", register=True)
        self._told += 1
        self.now += timedelta(seconds=1)
        return receipt.id

    def record_on(self, day: str) -> None:
        """From here on, events are recorded on that day."""
        self.now = datetime.fromisoformat(day).replace(tzinfo=UTC)

    def ask(
        self,
        projection: fold.Projection,
        subject: str | None = None,
        *,
        as_of: Cut | None = None,
        said_by: Cut | None = None,
    ) -> Any:
        """The answer of a projection, as `Ledger.state` gives it."""
        return self.ledger.state(projection, subject, as_of=as_of, said_by=said_by)

    def states(self, who: str | Link, *claims: str, at: str | None = None, via: Any = (), **more: Any) -> str:
        """Somebody states claims."""
        return self.tell(ev.Statement(claims=claims, chain=chain(who, via), said_at=at, **more))

    def denies(self, who: str | Link, *claims: str, at: str | None = None, via: Any = (), **more: Any) -> str:
        """Somebody denies claims; or, with `acts` alone, having said that."""
        return self.tell(ev.Denial(claims=claims, chain=chain(who, via), said_at=at, **more))

    def assesses(
        self,
        who: str | Link,
        *claims: str,
        term: str | None = None,
        scale: str = "icd203",
        at: str | None = None,
        via: Any = (),
        **more: Any,
    ) -> str:
        """Somebody weighs claims: a `term` of a scale, a `verdict`, or both."""
        likelihood = None if term is None else ev.Likelihood(term=term, scale=scale)  # type: ignore[arg-type]
        return self.tell(ev.Assessment(claims=claims, chain=chain(who, via), likelihood=likelihood, said_at=at, **more))

    def retracts(self, who: str | Link, act: str, *, at: str | None = None, **more: Any) -> str:
        """Somebody takes an act back."""
        return self.tell(ev.Retraction(act=act, chain=chain(who), said_at=at, **more))

    def corrects(self, who: str | Link, act: str, /, *, at: str | None = None, **changes: Any) -> str:
        """Somebody corrects fields of an act."""
        return self.tell(ev.Correction(act=act, chain=chain(who), said_at=at, changes=changes))

    def registers(self, claim: str, text: str | None = None, **more: Any) -> str:
        """A claim gets its text."""
        return self.tell(ev.ClaimRegistered(claim=claim, text=text or claim, **more))

    def rewords(self, claim: str, text: str) -> str:
        """A claim gets another text."""
        return self.tell(ev.ClaimReworded(claim=claim, text=text, why="clearer"))

    def relates(self, claim: str, relation: str, other: str) -> str:
        """One claim negates, entails or is the same as another."""
        return self.tell(ev.ClaimsRelated(from_=claim, relation=relation, to=other))  # type: ignore[arg-type]

    def knows(self, name: str, kind: str | None = None, **more: Any) -> str:
        """The desk registers a source under the slug of its name, or under `source`."""
        source = more.pop("source", None) or names.slug(name)
        return self.tell(ev.SourceRegistered(source=source, name=name, kind=kind, **more))  # type: ignore[arg-type]

    def connects(self, source: str, relation: str, other: str) -> str:
        """One source speaks for another, is a member of it, is the same, republishes it, or is independent of it."""
        return self.tell(ev.SourceRelated(from_=source, relation=relation, to=other))  # type: ignore[arg-type]

    def withdraws(self, relation: str) -> str:
        """A relation between claims or sources holds no longer."""
        return self.tell(ev.RelationWithdrawn(target=relation, why="it was wrong"))

    def amends(self, target: str, /, **changes: Any) -> str:
        """The clerk mends an entry."""
        return self.tell(ev.RecordAmended(target=target, changes=changes, why="a slip"))

    def voids(self, target: str) -> str:
        """The clerk strikes an entry."""
        return self.tell(ev.RecordVoided(target=target, why="a slip"))
