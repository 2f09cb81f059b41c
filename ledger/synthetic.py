"""What does a large ledger look like? Made-up ledgers of any size, for tests and benchmarks of whatever builds on one.

`synthetic(events, seed=…)` tells two years of a newsroom's ledger, lazily and in bounded memory: few claims and sources
are in every mouth and most in hardly any; claims hang together in stories; acts come late, undated or vaguely dated,
and are taken back, corrected, amended and voided. The rules accept every event, so a ledger can simply load it:

    with Ledger.open("large.db") as ledger:
        for receipt in ledger.load(synthetic(1_000_000, seed=1)): ...

The same arguments give the same bytes, on every machine. Nothing in it is about anybody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import islice
from random import Random
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from . import events as ev
from .events import Event, Kind, Link
from .intake import Entry
from .names import slug
from .scales import SCALES
from .when import micros

T = TypeVar("T")
Chain: TypeAlias = tuple[Link, ...]

BEGINS: Final = micros(datetime(2022, 1, 1, tzinfo=UTC))
"""The earliest recording time, in microseconds since 1970-01-01T00:00:00Z."""
LASTS: Final = 730 * 86_400 * 1_000_000
"""About how long the telling takes, in microseconds."""
LARGE_STORY: Final = 1_000
"""So many claims hang together in the one large story of a ledger that has at least five times as many claims."""

_MOST_SOURCES: Final = 20_000
_MOST_TARGETS: Final = 2_048
_OPEN_STORIES: Final = 16
_DAY_US: Final = 86_400 * 1_000_000
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def _shares(**shares: int) -> tuple[Any, ...]:
    """Words to pick from, each as often as its share says."""
    return tuple(word for word, share in shares.items() for _ in range(share))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_LANGUAGES: Final = _shares(en=28, uk=4, ru=2, ar=2, zh=2, hi=2, el=2, fr=2)
_KINDS: Final = _shares(factual=17, predictive=2, normative=1)
_RELATIONS: Final = _shares(entails=17, same_as=1, negates=2)
_MODES: Final = _shares(asserted=41, mention=4, conditional=3, question=2)
_FORMS: Final = _shares(flat=25, dismissal=9, partial=5, no_comment=5, non_denial=3, cannot_confirm=3)
_SCOPES: Final = _shares(explicit=8, framed=1, ambiguous=1)
_REPORTS: Final = _shares(direct_quote=3, partial_quote=1, paraphrase=2, narrated=1)
_VERDICTS: Final = _shares(true=2, false=5, mixed=2, unproven=2, not_checkable=1, other=1)
_RULINGS: Final = _shares(confirmed=2, refuted=2, unresolvable=1)
_LABELS: Final = ("Pants on fire", "Half true", "Falsch", "Not rated", "Satire", None)
_TERMS: Final[Sequence[Any]] = tuple((scale, term) for scale, terms in SCALES.items() for term in terms)
_ROLES: Final = ("spokeswoman", "head of the council", "eyewitness", "minister", "brigade commander", None, None)
_CUES: Final = ("said", "claimed", "told", "wrote", "insisted", "admitted", None, None)
_MEDIA: Final = ("Telegram", "briefing", "interview", "television", "parliament", None, None)
_CLERKS: Final = ("desk", "desk", "desk", "night desk", "anna.k", "import-bot", "Рада")
_WHYS: Final = ("typing error", "that was the date of publication", "entered twice", "wrong claim", "read again")
_VAGUELY: Final = (
    "../{day}", "../{day}", "../{day}", "../{day}", "{day}/..", "{before}/{day}", "{before}/{day}", "{before}~/{day}",
    "{day}~", "{day}~", "{day}~", "{day}?", "{day}?", "{month}", "{month}", "{year}",
)  # fmt: skip
_ZONES: Final = ((0, "Z"), (0, "Z"), (2, "+02:00"), (3, "+03:00"), (-5, "-05:00"), (9, "+09:00"))

_PLACES: Final = _words("""
    Aldermoor Brestova Caldera Dunwick Eastmarch Falkenau Gorodec Harrowgate Istria Jelovac Karst Lindenau Marava
    Norhaven Oswin Pelagia Quarry Rudnik Saltmarsh Tarnow Umberto Vesna Wolfsthal Zelenets""")
_GIVEN: Final = _words("""
    Anna Bohdan Carmen Dmytro Elif Farid Greta Hassan Ines Jonas Katya Liang Mariam Nikos Olena Pavel Quentin Rania
    Stefan Teodora Ulrik Vera Wanda Yusuf Оксана Сергій فاطمة 王芳 Ελένη Zoë""")
_FAMILY: Final = _words("""
    Adler Bondar Costa Demir Egger Fontaine Gashi Hadad Ivanenko Jansen Kovar Lysenko Moreau Nowak Orlov Petrou Quint
    Rossi Sato Tamm Ursu Vogel Weiss Yilmaz Zhou Мельник الحسن 李 Παππάς Núñez""")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BODIES: Final[Sequence[tuple[str, Kind]]] = (
    ("Ministry of Defence of %s", "office"),
    ("%s Regional Council", "organisation"),
    ("Red Cross of %s", "organisation"),
)
_OUTLETS: Final = ("%s Herald", "Radio %s", "The %s Post", "%s 24", "Новини %s", "%s时报")
_ANONYMOUS: Final[Sequence[tuple[str, Kind]]] = (
    ("a senior official", "unnamed"),
    ("a person with knowledge of the matter", "unnamed"),
    ("a source in the army", "unnamed"),
    ("two diplomats", "unnamed"),
    ("residents", "collective"),
    ("eyewitnesses", "collective"),
    ("reports", "untraced"),
)
_TOPICS: Final = (  # (stem of the id, text with a place and a number, language)
    ("bridge-closed", "The bridge near {} was closed for {} hours.", "en"),
    ("depot-fire", "A fire in the depot of {} destroyed {} vehicles.", "en"),
    ("ballot-boxes", "In {}, {} ballot boxes disappeared.", "en"),
    ("mayor-resigns", "The mayor of {} offered to resign after {} days.", "en"),
    ("troops-seen", "Near {}, {} soldiers without insignia were seen.", "en"),
    ("strike-ends", "In {} the strike of {} drivers was called off.", "en"),
    ("usine-fermée", "L’usine de {} fermera, {} emplois sont supprimés.", "fr"),
    ("міст-закрито", "Міст біля {} закрито на {} годин.", "uk"),
    ("إغلاق-الجسر", "أغلق الجسر قرب {} لمدة {} ساعة.", "ar"),
    ("大桥封闭", "{}附近的大桥封闭了{}小时。", "zh"),
)
_QUOTES: Final = {
    "en": ("We counted {} of them, and nobody came to help.", "That is not what happened.", "I tell what I saw.",
           "The figure of {} is far too high.", "Our people were there, and they will stay there.",
           "There was smoke over the harbour until the evening – then silence.", "No comment at this time.",
           "It is “entirely possible” that there were {}.", "Ask those who were in command that night."),
    "uk": ("Ми нарахували {}, але точних даних ще немає.", "Це не відповідає дійсності.", "Там нікого не було."),
    "ru": ("Речь идёт примерно о {} случаях.", "Никаких подтверждений этому нет.", "Мы это не комментируем."),
    "ar": ("لا صحة لهذه الأنباء.", "شاهدنا {} منهم في الطريق.", "نحن لا نعلق على الشائعات."),
    "zh": ("目前没有任何证据。", "现场大约有{}人。", "我们不予置评。"),
    "hi": ("यह खबर सही नहीं है।", "वहाँ लगभग {} लोग थे।"),
    "el": ("Δεν έχουμε επιβεβαίωση για τους {}.", "Αυτό δεν συνέβη ποτέ."),
    "fr": ("Nous n’avons « aucune information » à ce sujet.", "Ils étaient {}, peut-être davantage."),
}  # fmt: skip


def synthetic(events: int, claims: int | None = None, seed: int = 0) -> Iterator[tuple[Entry, int]]:
    """So many entries, each with its recorded_at in microseconds, as `Ledger.load` takes them.

    Exactly `claims` of the events register a claim (a fifth of them, unless said). Ids are UUIDv7 that sort as the
    records do; recorded_at increases. Raises ValueError where there are more claims than events.
    """
    claims = min(events, max(1, events // 5)) if claims is None else claims
    if not 0 <= min(events, 1) <= claims <= events:
        raise ValueError(f"{claims:,} claims do not fit into {events:,} events; give 1 to {events:,}")
    return map(_Telling(events, claims, Random(seed)).next, range(events))  # noqa: S311  reproducible, not secret


class _Target(NamedTuple):
    """An act that others may answer, take back, correct, amend or void."""

    id: str
    event: ev.Act
    at: int


class _Telling:
    """Tells a ledger, event by event. Every choice draws from one stream of random numbers."""

    def __init__(self, events: int, claims: int, random: Random) -> None:
        self._events, self._claims = events, claims
        self._bits, self._random = random.getrandbits, random.random
        self._salt = random.getrandbits(32)
        self._cast = _Cast(events, random.random)
        self._stories = _Stories(claims, random.random)
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
        return Entry(event=self._event(place), id=self._id, recorded_by=self._pick(_CLERKS)), self._at

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
        return _TOPICS[(claim * 2_654_435_761 + self._salt >> 8) % len(_TOPICS)]

    def _place(self, claim: int) -> str:
        return _PLACES[(claim * 40_503 + self._salt >> 5) % len(_PLACES)]

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
            kind=self._pick(_KINDS),
            language=self._topic(claim)[2] if chance < 0.5 else None,
            external=f"desk:{claim:07d}" if chance < 0.1 else None,
        )

    def _relation(self, claim: int, earlier: int) -> ev.ClaimsRelated:
        ends, chance = [self._claim_id(claim), self._claim_id(earlier)], self._random()
        from_, to = ends if chance < 0.75 else reversed(ends)
        by = "desk" if chance < 0.5 else None
        return ev.ClaimsRelated(from_=from_, to=to, relation=self._pick(_RELATIONS), by=by)

    def _relation_withdrawn(self) -> Event | None:
        related, self._related = self._related, None
        return ev.RelationWithdrawn(target=related, why=self._pick(_WHYS)) if related else None

    def _reworded(self) -> Event:
        claim = self._claim()
        text = self._claim_text(claim, 3 + claim % 89)
        return ev.ClaimReworded(claim=self._claim_id(claim), text=text, why=self._pick(_WHYS))

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
        claim, ruling = self._claim_id(self._claim()), self._pick(_RULINGS)
        by, reasons = "standards desk", "Documents and two witnesses."
        return ev.RulingRecorded(claim=claim, ruling=ruling, by=by, reasons=reasons, said_at=self._said_at())

    # Acts

    def _statement(self) -> Event:
        return self._kept(ev.Statement(claims=self._some_claims(), mode=self._pick(_MODES), **self._utterance()))

    def _denial(self) -> Event:
        claims, form = self._some_claims(), self._pick(_FORMS)
        sure = len(claims) if self._random() < 0.5 else 1
        return self._kept(
            ev.Denial(
                claims=claims[:sure],
                possible_claims=claims[sure:],
                form=form,
                scope=self._pick(_SCOPES),
                denied_part="the number" if form == "partial" else None,
                **self._utterance(),
            )
        )

    def _assessment(self) -> Event:
        chance = self._random()
        weighed: dict[str, Any] = {}
        if chance < 0.65:
            weighed |= {"verdict": self._pick(_VERDICTS), "label": self._pick(_LABELS), "capacity": "fact_checker"}
        if chance > 0.6:
            weighed |= {"likelihood": self._likelihood(), "confidence": self._pick(("low", "moderate", "high", None))}
            weighed["capacity"] = self._pick(("analyst", "analyst", "desk", "party"))
        return self._kept(ev.Assessment(claims=self._some_claims(), **weighed, **self._utterance()))

    def _likelihood(self) -> ev.Likelihood:
        if self._random() < 0.15:
            return ev.Likelihood(term="odds-on", scale="inferred", low=0.5, high=0.9, mapped_by="desk")
        scale, term = self._pick(_TERMS)
        return ev.Likelihood(term=term, scale=scale)

    def _utterance(self) -> dict[str, Any]:
        """What all acts share."""
        fields: dict[str, Any] = {"chain": self._cast.chain(), "said_at": self._said_at()}
        chance = self._random()
        if chance < 0.6:
            language = self._pick(_LANGUAGES)
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
        phrases, chance = _QUOTES[language], self._random()
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
        return ev.Denial(acts=(target.id,), form=self._pick(_FORMS), chain=chain, said_at=self._said_at())

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
        return ev.RecordAmended(target=target.id, changes=changes, why=self._pick(_WHYS))

    def _void(self) -> Event | None:
        target = self._take()
        if target is None:
            return None
        self._mending = self._id
        return ev.RecordVoided(target=target.id, why=self._pick(_WHYS))

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
            return _moment(said, *_ZONES[int(chance * 100) % len(_ZONES)])
        before = _day(said // _DAY_US - 1 - int(chance * 100) % 9)
        return self._pick(_VAGUELY).format(day=day, before=before, month=day[:7], year=day[:4])


class _Source(NamedTuple):
    """A source as the desk knows it."""

    name: str
    kind: Kind
    role: str | None = None

    @property
    def id(self) -> str:
        return slug(self.name)

    @property
    def short(self) -> str:
        """Its name with the first part cut to an initial, as some print it."""
        given, _, rest = self.name.partition(" ")
        return f"{given[0]}. {rest}"


class _Cast:
    """Who speaks, and through whom. The first of each kind are in every mouth, the last in hardly any."""

    def __init__(self, events: int, random: Callable[[], float]) -> None:
        self._random = random
        size, turn = min(_MOST_SOURCES, 24 + events // 40), 9 * int(random() * 1_000)
        self._people = [_person(turn + i) for i in range(size * 55 // 100)]
        self._bodies = [_body(turn + i) for i in range(max(4, size * 15 // 100))]
        self._outlets = [_outlet(turn + i) for i in range(max(4, size * 22 // 100))]
        self._accounts = [
            _Source(f"@{_of(random(), _PLACES).lower()}_{turn + i}", "account") for i in range(2 + size // 12)
        ]
        self._principals: dict[str, _Source] = {}  # by name: for whom the register has somebody speak
        self._telling = self._all_told()
        self._grading = islice(
            (one for pair in zip(self._people, self._outlets, strict=False) for one in pair), size // 5
        )

    def chain(self) -> Chain:
        """Who uttered it, and the links through which it came."""
        depth = self._random()
        if depth < 0.1:
            return (self._carrier(),)
        speaker = self._speaker()
        if depth < 0.25:
            return (speaker,)
        if depth < 0.75:
            return (speaker, self._carrier())
        if depth < 0.92:
            return (speaker, self._carrier(), self._carrier())
        return (speaker, self._body(), self._carrier(), self._carrier())

    def entitled(self, chain: Chain) -> Chain:
        """Somebody who may take an act back: its speaker; at times its last carrier, or for whom its speaker speaks."""
        chance = self._random()
        if chance > 0.7 and len(chain) > 1:
            return (Link(name=chain[-1].name, kind=chain[-1].kind),)
        principal = self._principals.get(chain[0].name)
        if chance > 0.6 and principal and chain[0].source is None:
            return (Link(name=principal.name, kind=principal.kind),)
        return self.speaking_again(chain)

    @staticmethod
    def speaking_again(chain: Chain) -> Chain:
        """The speaker of an act, as itself; whoever has no name is known by its carrier only."""
        first = chain[0]
        return chain if first.kind in ev.BY_CARRIER else (Link(name=first.name, source=first.source, kind=first.kind),)

    def told(self) -> Event | None:
        """The next thing that the desk puts down of a source, while there is any."""
        return next(self._telling, None)

    def graded(self) -> Event | None:
        """The next grading of a source, while there is any."""
        one = next(self._grading, None)
        return (
            ev.SourceGraded(source=one.id, grade=_of(self._random(), ("A", "B", "B", "C", "D", "E", "F")))
            if one
            else None
        )

    def _speaker(self) -> Link:
        chance = self._random()
        if chance < 0.58:
            return self._person()
        if chance < 0.78:
            return self._body()
        if chance < 0.88:
            return Link(
                name=self._famous(self._accounts).name, kind="account", medium="Telegram" if chance < 0.85 else None
            )
        name, kind = _of(self._random(), _ANONYMOUS)
        return Link(name=name, kind=kind, report="paraphrase" if chance < 0.94 else None)

    def _person(self) -> Link:
        one, chance = self._famous(self._people), self._random()
        return Link(
            name=one.name if chance > 0.06 else one.short,
            source=one.id if chance < 0.04 else None,
            kind="person" if chance < 0.9 else None,
            role=one.role if chance > 0.3 else None,
            cue=_of(chance, _CUES),
            report=_of(self._random(), _REPORTS) if chance < 0.8 else None,
        )

    def _body(self) -> Link:
        one, chance = self._famous(self._bodies), self._random()
        return Link(name=one.name, kind=one.kind if chance < 0.92 else None, cue=_of(chance, _CUES))

    def _carrier(self) -> Link:
        one, chance = self._famous(self._outlets), self._random()
        if chance < 0.5:
            return Link(name=one.name, kind="outlet")
        return Link(name=one.name, kind="outlet" if chance < 0.95 else None, medium=_of(self._random(), _MEDIA))

    def _famous(self, items: Sequence[_Source]) -> _Source:
        """One of them by Zipf's law: the n-th comes about 1/n as often as the first."""
        return items[int(len(items) ** self._random()) - 1]

    def _all_told(self) -> Iterator[Event]:
        """All that is ever put down of them, the famous first: a part is registered, some speak for others."""
        for place, one in enumerate(self._outlets):
            if place % 3 == 0:
                yield ev.SourceRegistered(source=one.id, name=one.name, kind="outlet")
            for person in self._people[place * 3 : place * 3 + 3]:
                yield from self._told_of_person(person, self._bodies[place % len(self._bodies)])
            if place < len(self._bodies):
                yield from self._told_of_body(self._bodies[place], self._bodies[place - place % 9])
            if place % 5 == 4:
                yield ev.SourceRelated(
                    from_=one.id, to=self._outlets[place % 4].id, relation="republishes", basis="its wire"
                )
            if place % 4 == 1:  # one who wants no name told two outlets, and both know that it was not the same one
                ends = [
                    f"{slug(_ANONYMOUS[place % 3][0])}@{outlet.id}" for outlet in self._outlets[place - 1 : place + 1]
                ]
                yield ev.SourceRelated(from_=ends[0], to=ends[1], relation="independent_of", basis="met both")

    def _told_of_person(self, one: _Source, body: _Source) -> Iterator[Event]:
        chance = self._random()
        if chance < 0.4:
            known = "Known to the desk." if chance < 0.1 else None
            yield ev.SourceRegistered(source=one.id, name=one.name, kind="person", description=known)
        if chance > 0.5:
            self._principals[one.name] = body
            yield ev.SourceRelated(from_=one.id, to=body.id, relation="speaks_for", basis=one.role)
        elif chance > 0.3:
            yield ev.SourceRelated(from_=one.id, to=body.id, relation="member_of")
        if 0.45 < chance < 0.55 and slug(one.short) != one.id:
            yield ev.SourceRelated(from_=slug(one.short), to=one.id, relation="same_as", basis="initials")

    def _told_of_body(self, one: _Source, state: _Source) -> Iterator[Event]:
        if self._random() < 0.5:
            yield ev.SourceRegistered(source=one.id, name=one.name, kind=one.kind)
        if one != state:
            self._principals[one.name] = state
            yield ev.SourceRelated(from_=one.id, to=state.id, relation="speaks_for")


class _Stories:
    """Which claims hang together: those of one large story, those of many small ones; most stand alone."""

    def __init__(self, claims: int, random: Callable[[], float]) -> None:
        self._random = random
        self._open: list[tuple[int, list[int]]] = [(0, [])] * _OPEN_STORIES  # how many there will be, and are
        self._large: list[int] = []
        self._large_begins = claims // 4 if claims >= 5 * LARGE_STORY else claims
        self._large_share = 2 * LARGE_STORY / max(1, claims)

    def join(self, claim: int) -> list[int]:
        """The earlier claims of its story to which a claim is related: none, one, at times two."""
        members = self._story(claim)
        if members is None:
            return []
        number = min(len(members), 2 if self._random() < 0.06 else 1)
        related = {_of(self._random(), members) for _ in range(number)}
        members.append(claim)
        return sorted(related)

    def _story(self, claim: int) -> list[int] | None:
        chance = self._random()
        if claim >= self._large_begins and len(self._large) < LARGE_STORY and chance < self._large_share:
            return self._large
        if self._random() > 0.3:
            return None
        place = int(self._random() * _OPEN_STORIES)
        size, members = self._open[place]
        if len(members) >= size:
            size, members = self._open[place] = 2 + int(19 * self._random() ** 2), []
        return members


def _of(chance: float, items: Sequence[T]) -> T:
    return items[int(chance * len(items))]


def _other_manner(act: ev.Act) -> dict[str, Any]:
    match act:
        case ev.Statement():
            return {"mode": "mention" if act.mode == "asserted" else "asserted"}
        case ev.Denial():
            return {"form": "flat" if act.form == "partial" else "partial"}
        case ev.Assessment():
            return {"verdict": "false" if act.verdict == "true" else "true"}


def _person(number: int) -> _Source:
    given, family = _GIVEN[number % len(_GIVEN)], _FAMILY[number // 7 % len(_FAMILY)]
    initials = f"{_LETTERS[number // 210 % 26]}. {_LETTERS[number // 5_460 % 26]}."
    return _Source(f"{given} {initials} {family}", "person", _ROLES[number % len(_ROLES)])


def _body(number: int) -> _Source:
    pattern, kind = _BODIES[number % 3] if number % 9 else ("Republic of %s", "state")
    return _Source(_numbered(pattern, number), kind)


def _outlet(number: int) -> _Source:
    return _Source(_numbered(_OUTLETS[number // len(_PLACES) % len(_OUTLETS)], number), "outlet")


def _numbered(pattern: str, number: int) -> str:
    return f"{pattern % _PLACES[number % len(_PLACES)]} {number // len(_PLACES)}"


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
