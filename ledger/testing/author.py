"""What might a ledger hold? Random events that keep every rule: the same for the same `random.Random`.

A few people, sources and claims over a few days, so small a world that everything runs into everything else: acts of
every kind with times of every form, relations of claims and of sources, what is said about acts, and the clerk's
amendments and voids of all of it, of each other too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, get_args

import msgspec

from ledger import events as ev
from ledger import intake, rules, scales, when
from ledger.errors import LedgerError
from ledger.events import Event
from ledger.intake import Entry
from ledger.known import Known
from ledger.ledger import Ledger
from ledger.records import Record

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Exported: TypeAlias = tuple[Entry, int]
"""An entry and when it was recorded, in microseconds since 1970-01-01T00:00:00Z: what `Ledger.load` takes."""

CLAIMS: Final = ("x", "y", "z", "w", "v")
"""The claims of random ledgers."""

_T = TypeVar("_T")
_Fields: TypeAlias = dict[str, Any]
"""An event as on the wire, None for what is left out."""

_NAMES: Final = ("Ann", "Bob", "Cy", "Dee", "A source")
_SOURCES: Final = ("ann", "bob", "cy", "dee", "gov", "un", "a-source", "a-source@bob")
_KINDS: Final = (*get_args(ev.Kind), "person", "person", None)
_SAID_AT: Final = (
    *(None, "2024", "2024-10", "2024-09", "2024-10~", "2024-10-05?", "2024-10-06%", "2024-10-05T12:00:00+02:00"),
    *("../2024-10-05", "../2024-10-08", "2024-10-04/..", "2024-10-03/2024-10-07", "2023/2024-10-02~"),
    *(f"2024-10-0{day}" for day in range(1, 10)),
)
_LIKELIHOODS: Final = (
    *({"term": term, "scale": scale} for scale in scales.SCALES for term in scales.terms(scale)),
    *({"term": "perhaps", "low": low, "high": high} for low, high in ((0.55, 1.0), (0.0, 0.45), (0.5, 0.5))),
)
_FORMS: Final = ("flat", "dismissal", "dismissal", *get_args(ev.Form))
_CLAIM_RELATIONS: Final = ("negates", "same_as", "entails", "entails")
_SOURCE_RELATIONS: Final = ("same_as", "speaks_for", "speaks_for", "member_of", "republishes", "independent_of")
_ACTS: Final = ("statement", "denial", "assessment")

#: How often each type of event is tried.
_WEIGHTS: Final = {
    "statement": 7,
    "denial": 7,
    "assessment": 4,
    "retraction": 4,
    "correction": 3,
    "claims_related": 4,
    "source_related": 4,
    "relation_withdrawn": 2,
    "source_registered": 2,
    "claim_registered": 1,
    "claim_reworded": 1,
    "record_amended": 4,
    "record_voided": 3,
    "ruling_recorded": 1,
    "evidence_attached": 1,
    "source_graded": 1,
    "act_graded": 1,
}
_TYPES: Final = tuple(tag for tag, weight in _WEIGHTS.items() for _ in range(weight))
_START_US: Final = when.cut("2024-10-08T18:00:00Z")
_HOUR_US: Final = 3_600_000_000


def random_ledger(rnd: Random, events: int = 30) -> list[Exported]:
    """A ledger of five claims and up to so many events more; `opened` holds it."""
    author = Author(rnd)
    author.write(events)
    return author.written


def opened(*parts: Iterable[Exported]) -> Ledger:
    """A throw-away ledger that holds these records, each part appended by itself."""
    ledger = Ledger.open(":memory:", recorded_by="the desk")
    for part in parts:
        for _ in ledger.load(part):
            pass
    return ledger


class Author:
    """Writes random events that may be appended to what was written before."""

    def __init__(self, rnd: Random, written: Iterable[Exported] = ()) -> None:
        self.written: list[Exported] = []
        self._rnd = rnd
        self._known = Known()
        self._ids: dict[str, list[str]] = {}
        self._now_us = _START_US
        for entry, recorded_us in written:
            self._now_us = recorded_us
            self._take(entry.event, entry.id)
        if not self.written:
            for claim in CLAIMS:
                self._take(ev.ClaimRegistered(claim=claim, text=claim))

    def write(self, events: int, *types: str) -> list[Exported]:
        """Tries so many events, of these types where given. Returns what was written: what a rule forbids is not."""
        before = len(self.written)
        for _ in range(events):
            self._now_us += self._rnd.choice((0, 0, 1, 5, 12)) * _HOUR_US
            fields = self._event(self._rnd.choice(types or _TYPES))
            if fields is not None:
                try:
                    self._take(_made(fields))
                except LedgerError:  # a rule forbids it: the next one, then
                    continue
        return self.written[before:]

    def said_at(self) -> str | None:
        """A time of any form, or none."""
        return self._rnd.choice(_SAID_AT)

    def chain(self) -> tuple[ev.Link, ...]:
        """One to three links, of any kinds."""
        return msgspec.convert(self._links(), tuple[ev.Link, ...])

    def act(self) -> ev.Act:
        """A statement, a denial or an assessment of claims."""
        made = _made(self._act(self._rnd.choice(_ACTS)))
        assert isinstance(made, (ev.Statement, ev.Denial, ev.Assessment))
        return made

    def _take(self, event: Event, event_id: str | None = None) -> None:
        event, event_id = intake.normalise(event), event_id or f"e{len(self.written) + 1}"
        rules.decide(event, event_id, self._known, self._now_us)
        entry = Entry(event=event, id=event_id, recorded_by="the desk")
        self.written.append((entry, self._now_us))
        self._known.add(as_record(len(self.written), entry, self._now_us))
        self._ids.setdefault(ev.tag_of(event), []).append(event_id)

    def _event(self, tag: str) -> _Fields | None:
        """The fields of an event; None where there is nothing yet that it could be about."""
        if tag in _ACTS:
            return self._about_utterance() if tag == "denial" and self._rarely() else self._act(tag)
        if tag in ("retraction", "correction"):
            return self._about_act(tag)
        if tag in ("record_amended", "record_voided", "relation_withdrawn", "act_graded"):
            return self._about_record(tag)
        return {"type": tag} | self._entry_of_the_register(tag)

    def _act(self, tag: str) -> _Fields:
        pick = self._rnd.choice
        act = {"type": tag, "claims": self._claims(), "chain": self._links(), "said_at": self.said_at()}
        if tag == "statement":
            return act | {"mode": pick((None, None, *get_args(ev.Mode)))}
        if tag == "denial":
            perhaps = self._claims() if self._rarely() else None
            return act | {"form": pick(_FORMS), "scope": pick((None, "framed")), "possible_claims": perhaps}
        likelihood, verdict = pick((None, *_LIKELIHOODS)), pick((None, None, *get_args(ev.Verdict)))
        if likelihood is None and verdict is None:
            verdict = "unproven"
        return act | {"likelihood": likelihood, "verdict": verdict, "capacity": pick((None, "analyst"))}

    def _about_utterance(self) -> _Fields | None:
        said = self._one(*_ACTS, "retraction")
        if said is None:
            return None
        chain = self._links_for(said)
        form = self._rnd.choice(_FORMS)
        return {"type": "denial", "acts": [said], "chain": chain, "said_at": self.said_at(), "form": form}

    def _about_act(self, tag: str) -> _Fields | None:
        act = self._one(*_ACTS, *(["retraction"] if tag == "retraction" else []))
        if act is None:
            return None
        fields = {"type": tag, "act": act, "chain": self._links_for(act), "said_at": self.said_at()}
        return fields | ({"changes": self._changes(act)} if tag == "correction" else {})

    def _about_record(self, tag: str) -> _Fields | None:
        if tag == "act_graded":
            return {"type": tag, "act": self._one(*_ACTS), "grade": self._rnd.choice((1, 2, 6))}
        target = self._one(*(("claims_related", "source_related") if tag == "relation_withdrawn" else self._ids))
        if target is None:
            return None
        changes = self._changes(target) if tag == "record_amended" else None
        return {"type": tag, "target": target, "why": "a slip", "changes": changes}

    def _entry_of_the_register(self, tag: str) -> _Fields:
        pick = self._rnd.choice
        match tag:
            case "claims_related":
                near, far = self._rnd.sample(CLAIMS, 2)
                return {"from": near, "to": far, "relation": pick(_CLAIM_RELATIONS)}
            case "source_related":
                near, far = self._rnd.sample(_SOURCES, 2)
                return {"from": near, "to": far, "relation": pick(_SOURCE_RELATIONS)}
            case "source_registered":
                return {"source": pick(_SOURCES), "name": pick(_NAMES), "kind": pick(_KINDS)}
            case "source_graded":
                return {"source": pick(_SOURCES), "grade": pick("ABCDEF")}
            case "claim_registered":  # only where the first registration was voided
                return {"claim": pick(CLAIMS), "text": "again", "kind": pick(get_args(ev.ClaimKind))}
            case "claim_reworded":
                return {"claim": pick(CLAIMS), "text": pick(("one", "two")), "why": "clearer"}
            case "ruling_recorded":
                ruling = {"claim": pick(CLAIMS), "ruling": pick(("confirmed", "refuted")), "by": "a court"}
                return ruling | {"reasons": "heard", "said_at": self.said_at()}
            case _:
                return {"claims": self._claims(), "act": self._one(*_ACTS), "bearing": "refutes"}

    def _changes(self, target: str) -> _Fields:
        """A change to one field of an event; whether it fits is for the rules."""
        pick, another = self._rnd.choice, self._one(*self._ids)
        changes: _Fields
        match self._known.clerk.by_id[target].event:
            case ev.Statement() | ev.Denial() | ev.Assessment() as event:
                changes = {"said_at": self.said_at(), "claims": self._claims(), "chain": self._links()}
                changes |= {"possible_claims": self._claims()}
                if isinstance(event, ev.Denial):
                    changes |= {"form": pick(_FORMS), "scope": "framed", "acts": [another]}
                elif isinstance(event, ev.Statement):
                    changes |= {"mode": pick(get_args(ev.Mode))}
                else:
                    changes |= {"verdict": pick(get_args(ev.Verdict))}
            case ev.Retraction(act=act) | ev.Correction(act=act):
                changes = {"said_at": self.said_at(), "act": another, "chain": self._links_for(act)}
            case ev.ClaimRegistered():
                changes = {"text": "amended", "kind": pick(get_args(ev.ClaimKind))}
            case ev.ClaimReworded():
                changes = {"text": "amended", "claim": pick(CLAIMS)}
            case ev.ClaimsRelated():
                changes = {"relation": pick(_CLAIM_RELATIONS), "from": pick(CLAIMS), "to": pick(CLAIMS)}
            case ev.SourceRelated():
                changes = {"relation": pick(_SOURCE_RELATIONS), "from": pick(_SOURCES), "to": pick(_SOURCES)}
            case ev.SourceRegistered():
                changes = {"kind": pick(_KINDS), "source": pick(_SOURCES)}
            case ev.RecordAmended(target=amended):
                changes = {"target": another, "changes": self._changes(amended)}
            case ev.RecordVoided() | ev.RelationWithdrawn():
                changes = {"target": another}
            case ev.RulingRecorded():
                changes = {"said_at": self.said_at(), "claim": pick(CLAIMS)}
            case _:  # grades and evidence: shown, never counted
                changes = {"by": "somebody"}
        field = pick(sorted(changes))
        return {field: changes[field]}

    def _links_for(self, target: str) -> list[_Fields]:
        """Mostly those of the target, or one of them: of somebody who may take it back."""
        links = [msgspec.to_builtins(link) for link in getattr(self._known.clerk.by_id[target].event, "chain", ())]
        return self._rnd.choice((links, links[:1], links[-1:], self._links())) if links else self._links()

    def _links(self) -> list[_Fields]:
        return [self._link() for _ in range(self._rnd.choice((1, 1, 2, 3)))]

    def _link(self) -> _Fields:
        source = self._rnd.choice(_SOURCES) if self._rarely() else None
        return _given({"name": self._rnd.choice(_NAMES), "kind": self._rnd.choice(_KINDS), "source": source})

    def _claims(self) -> list[str]:
        return self._rnd.sample(CLAIMS, self._rnd.choice((1, 1, 1, 2)))

    def _one(self, *types: str) -> str | None:
        ids = [event_id for tag in types for event_id in self._ids.get(tag, ())]
        return self._rnd.choice(ids) if ids else None

    def _rarely(self) -> bool:
        return self._rnd.choice((False, False, False, True))


def as_record(position: int, entry: Entry, recorded_us: int) -> Record:
    """The record that an entry with its id and recorder makes at a position."""
    assert entry.id is not None and entry.recorded_by is not None
    moment = when.moment(recorded_us)
    return Record(position=position, id=entry.id, recorded_at=moment, recorded_by=entry.recorded_by, event=entry.event)


def _made(fields: _Fields) -> Event:
    try:
        return msgspec.convert(_given(fields), Event)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        raise LedgerError(str(error)) from None


def _given(fields: _Fields) -> _Fields:
    return {name: value for name, value in fields.items() if value is not None}


# -- Hypothesis strategies ---------------------------------------------------------------------------------------------


def ledgers(events: int = 30) -> SearchStrategy[list[Exported]]:
    """Random ledgers of up to so many events (see `random_ledger`); `opened` holds them."""
    from hypothesis import strategies as st

    return st.builds(random_ledger, _randoms(), st.integers(0, events))


def acts() -> SearchStrategy[ev.Act]:
    """Statements, denials and assessments of the claims in CLAIMS."""
    return _written(Author.act)


def chains() -> SearchStrategy[tuple[ev.Link, ...]]:
    """Chains of one to three links of every kind."""
    return _written(Author.chain)


def said_ats() -> SearchStrategy[str | None]:
    """Times of every form, and none."""
    return _written(Author.said_at)


def _written(write: Callable[[Author], _T]) -> SearchStrategy[_T]:
    return _randoms().map(lambda rnd: write(Author(rnd)))


def _randoms() -> SearchStrategy[Random]:
    from hypothesis import strategies as st

    return st.randoms(use_true_random=False)
