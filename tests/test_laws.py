"""Which laws hold for every ledger, whatever it holds? Each is tried on random ledgers (see `laws`)."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import combinations

import msgspec
import pytest
from hypothesis import assume
from laws import DAYS, Laws, answer, answers, but_for, tried

from ledger import (
    ClaimsRelated,
    Denial,
    Entry,
    Ledger,
    LedgerError,
    Link,
    RecordVoided,
    Retraction,
    SourceRelated,
    Statement,
    intake,
    names,
    rules,
    when,
)
from ledger.events import tag_of
from ledger.known import Known
from ledger.records import targets
from ledger.testing import CLAIMS, Author, Story, by, chain, opened
from ledger.testing.author import as_record
from projections import status

law = Laws()


@pytest.mark.slow
@pytest.mark.parametrize("test", law.all)
def test_the_laws_hold_on_many_more_ledgers(test):
    tried(test, 300)()


def register_of(ledger):
    return ledger.state(Unanswered()).settle()


class Unanswered:
    initial, evolve = staticmethod(status.initial), staticmethod(status.evolve)


def entry(event, event_id):
    return Entry(event=event, id=event_id, recorded_by="the desk")


def then(written, event, event_id="new"):
    """The ledger with one event more, recorded with the last."""
    return [*written, (entry(event, event_id), written[-1][1])]


def stored(ledger):
    return [data for _, data in ledger.stored()]


# -- the two cuts ------------------------------------------------------------------------------------------------------


@law
def test_as_of_a_position_is_the_replay_of_what_came_up_to_it(written, rnd):
    cut = rnd.randint(1, len(written))
    with opened(written) as whole, opened(written[:cut]) as prefix:
        assert answers(whole, as_of=cut) == answers(prefix)
        assert answers(whole, as_of=written[cut - 1][0].id) == answers(prefix)


@law
def test_as_of_a_moment_is_the_replay_of_what_was_recorded_by_then(written, rnd):
    _, recorded_us = rnd.choice(written)
    with opened(written) as whole, opened([pair for pair in written if pair[1] <= recorded_us]) as prefix:
        assert answers(whole, as_of=when.stamp(recorded_us)) == answers(prefix)


@law
def test_what_comes_later_never_changes_an_answer_as_of_before(written, rnd):
    later = Author(rnd, written).write(10, "record_amended", "record_voided", "relation_withdrawn", "retraction")
    with opened(written) as ledger:
        before = answers(ledger)
        list(ledger.load(later))
        assert answers(ledger, as_of=len(written)) == before


@law
def test_said_by_the_end_of_time_is_no_cut(written, rnd):
    with opened(written) as ledger:
        for claim in CLAIMS:
            assert but_for(answer(ledger, claim, said_by="9999"), "said_by") == but_for(
                answer(ledger, claim), "said_by"
            )


# -- how records came in -----------------------------------------------------------------------------------------------


@law
def test_answers_do_not_depend_on_how_events_were_batched(written, rnd):
    def appended(size):
        ledger = Ledger.open(":memory:", clock=lambda: datetime(2024, 11, 1, tzinfo=UTC))
        entries = [entry for entry, _ in written]
        while entries:
            now = size()
            ledger.append_all(entries[:now])
            entries = entries[now:]
        return ledger

    with (
        appended(lambda: 1) as one_by_one,
        appended(lambda: 1_000) as at_once,
        appended(lambda: rnd.randint(1, 9)) as mixed,
    ):
        assert stored(one_by_one) == stored(at_once) == stored(mixed)
        assert answers(one_by_one) == answers(at_once) == answers(mixed)


@law
def test_answers_do_not_depend_on_the_order_of_appends(unused, rnd):
    """But for what `may_change_places` keeps in order.

    Compared but for the positions of answers, the order of their lists, and through which of several equally short
    ways an inference came. All is recorded at one moment, and all links are of one kind: else an undated act would be
    as old as its record, and the last record would tell the kind.
    """
    author = Author(rnd)
    author.write(40, "statement", "statement", "denial", "denial", "assessment", "retraction", *RELATIONS)
    kind = rnd.choice(("person", "outlet", "unnamed", None))
    written = [(replaced(one, "kind", kind, within="chain"), author.written[-1][1]) for one, _ in author.written]
    written = fitting([[]], written)
    others = random_swaps(written, rnd)
    assume(others != written)
    with opened(written) as ledger, opened(others) as other:
        for claim in CLAIMS:
            for day in (None, rnd.choice(DAYS)):
                assert unordered(answer(ledger, claim, said_by=day)) == unordered(answer(other, claim, said_by=day))


RELATIONS = ("claims_related", "source_related", "correction", "record_amended", "record_voided")


def random_swaps(written, rnd):
    """The same records, neighbours that may change places having done so at random."""
    order = list(written)
    moves = Moves(written)
    for _ in range(6 * len(order)):
        here = rnd.randrange(len(order) - 1)
        if moves.may_change_places(order[here][0], order[here + 1][0]):
            order[here : here + 2] = reversed(order[here : here + 2])
    return order


class Moves:
    """What may change places in a ledger whose records were all made at one moment."""

    def __init__(self, written):
        self._about, self._times, self._speakers = {}, {}, {}
        self._home = {}
        for event_id, events in versions(written).items():
            near = {target for event in events for target in targets(event)}
            self._about[event_id] = near.union(*(self._about[other] for other in near))
            for event in events:
                if isinstance(event, SourceRelated):
                    self._join(event.from_, event.to)
        for one, recorded_us in written:
            fields = msgspec.to_builtins(one.event)
            # What amends or corrects an utterance may move its time, or put other words into other mouths.
            for event_id in (one.id, *self._about[one.id]):
                times = {key for said_at in find(fields, "said_at") for key in sort_keys(said_at, recorded_us)}
                if "said_at" not in fields:
                    times |= sort_keys(None, recorded_us)
                self._times.setdefault(event_id, set()).update(times)
                chains = [msgspec.convert(links, tuple[Link, ...]) for links in find(fields, "chain")]
                homes = {self._home.get(source, source) for links in chains for source in names.sources(links)}
                self._speakers.setdefault(event_id, set()).update(homes)
        self._types = {one.id: tag_of(one.event) for one, _ in written}

    def may_change_places(self, first, second):
        """Whether it makes no difference which of two neighbours is appended first.

        What is about the other, or made so later, keeps its place; so do two that are not said in the world (register,
        housekeeping), and two said at one time, or at times unknown, by one speaker or its like. What was said changes
        places with an entry of the desk unless both are about the same, or the entry is of a claim's text, or tells who
        may retract.
        """
        a, b = first.id, second.id
        if a in self._about[b] or b in self._about[a]:
            return False
        said = [event_id for event_id in (a, b) if self._is_said(event_id)]
        if len(said) == 2:
            one_speaker = not self._of(self._speakers, a).isdisjoint(self._of(self._speakers, b))
            return not (one_speaker and not self._of(self._times, a).isdisjoint(self._of(self._times, b)))
        if not said:
            return False
        utterance, entry_ = said[0], b if said[0] == a else a
        if not ({utterance} | self._about[utterance]).isdisjoint(self._about[entry_]):
            return False
        touched = {self._types[event_id] for event_id in (entry_, *self._about[entry_])}
        if touched & {"claim_registered", "claim_reworded"}:
            return False
        return not (self._about[utterance] and touched & {"source_related", "relation_withdrawn"})

    def _is_said(self, event_id):
        return self._types[event_id] in ("statement", "denial", "assessment", "retraction", "correction")

    def _of(self, found, event_id):
        return found[event_id].union(*(found[other] for other in self._about[event_id]))

    def _join(self, one, other):
        homes = {self._home.get(source, source) for source in (one, other)}
        least = min(homes)
        for source in {one, other, *homes, *(s for s, home in self._home.items() if home in homes)}:
            self._home[source] = least


def versions(written):
    """By its id, each event and what later ones make of it. What any of these is about must come before it."""
    known, found = Known(), {one.id: [] for one, _ in written}
    for position, (one, recorded_us) in enumerate(written, 1):
        changed = [one.id]
        for made in known.turns(one.event):
            found[changed[-1]].append(made)
            changed += targets(made)
        known.add(as_record(position, one, recorded_us))
    return found


def test_what_an_amendment_makes_an_act_about_stays_before_it():
    """No rule lets an act be about what came after it."""
    story = Story()
    said, other = story.states("Ann", "x", at="2024-10-03"), story.states("Ann", "y", at="2024-10-05")
    retraction = story.retracts("Ann", said, at="2024-10-07")

    def may_change_places():
        written = [intake.record(data) for data in stored(story.ledger)]
        return Moves(written).may_change_places(*(one for one, _ in written if one.id in (other, retraction)))

    assert may_change_places()
    amendment = story.amends(retraction, reason="a slip")
    assert may_change_places()
    story.amends(amendment, changes={"act": other})
    assert not may_change_places()


def sort_keys(said_at, recorded_us):
    """Where something said then may stand in the order of saying: also as a retraction, which counts at its latest."""
    span = (when.UNKNOWN if said_at is None else when.parse(said_at)).known_at(recorded_us)
    return {(span.earliest, span.latest), (span.earliest or span.latest, span.latest)}


def find(value, *keys):
    """All values of these keys in plain data, at any depth; the items of lists of text one by one."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in keys:
                texts = isinstance(item, (list, tuple)) and all(isinstance(part, str) for part in item)
                yield from item if texts else [item]
            yield from find(item, *keys)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from find(item, *keys)


def replaced(one, key, new, within=None, old=None):
    """An entry with another value under a key, at any depth; below `within`, and only where it was `old`, if given."""

    def walk(value, inside):
        if isinstance(value, dict):
            made = {k: walk(v, inside or k == within) for k, v in value.items()}
            if inside and key in made and old in (None, made[key]):
                made[key] = new
            return {k: v for k, v in made.items() if not (inside and k == key and v is None)}
        return [walk(item, inside) for item in value] if isinstance(value, (list, tuple)) else value

    fields = walk(msgspec.to_builtins(one.event), within is None)
    return entry(msgspec.convert(fields, type(one.event)), one.id)


def unordered(answer):
    """An answer but for its positions, the names last printed, and the order of its lists."""
    if answer is None:
        return None
    answer = but_for(answer, "as_of")
    for side in ("support", "opposition"):
        roots = [{**root, "name": None, "acts": sorted(root["acts"])} for root in answer[side]["roots"]]
        answer[side]["roots"] = sorted(roots, key=lambda root: root["root"])
    answer["assessments"].sort(key=lambda weighed: weighed["act"])
    answer["why"] = sorted(repr({**reason, "through": len(reason.get("through", ()))}) for reason in answer["why"])
    return answer


def kept(ledger):
    """What stands in the log: positions, types, tags in their order, bytes."""
    return ledger._store.matching([], after=0, until=ledger.head, limit=10_000)


@law
def test_a_batch_is_written_as_its_events_are_one_by_one(written, rnd):
    alone = ([one] for one in written)
    with opened(written) as together, opened(*alone) as singly, opened(map(intake.record, stored(together))) as copy:
        assert kept(together) == kept(singly) == kept(copy)


BAD = (
    Statement(claims=("nowhere",), chain=chain("Ann")),
    Statement(claims=("no claim",), chain=chain("Ann")),
    Statement(claims=CLAIMS[:1], chain=chain("Ann"), said_at="2999"),
    Statement(claims=CLAIMS[:1], chain=chain("…")),
    Retraction(act="nowhere", chain=chain("Ann")),
    Retraction(act="e1", chain=chain("Ann")),
    SourceRelated(from_="ann", to="ann", relation="same_as"),
    RecordVoided(target="e6", why="w"),
)


@law
def test_a_batch_is_refused_as_its_first_bad_event_is(written, rnd):
    """Alone, after all that stood before it in the batch."""
    place = rnd.randrange(len(CLAIMS), len(written) + 1)
    entries = [Entry(event=entry.event, id=entry.id) for entry, _ in written]
    entries.insert(place, Entry(event=rnd.choice(BAD)))
    with clocked() as together, clocked() as singly:
        singly.append_all(entries[:place])
        alone = refusal(singly, entries[place : place + 1])
        if alone is not None:
            alone.index = place
        elif place + 1 < len(entries):
            return  # a void, and what comes after it may be about what was voided
        among = refusal(together, entries)
        assert told(among) == told(alone)
        assert together.head == (0 if among else len(entries))


def clocked():
    return Ledger.open(":memory:", recorded_by="the desk", clock=lambda: when.moment(when.cut("2025")))


def refusal(ledger, entries):
    try:
        ledger.append_all(entries)
    except LedgerError as error:
        return error
    return None


def told(error):
    return error and (type(error), str(error), getattr(error, "pointer", None), error.index)


@law
def test_what_is_exported_imports_as_what_it_was(written, rnd):
    with opened(written) as ledger, opened(map(intake.record, stored(ledger))) as copy:
        assert stored(copy) == stored(ledger)
        assert answers(copy) == answers(ledger)
        assert answers(copy, as_of=written[len(written) // 2][0].id) == answers(
            ledger, as_of=written[len(written) // 2][0].id
        )


# -- what the clerk strikes --------------------------------------------------------------------------------------------


@law
def test_what_is_voided_is_as_if_it_had_never_been_appended(written, rnd):
    """Wherever it stood, and whatever came after it that could have come without it."""
    place = rnd.randint(len(CLAIMS), len(written))
    struck = Author(rnd, written[:place]).write(5, rnd.choice(STRUCK))[:1]
    assume(struck)
    struck = [(entry(struck[0][0].event, "struck"), written[place - 1][1])]
    start, with_it = written[:place], [*written[:place], *struck]
    rest = fitting([start, with_it], written[place:])
    voided = then([*with_it, *rest], RecordVoided(target="struck", why="a slip"), "void")
    with opened(voided) as ledger, opened(start, rest) as without:
        for claim in CLAIMS:
            for day in (None, rnd.choice(DAYS)):
                ours = but_for(answer(ledger, claim, said_by=day), "as_of")
                assert ours == but_for(answer(without, claim, said_by=day), "as_of")


STRUCK = (
    *("statement", "denial", "assessment", "retraction", "correction", "claims_related", "source_related"),
    *("source_registered", "relation_withdrawn", "claim_reworded", "record_amended", "record_voided"),
)


def fitting(starts, rest):
    """Of the rest, what may follow every one of these starts."""
    ledgers = [Known() for _ in starts]
    for known, start in zip(ledgers, starts, strict=True):
        for position, (one, recorded_us) in enumerate(start, 1):
            known.add(as_record(position, one, recorded_us))
    found = []
    for position, (one, recorded_us) in enumerate(rest, max(map(len, starts)) + 1):
        try:
            for known in ledgers:
                rules.decide(one.event, one.id, known, recorded_us)
        except LedgerError:
            continue
        for known in ledgers:
            known.add(as_record(position, one, recorded_us))
        found.append((one, recorded_us))
    return found


# -- how sides are counted ---------------------------------------------------------------------------------------------


@law
def test_a_claim_and_its_negation_mirror_each_other(written, rnd):
    """But for dismissals, which say nothing of the negation of what they dismiss: here they are flat denials."""
    flat = [(replaced(one, "form", "flat", old="dismissal"), recorded_us) for one, recorded_us in written]
    claim, negation = rnd.sample(CLAIMS, 2)
    with opened(flat) as ledger:
        assume(answer(ledger, claim) and answer(ledger, negation))
    with opened(then(flat, ClaimsRelated(from_=negation, relation="negates", to=claim))) as ledger:
        reach = register_of(ledger).reach
        for one, other in combinations(CLAIMS, 2):
            if reach.signs(one).get(other) == {-1}:
                for day in (None, rnd.choice(DAYS)):
                    ours, theirs = answer(ledger, one, said_by=day), answer(ledger, other, said_by=day)
                    if ours and theirs:
                        assert (ours["support"], ours["opposition"]) == (theirs["opposition"], theirs["support"])
                        assert [mirrored(weighed) for weighed in counting(ours)] == counting(theirs)


def counting(answer):
    return [weighed for weighed in answer["assessments"] if weighed["counts"]]


def mirrored(weighed):
    if weighed["low"] is not None:
        weighed["low"], weighed["high"] = round(1 - weighed["high"], 4), round(1 - weighed["low"], 4)
    weighed["verdict"] = {"true": "false", "false": "true"}.get(weighed["verdict"], weighed["verdict"])
    if not weighed.pop("turned", False):
        weighed["turned"] = True
    return weighed


@law
def test_one_more_supporter_never_lowers_what_is_provable(written, rnd):
    """A new source of any kind, or one of the ledger's own that tells no kind: kinds may be told anew by a statement.

    But for `provable-floor`, where one more declared root may push another out of the exact count.
    """
    claim = rnd.choice(CLAIMS)
    with opened(written) as ledger:
        before = answer(ledger, claim)
    assume(before)
    new = by("Eve", rnd.choice(("person", "unnamed", None)))
    own = by("somebody", None, source=rnd.choice(("ann", "bob", "cy", "dee", "gov", "a-source", "a-source@bob")))
    supporter = Statement(claims=(claim,), chain=(rnd.choice((new, own)),), said_at=rnd.choice((None, *DAYS[:3])))
    with opened(then(written, supporter)) as ledger:
        after = answer(ledger, claim)
        assert after["support"]["provable"] >= before["support"]["provable"]


@law
def test_who_repeats_where_it_stands_changes_neither_status_nor_provable(written, rnd):
    """With the same said_at, by the same speaker, and telling no kind of it."""
    claim, day = rnd.choice(CLAIMS), rnd.choice((None, *DAYS))
    with opened(written) as ledger:
        before = answer(ledger, claim, said_by=day)
        there = {other for other in CLAIMS if answer(ledger, other)}  # nobody states what was registered by mistake
    assume(before)
    for reason in before["why"]:
        named = there.issuperset(reason.get("claims") or ())
        if reason.get("act") and reason.get("root") and not reason.get("inferred") and named:
            speaker = (by("somebody", None, source=reason["speaker"]),)
            said = {"claims": tuple(reason["claims"]), "chain": speaker, "said_at": reason.get("said_at")}
            again = Statement(**said) if reason["type"] == "statement" else Denial(**said, form=reason["form"])
            with opened(then(written, again)) as ledger:
                after = answer(ledger, claim, said_by=day)
            for side in ("support", "opposition"):
                assert after[side]["provable"] == before[side]["provable"]
            assert after["status"] == before["status"]


# -- where it runs -----------------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from random import Random
import msgspec
from ledger.testing import CLAIMS, opened, random_ledger
from projections import board, provenance, status
for seed in range(6):
    with opened(random_ledger(Random(seed), 60)) as ledger:
        answers = [ledger.state(board, said_by=day) for day in (None, "2024-10-05")]
        for row in answers[0].claims:
            answers += [ledger.state(status, row.claim), ledger.state(provenance, row.claim, as_of="2024-10-12")]
        for data in [*map(msgspec.json.encode, answers), *(data for _, data in ledger.stored())]:
            sys.stdout.buffer.write(data + b"\\n")
"""


def test_answers_depend_neither_on_hash_seed_nor_on_zone_nor_on_locale():
    def printed(**environment):
        command = [sys.executable, "-P", "-c", PROGRAM]
        ran = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, check=True)
        return ran.stdout

    first = printed(PYTHONHASHSEED="1", TZ="UTC", LC_ALL="C")
    assert first.count(b"\n") > 200
    assert printed(PYTHONHASHSEED="2", TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8", PYTHONUTF8="0") == first
    assert printed(PYTHONHASHSEED="3", TZ="America/St_Johns", LC_ALL="tr_TR.UTF-8", LANGUAGE="tr") == first
