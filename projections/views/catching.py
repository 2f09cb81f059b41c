"""How does a view keep up with its ledger? Record by record, by judging the claims that each may reach.

Most records are acts that are about no other: after those only rows change, and what is found of their claims only
grows. Whatever may change what stood before, has what is kept of its claims held against what is left of their acts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any, Final, NamedTuple

from ledger import Ledger, Record
from ledger import events as ev
from ledger.fold import Question
from ledger.records import ACTS, CLERKS

from .. import board
from ..board import Row
from ..dossier import Dossier
from ..tracking.quotations import Quotations, links_of, quotations, text_of
from ..tracking.rows import FOREVER, Columns, claim_key, node, row_hash, to_columns
from ..world import World
from .file import GRID, MASK, Connection, source_no, text_digest
from .live import Live
from .reached import Registered, check_reach, concerned, is_plain, named_of, reached, sources_of
from .search import searched

UNSETTLING: Final = (*CLERKS, ev.Correction, ev.ClaimRegistered, ev.ClaimReworded)
"""After these a claim may be of another kind or wording, and its acts may say something else."""
_CLAIMS: Final = 64
"""So many claims are judged at a time."""


class Catching:
    """Takes records into a view, in one transaction of its caller."""

    def __init__(self, connection: Connection, ledger: Ledger, live: Live, reach: int) -> None:
        self._ledger = ledger
        self._live = live
        self._reach = reach
        meta: dict[str, Any] = dict(connection.execute("SELECT key, value FROM meta"))
        claims = Claims(connection)
        self._rows = _Rows(connection, claims, int(meta.get("hash", "0"), 16))
        self._finds = Finds(connection, claims) if meta.get("searched", 1) else None

    @property
    def state(self) -> int:
        """The state hash after the last record."""
        return self._rows.state

    def take(self, record: Record) -> None:
        """Takes the next record in. Raises OutOfReach where it changes where too many claims stand."""
        at, event = record.position, record.event
        plain = is_plain(event)
        about = [event] if plain else concerned(self._ledger, event, at)
        named = {claim for one in about for claim in named_of(one)}
        claims: set[str] = set()
        if not self._live.covers(named, about):
            claims = reached(self._ledger, record, about, self._reach)
            if plain:
                self._live.expect(claims, named, at - 1)
        standing = self._live.take(record, named, about)
        if not plain:  # what it changes may hang on claims that were not tied to each other before
            self._live.expect(claims, named, at)
        standing |= self._live.stand(claims)
        check_reach(standing, self._reach, record)
        worded = named if isinstance(event, UNSETTLING) and self._finds is not None else set()
        judged = self._judge(claims - standing.keys(), worded, at)
        for claim in sorted(claims | standing.keys() | worded):
            if claim in standing:
                self._rows.put(at, claim, *standing[claim])
            elif claim in claims:
                self._rows.put_row(at, claim, judged[claim].row, judged[claim].kind)
            if claim in worded and self._finds is not None:
                self._finds.settle(at, claim, judged[claim].sought)
        if self._finds is not None:
            find(self._finds, self._ledger, record)
        self._rows.end(at)

    def _judge(self, claims: Collection[str], worded: Collection[str], position: int) -> dict[str, Judged]:
        """What is left of the records that bear on some claims, all of which are read; what bears on several, once.

        Of those that are `worded` it is told what they are found by.
        """
        found: dict[str, Judged] = {}
        left = sorted({*claims, *worded})
        for place in range(0, len(left), _CLAIMS):
            some = left[place : place + _CLAIMS]
            judging = Judging(some, claims, worded)
            found |= self._ledger.state(judging, as_of=position)
            self._live.judged(some, judging.read)
        return found


def find(finds: Finds, ledger: Ledger, record: Record) -> None:
    """What is found from now on by what a record says itself."""
    at, event = record.position, record.event
    if isinstance(event, ACTS):
        for claim in event.claims:
            finds.add(at, claim, event)
    elif isinstance(event, ev.SourceRegistered):
        finds.name(at, event.source, event.name)
    elif isinstance(event, CLERKS):
        about = concerned(ledger, event, at)
        if any(isinstance(one, ev.SourceRegistered) for one in about):
            for source in sorted({source for one in about for source in sources_of(one)}):
                finds.name(at, source, ledger.state(Registered, source, as_of=at))


class Sought(NamedTuple):
    """What a claim is found by."""

    text: str | None
    """None where the claim is not registered."""
    quotations: Quotations


_NOTHING: Final = Quotations([], set())


class Judged(NamedTuple):
    """All that a view keeps of a claim."""

    row: Row | None
    """None where the claim is not registered, or its row is not asked for."""
    kind: str
    sought: Sought


class Judging:
    """A projection: what a view keeps of some claims. The rows of some, and what some are found by, are asked for."""

    def __init__(self, some: Collection[str], rowed: Collection[str], worded: Collection[str]) -> None:
        self.read = 0
        self._some = some
        self._rowed = rowed
        self._worded = worded

    wants = staticmethod(Dossier.wants)

    def initial(self, question: Question) -> Dossier:
        """An empty dossier."""
        return Dossier(question, claims=self._some)

    def evolve(self, dossier: Dossier, record: Record) -> Dossier:
        """Takes a record in, and counts it."""
        self.read += 1
        return dossier.evolve(record)

    def answer(self, dossier: Dossier) -> dict[str, Judged]:
        """What is left of the records."""
        register = dossier.settle()
        rowed = [claim for claim in self._some if claim in self._rowed and claim in register.claims]
        rows = board.rows(dossier, register, rowed)
        found = {row.claim: row for row in rows}
        acts = World(register, register.utterances, None).acts if self._worded else ()
        judged: dict[str, Judged] = {}
        for claim in self._some:
            info = register.claims.get(claim)
            quoted = quotations(acts, claim) if claim in self._worded else _NOTHING
            sought = Sought(info.text if info else None, quoted)
            judged[claim] = Judged(found.get(claim), info.kind if info else "", sought)
        return judged


class Claims:
    """The numbers of claims, given in the order in which they come in."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._known: dict[str, int] = {}

    def find(self, claim: str) -> int | None:
        """The number of a claim; None where it has none yet."""
        known = self._known.get(claim)
        if known is None:
            for (number,) in self._connection.execute("SELECT claim_no FROM claim WHERE name = ?", (claim,)):
                known = self._known[claim] = number
        return known

    def number(self, claim: str) -> int:
        """The number of a claim, which it is given now where it has none."""
        known = self.find(claim)
        if known is None:
            add = "INSERT INTO claim (name) VALUES (?) RETURNING claim_no"
            [(known,)] = self._connection.execute(add, (claim,)).fetchall()
            self._known[claim] = known
        return known


class _Rows:
    """Puts rows, keeping until when each held, how many claims are of each status, and the state hash."""

    def __init__(self, connection: Any, claims: Claims, state: int) -> None:
        self._ask = connection.execute
        self._claims = claims
        self._tallied: Counter[int] = Counter()
        self.state = state

    def put_row(self, position: int, claim: str, row: Row | None, kind: str) -> None:
        """From this position on, the row of a claim is this; None where it is not registered."""
        if row is None:
            self.put(position, claim, None, "")
        else:
            self.put(position, claim, to_columns(0, position, row, kind), row.text)

    def put(self, position: int, claim: str, columns: tuple[Any, ...] | None, text: str) -> None:
        """From this position on, the row of a claim is this, but for its number, with this text."""
        held, before = self._held(claim)
        if columns is None:
            if held is not None:
                self._end(position, held, claim_key(claim, before))
            return
        new = Columns(self._claims.number(claim), *columns[1:])
        if held is not None:
            if held[4:] == new[4:] and before == text:
                return
            self._end(position, held, claim_key(claim, before))
        if before != text:
            self._ask("INSERT INTO wording VALUES (?, ?, ?)", (new.claim_no, position, text))
        self._ask("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", new)
        self._count(new, 1, claim_key(claim, text))

    def end(self, position: int) -> None:
        """All rows of a position were put."""
        last = "SELECT claims FROM tally WHERE status = ? ORDER BY from_position DESC LIMIT 1"
        for status, more in self._tallied.items():
            if more:
                claims = sum(count for (count,) in self._ask(last, (status,)))
                self._ask("INSERT INTO tally VALUES (?, ?, ?)", (status, position, claims + more))
        self._tallied.clear()
        if position % GRID == 0:
            self._ask("INSERT OR REPLACE INTO state VALUES (?, ?)", (position, self.state.to_bytes(16, "big")))

    def _held(self, claim: str) -> tuple[Columns | None, str]:
        """The row that holds, and the last wording: a claim that was struck and is back may have that still."""
        number = self._claims.find(claim)
        wording = "SELECT text FROM wording WHERE claim_no = ? ORDER BY from_position DESC LIMIT 1"
        last = "SELECT * FROM row WHERE claim_no = ? ORDER BY from_position DESC LIMIT 1"
        held = [Columns(*columns) for columns in self._ask(last, (number,))]
        text = "".join(text for (text,) in self._ask(wording, (number,)))
        return (held[0] if held and held[0].until_position == FOREVER else None), text

    def _end(self, position: int, held: Columns, key: bytes) -> None:
        self._ask(
            "UPDATE row SET until_position = ?, node = ? WHERE claim_no = ? AND from_position = ?",
            (position, node(held.from_position, position), held.claim_no, held.from_position),
        )
        self._count(held, -1, key)

    def _count(self, row: Columns, sign: int, key: bytes) -> None:
        self._tallied[row.status] += sign
        self.state += sign * row_hash(key, row.status, row.kind, row.flags, row.changed_at, row.counts)
        self.state &= MASK


class Finds:
    """Keeps what claims are found by: texts, those who are quoted, and the names of the register."""

    def __init__(self, connection: Any, claims: Claims) -> None:
        self._connection = connection
        self._ask = connection.execute
        self._claims = claims

    def add(self, position: int, claim: str, act: ev.Act) -> None:
        """An act that changes nothing of what came before."""
        number = self._claims.number(claim)
        held = "SELECT 1 FROM quoted WHERE source_no = ? AND claim_no = ? AND until_position = ?"
        for link in links_of(act):
            source = source_no(self._connection, *link)
            if not self._ask(held, (source, number, FOREVER)).fetchall():
                self._begin("quoted", source, number, position, FOREVER)
        if text := text_of(act):
            self._add_text(position, number, text)

    def settle(self, position: int, claim: str, sought: Sought) -> None:
        """Ends what a claim is found by no longer, and begins what it is found by now."""
        texts, links = list(sought.quotations.texts), sought.quotations.links
        if sought.text is not None:
            texts.append(sought.text)
        if texts or links or self._claims.find(claim) is not None:
            number = self._claims.number(claim)
            self._settle_texts(position, number, texts)
            self._settle_links(position, number, {source_no(self._connection, *link) for link in sorted(links)})

    def name(self, position: int, source: str, name: str | None) -> None:
        """From this position on the register has this name of a source, or none."""
        sql = "SELECT name, source_no FROM named JOIN source USING (source_no) WHERE id = ? AND until_position = ?"
        held = dict(self._ask(sql, (source, FOREVER)))
        if name in held:
            return
        for number in held.values():
            end = "UPDATE named SET until_position = ? WHERE source_no = ? AND until_position = ?"
            self._ask(end, (position, number, FOREVER))
        if name is not None:
            self._begin("named", source_no(self._connection, source, name), position, FOREVER)

    def _settle_texts(self, position: int, number: int, texts: list[str]) -> None:
        wanted = Counter(map(text_digest, texts))
        held = "SELECT doc_no, digest FROM doc WHERE claim_no = ? AND until_position = ?"
        for doc, digest in self._ask(held, (number, FOREVER)).fetchall():
            if wanted[digest]:
                wanted[digest] -= 1
            else:
                self._ask("UPDATE doc SET until_position = ? WHERE doc_no = ?", (position, doc))
        for text in texts:
            if wanted[text_digest(text)]:
                wanted[text_digest(text)] -= 1
                self._add_text(position, number, text)

    def _settle_links(self, position: int, number: int, wanted: set[int]) -> None:
        held = "SELECT source_no FROM quoted WHERE claim_no = ? AND until_position = ?"
        quoted = {source for (source,) in self._ask(held, (number, FOREVER))}
        end = "UPDATE quoted SET until_position = ? WHERE source_no = ? AND claim_no = ? AND until_position = ?"
        for source in quoted - wanted:
            self._ask(end, (position, source, number, FOREVER))
        for source in wanted - quoted:
            self._begin("quoted", source, number, position, FOREVER)

    def _begin(self, table: str, *values: int) -> None:
        self._ask(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)  # noqa: S608

    def _add_text(self, position: int, number: int, text: str) -> None:
        add = "INSERT INTO doc (claim_no, from_position, until_position, digest) VALUES (?, ?, ?, ?) RETURNING doc_no"
        [(doc,)] = self._ask(add, (number, position, FOREVER, text_digest(text))).fetchall()
        self._ask("INSERT INTO words (rowid, text) VALUES (?, ?)", (doc, searched(text)))
