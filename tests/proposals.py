"""Events that are proposed to a ledger, by short names, and whether they may be appended there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger import (
    ClaimRegistered,
    ClaimsRelated,
    Correction,
    Entry,
    LedgerError,
    Link,
    RecordAmended,
    RecordVoided,
    Refused,
    Retraction,
    SourceRelated,
    Statement,
)
from ledger.events import Event
from ledger.testing import Scene, by, given

AFP = by("AFP", "outlet")


def states(event_id: str, *claims: str, chain: tuple[Link, ...] = (by("Ann"), AFP), **more: Any) -> Entry:
    return Entry(event=Statement(claims=claims, chain=chain, **more), id=event_id)


def named(event_id: str, event: Event) -> Entry:
    return Entry(event=event, id=event_id)


def void(target: str, event_id: str | None = None) -> Entry:
    return Entry(event=RecordVoided(target=target, why="a slip"), id=event_id)


def amend(target: str, event_id: str | None = None, /, **changes: Any) -> Entry:
    return Entry(event=RecordAmended(target=target, changes=changes, why="a slip"), id=event_id)


def retract(act: str, *who: str | Link, event_id: str | None = None) -> Entry:
    chain = tuple(by(link) if isinstance(link, str) else link for link in who)
    return Entry(event=Retraction(act=act, chain=chain), id=event_id)


def correct(act: str, who: str, event_id: str | None = None, /, **changes: Any) -> Entry:
    return Entry(event=Correction(act=act, chain=(by(who),), changes=changes), id=event_id)


def sources(relation: Any, near: str, far: str, event_id: str | None = None) -> Entry:
    return Entry(event=SourceRelated(from_=near, to=far, relation=relation), id=event_id)


def claims(relation: Any, near: str, far: str, event_id: str | None = None) -> Entry:
    return Entry(event=ClaimsRelated(from_=near, to=far, relation=relation), id=event_id)


def allow(*events: Event | Entry, after: Sequence[Event | Entry] = ()) -> Scene:
    """Accepted one after the other: each is decided by what can be read of the ledger, not by what is in its batch."""
    scene = given()
    for event in (*after, *events):
        scene.ledger.append_all([event])
    return scene


def refuse(
    event: Event | Entry, match: str, *, after: Sequence[Event | Entry], error: type[LedgerError] = Refused
) -> None:
    """Refused after these, whether they stand in the ledger or in the same batch; and nothing of it is written."""
    scene = allow(after=after)
    head = scene.ledger.head
    scene.when(event).refused(error, match)
    assert scene.ledger.head == head
    batch = given().when(*after, event).refused(error, match)
    assert batch.ledger.head == 0
    assert batch.error is not None
    assert batch.error.index == len(after)


X, Y = ClaimRegistered(claim="x", text="X."), ClaimRegistered(claim="y", text="Y.")
SAID = [X, states("s", "x", chain=(by("Ann"), by("Bo", "unnamed"), AFP))]
ANN = (by("Ann"),)
STATED = [X, Y, states("s", "x")]
