"""What can be said, as plain frozen data: every event this ledger knows, and the link they are all attributed by.

One utterance is one *act*: a `Statement`, a `Denial` or an `Assessment` of one or more claims, attributed by an
ordered chain of links from the one who uttered it to the document in hand. A `Retraction` or `Correction` is said
about an act. The register tells what is known of claims and sources; housekeeping is the clerk's, never the world's.

The wire form is JSON with the tag in field `type`. Tags and field names are for ever: what is stored stays readable.
Fields that hold their default are left out of the stored bytes, so a default is for ever too. Every class docstring
is the reference for its event; `claims schema TYPE` prints the JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias, get_args

from msgspec import Meta, Struct

Text: TypeAlias = Annotated[str, Meta(max_length=20_000, min_length=1)]
Name: TypeAlias = Annotated[str, Meta(max_length=500, min_length=1)]
Url: TypeAlias = Annotated[str, Meta(max_length=4_000, min_length=1)]
Slug: TypeAlias = Annotated[str, Meta(max_length=200, min_length=1)]
MAX_SOURCE: Final = 2_000
SourceId: TypeAlias = Annotated[str, Meta(max_length=MAX_SOURCE, min_length=1)]
EventId: TypeAlias = Annotated[str, Meta(max_length=200, min_length=1)]
SaidAt: TypeAlias = Annotated[str, Meta(max_length=100, min_length=1)]
Language: TypeAlias = Annotated[
    str, Meta(max_length=50, pattern=r"^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$", description="BCP 47 language tag")
]
Probability: TypeAlias = Annotated[float, Meta(ge=0, le=1, description="0..1, at most four decimals")]
Sha256: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]

Kind: TypeAlias = Literal[
    "person", "office", "organisation", "state", "outlet", "account", "unnamed", "collective", "untraced"
]
NAMED: Final[frozenset[str]] = frozenset({"person", "office", "organisation", "state"})
#: Kinds whose default source is one for each carrier that had it: "a diplomat" of one paper is not that of another.
BY_CARRIER: Final[frozenset[str]] = frozenset({"unnamed", "collective", "untraced"})

Mode: TypeAlias = Literal["asserted", "conditional", "question", "mention"]
Form: TypeAlias = Literal["flat", "dismissal", "partial", "non_denial", "no_comment", "cannot_confirm"]
Verdict: TypeAlias = Literal["true", "false", "mixed", "unproven", "not_checkable", "other"]
ClaimKind: TypeAlias = Literal["factual", "predictive", "normative"]


# `gc=False`: nothing here can hold itself, so the collector of circles need not look at it, however much there is.
class Link(Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step in the attribution of an act, as printed that day: who is named, and how the words were carried.

    `source` is the id the link counts under; left out, it is the slug of the name, and for an unnamed, collective or
    untraced link `name@` and the source of the next link (see `ledger.names.sources`).
    """

    name: Name
    role: Name | None = None
    source: SourceId | None = None
    kind: Kind | None = None
    medium: Name | None = None
    report: Literal["direct_quote", "partial_quote", "paraphrase", "narrated"] | None = None
    cue: Name | None = None
    url: Url | None = None
    published_at: SaidAt | None = None


class Likelihood(Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How likely, in the speaker's own `term`, with the band it stands for on a `scale` (see `ledger.scales`).

    A term of a named scale gets that scale's band. Any other is recorded with `scale="inferred"` and the band its
    recorder gives; `mapped_by` says who mapped it.
    """

    term: Name
    scale: Literal["icd203", "phia", "kent", "ipcc", "inferred"] | None = None
    low: Probability | None = None
    high: Probability | None = None
    mapped_by: Name | None = None


Claims: TypeAlias = Annotated[tuple[Slug, ...], Meta(min_length=1, max_length=200)]
Chain: TypeAlias = Annotated[tuple[Link, ...], Meta(min_length=1, max_length=50)]
MoreClaims: TypeAlias = Annotated[tuple[Slug, ...], Meta(max_length=200)]
EventIds: TypeAlias = Annotated[tuple[EventId, ...], Meta(max_length=200)]


class _Event(
    Struct, gc=False, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type"
):
    """What every event is: immutable, tagged in field `type`, and closed to fields it does not know."""


class _Act(_Event, frozen=True, kw_only=True):
    """What statement, denial and assessment share: claims they are about, and the chain that carried them here.

    `quote` is verbatim, in `language`; `original` what it was translated from. `said_at` is text (see `ledger.when`).
    `possible_claims` are perhaps meant too: shown, never counted; nor does `in_reply_to`, the event answered, count.
    """

    claims: MoreClaims = ()
    chain: Chain
    quote: Text | None = None
    language: Language | None = None
    original: Text | None = None
    said_at: SaidAt | None = None
    url: Url | None = None
    note: Text | None = None
    possible_claims: MoreClaims = ()
    in_reply_to: EventId | None = None


class Statement(_Act, frozen=True, kw_only=True, tag="statement"):
    """Somebody states the claims. Only `mode="asserted"` commits the speaker; a conditional, a question or a mention
    (a headline that reports the claim, a comment on it) commits nobody."""

    claims: Claims
    mode: Mode = "asserted"


class Denial(_Act, frozen=True, kw_only=True, tag="denial"):
    """Somebody who claims to know, or is concerned, denies the claims; with `acts` alone, denies having said that.

    `form` flat and dismissal ("fake news") commit the speaker; partial, non_denial, no_comment and cannot_confirm do
    not. A dismissal takes no side on the opposite of the claim. `scope` tells who says that it is *this* that was
    denied: the speaker (explicit) or the outlet (framed).
    """

    acts: EventIds = ()
    form: Form = "flat"
    scope: Literal["explicit", "framed", "ambiguous"] = "explicit"
    denied_part: Text | None = None


class Assessment(_Act, frozen=True, kw_only=True, tag="assessment"):
    """Somebody weighs what others said: an analyst's likelihood, a fact-checker's verdict, or both; the verdict then
    decides the side. `label` is the verdict verbatim ("Pants on fire"). `confidence` stays apart from likelihood, as
    ICD 203 demands. A ministry's "this never happened" is a `Denial`, a fact-check never is."""

    claims: Claims
    likelihood: Likelihood | None = None
    verdict: Verdict | None = None
    label: Name | None = None
    confidence: Literal["low", "moderate", "high"] | None = None
    capacity: Literal["party", "analyst", "fact_checker", "desk"] = "party"


class Retraction(_Event, frozen=True, kw_only=True, tag="retraction"):
    """The speaker, a principal up its line, or another link of its chain takes an act back, in the world.

    By the speaker or a principal, all goes that the speaker had said on that side of those claims up to then; by
    another link, that act alone."""

    act: EventId
    chain: Chain
    said_at: SaidAt | None = None
    reason: Text | None = None


class Correction(_Event, frozen=True, kw_only=True, tag="correction"):
    """The speaker, a principal or another link of its chain corrects an act, in the world. `changes` maps its
    top-level fields to new values, each replaced whole; null takes a value away."""

    act: EventId
    changes: Annotated[dict[str, Any], Meta(min_length=1)]
    chain: Chain
    said_at: SaidAt | None = None


class ClaimRegistered(_Event, frozen=True, kw_only=True, tag="claim_registered"):
    """A proposition gets its id (a slug) and its text. `external` is its id elsewhere."""

    claim: Slug
    text: Text
    kind: ClaimKind = "factual"
    language: Language | None = None
    external: Name | None = None


class ClaimReworded(_Event, frozen=True, kw_only=True, tag="claim_reworded"):
    """The text of a claim changes from here on; acts before it were about the text before it."""

    claim: Slug
    text: Text
    why: Text


class ClaimsRelated(_Event, frozen=True, kw_only=True, tag="claims_related", rename={"from_": "from"}):
    """Two claims hang together: `from` negates `to`, is the same as `to`, or entails it (narrow entails broad)."""

    from_: Slug
    to: Slug
    relation: Literal["negates", "entails", "same_as"]
    by: Name | None = None
    why: Text | None = None


class RelationWithdrawn(_Event, frozen=True, kw_only=True, tag="relation_withdrawn"):
    """A relation between claims or sources, named by its event id, holds no longer."""

    target: EventId
    why: Text


class SourceRegistered(_Event, frozen=True, kw_only=True, tag="source_registered"):
    """What the desk knows of a source; it beats what a link says of it. The latest registration holds."""

    source: SourceId
    name: Name
    kind: Kind | None = None
    description: Text | None = None


class SourceRelated(_Event, frozen=True, kw_only=True, tag="source_related", rename={"from_": "from"}):
    """Two sources hang together: `from` speaks for, is a member of, is the same as, republishes or is independent of
    `to`. A source speaks for one principal at a time; only who is named is followed to it."""

    from_: SourceId
    to: SourceId
    relation: Literal["speaks_for", "member_of", "same_as", "republishes", "independent_of"]
    basis: Text | None = None


class EvidenceAttached(_Event, frozen=True, kw_only=True, tag="evidence_attached"):
    """A document, picture or data set that bears on claims or on an act; shown, never counted."""

    claims: MoreClaims = ()
    act: EventId | None = None
    bearing: Literal["supports", "refutes", "context"] = "context"
    sha256: Sha256 | None = None
    url: Url | None = None
    media_type: Annotated[str, Meta(max_length=200, pattern=r"^[^\s/]+/[^\s/]+$")] | None = None
    description: Text | None = None


class SourceGraded(_Event, frozen=True, kw_only=True, tag="source_graded"):
    """The reliability of a source on the Admiralty scale (NATO AJP-2.1): A reliable … E unreliable, F not judged."""

    source: SourceId
    grade: Literal["A", "B", "C", "D", "E", "F"]
    by: Name | None = None
    why: Text | None = None


class ActGraded(_Event, frozen=True, kw_only=True, tag="act_graded"):
    """The credibility of an act on the Admiralty scale (NATO AJP-2.1): 1 confirmed … 5 improbable, 6 not judged."""

    act: EventId
    grade: Literal[1, 2, 3, 4, 5, 6]
    by: Name | None = None
    why: Text | None = None


class RecordAmended(_Event, frozen=True, kw_only=True, tag="record_amended"):
    """The clerk mends an entry. `changes` maps its top-level fields to new values, each replaced whole, never `type`;
    null takes a value away. It acts from its own position on: before it, the ledger still shows the error."""

    target: EventId
    changes: Annotated[dict[str, Any], Meta(min_length=1)]
    why: Text


class RecordVoided(_Event, frozen=True, kw_only=True, tag="record_voided"):
    """The clerk strikes an entry: from here on it is as if it had never been appended."""

    target: EventId
    why: Text


class RulingRecorded(_Event, frozen=True, kw_only=True, tag="ruling_recorded"):
    """Somebody entitled to rule, rules on a claim. Shown beside the derived status, never folded into it."""

    claim: Slug
    ruling: Literal["confirmed", "refuted", "unresolvable"]
    by: Name
    reasons: Text
    said_at: SaidAt | None = None


Act: TypeAlias = Statement | Denial | Assessment
AboutAct: TypeAlias = Retraction | Correction
Event: TypeAlias = (
    Statement
    | Denial
    | Assessment
    | Retraction
    | Correction
    | ClaimRegistered
    | ClaimReworded
    | ClaimsRelated
    | RelationWithdrawn
    | SourceRegistered
    | SourceRelated
    | EvidenceAttached
    | SourceGraded
    | ActGraded
    | RecordAmended
    | RecordVoided
    | RulingRecorded
)

#: The closed registry: wire tag -> class. A stored name is looked up here and nowhere else.
TYPES: Final[dict[str, type[Event]]] = {cls.__struct_config__.tag: cls for cls in get_args(Event)}
#: The other way round.
TAGS: Final[dict[type[Event], str]] = {cls: tag for tag, cls in TYPES.items()}


def tag_of(event: Event) -> str:
    """The wire tag of an event: "statement", "denial" …"""
    return TAGS[type(event)]
