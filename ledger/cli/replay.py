"""Do the answers follow from the records alone? All of them folded anew, and held against what single reads give."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import msgspec

from ledger import IntegrityError, Ledger, LedgerError, Record, fold, names, rules
from ledger import events as ev
from ledger.known import Known
from ledger.records import decode_all
from ledger.records import tags as tags_of
from projections import board, provenance, sources, status, timeline
from projections.views import Views

from . import render
from .board import catch_up
from .ndjson import progress
from .options import at_ledger, cores, file_of, for_reading, in_format

#: The projections about one claim, or about one source.
_ABOUT_CLAIMS: Final[dict[str, fold.Projection]] = {
    "status": status,
    "provenance": provenance,
    "timeline.said": timeline.said,
    "timeline.recorded": timeline.recorded,
}
_ABOUT_SOURCES: Final[dict[str, fold.Projection]] = {"sources": sources}


@click.command("replay")
@click.option("--projection", type=click.Choice(["board", *_ABOUT_CLAIMS, *_ABOUT_SOURCES]), default="board")
@click.option("--views", "views", is_flag=True, help="Make the view of the board anew, beside the ledger.")
@click.option("--check", "check", is_flag=True, help="Hold the view against one made anew by another process.")
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(1),
    help="With --views: share the work among so many processes. Default: one for each core.",
)
@click.option("--to", metavar="T", help="Up to this position, event id or time of recording. Default: all.")
@in_format("table", "json", "ndjson")
@at_ledger
def replay_command(
    db: str, form: str, projection: str, views: bool, check: bool, workers: int | None, to: str | None
) -> None:
    """Rebuild answers from the records alone, and compare them with what the ledger gives, byte for byte.

    An answer reads the few records that the stored index of tags gives it. The board (default) is rebuilt from every
    record, without any index, and held against the status of each claim. Any other projection is rebuilt by an index
    that is made anew from the records, and held against its own answers.

    The answers of a service (--db URL) are held against its records as well: they are folded here.

    With --views, the board at all its positions is made anew in a file beside the ledger; whoever reads the old one
    reads on, and one that was cut off goes on where it was. With --check, that file is held, position by position,
    against one made by a fresh process with another hash seed, time zone and locale, in smaller steps; the first row
    that differs is told, both ways.
    """
    if views or check:
        if to is not None or projection != "board":
            raise click.UsageError("a view is of the whole board; leave --to and --projection out")
        _views(db, form, check, workers or cores())
        return
    if workers is not None:
        raise click.UsageError("--workers goes with --views or --check")
    with for_reading(db) as ledger:
        until = ledger.question(as_of=to).as_of.position
        with progress("folding", until) as advance:
            whole = decode_all(ledger.whole(as_of=until))
            records = [record for record in whole if not advance(1)]
        pairs = _board_pairs if projection == "board" else _pairs
        compared = 0
        for subject, rebuilt, read in pairs(ledger, projection, records, until):
            compared += 1
            if rebuilt != read:
                raise IntegrityError(_difference(projection, subject, rebuilt, read))
    if form != "table":
        told = {"projection": projection, "position": until, "records": len(records), "answers": compared, "same": True}
        render.data(msgspec.json.encode(told))
    else:
        click.echo(f"{len(records):,} records up to position {until}, {compared:,} answers of {projection}: same")


def _views(db: str, form: str, check: bool, workers: int) -> None:
    with for_reading(file_of(db)) as ledger, Views.open(ledger) as view:
        if not check:
            with progress("replaying", ledger.head) as advance:
                view.rebuild(workers=workers, progress=advance)
            path, head, state = view.path, view.checkpoint.position, view.state_hash()
            if form != "table":
                render.data(msgspec.json.encode({"view": path, "records": head, "state": state}))
            else:
                path = path if os.path.isabs(ledger.name) else os.path.relpath(path)
                click.echo(f"{path}: {head:,} records, state {state}")
            return
        catch_up(view, ledger.head, workers)
        with TemporaryDirectory() as folder:
            path = os.path.join(folder, "other.views")
            strange = {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Chatham", "LC_ALL": "C"}
            made = subprocess.run(  # noqa: S603
                [sys.executable, "-c", _ELSEWHERE, ledger.file or ledger.name, path, str(workers)],
                env={**os.environ, **strange},
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
            if made.returncode:
                why = made.stderr.strip().rpartition("\n")[2] or f"by signal {-made.returncode}"
                ended = LedgerError(f"the other process ended early: {why}")
                ended.exit_code = max(made.returncode, LedgerError.exit_code)
                raise ended
            with Views.open(ledger, path) as other:
                found = view.difference(other)
        if found is not None:
            raise IntegrityError(
                f"from position {found.position} on, {found.claim!r} differs: the view has {found.one}, the records "
                f"give {found.other}; the records stand: `claims replay --views` makes the view anew"
            )
        records, state = view.checkpoint.position, view.state_hash()
        if form != "table":
            render.data(msgspec.json.encode({"view": view.path, "records": records, "state": state, "same": True}))
        else:
            click.echo(f"{records:,} records, every row at every position: same; state {state}")


_ELSEWHERE: Final = """
import sys
from ledger import Ledger, LedgerError
from projections.views import Views
try:
    with Ledger.open(sys.argv[1], read_only=True, create=False) as ledger, Views.open(ledger, sys.argv[2]) as view:
        view.rebuild(workers=int(sys.argv[3]), chunk=7_000)
except LedgerError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


Pairs = Iterator[tuple[str, bytes, bytes]]


def _board_pairs(ledger: Ledger, projection: str, records: list[Record], until: int) -> Pairs:
    """What the board and the single status of each claim have in common, rebuilt and read."""
    common = ("text", "status", "own_words", "flags", "support", "opposition")
    question = ledger.question(as_of=until)
    for row in fold.fold(board, question, lambda _: records).claims:
        found = ledger.state(status, row.claim, as_of=until)
        answers = [{name: _plain(getattr(one, name)) for name in common} for one in (row, found)]
        yield row.claim, *map(msgspec.json.encode, answers)


def _pairs(ledger: Ledger, projection: str, records: list[Record], until: int) -> Pairs:
    """The whole answers about each claim or source, by an index of our own making and by the stored one."""
    about_claims = projection in _ABOUT_CLAIMS
    asked = (_ABOUT_CLAIMS | _ABOUT_SOURCES)[projection]
    index = _index(records)

    def read(tags: Collection[str]) -> list[Record]:
        found = {record.position: record for tag in tags for record in index.get(tag, ())}
        return [found[position] for position in sorted(found)]

    for subject in _claims(ledger, records, until) if about_claims else _sources(records):
        rebuilt = fold.fold(asked, ledger.question(subject, as_of=until), read)
        yield subject, msgspec.json.encode(rebuilt), msgspec.json.encode(ledger.state(asked, subject, as_of=until))


def _index(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records by tag, each decided on anew with all before it known."""
    known = Known()
    index: dict[str, list[Record]] = {}
    for record in records:
        try:
            tags = rules.decide(record.event, record.id, known, record.recorded_us)
        except LedgerError:  # the rules of today would refuse it; it stands all the same
            tags = tags_of(record.event)
        known.add(record)
        for tag in (*tags, f"id:{record.id}"):
            index.setdefault(tag, []).append(record)
    return index


def _claims(ledger: Ledger, records: list[Record], until: int) -> list[str]:
    return [row.claim for row in fold.fold(board, ledger.question(as_of=until), lambda _: records).claims]


def _sources(records: Iterable[Record]) -> list[str]:
    """Every source that an act that was never struck names, or that a registration does."""
    struck = {
        record.event.target for record in records if isinstance(record.event, (ev.RecordVoided, ev.RecordAmended))
    }
    found: set[str] = set()
    for record in records:
        match record.event:
            case ev.Statement() | ev.Denial() | ev.Assessment() as act if record.id not in struck:
                found |= set(names.sources(act.chain))
            case ev.SourceRegistered() as event if record.id not in struck:
                found.add(event.source)
            case _:  # names no source by itself, or perhaps no more
                pass
    return sorted(found)


def _plain(value: Any) -> Any:
    """A side as its interval: the status has its roots beside it, the board has not."""
    return [value.provable, value.possible] if hasattr(value, "provable") else value


def _difference(projection: str, subject: str, rebuilt: bytes, read: bytes) -> str:
    """The first place where two answers part, with a little of both."""
    differing = (place for place, (a, b) in enumerate(zip(rebuilt, read, strict=False)) if a != b)
    place = next(differing, min(len(rebuilt), len(read)))
    around = slice(max(0, place - 20), place + 60)
    one, other = (answer[around].decode("utf-8", "replace") for answer in (rebuilt, read))
    return (
        f"{projection} of {subject!r} differs from byte {place + 1} on: the records give …{one}…, "
        f"reading gives …{other}…; the records stand, but the index they are read by may be damaged: "
        "`claims export` them, `claims import` them into a new ledger, and see whether it is so there"
    )
