"""Where does one claim stand, why, and through whom did every word come? And what changed between two cuts?"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from ledger import Ledger, LedgerError, UsageError
from ledger import events as ev
from ledger.cuts import number_of
from ledger.visible import visible_json
from projections import diff, provenance, status, words
from projections.explained import Explained
from projections.status import AssessmentAnswer, Reason, RootAnswer, SideAnswer, Status

from . import drawings, lanes, stops, urls, ways
from .look import Context, Elsewhere, Look
from .stops import Stops, Travel
from .urls import Cuts

SIDES: Final = {"support": "Support", "opposition": "Opposition"}
MOST: Final = 200
"""So many of a kind a page shows at most; the API has all."""
FEW: Final = 10
"""So many origins of a side are shown at once, the others where they are asked for."""
_RAW: Final = 100_000
"""An answer of so many bytes stands on the page; a longer one does elsewhere."""


class Deciding(Struct, frozen=True):
    """An act that decides for a speaker of a root, as it is told."""

    reason: Reason
    event: ev.Act
    about: list[str]
    counted_for: str | None
    by_way_of: list[tuple[str, str]]
    """Those between its speaker and the root, each with its name."""
    so: str | None
    corrections: list[str]


class Counted(Struct, frozen=True):
    """A root on a side, with what decides for each of its speakers."""

    root: RootAnswer
    acts: list[Deciding]


class Weighed(Struct, frozen=True):
    """An assessment, with the act that it was."""

    answer: AssessmentAnswer
    event: ev.Assessment
    about: str | None
    """The text the claim then had, where it has another now."""
    corrections: list[str]


def claim(look: Look) -> Context:
    """A claim at the cuts of the address; a stop of the slider, asked for by its number, goes to its address."""
    ledger, name, cuts = look.ledger, look.params["claim"], look.cuts
    question = ledger.question(name, as_of=cuts.as_of, said_by=cuts.said_by)
    at: dict[str, Any] = {"as_of": question.as_of.position, "said_by": cuts.said_by}
    explained: Explained = ledger.state(Explained, name, **at)
    whole: Explained = ledger.state(Explained, name, as_of=at["as_of"]) if cuts.said_by else explained
    travel = Travel(ledger, whole, question, cuts, told=look.get("history") is not None)
    clocks = travel.clocks()
    if look.get("stop") is not None:
        raise Elsewhere(_stopped(look, clocks))
    found, came = explained.found, ledger.state(provenance, name, **at)
    raw = msgspec.json.encode(found)
    return {
        "found": found,
        "headline": words.headline(found.status, found.support, found.opposition, words.assessed(found.assessments)),
        "sides": {side: counted(explained, side, getattr(found, side)) for side in SIDES},
        "few": FEW,
        "side_titles": SIDES,
        "weighed": weighed(explained)[:MOST],
        "bands": _bands(found),
        "gone": explained.gone[-MOST:],
        "taken_back": explained.taken_back()[-MOST:],
        "relations": _relations(explained)[:MOST],
        "texts": explained.register.claims[name].texts,
        "provenance": came,
        "ways": ways.ways(came, cuts.query),
        "shown_acts": ways.chosen(came, MOST),
        "came": sum(len(origin.acts) for origin in came.origins),
        "spoken": travel.spoken[-MOST:],
        "inferred": travel.inferred,
        "timeline": lanes.timeline(travel.spoken, question.said_by, cuts, travel.inferred),
        "clocks": clocks,
        "clock_texts": stops.clock_texts(question.as_of.position if cuts.as_of else None),
        "history_told": travel.told,
        "history_url": urls.claim_url(name) + urls.query(**cuts.pairs(), history="told") + "#history-title",
        "most": MOST,
        "drawn": {"acts": lanes.MOST, "ways": ways.MOST},
        "raw": visible_json(msgspec.json.format(raw, indent=2)).decode() if len(raw) <= _RAW else None,
        "raw_url": f"/v1{urls.claim_url(name)}{cuts.query}",
        "line": urls.command("claims", "status", name, "--why", *cuts.options()),
    }


def _stopped(look: Look, clocks: list[Stops]) -> str:
    """Where the slider was left, as an address that carries the cut."""
    text, clock = look.query["stop"], look.get("clock") or "said"
    found, here = next(((one.stops, one.here) for one in clocks if one.clock == clock), ([], 0))
    if text == "0" and here is None:  # before the first, where one already is
        return urls.claim_url(look.params["claim"]) + look.cuts.query
    place = number_of(text)
    if place is None or not 1 <= place <= len(found):
        raise UsageError(f"stop: {text!r} is none of the {len(found)} stops of the clock {clock!r}")
    return found[place - 1].url


def counted(explained: Explained, side: str, answer: SideAnswer) -> list[Counted]:
    """The roots of a side, each with the acts that decide for it, in the order of the why."""
    return [
        Counted(root, [_deciding(explained, root, reason) for reason in explained.reasons(side, root.root)])
        for root in answer.roots[:MOST]
    ]


def _deciding(explained: Explained, root: RootAnswer, reason: Reason) -> Deciding:
    name, event, through = explained.found.claim, explained.acts[reason.act or ""].event, reason.through or []
    start = words.start(name, through)
    return Deciding(
        reason=reason,
        event=event,
        about=[start] if start in event.claims else list(event.claims),
        counted_for=root.name if reason.speaker != root.root else None,
        by_way_of=_between(explained, reason.speaker or "", root.root),
        so=words.so(name, through, reason.side or "", reason.inferred) if through else None,
        corrections=_corrections(explained, reason.act or ""),
    )


def _corrections(explained: Explained, act_id: str) -> list[str]:
    return list(map(words.correction, explained.corrections(act_id)))


def _between(explained: Explained, speaker: str, root: str) -> list[tuple[str, str]]:
    """Whom a speaker speaks for on the way up to its root."""
    register, line = explained.register, list(explained.register.lines.line(speaker))
    between = line[1 : line.index(root)] if root in line else []
    return [(source, told[-1].name if (told := register.registered(source)) else source) for source in between]


def weighed(explained: Explained) -> list[Weighed]:
    """Every assessment, those that count first."""
    about = {reason.act: reason.about for reason in explained.found.why if reason.type == "assessment"}
    told = []
    for one in sorted(explained.found.assessments, key=lambda one: not one.counts):
        event = explained.acts[one.act].event
        assert isinstance(event, ev.Assessment)
        told.append(Weighed(one, event, about.get(one.act), _corrections(explained, one.act)))
    return told


def _bands(found: Status) -> dict[str, Any]:
    """The band of each assessment that has one."""
    return {
        one.act: drawings.band(f"band-{place}", one.low, one.high, one.term or "", one.counts)
        for place, one in enumerate(found.assessments)
        if one.low is not None and one.high is not None
    }


def _relations(explained: Explained) -> list[tuple[str, ev.ClaimsRelated]]:
    """Every relation that a reason comes through, then those that touch the claim; each with its event id."""
    name = explained.found.claim
    used = {link.event for reason in explained.found.why for link in reason.through or ()}
    told = [
        (record.id, record.event)
        for record in explained.register.relations
        if isinstance(record.event, ev.ClaimsRelated)
        and (record.id in used or name in (record.event.from_, record.event.to))
    ]
    return sorted(told, key=lambda relation: relation[0] not in used)


def compare(look: Look) -> Context:
    """What changed about a claim between two cuts of one clock."""
    ledger, cuts, name = look.ledger, look.cuts, look.params["claim"]
    clock = look.get("clock") or "said"
    if clock not in stops.CLOCKS:
        raise UsageError(f"{clock!r} is no clock; there are {', '.join(stops.CLOCKS)}")
    fixed = Cuts(as_of=cuts.as_of) if clock == "said" else Cuts(said_by=cuts.said_by)
    question = ledger.question(name, as_of=fixed.as_of, said_by=fixed.said_by)
    now: Explained = ledger.state(Explained, name, as_of=question.as_of.position)
    of_clock = next(one for one in Travel(ledger, now, question, fixed).clocks() if one.clock == clock)
    ends = [look.get("from"), look.get("to")]
    if of_clock.stops:  # what is left open is from the first moment to the last
        ends = [end or of_clock.stops[place].cut for end, place in zip(ends, (0, -1), strict=True)]
    error, found, answers = None, None, []
    try:
        answers = [_at_end(ledger, name, clock, end, fixed) for end in ends]
        found = diff.between(*answers)
    except LedgerError as problem:
        error = str(problem)
    return {
        "claim_text": now.found.text,
        "claim_id": name,
        "clock": clock,
        "clock_texts": stops.clock_texts(question.as_of.position if fixed.as_of else None),
        "ends": ends,
        "end_urls": [_end_url(name, clock, end, fixed) for end in ends],
        "stops": of_clock,
        "error": error,
        "diff": found,
        "answers": answers,
        "headlines": [
            words.headline(one.status, one.support, one.opposition, words.assessed(one.assessments)) for one in answers
        ],
        "fixed": fixed,
        "raw_url": _diff_url(name, clock, ends, fixed),
        "line": urls.command("claims", "diff", name, *(end or "" for end in ends), "--axis", clock, *fixed.options()),
        "cuts": Cuts(),
    }


def _at_end(ledger: Ledger, name: str, clock: str, end: str | None, fixed: Cuts) -> Status:
    cuts = {**fixed.pairs(), "said_by" if clock == "said" else "as_of": end}
    found: Status = ledger.state(status, name, **cuts)
    return found


def _end_url(name: str, clock: str, end: str | None, fixed: Cuts) -> str:
    cuts = {**fixed.pairs(), "said_by" if clock == "said" else "as_of": end}
    return urls.claim_url(name) + urls.query(**cuts)


def _diff_url(name: str, clock: str, ends: list[str | None], fixed: Cuts) -> str:
    """The same answer over HTTP."""
    asked = {"from": ends[0], "to": ends[1], "axis": clock, **fixed.pairs()}
    return f"/v1{urls.claim_url(name)}/diff{urls.query(**asked)}"
