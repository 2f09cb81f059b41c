"""Does a ledger keep its promises, whatever store it stands on?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from random import Random
from typing import Final, TypeAlias

from ledger import events as ev
from ledger import fold, intake, rules
from ledger.batch import Receipt
from ledger.cuts import Cut
from ledger.errors import Conflict, IdReused, LedgerError, NotFound, Refused, UsageError
from ledger.intake import Entry
from ledger.known import Known
from ledger.ledger import Ledger
from ledger.records import Record

from .author import Exported, as_record, random_ledger
from .stories import chain

OpenLedger: TypeAlias = Callable[[], Ledger]


def check_ledger_contract(open_ledger: OpenLedger) -> None:
    """Holds a ledger to its promises; AssertionError names the one that was broken.

    `open_ledger` gives a new, empty ledger each time, as `Ledger(store)` over a store of yours does.
    """
    for check in CONTRACT:
        try:
            with open_ledger() as ledger:
                check(ledger)
        except (AssertionError, LedgerError) as error:
            raise AssertionError(f"{check.__name__.strip('_')}: {error}") from error


def _an_empty_ledger_holds_nothing(ledger: Ledger) -> None:
    _same(ledger.head, 0)
    _same(list(ledger.events()), [])
    _same(_fold_of(ledger), [])


def _a_batch_stands_at_consecutive_positions_as_it_was_given(ledger: Ledger) -> None:
    entries = [entry for entry, _ in _random_ledger(1, 60)]
    receipts = [r for start in range(0, len(entries), 7) for r in ledger.append_all(entries[start : start + 7])]
    _same([r.position for r in receipts], list(range(receipts[0].position, receipts[0].position + len(entries))))
    kept = list(ledger.events())
    _same([(r.id, r.recorded_by, r.event) for r in kept], [(e.id, e.recorded_by, e.event) for e in entries])
    _same([(r.position, r.recorded_at) for r in kept], [(r.position, r.recorded_at) for r in receipts])
    _same(sorted(r.recorded_at for r in kept), [r.recorded_at for r in kept])
    _same(ledger.record(receipts[-1].id), kept[-1])


def _a_batch_with_one_bad_event_leaves_nothing(ledger: Ledger) -> None:
    bad = _statement("nobody-registered-this")
    with _raises(NotFound):
        ledger.append_all([_registration("x"), _statement("x"), bad])
    _same(ledger.head, 0)


def _of_independent_batches_a_bad_one_fails_alone(ledger: Ledger) -> None:
    bad: list[ev.Event] = [_registration("y"), _statement("nobody-registered-this")]
    batches: list[list[ev.Event]] = [[_registration("x")], bad, [_statement("x")], [_statement("y")]]
    answers = list(ledger.append_each([ledger.batch(batch) for batch in batches]))
    _same([type(answer) for answer in answers], [list, NotFound, list, NotFound])
    _same([record.event for record in ledger.events()], [_registration("x"), _statement("x")])


def _the_same_id_comes_back_as_the_first_receipt(ledger: Ledger) -> None:
    first = ledger.append(_registration("x"), id="a", recorded_by="desk")
    again = ledger.append(_registration("x"), id="a", recorded_by="desk")
    _same((again.id, again.position, again.recorded_at), (first.id, first.position, first.recorded_at))
    _same((first.replayed, again.replayed, ledger.head), (False, True, first.position))
    for event, recorded_by in ((_registration("y"), "desk"), (_registration("x"), "another desk")):
        with _raises(IdReused):
            ledger.append(event, id="a", recorded_by=recorded_by)


def _an_expectation_is_overtaken_only_by_its_own_claims(ledger: Ledger) -> None:
    seen = ledger.append_all([_registration("x"), _registration("y")])[-1]
    ledger.append(_statement("x", "Ann"), expected=seen)
    ledger.append(_statement("y", "Ann"), expected=seen)
    with _raises(Conflict) as caught:
        ledger.append(_statement("x", "Bob"), expected=seen)
    _same(caught[0].positions, (seen.position + 1,))  # type: ignore[attr-defined]


def _rules_see_the_ledger_and_the_batch_so_far(ledger: Ledger) -> None:
    with _raises(NotFound):
        ledger.append(_statement("x"))
    ledger.append(_statement("x", "Ann"), id="said", register=True)
    with _raises(Refused):
        ledger.append(_registration("x"))
    with _raises(Refused):
        ledger.append(ev.Retraction(act="said", chain=chain("Cy")))
    speaks = ev.SourceRelated(from_="ann", to="cy", relation="speaks_for")
    ledger.append_all([speaks, ev.Retraction(act="said", chain=chain("Cy"))])
    with _raises(Refused):
        ledger.append(ev.SourceRelated(from_="ann", to="dee", relation="speaks_for"))


def _an_answer_knows_what_was_recorded_by_its_cut(ledger: Ledger) -> None:
    receipts = [ledger.append_all([entry])[0] for entry, _ in _random_ledger(2, 20)]
    ids = [r.id for r in receipts]
    for n, receipt in enumerate(receipts, 1):
        for cut in (receipt, receipt.position, str(receipt.position), receipt.id):
            _same(_fold_of(ledger, cut), ids[:n])
        known = [r.id for r in receipts if r.recorded_at <= receipt.recorded_at]
        _same(_fold_of(ledger, receipt.recorded_at), known)
    with _raises(UsageError):
        _fold_of(ledger, receipts[-1].position + 1)


def _whatever_is_about_a_claim_is_found_by_it(ledger: Ledger) -> None:
    written = _random_ledger(3, 120)
    for _ in ledger.load(written):
        pass
    owed, known = dict[str, list[str]](), Known()
    for n, (entry, recorded_us) in enumerate(written, 1):
        record = as_record(n, entry, recorded_us)
        for tag in rules.decide(record.event, record.id, known, recorded_us):
            owed.setdefault(tag, []).append(record.id)
        known.add(record)
    for tag, ids in owed.items():
        _same((tag, ledger.state(_Wanting(tag))), (tag, ids))


def _following_neither_skips_nor_doubles(ledger: Ledger) -> None:
    def append(n: int) -> None:
        for m in range(15):
            ledger.append(_registration(f"claim-{n}-{m}"))

    writers = [threading.Thread(target=append, args=(n,)) for n in range(3)]
    for writer in writers:
        writer.start()
    following, followed = ledger.follow(poll_s=0.05), list[Record]()
    while len(followed) < 45:
        followed.append(next(following))
    for writer in writers:
        writer.join()
    _same(followed, list(ledger.events()))
    _same(len({record.position for record in followed}), 45)


def _one_id_from_many_threads_is_written_once(ledger: Ledger) -> None:
    receipts = list[Receipt]()
    event = _registration("x")
    threads = [threading.Thread(target=lambda: receipts.append(ledger.append(event, id="a"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _same(sorted(r.replayed for r in receipts), [False, *[True] * 5])
    _same(len({r.position for r in receipts}), 1)


def _what_is_loaded_keeps_its_id_and_its_time(ledger: Ledger) -> None:
    written = _random_ledger(4, 40)
    _same([r.replayed for r in ledger.load(written)], [False] * len(written))
    _same([intake.record(data) for _, data in ledger.stored()], written)
    _same([r.replayed for r in ledger.load(written)], [True] * len(written))
    late = Entry(event=_registration("late"), id="late", recorded_by="the desk")
    with _raises(Refused):
        list(ledger.load([(late, written[-1][1] - 1)]))
    _same(len(list(ledger.events())), len(written))


#: The promises of a ledger, each a function of a new and empty one.
CONTRACT: Final[tuple[Callable[[Ledger], None], ...]] = (
    _an_empty_ledger_holds_nothing,
    _a_batch_stands_at_consecutive_positions_as_it_was_given,
    _a_batch_with_one_bad_event_leaves_nothing,
    _of_independent_batches_a_bad_one_fails_alone,
    _the_same_id_comes_back_as_the_first_receipt,
    _an_expectation_is_overtaken_only_by_its_own_claims,
    _rules_see_the_ledger_and_the_batch_so_far,
    _an_answer_knows_what_was_recorded_by_its_cut,
    _whatever_is_about_a_claim_is_found_by_it,
    _following_neither_skips_nor_doubles,
    _one_id_from_many_threads_is_written_once,
    _what_is_loaded_keeps_its_id_and_its_time,
)


class _Ids:
    """A projection: the ids of all records."""

    def initial(self, question: fold.Question, /) -> list[str]:
        return []

    def evolve(self, state: list[str], record: Record, /) -> list[str]:
        return [*state, record.id]


class _Wanting(_Ids):
    """A projection: the ids of the records with a tag."""

    def __init__(self, tag: str) -> None:
        self._tag = tag

    def wants(self, state: list[str]) -> Collection[str]:
        return {self._tag}


def _random_ledger(seed: int, events: int) -> list[Exported]:
    return random_ledger(Random(seed), events)  # noqa: S311  nothing secret


def _fold_of(ledger: Ledger, as_of: Cut | None = None) -> list[str]:
    ids: list[str] = ledger.state(_Ids(), as_of=as_of)
    return ids


def _registration(claim: str) -> ev.ClaimRegistered:
    return ev.ClaimRegistered(claim=claim, text=claim)


def _statement(claim: str, who: str = "Ann") -> ev.Statement:
    return ev.Statement(claims=(claim,), chain=chain(who))


def _same(got: object, expected: object) -> None:
    if got != expected:
        raise AssertionError(f"got {got!r}, expected {expected!r}")


@contextmanager
def _raises(kind: type[LedgerError]) -> Iterator[list[LedgerError]]:
    caught: list[LedgerError] = []
    try:
        yield caught
    except kind as error:
        caught.append(error)
    else:
        raise AssertionError(f"expected {kind.__name__}, but it was accepted")
