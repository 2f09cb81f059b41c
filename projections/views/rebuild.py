"""How is a view made anew from every record? Chunk by chunk of claims that share nothing, on as many cores as given.

The new view grows in a file of its own. A chunk goes in with one transaction, which also notes that it is there: so a
rebuild that was killed goes on where it was, with whatever was done, as long as the ledger is the one it was begun for.
"""

from __future__ import annotations

import fcntl
import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import accumulate
from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger import Ledger
from ledger.errors import LedgerError
from ledger.store import Stored

from ..tracking.rows import PACKED
from .book import Book, register_names
from .clusters import CHUNK, Plan, plan
from .file import (
    GRID,
    MASK,
    VERSION,
    Bulk,
    Checkpoint,
    Connection,
    checkpoint_of,
    create_indexes,
    drop_indexes,
    mark,
    open_view,
)
from .folding import fold_chunk

_CHUNKS: Final = """
CREATE TABLE IF NOT EXISTS chunk (chunk_no INTEGER PRIMARY KEY, tallies BLOB NOT NULL, states BLOB NOT NULL) STRICT
"""


class _Job(Struct):
    """What a process that helps must know."""

    ledger: str
    view: str
    until: int
    search: bool
    claims: list[str]
    chunks: list[list[int]]
    desk: list[Stored]
    moved: list[list[str]]


def build(
    connection: Connection,
    path: str,
    ledger: Ledger,
    until: int,
    *,
    workers: int = 1,
    search: bool = True,
    chunk: int = CHUNK,
    progress: Callable[[int], object] = lambda _: None,
) -> None:
    """Fills a view, or goes on filling it, with all records up to a position.

    `path` is where it lies, for other processes to write to it, too.
    """
    if not until:
        return
    at = checkpoint_of(ledger, until)
    found = plan(ledger, until, chunk)
    _begin(connection, at, found, search, chunk)
    done = {number for (number,) in connection.execute("SELECT chunk_no FROM chunk")}
    left = [number for number in range(len(found.chunks)) if number not in done]
    told = _Progress(found, until, done, progress)
    job = _Job(ledger.file or "", path, until, search, found.claims, found.chunks, found.desk, found.moved)
    if workers > 1 and len(left) > 1 and path != ":memory:" and ledger.file is not None:
        _share(job, left, workers, told)
    else:
        folder = _Folder(job, ledger, connection)
        for number in left:
            folder.fold(number)
            told(number)
    _end(connection, at, Book(found.desk), found.desk, search)


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Waits until no other process or thread is at it by this lock file, which is there for as long as somebody is."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(lock), os.stat(path)):
                break
        except FileNotFoundError:
            pass  # whoever had it took it away
        os.close(lock)
    try:
        yield
    finally:
        os.unlink(path)
        os.close(lock)


def unfinished(path: str, ledger: Ledger, until: int, *, search: bool, chunk: int) -> bool:
    """Whether the file at a path is a view that was being made of the same records, up to a position, in the same
    way."""
    if not until or not os.path.exists(path):
        return False
    try:
        connection = open_view(path)
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        connection.close()
        return bool(meta.get("building") == _way(checkpoint_of(ledger, until), search, chunk))
    except LedgerError:
        return False


def _way(at: Checkpoint, search: bool, chunk: int) -> str:
    return f"{VERSION} of {at.ledger} to {at.position} {at.digest}, {chunk} at a time, search {search}"


def _begin(connection: Connection, at: Checkpoint, found: Plan, search: bool, chunk: int) -> None:
    way = _way(at, search, chunk)
    with connection:
        if connection.execute("SELECT 1 FROM meta WHERE key = 'building' AND value = ?", (way,)).fetchall():
            return
        connection.execute(_CHUNKS)
        drop_indexes(connection)
        connection.executemany("INSERT INTO claim VALUES (?, ?)", enumerate(found.claims, 1))
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [("building", way), ("searched", int(search))])


def _end(connection: Connection, at: Checkpoint, book: Book, desk: Sequence[Stored], search: bool) -> None:
    """Adds up what was counted chunk by chunk, and makes a whole view of it."""
    tallies: dict[tuple[int, int], int] = {}
    states: dict[int, int] = {}
    for packed_tallies, packed_states in connection.execute("SELECT tallies, states FROM chunk"):
        for status, position, more in _unpack_tallies(packed_tallies):
            tallies[status, position] = tallies.get((status, position), 0) + more
        for grid, sum_ in _unpack_states(packed_states):
            states[grid] = states.get(grid, 0) + int.from_bytes(sum_, "big")
    with connection:
        connection.executemany("INSERT INTO tally VALUES (?, ?, ?)", _running(tallies))
        grids = range(GRID, at.position + 1, GRID)
        sums = list(accumulate(states.get(grid, 0) for grid in grids))
        rows = [(grid, (sum_ & MASK).to_bytes(16, "big")) for grid, sum_ in zip(grids, sums, strict=True)]
        connection.executemany("INSERT INTO state VALUES (?, ?)", rows)
        if search:
            Bulk(connection).write([], named=register_names(book, desk))
        create_indexes(connection)
        connection.execute("DROP TABLE chunk")
        connection.execute("DELETE FROM meta WHERE key = 'building'")
        mark(connection, at, sum(states.values()))


def _running(tallies: dict[tuple[int, int], int]) -> Iterator[tuple[int, int, int]]:
    last, claims = -1, 0
    for (status, position), more in sorted(tallies.items()):
        if status != last:
            last, claims = status, 0
        if more:
            claims += more
            yield status, position, claims


class _Progress:
    """Tells of progress, chunk by chunk, as so many records of all."""

    def __init__(self, found: Plan, until: int, done: set[int], progress: Callable[[int], object]) -> None:
        self._weights = found.weights
        self._until, self._total = until, sum(found.weights)
        self._weight = sum(found.weights[number] for number in done)
        self._shown = 0
        self._progress = progress
        self._show()

    def __call__(self, number: int) -> None:
        """A chunk is in."""
        self._weight += self._weights[number]
        self._show()

    def _show(self) -> None:
        reached = self._until * self._weight // max(1, self._total)
        if reached > self._shown:
            self._progress(reached - self._shown)
        self._shown = reached


class _Folder:
    """Folds chunks, one at a time, into the view."""

    def __init__(self, job: _Job, ledger: Ledger, connection: Connection) -> None:
        self._job = job
        self._ledger = ledger
        self._connection = connection
        self._book = Book(job.desk)

    def fold(self, number: int) -> None:
        """Puts a chunk into the view, in one transaction, unless it is there."""
        job = self._job
        numbers = {job.claims[place]: place + 1 for place in job.chunks[number]}
        with _uncollected():
            folded = fold_chunk(self._ledger, self._book, numbers, job.moved[number], job.until, search=job.search)
            tallies = [(*key, more) for key, more in folded.tallies.items() if more]
            states = [(grid, (sum_ & MASK).to_bytes(16, "big")) for grid, sum_ in folded.states.items()]
            with self._connection:
                packed = (number, msgspec.msgpack.encode(tallies), msgspec.msgpack.encode(states))
                self._connection.execute("INSERT OR IGNORE INTO chunk VALUES (?, ?, ?)", packed)
                if not self._connection.changes():  # by one that still helps a rebuild that was killed
                    return
                rows = map(PACKED.unpack, folded.rows)
                Bulk(self._connection).write(rows, folded.wordings, folded.quoted, folded.docs)


_unpack_tallies: Final = msgspec.msgpack.Decoder(list[tuple[int, int, int]]).decode
_unpack_states: Final = msgspec.msgpack.Decoder(list[tuple[int, bytes]]).decode


@contextmanager
def _uncollected() -> Iterator[None]:
    """A chunk makes hundreds of thousands of objects, hardly any of them in circles: to look through them again and
    again for those would take most of the time. They are looked for once, when all others are gone."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        if was:
            gc.enable()


# Other processes

_HELP: Final = "import sys; from projections.views.rebuild import help_out; help_out(int(sys.argv[1]))"


def _share(job: _Job, left: list[int], workers: int, told: _Progress) -> None:
    """Has other processes fold the chunks: each is given one, and the next when it says that one is in."""
    path = os.pathsep.join(filter(None, [*sys.path, os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    briefing = msgspec.msgpack.encode(job)
    helpers = [
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", _HELP, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            process_group=0,  # an interrupt at the terminal is for the process that it helps, which then ends it
        )
        for _ in range(min(workers, len(left)))
    ]
    try:
        _deal(helpers, briefing, iter(left), told)
    finally:
        for helper in helpers:
            helper.kill()  # those that have ended feel nothing; what the others had begun is not in
            helper.wait()
            for pipe in (helper.stdin, helper.stdout):
                with suppress(BrokenPipeError):
                    pipe.close()  # type: ignore[union-attr]


def _deal(helpers: Sequence[subprocess.Popen[bytes]], briefing: bytes, left: Iterator[int], told: _Progress) -> None:
    from selectors import EVENT_READ, DefaultSelector

    with DefaultSelector() as waiting:
        for helper in helpers:
            assert helper.stdin is not None and helper.stdout is not None
            with suppress(BrokenPipeError):  # it has ended already, which is noticed when it says nothing
                helper.stdin.write(b"%d\n%b" % (len(briefing), briefing))
            _give(helper, left)
            waiting.register(helper.stdout, EVENT_READ, helper)
        while waiting.get_map():
            for key, _ in waiting.select():
                line = key.data.stdout.readline()
                if line:
                    told(int(line))
                    _give(key.data, left)
                    continue
                waiting.unregister(key.fileobj)
                if key.data.wait():
                    raise LedgerError("a process that helped to rebuild ended early; what it said stands above")


def _give(helper: subprocess.Popen[bytes], left: Iterator[int]) -> None:
    number = next(left, None)
    assert helper.stdin is not None
    with suppress(BrokenPipeError):
        if number is None:
            helper.stdin.close()
        else:
            helper.stdin.write(b"%d\n" % number)
            helper.stdin.flush()


def help_out(helped: int) -> None:
    """What such a process does: reads its briefing and numbers of chunks, and tells of each when it is in.

    Whatever goes wrong once the process that it helps, of this id, has gone, nobody is to be told of.
    """
    try:
        _help_out()
    except BaseException as error:
        if isinstance(error, (BrokenPipeError, EOFError)) or os.getppid() != helped:
            os._exit(1)  # which does not try to say what is left to be said, either
        raise


def _help_out() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    length = source.readline()
    briefing = source.read(int(length or 0))
    if not briefing or len(briefing) < int(length):
        raise EOFError
    job = msgspec.msgpack.decode(briefing, type=_Job)
    with Ledger.open(job.ledger, read_only=True, create=False) as ledger:
        connection: Any = open_view(job.view)
        folder = _Folder(job, ledger, connection)
        for line in source:
            folder.fold(int(line))
            sink.write(line)
            sink.flush()
        connection.close()
