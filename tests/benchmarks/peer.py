"""How would a stock `eventsourcing` application keep a board? An aggregate for each claim, and a projection after it.

All is as the library has it: aggregates with decorated events, SQLite recorders made from the environment, the JSON
transcoder, a `Projection` whose view is an `SQLiteTrackingRecorder` and takes in each event together with how far it
has come, in a transaction of its own. Only `ProjectionRunner` is missing, since its subscriptions cannot follow a
recorder of SQLite: what it does in a thread is done here in a loop.

It has less to do than a view of a ledger: its rows have no past, nobody's root is sought, claims are not related, and
what is taken back or amended changes only when its claim last changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Self
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import InfrastructureFactory, Tracking
from eventsourcing.projection import Projection
from eventsourcing.sqlite import SQLiteDatastore, SQLiteTrackingRecorder
from eventsourcing.utils import Environment

from ledger import Entry
from ledger import events as ev
from projections.named import named_by

PAGE = 1_000


class Claim(Aggregate):
    """A claim, and what was said of it."""

    @event("Registered")
    def __init__(self, claim: str, text: str) -> None:
        self.claim, self.text = claim, text
        self.statements = self.denials = self.assessments = 0

    @staticmethod
    def create_id(claim: str, text: str = "") -> UUID:
        return uuid5(NAMESPACE_URL, f"/claims/{claim}")

    @event("Reworded")
    def reword(self, text: str) -> None:
        self.text = text

    @event("Stated")
    def state(self, said: dict[str, Any], commits: bool) -> None:
        self.statements += 1

    @event("Denied")
    def deny(self, said: dict[str, Any], commits: bool) -> None:
        self.denials += 1

    @event("Assessed")
    def assess(self, said: dict[str, Any]) -> None:
        self.assessments += 1

    @event("Noted")
    def note(self, noted: dict[str, Any]) -> None:
        """Whatever else was recorded of it."""


class Claims(Application[UUID]):
    """The claims of a newsroom."""

    env = {"PERSISTENCE_MODULE": "eventsourcing.sqlite"}  # noqa: RUF012  so it is declared

    def take_in(self, entries: Iterator[tuple[Entry, int]]) -> int:
        """Records what these entries say of each claim they name, in their order; gives how many events that makes."""
        claims: dict[str, Claim] = {}
        told = [happened for entry, _ in entries for happened in _told(claims, entry)]
        for place in range(0, len(told), PAGE):
            self.save(*told[place : place + PAGE])
        return len(told)


def _told(claims: dict[str, Claim], entry: Entry) -> Iterator[Any]:
    content = msgspec.to_builtins(entry.event) | {"recorded_by": entry.recorded_by}
    for claim in dict.fromkeys(named_by(entry.event)):
        match entry.event:
            case ev.ClaimRegistered(text=text):
                claims[claim] = Claim(claim=claim, text=text)
            case ev.ClaimReworded(text=text):
                claims[claim].reword(text)
            case ev.Statement() as act if claim in act.claims:
                claims[claim].state(content, commits=act.mode == "asserted")
            case ev.Denial() as act if claim in act.claims:
                claims[claim].deny(content, commits=act.form in ("flat", "dismissal"))
            case ev.Assessment():
                claims[claim].assess(content)
            case _:
                claims[claim].note(content)
        yield from claims[claim].collect_events()


class BoardView(SQLiteTrackingRecorder):
    """The board: a row for each claim."""

    def __init__(self, datastore: SQLiteDatastore, **kwargs: Any) -> None:
        super().__init__(datastore, **kwargs)
        self.create_table_statements.append(
            "CREATE TABLE IF NOT EXISTS board (claim_id TEXT PRIMARY KEY, claim TEXT, text TEXT, changed_at TEXT,"
            " support INTEGER DEFAULT 0, opposition INTEGER DEFAULT 0, statements INTEGER DEFAULT 0,"
            " denials INTEGER DEFAULT 0, assessments INTEGER DEFAULT 0, status TEXT AS (CASE"
            " WHEN support AND opposition THEN 'disputed' WHEN support THEN 'asserted' WHEN opposition THEN 'denied'"
            " WHEN assessments THEN 'assessed' ELSE 'raised' END) STORED) WITHOUT ROWID"
        )

    def register(self, happened: Claim.Registered, tracking: Tracking) -> None:
        row = (happened.originator_id.hex, happened.claim, happened.text, happened.timestamp.isoformat())
        self._write("INSERT INTO board (claim_id, claim, text, changed_at) VALUES (?, ?, ?, ?)", row, tracking)

    def change(self, happened: Claim.Event, tracking: Tracking, sets: str = "", *values: Any) -> None:
        row = (happened.timestamp.isoformat(), *values, happened.originator_id.hex)
        self._write(f"UPDATE board SET changed_at = ?{sets} WHERE claim_id = ?", row, tracking)

    def _write(self, sql: str, values: tuple[Any, ...], tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(sql, values)


class Board(Projection[BoardView]):
    """Keeps the board by what happens to claims."""

    name = "board"

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        raise NotImplementedError(domain_event)

    @process_event.register
    def registered(self, happened: Claim.Registered, tracking: Tracking) -> None:
        self.view.register(happened, tracking)

    @process_event.register
    def reworded(self, happened: Claim.Reworded, tracking: Tracking) -> None:
        self.view.change(happened, tracking, ", text = ?", happened.text)

    @process_event.register
    def stated(self, happened: Claim.Stated, tracking: Tracking) -> None:
        self.view.change(happened, tracking, ", statements = statements + 1, support = support + ?", happened.commits)

    @process_event.register
    def denied(self, happened: Claim.Denied, tracking: Tracking) -> None:
        self.view.change(happened, tracking, ", denials = denials + 1, opposition = opposition + ?", happened.commits)

    @process_event.register
    def assessed(self, happened: Claim.Assessed, tracking: Tracking) -> None:
        self.view.change(happened, tracking, ", assessments = assessments + 1")

    @process_event.register
    def noted(self, happened: Claim.Noted, tracking: Tracking) -> None:
        self.view.change(happened, tracking)


class Peer:
    """A stock application that holds what a ledger would; its board can be rebuilt as often as one likes."""

    def __init__(self, path: Path, entries: Iterator[tuple[Entry, int]]) -> None:
        self._claims = Claims(env={"SQLITE_DBNAME": str(path)})
        self.events = self._claims.take_in(entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._claims.close()

    def rebuilt(self, path: Path, *, synced: bool) -> float:
        """Makes its board anew, in a file, from all its events; gives the seconds."""
        environment = Environment(Board.name, {**Claims.env, "SQLITE_DBNAME": str(path)})
        view = InfrastructureFactory[BoardView].construct(environment).tracking_recorder(BoardView)
        with closing(view.datastore):
            if not synced:
                with view.datastore.get_connection(commit=True) as connection:
                    connection.cursor().execute("PRAGMA synchronous = OFF")
            started = time.perf_counter()
            self._run(Board(view))
            return time.perf_counter() - started

    def _run(self, board: Board) -> None:
        """What `ProjectionRunner` does, up to the last event there is."""
        claims, at = self._claims, board.view.max_tracking_id(self._claims.name)
        while page := claims.recorder.select_notifications(start=at, limit=PAGE, inclusive_of_start=False):
            for notification in page:
                at = notification.id
                happened = claims.mapper.to_domain_event(notification)
                board.process_event(happened, Tracking(claims.name, at))
