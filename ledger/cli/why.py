"""Why does a claim stand where it stands? The acts that decide, root by root, told so that it can be redone by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger import events as ev
from projections import words
from projections.explained import Explained
from projections.status import Reason, RootAnswer, SideAnswer

from .render import blocks, wrap

_SIDES: Final = {"support": "for", "opposition": "against"}


def why(explained: Explained, columns: int) -> Iterator[str]:
    """The rule that fired; then the acts that decide, and how they come to bear on this claim."""
    found = explained.found
    return blocks(
        wrap(f"{found.status}: {found.why[0].text}", columns),
        _side(explained, "support", found.support, columns),
        _side(explained, "opposition", found.opposition, columns),
        _weighed(explained, columns),
        _taken_back(explained, columns),
        _relations(explained, columns),
    )


def _side(explained: Explained, side: str, answer: SideAnswer, columns: int) -> Iterator[str]:
    if answer.roots:
        yield f"{_SIDES[side]} {words.interval(answer)}: {words.counted(answer)}"
    for root in answer.roots:
        yield from wrap(words.root(root.name, root.kind), columns, "  ")
        for reason in explained.reasons(side, root.root):
            yield from _reason(explained, side, root, reason, columns)


def _reason(explained: Explained, side: str, root: RootAnswer, reason: Reason, columns: int) -> Iterator[str]:
    claim, event = explained.found.claim, explained.acts[reason.act or ""].event
    counted = f", counted for {root.name}" if reason.speaker != root.root else ""
    yield from _head(reason, event, counted, columns)
    through = reason.through or []
    quote = f" “{event.quote}”" if event.quote else ""
    yield from wrap(f"{words.act(event, _about(event, words.start(claim, through)))}{quote}", columns, "      ")
    yield from _corrected(explained, reason.act or "", columns)
    if through:
        yield from wrap(words.so(claim, through, side, reason.inferred), columns, "      ")
    yield from _read_then(reason, columns)


def _about(event: ev.Act, claim: str) -> list[str]:
    """The claim by which an act bears on the one asked about; all of them where it cannot be told which."""
    return [claim] if claim in event.claims else list(event.claims)


def _head(reason: Reason, event: ev.Act, counted: str, columns: int) -> Iterator[str]:
    via = ", ".join(link.name for link in event.chain[1:])
    who = words.utterer(event.chain[0]) + (f" via {via}" if via else "")
    yield from wrap(f"{reason.act}, {words.said_when(reason.said_at)}: {who}{counted}", columns, "    ", "      ")


def _corrected(explained: Explained, act_id: str, columns: int) -> Iterator[str]:
    for said in explained.corrections(act_id):
        yield from wrap(words.correction(said), columns, "      ")


def _read_then(reason: Reason, columns: int) -> Iterator[str]:
    if reason.about is not None:
        yield from wrap(f"the claim then read: {reason.about}", columns, "      ")


def _weighed(explained: Explained, columns: int) -> Iterator[str]:
    if explained.found.assessments:
        yield "assessed"
    reasons = {reason.act: reason for reason in explained.found.why if reason.type == "assessment"}
    for one in explained.found.assessments:
        yield from wrap(words.assessment(one), columns, "  ")
        event, reason = explained.acts[one.act].event, reasons.get(one.act, Reason(act=one.act))
        yield from _head(reason if reason.said_at else Reason(act=one.act, said_at=event.said_at), event, "", columns)
        if event.quote:
            yield from wrap(f"“{event.quote}”", columns, "      ")
        yield from _corrected(explained, one.act, columns)
        if reason.through:
            yield from wrap(words.way(explained.found.claim, reason.through, "support"), columns, "      ")
        yield from _read_then(reason, columns)


def _taken_back(explained: Explained, columns: int) -> Iterator[str]:
    if explained.gone:
        yield "taken back"
    for act, whys in explained.gone:
        line = f"{act.id}: {words.who(act.event.chain)}: {words.act(act.event)}; {', '.join(whys)}"
        yield from wrap(line, columns, "  ", "    ")
    for one in explained.taken_back():
        yield from wrap(words.taken_back(one), columns, "  ", "    ")


def _relations(explained: Explained, columns: int) -> Iterator[str]:
    """The relations that anything came through, each once, with who says so and why."""
    used = {link.event for reason in explained.found.why for link in reason.through or ()}
    events = [record for record in explained.register.relations if record.id in used]
    if events:
        yield "relations"
    for record in events:
        event = record.event
        assert isinstance(event, ev.ClaimsRelated)
        by = f", by {event.by}" if event.by else ""
        told = f": {event.why}" if event.why else ""
        yield from wrap(f"{record.id}{by}{told}", columns, "  ", "    ")
