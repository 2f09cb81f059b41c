"""Where does one claim stand, why, and through whom did every word come? And what changed between two cuts?"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger import Ledger, LedgerError, UsageError
from ledger import events as ev
from ledger.visible import visible_json
from projections import diff, provenance, status, words
from projections.explained import Explained
from projections.provenance import Provenance
from projections.status import AssessmentAnswer, Reason, RootAnswer, SideAnswer, Status
from projections.timeline import History, Spoken, spoken

from .. import service
from ..asking import number
from . import drawings, lanes, stops, urls, ways
from .look import HEADERS, Context, cuts_of, page, shown
from .urls import Cuts

SIDES: Final = {"support": "Support", "opposition": "Opposition"}


class Deciding(Struct, frozen=True):
    """An act that decides for a speaker of a root, as it is told."""

    reason: Reason
    event: ev.Act
    about: list[str]
    counted_for: str | None
    so: str | None


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


@shown
async def claim(request: Request) -> Response:
    """A claim at the cuts of the address; a stop of the slider, asked for by its number, goes to its address."""
    asked, cuts, name = service.of(request).ledger, cuts_of(request), request.path_params["claim"]
    if "stop" in request.query_params:
        return await _to_stop(request, name)
    return await page(request, "claim.html", lambda: _answer(asked, name, cuts))


def _answer(ledger: Ledger, name: str, cuts: Cuts) -> Context:
    question = _question(ledger, name, cuts)
    at: dict[str, Any] = {"as_of": question.as_of.position, "said_by": cuts.said_by}
    explained: Explained = ledger.state(Explained, name, **at)
    words_from: Provenance = ledger.state(provenance, name, **at)
    by_said, by_record = stops.histories(ledger, name, question.as_of.position, cuts)
    found = explained.found
    whole: Explained = ledger.state(Explained, name, as_of=question.as_of.position) if cuts.said_by else explained
    lanes_of, inferred = _spoken(by_said, whole)
    return {
        "found": found,
        "headline": words.headline(found.status, found.support, found.opposition, words.assessed(found.assessments)),
        "sides": {side: counted(explained, side, getattr(found, side)) for side in SIDES},
        "side_titles": SIDES,
        "weighed": list(weighed(explained)),
        "bands": _bands(found),
        "gone": _gone(explained),
        "relations": _relations(explained),
        "texts": explained.register.claims[name].texts,
        "provenance": words_from,
        "ways": ways.ways(words_from, cuts.query),
        "spoken": lanes_of,
        "inferred": inferred,
        "timeline": lanes.timeline(lanes_of, question.said_by, cuts.query, inferred),
        "clocks": [
            stops.said(name, by_said, cuts, question.said_by),
            stops.recorded(ledger, name, by_record, cuts, None if cuts.as_of is None else question.as_of.position),
        ],
        "clock_texts": stops.CLOCKS,
        "raw": visible_json(msgspec.json.format(msgspec.json.encode(found), indent=2)).decode(),
        "raw_url": f"/v1{urls.claim_url(name)}{cuts.query}",
        "line": urls.command("claims", "status", name, "--why", *cuts.options()),
        "head": ledger.head,
    }


def _spoken(history: History, whole: Explained) -> tuple[list[Spoken], set[str]]:
    """All acts of the timeline, and which of them are on other claims and decide here all the same."""
    own = {act.act for act in history.acts}
    inferred = {reason.act for reason in whole.found.why if reason.act is not None and reason.inferred} - own
    from_afar = [spoken(whole.acts[act], whole.acts[act].is_live) for act in inferred]
    return sorted([*history.acts, *from_afar], key=lambda act: (act.latest, act.act)), inferred


def _question(ledger: Ledger, name: str, cuts: Cuts) -> Any:
    return ledger.question(name, as_of=cuts.as_of, said_by=cuts.said_by)


async def _to_stop(request: Request, name: str) -> Response:
    """Where the slider was left, as an address that carries the cut."""
    from starlette.concurrency import run_in_threadpool

    ledger, cuts = service.of(request).ledger, cuts_of(request)
    place = number(request, "stop", 0, stops.MOST)
    clock = request.query_params.get("clock", "said")

    def answer() -> str:
        question = _question(ledger, name, cuts)
        by_said, by_record = stops.histories(ledger, name, question.as_of.position, cuts)
        of_clock = (
            stops.said(name, by_said, cuts, question.said_by)
            if clock == "said"
            else stops.recorded(ledger, name, by_record, cuts, question.as_of.position)
        )
        return of_clock.stops[min(place, len(of_clock.stops)) - 1].url if of_clock.stops else urls.claim_url(name)

    return RedirectResponse(await run_in_threadpool(answer), 303, headers=HEADERS)


def counted(explained: Explained, side: str, answer: SideAnswer) -> list[Counted]:
    """The roots of a side, each with the acts that decide for it, in the order of the why."""
    reasons = [reason for reason in explained.found.why if reason.side == side and reason.root is not None]
    return [
        Counted(root, [_deciding(explained, root, reason) for reason in reasons if reason.root == root.root])
        for root in answer.roots
    ]


def _deciding(explained: Explained, root: RootAnswer, reason: Reason) -> Deciding:
    name, event, through = explained.found.claim, explained.acts[reason.act or ""].event, reason.through or []
    start = words.start(name, through)
    return Deciding(
        reason=reason,
        event=event,
        about=[start] if start in event.claims else list(event.claims),
        counted_for=root.name if reason.speaker != root.root else None,
        so=words.so(name, through, reason.side or "", reason.inferred) if through else None,
    )


def weighed(explained: Explained) -> list[Weighed]:
    """Every assessment, those that count first."""
    about = {reason.act: reason.about for reason in explained.found.why if reason.type == "assessment"}
    told = []
    for one in sorted(explained.found.assessments, key=lambda one: not one.counts):
        event = explained.acts[one.act].event
        assert isinstance(event, ev.Assessment)
        told.append(Weighed(one, event, about.get(one.act)))
    return told


def _bands(found: Status) -> dict[str, Any]:
    """The band of each assessment that has one."""
    return {
        one.act: drawings.band(f"band-{place}", one.low, one.high, one.term or "", one.counts)
        for place, one in enumerate(found.assessments)
        if one.low is not None and one.high is not None
    }


def _gone(explained: Explained) -> list[tuple[ev.Act, str, str]]:
    """Acts on the claim that were taken back or denied, and how."""
    members = explained.register.reach.signs(explained.found.claim)
    told = []
    for act in explained.acts.values():
        whys = sorted({why for claim, whys in act.gone.items() if claim in members for why in whys})
        if whys:
            told.append((act.event, act.id, ", ".join(whys)))
    return told


def _relations(explained: Explained) -> list[tuple[str, ev.ClaimsRelated]]:
    """Every relation that touches the claim, with its event id."""
    name = explained.found.claim
    return [
        (record.id, record.event)
        for record in explained.register.relations
        if isinstance(record.event, ev.ClaimsRelated) and name in (record.event.from_, record.event.to)
    ]


@shown
async def compare(request: Request) -> Response:
    """What changed about a claim between two cuts of one clock."""
    ledger, cuts, name = service.of(request).ledger, cuts_of(request), request.path_params["claim"]
    asked = request.query_params
    clock = asked.get("clock") or "said"
    if clock not in stops.CLOCKS:
        raise UsageError(f"{clock!r} is no clock; there are {', '.join(stops.CLOCKS)}")
    ends = [asked.get(end, "").strip() or None for end in ("from", "to")]
    return await page(request, "compare.html", lambda: _compared(ledger, name, clock, ends, cuts))


def _compared(ledger: Ledger, name: str, clock: str, ends: list[str | None], cuts: Cuts) -> Context:
    fixed = Cuts(as_of=cuts.as_of) if clock == "said" else Cuts(said_by=cuts.said_by)
    now: Status = ledger.state(status, name)
    question = _question(ledger, name, fixed)
    by_said, by_record = stops.histories(ledger, name, question.as_of.position, fixed)
    of_clock = (
        stops.said(name, by_said, fixed, None)
        if clock == "said"
        else stops.recorded(ledger, name, by_record, fixed, None)
    )
    if of_clock.stops:  # what is left open is from the first moment to the last
        ends = [end or of_clock.stops[place].cut for end, place in zip(ends, (0, -1), strict=True)]
    error, found, answers = None, None, []
    try:
        answers = [_at_end(ledger, name, clock, end, fixed) for end in ends]
        found = diff.between(*answers)
    except LedgerError as problem:
        error = str(problem)
    option = "--as-of" if clock == "said" else "--said-by"
    held = cuts.as_of if clock == "said" else cuts.said_by
    typed = [end or "" for end in ends]
    line = urls.command("claims", "diff", name, *typed, "--axis", clock, *([option, held] if held else []))
    return {
        "claim_text": now.text,
        "claim_id": name,
        "clock": clock,
        "clock_texts": stops.CLOCKS,
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
        "line": line,
        "cuts": Cuts(),
    }


def _at_end(ledger: Ledger, name: str, clock: str, end: str | None, fixed: Cuts) -> Status:
    cuts = {**fixed.pairs(), "said_by" if clock == "said" else "as_of": end}
    found: Status = ledger.state(status, name, **cuts)
    return found


def _end_url(name: str, clock: str, end: str | None, fixed: Cuts) -> str:
    cuts = {**fixed.pairs(), "said_by" if clock == "said" else "as_of": end}
    return urls.claim_url(name) + urls.query(**cuts)
