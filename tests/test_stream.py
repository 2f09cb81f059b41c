"""Is a client sent the log, nothing but the log, each record once, wherever it begins and however it comes back?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import listening
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening import Event
from starlette.types import Message

import ledger.ledger
from ledger import Denial, Ledger, Link, Retraction, Statement, records
from ledger.service import Settings, application, feed, recent, stream
from ledger.service.feed import Feed
from ledger.service.recent import Recent, Wanted
from ledger.service.service import Service
from ledger.service.stream import ABORT, Cursor
from ledger.tokens import Tokens

CLAIMS, SPEAKERS = ("a", "b", "c"), ("Ann", "Bob")


def events(read: bytes) -> Iterator[Event]:
    """What a client makes of the bytes it has read so far."""
    return listening.events(iter(read.splitlines(keepends=True)))


def lines(book: Ledger, wanted: Wanted, after: int = 0) -> list[bytes]:
    """What `claims log --format ndjson` prints of what is wanted."""
    found = book.stored(claim=wanted.claim, source=wanted.source, types=wanted.types, after=after)
    return [records.line(*pair) for pair in found]


# -- one cursor ------------------------------------------------------------------------------------------------------


class Client:
    """A client that loses its connection at any byte, and comes back with the last id it has read."""

    def __init__(self, book: Feed, recent: Recent, wanted: Wanted, after: int) -> None:
        self.book, self.recent, self.wanted = book, recent, wanted
        self.read = b""
        self.lines: list[bytes] = []
        self.cursor = Cursor(book, wanted, after)
        self.after = after

    def step(self, checkpoint: bool) -> None:
        position = self.cursor.position
        ready = position >= self.recent.floor
        batch = self.recent.since(position, self.wanted) if ready else self.book.page(position, self.wanted)
        self.read += self.cursor.took(batch)
        if checkpoint:
            self.read += self.cursor.checkpoint()

    def reconnect(self, lost: int) -> None:
        kept = list(events(self.read[: max(0, len(self.read) - lost)]))
        self.lines += [one.data for one in kept if one.event == "record"]
        self.after = kept[-1].position if kept else self.after
        self.read = b""
        self.cursor = Cursor(self.book, self.wanted, self.after)


class Written:
    """Appends that name all sorts of claims, some only through what they are about."""

    def __init__(self, book: Ledger) -> None:
        self.book = book
        self.acts: list[tuple[str, str]] = []

    def __call__(self, kind: int, claim: int, speaker: int) -> None:
        who = (Link(name=SPEAKERS[speaker], kind="person"),)
        if kind == 0 and self.acts:
            act, by = self.acts[(claim + speaker) % len(self.acts)]
            self.book.append(Retraction(act=act, chain=(Link(name=by, kind="person"),)))
            return
        make: Callable[..., Any] = Denial if kind == 1 else Statement
        receipt = self.book.append(make(claims=(CLAIMS[claim],), chain=who, quote="said\nso — Пхеньян"), register=True)
        self.acts.append((receipt.id, SPEAKERS[speaker]))


WRITE = st.tuples(st.just("write"), st.integers(0, 3), st.integers(0, 2), st.integers(0, 1))
READ_ON = st.tuples(st.just("read on"))
STEP = st.tuples(st.just("step"), st.integers(0, 1), st.booleans())
LOSE = st.tuples(st.just("lose"), st.integers(0, 1), st.integers(0, 900))
WANTED = st.builds(
    Wanted,
    claim=st.sampled_from([None, "a", "never said"]),
    source=st.sampled_from([None, "ann"]),
    types=st.sampled_from([(), ("denial",), ("claim_registered", "retraction")]),
)


@pytest.fixture(scope="module", autouse=True)
def _small() -> Iterator[None]:
    """Pages, chunks and stretches that a short log fills."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "_PAGE", 3)
        patch.setattr(recent, "_CHUNK", 700)
        patch.setattr(ledger.ledger, "_STRETCH", 5)
        yield


@given(
    st.lists(WRITE | WRITE | READ_ON | STEP | LOSE, max_size=60), st.lists(WANTED, min_size=2, max_size=2), st.data()
)
@settings(max_examples=200, deadline=None)
def test_whoever_listens_has_the_log_that_was_asked_for_and_each_record_once(
    happens: list[tuple[Any, ...]], wanted: list[Wanted], data: st.DataObject
) -> None:
    with Ledger.open(":memory:", recorded_by="desk") as book:
        write = Written(book)
        for _ in range(data.draw(st.integers(0, 9))):
            write(2, 0, 0)
        source = Feed(book, Settings())
        recent = Recent(data.draw(st.integers(0, book.head)), 4, 3_000)
        begin = data.draw(st.integers(0, book.head))
        clients = [Client(source, recent, one, begin) for one in wanted]

        def read_on() -> None:
            if book.head > recent.upto:
                news = source.news(recent.upto)
                assert news is not None
                recent.take_in(*news)

        for what, *how in happens:
            match what:
                case "write":
                    write(*how)
                case "read on":
                    read_on()
                case "step":
                    clients[how[0]].step(how[1])
                case "lose":
                    clients[how[0]].reconnect(how[1])
        while recent.upto < book.head:
            read_on()
        for client in clients:
            client.step(True)
            while client.cursor.position < book.head:
                client.step(True)
            client.reconnect(0)
            assert client.lines == lines(book, client.wanted, begin)
            assert client.after == book.head


def test_a_filtered_client_is_told_how_far_was_looked_and_never_further() -> None:
    with Ledger.open(":memory:", recorded_by="desk") as book:
        write = Written(book)
        for _ in range(20):
            write(2, 1, 0)
        cursor, source = Cursor(Feed(book, Settings()), Wanted(claim="never said"), 0), Feed(book, Settings())
        told = []
        while cursor.position < book.head:
            before = cursor.position
            assert cursor.took(source.page(before, cursor.wanted)) == b""
            (checkpoint,) = events(cursor.checkpoint())
            assert (checkpoint.event, checkpoint.position) == ("checkpoint", cursor.position)
            assert checkpoint.data == b'{"position":%d}' % cursor.position
            assert cursor.checkpoint() == b""  # it is told once
            told.append(checkpoint.position)
        assert told == [5, 10, 15, 20, 21]


def test_what_is_kept_ready_is_bounded_in_number_and_in_bytes() -> None:
    with Ledger.open(":memory:", recorded_by="desk") as book:
        write, source = Written(book), Feed(book, Settings())
        for _ in range(30):
            write(2, 1, 0)
        for most, most_bytes in ((4, 10_000), (100, 1_200)):
            recent = Recent(0, most, most_bytes)
            while recent.upto < book.head:
                news = source.news(recent.upto)
                assert news is not None
                recent.take_in(*news)
            kept = list(events(recent.since(recent.floor, Wanted()).data))
            assert recent.floor == kept[0].position - 1 > 20
            assert len(kept) <= most
            assert sum(len(one.data) for one in kept) <= most_bytes


def test_bytes_with_line_ends_between_tokens_stay_one_event() -> None:
    stored = b'{"id": "x",\r\n "event":\n {}}'
    (one,) = events(recent.frame("ab", 7, stored))
    assert one.id == "ab:7"
    assert one.data == b'{"position":7,"id": "x",\n "event":\n {}}'


# -- one connection --------------------------------------------------------------------------------------------------


class Connection:
    """A client of the application, without a server: reads what it is sent, until it hangs up or stops reading."""

    def __init__(self, service: Service, query: str = "", **headers: str) -> None:
        self.app = application(service)
        self.read = b""
        self.status = 0
        self.aborted = self.complete = False
        self.reads = asyncio.Event()
        self.reads.set()
        self.news = asyncio.Event()
        self.gone = asyncio.Event()
        self.scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": "/v1/stream",
            "query_string": query.encode(),
            "headers": [(b"host", b"localhost")]
            + [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
            "extensions": {ABORT: {"abort": self.abort}},
        }

    def abort(self) -> None:
        self.aborted = True

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self.reads.wait()
        self.status = message.get("status", self.status)
        self.read += message.get("body", b"")
        self.complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        self.news.set()

    async def run(self) -> None:
        await self.app(self.scope, self.receive, self.send)

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not seen():
                self.news.clear()
                await self.news.wait()

    def lines(self) -> list[bytes]:
        return [one.data for one in events(self.read) if one.event == "record"]


@pytest.fixture
def book() -> Iterator[Ledger]:
    with Ledger.open(":memory:", recorded_by="desk") as book:
        yield book


def served(book: Ledger, play: Callable[[Service], Any], tokens: Tokens | None = None, **changed: Any) -> None:
    """Plays something on an event loop, with a service that is ended afterwards."""

    async def whole() -> None:
        service = Service(book, Settings(**changed), tokens)
        try:
            await play(service)
        finally:
            await service.stop()
            service.close()

    asyncio.run(whole())


def test_what_is_there_and_what_comes_arrive_through_one_stream(book: Ledger) -> None:
    write = Written(book)

    async def play(service: Service) -> None:
        for number in range(6):
            write(2, number % 3, 0)
        one, other = Connection(service), Connection(service, "claim=a&type=statement")
        running = [asyncio.create_task(each.run()) for each in (one, other)]
        await one.until(lambda: len(one.lines()) == book.head)
        await asyncio.to_thread(write, 2, 0, 1)  # another thread of this process
        await one.until(lambda: len(one.lines()) == book.head)
        await other.until(lambda: len(other.lines()) == 3)
        assert one.lines() == lines(book, Wanted())
        assert other.lines() == lines(book, Wanted(claim="a", types=("statement",)))
        assert other.read.startswith(b"retry: 2000\n\n")
        one.gone.set()
        await running[0]
        assert len(service.feed.listeners) == 1
        service.end()
        await running[1]
        assert other.complete

    served(book, play)


def test_who_is_far_behind_is_read_to_from_the_ledger(book: Ledger) -> None:
    write = Written(book)
    for number in range(40):
        write(2, number % 3, 0)

    async def play(service: Service) -> None:
        late = Connection(service, "after=2")
        running = asyncio.create_task(late.run())
        await late.until(lambda: len(late.lines()) == book.head - 2)
        assert late.lines() == lines(book, Wanted(), 2)
        service.end()
        await running

    served(book, play, stream_kept=5)


def test_silence_is_broken_by_a_comment_or_by_how_far_was_looked(book: Ledger) -> None:
    write = Written(book)
    write(2, 0, 0)

    async def play(service: Service) -> None:
        plain, filtered = Connection(service), Connection(service, "claim=b")
        running = [asyncio.create_task(each.run()) for each in (plain, filtered)]
        await plain.until(lambda: plain.read.count(b"\n:\n\n") > 2)
        await filtered.until(lambda: b"event: checkpoint" in filtered.read)
        write(2, 0, 0)
        await filtered.until(lambda: [one.position for one in events(filtered.read)] == [2, 3])
        service.end()
        await asyncio.gather(*running)

    served(book, play, stream_heartbeat_s=0.02)


def test_a_service_that_was_never_run_to_its_end_leaves_no_thread_behind(book: Ledger) -> None:
    async def play() -> None:
        service = Service(book, Settings())
        one = Connection(service)
        running = asyncio.create_task(one.run())
        await one.until(lambda: service.feed.upto == book.head and service.feed.listeners)
        service.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    Written(book)(2, 0, 0)
    before = set(threading.enumerate())
    asyncio.run(play())
    assert {thread.name for thread in threading.enumerate() if thread not in before} == set()


def test_who_stops_reading_is_let_go_and_can_resume(book: Ledger) -> None:
    write = Written(book)
    for _ in range(5):
        write(2, 0, 0)

    async def play(service: Service) -> None:
        slow = Connection(service)
        running = asyncio.create_task(slow.run())
        await slow.until(lambda: len(slow.lines()) == book.head)
        slow.reads.clear()
        write(2, 0, 0)
        async with asyncio.timeout(30):
            await running
        assert slow.aborted
        assert not slow.complete
        assert service.feed.dropped == 1
        assert not service.feed.listeners
        again = Connection(service, last_event_id=list(events(slow.read))[-1].id)
        running = asyncio.create_task(again.run())
        await again.until(lambda: len(again.lines()) == 1)
        assert slow.lines() + again.lines() == lines(book, Wanted())
        service.end()
        await running

    served(book, play, stream_patience_s=0.05)


def test_a_ledger_that_is_empty_is_listened_to_until_there_is_something(book: Ledger) -> None:
    async def play(service: Service) -> None:
        first = Connection(service)
        running = asyncio.create_task(first.run())
        await first.until(lambda: b":\n\n" in first.read)
        await asyncio.to_thread(Written(book), 2, 0, 0)
        await first.until(lambda: len(first.lines()) == 2)
        service.end()
        await running

    served(book, play)


def test_there_is_a_limit_to_how_many_listen(book: Ledger) -> None:
    async def play(service: Service) -> None:
        first, second = Connection(service), Connection(service)
        running = asyncio.create_task(first.run())
        await first.until(lambda: first.read != b"")
        await second.run()
        assert second.status == 503
        first.gone.set()
        await running
        third = Connection(service)
        running = asyncio.create_task(third.run())
        await third.until(lambda: third.read != b"")
        assert third.status == 200
        service.end()
        await running

    served(book, play, stream_clients=1)


@pytest.mark.parametrize("was_let_in_by", ["a token", "no token"])
def test_whoever_may_read_no_longer_hears_no_more(book: Ledger, tmp_path: Path, was_let_in_by: str) -> None:
    tokens, write = Tokens(str(tmp_path / "tokens")), Written(book)
    write(2, 0, 0)
    shown = {}
    if was_let_in_by == "a token":
        tokens.create("other", ["read"])
        shown = {"authorization": f"Bearer {tokens.create('reader', ['read'])}"}

    async def play(service: Service) -> None:
        reader = Connection(service, **shown)
        running = asyncio.create_task(reader.run())
        await reader.until(lambda: len(reader.lines()) == book.head)
        if was_let_in_by == "a token":
            tokens.revoke("reader")
        else:
            tokens.create("first", ["read"])
        async with asyncio.timeout(10):
            await running
        assert reader.complete
        assert service.feed.dropped == 0

    served(book, play, tokens)


def test_who_owes_a_body_is_not_listened_for_without_end(book: Ledger) -> None:
    async def play(service: Service) -> None:
        owing = Connection(service, content_length="10")
        async with asyncio.timeout(10):
            await owing.run()
        assert owing.status == 200
        assert owing.complete
        assert not service.feed.listeners

    served(book, play, body_s=0.2)


REFUSED = [
    ("", {"last_event_id": "0123456789abcdef:1"}, 409, b"/problems/another-ledger"),
    ("last_event_id=0123456789abcdef:1", {}, 409, b"/problems/another-ledger"),
    ("", {"last_event_id": "MARK:3"}, 409, b"this ledger ends at 2"),
    ("last_event_id=MARK:2", {"last_event_id": "0123456789abcdef:1"}, 409, b"/problems/another-ledger"),
    ("", {"last_event_id": "7"}, 400, b"no id of this stream"),
    ("after=3", {}, 400, b"ends at 2; give one from 0 to 2, or leave it out"),
    ("after=-1", {}, 400, b"no number"),
    ("after=" + "9" * 5_000, {}, 400, b"no number"),
    ("after=1&after=2", {}, 400, b"it may be given once"),
    ("claims=a", {}, 400, b"no such parameter"),
    ("type=rumour", {}, 400, b"no event type"),
    ("source=%2D", {}, 400, b"/problems/usage"),
]


@pytest.mark.parametrize(("query", "headers", "status", "told"), REFUSED)
def test_a_place_that_is_none_of_this_ledger_is_refused(
    book: Ledger, query: str, headers: dict[str, str], status: int, told: bytes
) -> None:
    Written(book)(2, 0, 0)

    async def play(service: Service) -> None:
        mark = service.feed.mark
        sent = {name: value.replace("MARK", mark) for name, value in headers.items()}
        asked = Connection(service, query.replace("MARK", mark), **sent)
        await asked.run()
        assert (asked.status, told in asked.read) == (status, True), asked.read

    served(book, play)


def test_the_header_beats_the_query_it_began_with(book: Ledger) -> None:
    for _ in range(3):
        Written(book)(2, 0, 0)

    async def play(service: Service) -> None:
        mark = service.feed.mark
        again = Connection(service, f"after=1&last_event_id={mark}:2", last_event_id=f"{mark}:3")
        running = asyncio.create_task(again.run())
        await again.until(lambda: len(again.lines()) == 1)
        service.end()
        await running

    served(book, play)


def test_asked_for_its_head_alone_a_stream_ends_at_once(book: Ledger) -> None:
    async def play(service: Service) -> None:
        asked = Connection(service)
        asked.scope["method"] = "HEAD"
        await asked.run()
        assert (asked.status, asked.read, asked.complete) == (200, b"", True)
        assert not service.feed.listeners

    served(book, play)


def test_an_odd_ledger_id_is_harmless_in_a_header(book: Ledger) -> None:
    book.append(Statement(claims=("a",), chain=(Link(name="Ann"),)), register=True, id="a:1 é")
    assert stream._ID.fullmatch(f"{Feed(book, Settings()).mark}:1")
