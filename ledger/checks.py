"""Is this event as it should be? What no schema tells: ids that are slugs, times that are times, bands that fit.

Its types and lengths are right already, its text is clean; `ledger.intake` sees to that.
"""

from __future__ import annotations

import msgspec

from . import events as ev
from . import names, records, scales, when
from .errors import InvalidEvent
from .events import Event


def checked(event: Event) -> list[str]:
    """The tags that an event has of itself, where it is as it should be."""
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            return _act(event)
        case ev.ClaimRegistered() | ev.ClaimReworded() | ev.RulingRecorded():
            _check_claim(event.claim, "/claim")
            if type(event) is ev.ClaimRegistered:
                _check_end(event.language, "/language")
            elif type(event) is ev.RulingRecorded:
                _check_time(event.said_at, "/said_at")
        case ev.ClaimsRelated():
            _check_claim(event.from_, "/from")
            _check_claim(event.to, "/to")
        case ev.Retraction() | ev.Correction():
            _check_chain(event.chain)
            _check_time(event.said_at, "/said_at")
            if isinstance(event, ev.Correction) and "type" in event.changes:
                raise InvalidEvent("an act never changes its type; retract it and append another", "/changes/type")
        case ev.SourceRegistered() | ev.SourceGraded():
            _check_source(event.source, "/source")
        case ev.SourceRelated():
            _check_source(event.from_, "/from")
            _check_source(event.to, "/to")
        case ev.EvidenceAttached():
            _check_claims(event.claims, "/claims")
            _check_end(event.sha256, "/sha256")
            _check_end(event.media_type, "/media_type")
            if not event.claims and event.act is None:
                raise InvalidEvent("evidence bears on something: give claims, an act, or both", "/claims")
        case ev.RecordAmended():
            if "type" in event.changes:
                raise InvalidEvent("an event never changes its type; void it and append another", "/changes/type")
        case ev.RecordVoided() | ev.RelationWithdrawn() | ev.ActGraded():
            pass  # a target and a reason: all there is to check is whether the target is there
    return records.tags(event)


def _act(event: ev.Act) -> list[str]:
    """The tags of an act that is as it should be: what makes them looks at every name. The hot path of all that comes
    in."""
    claims, chain = event.claims, event.chain
    if len(claims) != 1 or not names.is_claim_id(claims[0]):
        _check_claims(claims, "/claims")
    if event.possible_claims:
        _check_claims(event.possible_claims, "/possible_claims")
    for link in chain:
        if link.source is not None or link.published_at is not None:
            _check_chain(chain)
            break
    try:
        tags = records.tags_of_act(event)
        if len("".join(tags)) > ev.MAX_SOURCE:  # one of them may be
            _check_chain(chain)
    except ValueError:  # a name that makes no source
        _check_chain(chain)
        raise
    if event.said_at is not None:
        _check_time(event.said_at, "/said_at")
    if event.language is not None:
        _check_end(event.language, "/language")
    if type(event) is ev.Denial:
        if not event.claims and not event.acts:
            raise InvalidEvent("a denial denies something: give claims, acts (event ids), or both", "/claims")
        if event.acts and len(set(event.acts)) != len(event.acts):
            raise InvalidEvent("an act stands twice; name it once", "/acts")
    elif type(event) is ev.Assessment and event.likelihood is None and event.verdict is None:
        raise InvalidEvent("an assessment says how likely, or gives a verdict: give likelihood, verdict, or both")
    return tags


def _check_claims(claims: tuple[str, ...], pointer: str) -> None:
    if not all(map(names.is_claim_id, claims)):
        for index, claim in enumerate(claims):
            _check_claim(claim, f"{pointer}/{index}")
    if len(claims) > 1 and len(set(claims)) != len(claims):
        raise InvalidEvent("a claim stands twice; name it once", pointer)


def _check_claim(claim: str, pointer: str) -> None:
    if not names.is_claim_id(claim):
        raise InvalidEvent(f"{claim!r} is no claim id{_rather(claim)}", pointer)


def _check_source(source: str, pointer: str) -> None:
    if not names.is_source_id(source):
        raise InvalidEvent(f"{source!r} is no source id{_rather(source)}", pointer)


def _rather(text: str) -> str:
    try:
        return f"; write {names.slug(text)!r}"
    except ValueError:
        return ": it has no letter or digit"


def _check_chain(chain: tuple[ev.Link, ...]) -> None:
    length = 0
    for index, link in enumerate(chain):
        if link.published_at is not None:
            _check_time(link.published_at, f"/chain/{index}/published_at")
        if link.source is not None:
            if not names.is_source_id(link.source):
                _check_source(link.source, f"/chain/{index}/source")
            length += len(link.source) + 1
            continue
        try:
            length += len(names.slug(link.name)) + 1
        except ValueError as error:
            raise InvalidEvent(str(error), f"/chain/{index}/name") from None
    if length > ev.MAX_SOURCE:  # no source is longer than all of them joined
        for index, source in enumerate(names.sources(chain)):
            if len(source) > ev.MAX_SOURCE:
                reason = f"makes a source id of {len(source):,} characters, more than {ev.MAX_SOURCE:,}; give a source"
                raise InvalidEvent(reason, f"/chain/{index}/name")


def _check_end(text: str | None, pointer: str) -> None:
    """Refuses a newline at the end, which `$` in a pattern lets pass."""
    if text is not None and text.endswith("\n"):
        raise InvalidEvent("ends in a newline; take it out", pointer)


def _check_time(text: str | None, pointer: str) -> None:
    if text is not None:
        try:
            when.parse(text)
        except ValueError as error:
            raise InvalidEvent(str(error), pointer) from None


def banded(event: ev.Assessment) -> ev.Assessment:
    """The assessment with the band its term stands for, so that the record holds it whatever becomes of the scale."""
    likelihood = event.likelihood
    if likelihood is None:
        return event
    low, high, scale = likelihood.low, likelihood.high, likelihood.scale or scales.INFERRED
    if scale == scales.INFERRED:
        if low is None or high is None:
            raise InvalidEvent(
                f"{likelihood.term!r} stands in no named scale: give low and high, or name the scale "
                f"({', '.join(scales.SCALES)})",
                "/likelihood/low" if low is None else "/likelihood/high",
            )
    else:
        band = scales.band(scale, likelihood.term)
        if band is None:
            raise InvalidEvent(
                f"{likelihood.term!r} is no term of {scale} ({'; '.join(scales.terms(scale))}); "
                'or give scale "inferred" with low and high',
                "/likelihood/term",
            )
        if (low is not None and low != band.low) or (high is not None and high != band.high):
            raise InvalidEvent(
                f"{likelihood.term!r} of {scale} is {band.low}–{band.high}; leave low and high out", "/likelihood"
            )
        low, high = band
    for name, value in (("low", low), ("high", high)):
        if round(value, 4) != value:
            raise InvalidEvent(f"{value} has more than four decimals", f"/likelihood/{name}")
    if low > high:
        raise InvalidEvent(f"low {low} is above high {high}", "/likelihood/low")
    low, high = low + 0.0, high + 0.0  # one spelling of each: not 0, nor -0.0
    if (scale, repr(low), repr(high)) == (likelihood.scale, repr(likelihood.low), repr(likelihood.high)):
        return event
    within = msgspec.structs.replace(likelihood, scale=scale, low=low, high=high)
    return msgspec.structs.replace(event, likelihood=within)
