"""May this event be appended here? Pure: an event and what is known, in; the tags it is stored under, or an error, out.

Rules see the batch so far, as `ledger.known` has it. An amendment or correction is decided as the event it makes of its
target. Nothing here reads a clock or a disk.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import to_builtins

from . import events as ev
from . import names, records, when
from .errors import NotFound, Refused
from .events import Event
from .known import Known
from .records import ACT_TYPES, CHANGES, RETRACTABLE, Record

#: So many events may be about one another, the void of a void of a void …: each is settled for every one above it.
MAX_DEPTH = 20


def decide(event: Event, event_id: str, known: Known, recorded_us: int) -> list[str]:
    """The tags to store an event under.

    `recorded_us` is when it is recorded, in microseconds since 1970-01-01T00:00:00Z. Raises Refused where a rule
    forbids the event, NotFound for claims and targets that are not there, InvalidEvent for changes that do not fit.
    """
    return decide_on(event, records.tags(event), event_id, known, recorded_us)


def is_decided_alone(event: Event, known: Known, recorded_us: int) -> bool:
    """Whether an event may be appended, and all there is to ask of the ledger is known: an act about no other, on
    claims that are registered. Most events are, and this is the hot path of every append.

    Raises Refused where it lies ahead of its recording.
    """
    if (
        not isinstance(event, records.ACTS)
        or records.targets(event)
        or not known.registered.issuperset(records.claims_of(event))
    ):
        return False
    if event.said_at is not None:
        _check_said(event.said_at, recorded_us)
    return True


def decide_on(event: Event, own: list[str], event_id: str, known: Known, recorded_us: int) -> list[str]:
    """As `decide`, of an event whose own tags are known."""
    if not records.targets(event):
        _check_itself(event, event_id, known, recorded_us)
        return own
    _check(event, event_id, known, recorded_us)
    tags: dict[str, None] = {}
    for made in known.turns(event):
        tags |= dict.fromkeys(records.tags(made))
        for target in records.targets(made):
            tags |= dict.fromkeys(known.owed(target))
    return list(tags)


def _check(event: Event, event_id: str, known: Known, recorded_us: int) -> None:
    _check_itself(event, event_id, known, recorded_us)
    try:
        while isinstance(event, CHANGES):  # and then what it makes of its target
            target = known.target(records.targets(event)[0])
            event, event_id, recorded_us = known.made_of(event, event_id), target.id, target.recorded_us
            if isinstance(event, ev.ClaimRegistered):
                _check_same_claim(event, target.event)
            elif not _voids_as_before(event, target.event):
                _check_itself(event, event_id, known, recorded_us)
    except (NotFound, Refused) as error:
        error.pointer = "/changes"
        raise


def _check_itself(event: Event, event_id: str, known: Known, recorded_us: int) -> None:
    claims = records.claims_of(event)
    if not known.registered.issuperset(claims):
        claim = next(claim for claim in claims if claim not in known.registered)
        told = f"claim {claim!r} is not registered; register it first (`claims register`)"
        if type(event) not in ACT_TYPES:
            told += ", or append with register=True (`?register=true`)"
        elif event_id not in known.clerk.by_id:  # nothing is registered with what a change made
            told += ", or append with register=True (`--register`, `?register=true`)"
        raise NotFound(told, _pointer_to(claim, event))
    said_at = getattr(event, "said_at", None)
    if said_at is not None:
        _check_said(said_at, recorded_us)
    if targets := records.targets(event):
        for target_id in targets:
            try:
                _check_target(event, event_id, known.target(target_id), known)
            except (NotFound, Refused) as error:
                error.pointer = _pointer_to(target_id, event)
                raise
        _check_depth(targets, known)
    if type(event) in ACT_TYPES:
        return  # that its claims and targets are there is all it takes
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            pass
        case ev.ClaimRegistered():
            if event.claim in known.registered:
                told = f"claim {event.claim!r} is registered already; `claims reword` changes its text"
                raise Refused(told, "/claim")
        case ev.ClaimsRelated() | ev.SourceRelated():
            _check_relation(event, event_id, known)
        case ev.Retraction() | ev.Correction():
            _check_standing(event, known)
        case (
            ev.ClaimReworded()
            | ev.RelationWithdrawn()
            | ev.SourceRegistered()
            | ev.EvidenceAttached()
            | ev.SourceGraded()
            | ev.ActGraded()
            | ev.RecordAmended()
            | ev.RecordVoided()
            | ev.RulingRecorded()
        ):
            pass  # and so it is with these


def _check_said(said_at: str, recorded_us: int) -> None:
    earliest = when.parse(said_at).earliest
    if earliest is not None and earliest > recorded_us + when.AHEAD_US:
        raise Refused(
            f"said_at {said_at!r} lies ahead of its recording, {when.stamp(recorded_us)}; mend the year or the zone",
            "/said_at",
        )


def _check_target(event: Event, event_id: str, target: Record, known: Known) -> None:
    own = known.clerk.by_id.get(event_id)
    if own is not None and target.position >= own.position:
        raise Refused(f"event {target.id!r} came after {event_id!r}, which cannot be about it")
    match event:
        case ev.Retraction() | ev.Denial():
            fits, what = isinstance(target.event, RETRACTABLE), "a statement, denial, assessment or retraction"
        case ev.Correction() | ev.ActGraded() | ev.EvidenceAttached():
            fits, what = isinstance(target.event, records.ACTS), "a statement, denial or assessment"
        case ev.RelationWithdrawn():
            fits, what = isinstance(target.event, (ev.ClaimsRelated, ev.SourceRelated)), "a relation"
        case _:  # the clerk may amend and void whatever there is
            fits, what = True, ""
    if not fits:
        raise Refused(f"event {target.id!r} is of type {ev.tag_of(target.event)}, not {what}")


def _check_relation(event: ev.ClaimsRelated | ev.SourceRelated, event_id: str, known: Known) -> None:
    if event.from_ == event.to:
        raise Refused(f"{event.from_!r} cannot be related to itself", "/to")
    if isinstance(event, ev.SourceRelated) and event.relation == "speaks_for":
        found = known.principal_of(event.from_, event_id)
        if found is not None:
            principal, other_id = found
            raise Refused(
                f"{event.from_!r} speaks for {principal!r} already (event {other_id!r}); "
                f"withdraw that first (`claims unrelate {other_id}`)",
                "/from",
            )


def _check_depth(targets: Iterable[str], known: Known) -> None:
    about = set(targets)
    for _ in range(MAX_DEPTH + 1):
        if not about:
            return
        about = {further for target in about for further in known.targets_of(target)}
    raise Refused(
        f"more than {MAX_DEPTH} events would be about one another; amend, void or take back the first of them instead"
    )


def _check_standing(event: ev.Retraction | ev.Correction, known: Known) -> None:
    target = known.target(event.act)
    assert isinstance(target.event, RETRACTABLE)
    lines = known.lines()
    entitled: set[str] = set()
    for chain in known.chains(target):
        links = names.sources(chain)
        entitled.update(lines.line(links[0]), map(lines.class_of, links))
    if lines.class_of(names.speaker(event.chain)) not in entitled:
        whose = sorted({names.speaker(chain) for chain in known.chains(target)})
        speaker = f"the speaker of {event.act!r} ({', '.join(whose)})"
        raise Refused(
            f"{event.chain[0].name!r} is neither {speaker} nor a principal of it nor in its chain; nobody takes back "
            "or corrects what others said (deny the claim, or amend a mistake of the record)"
            + _rather_by(event.chain[0], whose),
            "/chain/0",
        )


def _rather_by(link: ev.Link, whose: list[str]) -> str:
    """How to name a source without a name of its own, which has one for each carrier that had it."""
    if link.source is not None or not any(source.startswith(f"{names.slug(link.name)}@") for source in whose):
        return ""
    return "; this one is told apart by who carried it: name the same carrier, or give its id as the source"


def _pointer_to(text: str, event: Event) -> str:
    """Where a claim or a target stands in the event that names it."""
    for name, value in to_builtins(event).items():
        if value == text and name != "type":
            return f"/{name}"
        if isinstance(value, tuple) and text in value:
            return f"/{name}/{value.index(text)}"
    return ""


def _check_same_claim(made: ev.ClaimRegistered, event: Event) -> None:
    assert isinstance(event, ev.ClaimRegistered)
    if made.claim != event.claim:
        raise Refused("a claim keeps its id; void its registration and register another")


def _voids_as_before(made: Event, event: Event) -> bool:
    """True for a voiding that keeps its target, which is voided, by this very voiding."""
    return isinstance(made, ev.RecordVoided) and isinstance(event, ev.RecordVoided) and made.target == event.target
