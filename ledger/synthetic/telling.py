"""What is recorded next in a made-up ledger?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from ledger import events as ev
from ledger.events import Event
from ledger.intake import Entry
from ledger.when import micros

from .cast import Cast, Chain
from .phrases import (
    CLERKS,
    FORMS,
    KINDS,
    LABELS,
    LANGUAGES,
    MODES,
    PLACES,
    QUOTES,
    RELATIONS,
    RULINGS,
    SCOPES,
    TERMS,
    TOPICS,
    VAGUELY,
    VERDICTS,
    WHYS,
    ZONES,
)
from .stories import Stories

T = TypeVar("T")

BEGINS: Final = micros(datetime(2022, 1, 1, tzinfo=UTC))
"""The earliest recording time, in microseconds since 1970-01-01T00:00:00Z."""
LASTS: Final = 730 * 86_400 * 1_000_000
"""About how long the telling takes, in microseconds."""

_MOST_TARGETS: Final = 2_048
_DAY_US: Final = 86_400 * 1_000_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


class _Target(NamedTuple):
    """An act that others may answer, take back, correct, amend or void."""

    id: str
    event: ev.Act
    at: int


class Telling:
    """Tells a ledger, event by event. Every choice draws from one stream of random numbers."""

    def __init__(self, events: int, claims: int, random: Random) -> None:
        self._events, self._claims = events, claims
        self._bits, self._random = random.getrandbits, random.random
        self._salt = random.getrandbits(32)
        self._cast = Cast(events, random.random)
        self._stories = Stories(claims, random.random)
        self._at, self._id = BEGINS, ""  # of the event being told
        self._registered = 0
        self._relations: deque[ev.ClaimsRelated] = deque()  # found, and not yet told
        self._targets: list[_Target | None] = [None] * max(8, min(_MOST_TARGETS, events // 20))
        self._mending: str | None = None  # the last amendment or void
        self._related: str | None = None  # the last relation between claims
        self._retracted: tuple[str, Chain] | None = None  # the last retraction, and whose it was
        shares: dict[Callable[[], Event | None], int] = {
            self._statement: 560, self._denial: 190, self._assessment: 160, self._source_told: 30, self._amendment: 16,
            self._retraction: 8, self._correction: 8, self._evidence: 8, self._grade: 6, self._void: 4,
            self._denied_utterance: 3, self._reworded: 3, self._ruling: 3, self._relation_withdrawn: 1,
            self._voided_mending: 1,
        }  # fmt: skip
        self._usual = tuple(tell for tell, share in shares.items() for _ in range(share))

    def next(self, place: int) -> tuple[Entry, int]:
        """The event at a place, counted from 0, and when it was recorded."""
        self._at += 1 + int(2 * LASTS / self._events * self._random())
        self._id = _uuid7(self._at, self._bits(62))
        return Entry(event=self._event(place), id=self._id, recorded_by=self._pick(CLERKS)), self._at

    def _event(self, place: int) -> Event:
        due, left = place * self._claims // self._events, self._events - place
        if self._registered <= due or left <= self._claims - self._registered:
            return self._registration()
        if self._relations and self._random() < 0.1:
            self._related = self._id
            return self._relations.popleft()
        return self._pick(self._usual)() or self._statement()

    # Choosing

    def _pick(self, items: Sequence[T]) -> T:
        return items[int(self._random() * len(items))]

    def _claim(self) -> int:
        """One of the claims there are: half of the time a fresh one, else one of those that everybody talks about."""
        chance = self._random()
        if chance < 0.5:
            return self._registered - int(self._registered ** self._random())
        return int(self._registered * (chance * 2 - 1) ** 3)

    def _some_claims(self) -> tuple[str, ...]:
        """One claim; at times two to four that were registered one after the other."""
        claim, chance = self._claim(), self._random()
        if chance < 0.8:
            return (self._claim_id(claim),)
        first = claim - (1 if chance < 0.94 else 2 if chance < 0.99 else 3)
        return tuple(self._claim_id(one) for one in range(max(0, first), claim + 1))

    def _claim_id(self, claim: int) -> str:
        return f"{self._topic(claim)[0]}-{self._place(claim).lower()}-{claim}"

    def _claim_text(self, claim: int, number: int) -> str:
        return self._topic(claim)[1].format(self._place(claim), number)

    def _topic(self, claim: int) -> tuple[str, str, str]:
        return TOPICS[(claim * 2_654_435_761 + self._salt >> 8) % len(TOPICS)]

    def _place(self, claim: int) -> str:
        return PLACES[(claim * 40_503 + self._salt >> 5) % len(PLACES)]

    def _take(self) -> _Target | None:
        """An act that nothing was done to, and that is about to have something done to it."""
        place = int(self._random() * len(self._targets))
        target, self._targets[place] = self._targets[place], None
        return target

    # The register

    def _registration(self) -> Event:
        claim, chance = self._registered, self._random()
        self._registered += 1
        self._relations += [self._relation(claim, earlier) for earlier in self._stories.join(claim)]
        return ev.ClaimRegistered(
            claim=self._claim_id(claim),
            text=self._claim_text(claim, 2 + claim % 97),
            kind=self._pick(KINDS),
            language=self._topic(claim)[2] if chance < 0.5 else None,
            external=f"desk:{claim:07d}" if chance < 0.1 else None,
        )

    def _relation(self, claim: int, earlier: int) -> ev.ClaimsRelated:
        ends, chance = [self._claim_id(claim), self._claim_id(earlier)], self._random()
        from_, to = ends if chance < 0.75 else reversed(ends)
        by = "desk" if chance < 0.5 else None
        return ev.ClaimsRelated(from_=from_, to=to, relation=self._pick(RELATIONS), by=by)

    def _relation_withdrawn(self) -> Event | None:
        related, self._related = self._related, None
        return ev.RelationWithdrawn(target=related, why=self._pick(WHYS)) if related else None

    def _reworded(self) -> Event:
        claim = self._claim()
        text = self._claim_text(claim, 3 + claim % 89)
        return ev.ClaimReworded(claim=self._claim_id(claim), text=text, why=self._pick(WHYS))

    def _source_told(self) -> Event | None:
        return self._cast.told()

    def _grade(self) -> Event | None:
        if self._random() < 0.5:
            return self._cast.graded()
        target = self._pick(self._targets)
        return ev.ActGraded(act=target.id, grade=self._pick((1, 2, 2, 3, 3, 4, 5, 6))) if target else None

    def _evidence(self) -> Event:
        target = self._pick(self._targets) if self._random() < 0.4 else None
        return ev.EvidenceAttached(
            claims=() if target else self._some_claims(),
            act=target.id if target else None,
            bearing=self._pick(("supports", "refutes", "context", "context")),
            sha256=f"{self._bits(256):064x}",
            media_type=self._pick(("image/jpeg", "application/pdf", "video/mp4")),
        )

    def _ruling(self) -> Event:
        claim, ruling = self._claim_id(self._claim()), self._pick(RULINGS)
        by, reasons = "standards desk", "Documents and two witnesses."
        return ev.RulingRecorded(claim=claim, ruling=ruling, by=by, reasons=reasons, said_at=self._said_at())

    # Acts

    def _statement(self) -> Event:
        return self._kept(ev.Statement(claims=self._some_claims(), mode=self._pick(MODES), **self._utterance()))

    def _denial(self) -> Event:
        claims, form = self._some_claims(), self._pick(FORMS)
        sure = len(claims) if self._random() < 0.5 else 1
        return self._kept(
            ev.Denial(
                claims=claims[:sure],
                possible_claims=claims[sure:],
                form=form,
                scope=self._pick(SCOPES),
                denied_part="the number" if form == "partial" else None,
                **self._utterance(),
            )
        )

    def _assessment(self) -> Event:
        chance = self._random()
        weighed: dict[str, Any] = {}
        if chance < 0.65:
            weighed |= {"verdict": self._pick(VERDICTS), "label": self._pick(LABELS), "capacity": "fact_checker"}
        if chance > 0.6:
            weighed |= {"likelihood": self._likelihood(), "confidence": self._pick(("low", "moderate", "high", None))}
            weighed["capacity"] = self._pick(("analyst", "analyst", "desk", "party"))
        return self._kept(ev.Assessment(claims=self._some_claims(), **weighed, **self._utterance()))

    def _likelihood(self) -> ev.Likelihood:
        if self._random() < 0.15:
            return ev.Likelihood(term="odds-on", scale="inferred", low=0.5, high=0.9, mapped_by="desk")
        scale, term = self._pick(TERMS)
        return ev.Likelihood(term=term, scale=scale)

    def _utterance(self) -> dict[str, Any]:
        """What all acts share."""
        fields: dict[str, Any] = {"chain": self._cast.chain(), "said_at": self._said_at()}
        chance = self._random()
        if chance < 0.6:
            language = self._pick(LANGUAGES)
            fields["quote"], fields["language"] = self._quote(language), language
            if chance < 0.05 and language != "en":
                fields["original"], fields["quote"] = fields["quote"], self._quote("en")
        if chance > 0.4:
            fields["url"] = f"https://news.example/{self._bits(40):010x}"
        if 0.55 < chance < 0.62:
            fields["note"] = "Second paragraph; the headline says more than the text."
        if chance > 0.95 and (answered := self._pick(self._targets)):
            fields["in_reply_to"] = answered.id
        return fields

    def _quote(self, language: str) -> str:
        phrases, chance = QUOTES[language], self._random()
        text = self._pick(phrases) if chance < 0.6 else f"{self._pick(phrases)} {self._pick(phrases)}"
        return text.replace("{}", str(3 + int(chance * 400)))

    def _kept(self, act: ev.Act) -> Event:
        if self._random() < 0.25:
            self._targets[int(self._random() * len(self._targets))] = _Target(self._id, act, self._at)
        return act

    # About acts, and about entries

    def _retraction(self) -> Event | None:
        chance = self._random()
        if chance < 0.05 and self._retracted is not None:
            (act, chain), self._retracted = self._retracted, None  # whoever took it back stands by it after all
        elif (target := self._take()) is not None:
            act, chain = target.id, self._cast.entitled(target.event.chain)
            self._retracted = (self._id, chain)
        else:
            return None
        reason = "New information." if chance < 0.5 else None
        return ev.Retraction(act=act, chain=chain, said_at=self._said_at(), reason=reason)

    def _correction(self) -> Event | None:
        target, chance = self._take(), self._random()
        if target is None:
            return None
        changes: dict[str, Any] = {"quote": self._quote("en"), "language": None}
        if chance < 0.4:
            changes = {"said_at": _day(target.at // _DAY_US - 1 - int(chance * 50))}
        elif chance < 0.6:
            changes = {"claims": list(self._some_claims())}
        chain = self._cast.entitled(target.event.chain)
        return ev.Correction(act=target.id, changes=changes, chain=chain, said_at=self._said_at())

    def _denied_utterance(self) -> Event | None:
        target = self._take()
        if target is None:
            return None
        chain = self._cast.speaking_again(target.event.chain)
        return ev.Denial(acts=(target.id,), form=self._pick(FORMS), chain=chain, said_at=self._said_at())

    def _amendment(self) -> Event | None:
        target, chance = self._take(), self._random()
        if target is None:
            return None
        changes: dict[str, Any] = {"said_at": _day(target.at // _DAY_US - int(chance * 80)) if chance < 0.45 else None}
        if chance > 0.8:
            changes = _other_manner(target.event)
        elif chance > 0.65:
            changes = {"note": None, "quote": self._quote("uk"), "language": "uk"}
        elif chance > 0.5:
            changes = {"claims": list(self._some_claims())}
        self._mending = self._id
        return ev.RecordAmended(target=target.id, changes=changes, why=self._pick(WHYS))

    def _void(self) -> Event | None:
        target = self._take()
        if target is None:
            return None
        self._mending = self._id
        return ev.RecordVoided(target=target.id, why=self._pick(WHYS))

    def _voided_mending(self) -> Event | None:
        mending, self._mending = self._mending, None
        return ev.RecordVoided(target=mending, why="the entry was right after all") if mending else None

    def _said_at(self) -> str | None:
        """Written in every way; mostly shortly before it was recorded, at times long before."""
        chance = self._random()
        if chance < 0.08:
            return None
        long_before = 0.46 < chance < 0.5
        lag_us = (30 + 570 * self._random()) * _DAY_US if long_before else 60e6 * 4_320 ** self._random()
        said = self._at - int(lag_us)
        day = _day(said // _DAY_US)
        if chance < 0.5:
            return day
        if chance < 0.84:
            return _moment(said, *ZONES[int(chance * 100) % len(ZONES)])
        before = _day(said // _DAY_US - 1 - int(chance * 100) % 9)
        return self._pick(VAGUELY).format(day=day, before=before, month=day[:7], year=day[:4])


def _other_manner(act: ev.Act) -> dict[str, Any]:
    match act:
        case ev.Statement():
            return {"mode": "mention" if act.mode == "asserted" else "asserted"}
        case ev.Denial():
            return {"form": "flat" if act.form == "partial" else "partial"}
        case ev.Assessment():
            return {"verdict": "false" if act.verdict == "true" else "true"}


@lru_cache(maxsize=4_096)
def _day(days: int) -> str:
    """A day, counted from 1970-01-01, as ISO 8601."""
    return date.fromordinal(days + _EPOCH_DAY).isoformat()


def _moment(at: int, hours: int, zone: str) -> str:
    minutes = at // 60_000_000 + hours * 60
    return f"{_day(minutes // 1_440)}T{minutes // 60 % 24:02d}:{minutes % 60:02d}{zone}"


def _uuid7(at: int, noise: int) -> str:
    """A UUIDv7 (RFC 9562) of a moment in microseconds, which sorts as moments do, with 62 bits of noise."""
    ms, us = divmod(at, 1_000)
    digits = f"{ms << 16 | 7 << 12 | us * 4_096 // 1_000:016x}{2 << 62 | noise:016x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
