"""What would a patient reader work out by hand? A second, naive status, to test the first one against.

It follows the rules sentence by sentence over plain dicts: no index, no cache, no shortcut. `answer` is the face; below
it the file goes from the records to the answer. A side is +1 (support) or -1 (opposition), a sign +1 (kept) or -1
(turned). A source is the frozenset of all the slugs that same_as makes one; a circle of principals likewise.

Readings (where the rules leave a choice, this is the one taken):

 1. The world's cut looks at said_at as amended and as corrected by the corrections kept at that cut.
 2. Amendments, voids and corrections reach earlier records only; a correction of a correction or of a retraction
    changes it before it acts. Corrections are undone by voids alone, and apply whoever made them.
 3. Retractions and denied utterances are settled from the last record back. Two that hit one act both hit it (both
    flags), whichever was said first. A retraction too may be retracted, or its utterance denied.
 4. A retraction at the cut acts even where the act it names is not, its own time being uncertain: whoever takes back
    what was said has certainly said it, and takes back what was said on that side before. By somebody who is, at the
    cut, neither speaker nor principal nor link it does nothing. Principals are followed here for every speaker, not
    only for named ones.
 5. Only a committing act has a side: a retraction of a conditional, a partial denial and the like takes that alone.
 6. What a retraction sweeps is judged per (act, claim) from the claims of the act retracted: a dismissal of x is on no
    side of the negation of x, so a retraction of that negation leaves it. Inside a contradictory class any matching
    sign is enough. The act named goes whatever its time, the others up to the retraction in the order of 1.
 7. An act all of whose claims were swept is no longer live at all (its possible claims go too).
 8. A turned dismissal, by own words or by inference: without a stand it takes none, it ends opposition and leaves
    support. As own words it does the same to what is inferred, whatever the times.
 9. Entails starts from the stand in own words on the very claim at the end of the link (class mates have stands of
    their own); then it passes through classes, and past claims on which the speaker said something else.
10. Both signs (rule 4) are asked of committing acts and assessments. An act that conflicts is set aside before the
    latest is chosen, and beats nothing inferred; in own words it does not arrive by inference either. Signs decide: a
    dismissal of x and of its negation conflicts too. A conflicting assessment is listed unturned and does not count.
11. Reaching the claim, and "from which entails leads here", is meant in either direction in which a side is carried
    (along for support, back for opposition): whole classes, and all acts on them, whatever their type or side.
12. Kinds are told by acts at the cuts, also those no longer live, with their corrected chains; of two links of one act
    that tell one source's kind, by the first. A class or a circle is one source: its last registration that tells a
    kind wins, and a registration of any of its slugs registers it.
13. The kind of the speaker alone decides whether speaks_for is followed, then to the end of the line. A speaks_for
    inside a class is none. Roots of one name are one root. An outlet is not named where it speaks itself; as the
    principal of a named speaker it is. "Its standing speakers" are those of both sides.
14. Independence and common bodies are asked of the roots themselves (any slug of theirs), not of their speakers.
15. A root's "first act there" is the first by position of its acts in own words on that side and its deciding acts.
16. Corroborated: provable, counted again among the roots that support in own words; no counting assessment against it.
17. Withdrawn: what a principal took back, they took back themselves. Every supporting act, earlier ones too, must be
    taken back; an act hit by a carrier's retraction or a denied utterance is no support, whoever else hit it.
18. repeated, reversal and order-uncertain look at own words on the class (for repeated those of all speakers of the
    root); a turned dismissal has no side there. A reversal needs a stand in own words.
19. retracted and attribution-denied: any act at the cuts on the class, of any type, also one swept.
20. reworded: the text of the claim asked about really changed, at a later position than the act, inferred deciding acts
    included. The text is that of the last registration or rewording, the kind that of the last registration.
21. party-assessed looks at the counting assessments, at least one. possibly-denied takes denials of any form.
22. The ruling is the last by position on this very claim; under said_by its latest said_at must not be after the cut.
23. time-uncertain counts again with the uncertain events of the class, time-uncertain-inferred with those of the other
    claims of 11; an act on both is in both. A retraction, a correction and a denied utterance are on the claims of what
    they are about, old and new. The status and the four numbers are compared.
24. In a slug a digit is a decimal digit (Nd). A mark "~" or "?" does not widen a date. A date-time is one moment.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from itertools import pairwise

NAMED = {"person", "office", "organisation", "state"}
NAMELESS = {"unnamed", "collective", "untraced"}
ACTS = {"statement", "denial", "assessment"}
UNSURE_SCOPES = {"framed", "ambiguous"}
ENDS = ("provable", "possible")
EXACT_UP_TO = 32
ALWAYS = datetime.min.replace(tzinfo=UTC)

SCALES = {
    "icd203": "almost no chance/remote .01 .05; very unlikely/highly improbable .05 .20; unlikely/improbable .20 .45;"
    "roughly even chance/roughly even odds/odds .45 .55; likely/probable .55 .80;"
    "very likely/highly probable .80 .95; almost certain/nearly certain .95 .99",
    "phia": "remote chance 0 .05; highly unlikely .10 .20; unlikely .25 .35; realistic possibility .40 .50;"
    "likely or probable .55 .75; highly likely .80 .90; almost certain .95 1",
    "kent": "almost certain .87 .99; probable .63 .87; even .40 .60; probably not .20 .40;almost certainly not .02 .12",
    "ipcc": "virtually certain .99 1; very likely .90 1; likely .66 1; about as likely as not .33 .66; unlikely 0 .33;"
    "very unlikely 0 .10; exceptionally unlikely 0 .01",
}


def answer(records, claim, as_of=None, said_by=None):
    """Where the claim stands at both cuts, or None where it is not registered."""
    entries = as_recorded(records, as_of)
    register = read_register(entries)
    if claim not in register["kinds"]:
        return None
    cut = None if said_by is None else ends_of(said_by)[1]
    class_claims = set(signs_from(claim, register))
    reaching = leading_to(claim, register) - class_claims
    result, flags = reading(entries, register, claim, cut, set(), reaching)
    for flag, loose in (("time-uncertain", class_claims), ("time-uncertain-inferred", reaching)):
        together, _ = reading(entries, register, claim, cut, loose, reaching)
        sides = [(it["support"][end], it["opposition"][end]) for it in (result, together) for end in ENDS]
        if together["status"] != result["status"] or sides[:2] != sides[2:]:
            flags.add(flag)
    rulings = [e for e in entries if e["event"]["type"] == "ruling_recorded" and e["event"]["claim"] == claim]
    heard = [e["id"] for e in rulings if cut is None or span(e["event"].get("said_at"), e["recorded_at"])[1] <= cut]
    beside = {"ruling": heard[-1] if heard else None, "text": register["texts"][claim][-1][1]}
    return result | beside | {"kind": register["kinds"][claim], "flags": sorted(flags)}


def reading(entries, register, claim, cut, loose, reaching):
    """The answer but for its ruling and its text; beside it the flags, but for what a second count would flag."""
    world, beyond_the_cut = at_the_cut(entries, register, cut, loose)
    gone = taken_back(world, beyond_the_cut, register)
    own, conflict = words_on(claim, world, gone, register)
    own_stands = {speaker: (*stand, False) for speaker, words in own.items() if (stand := latest_stand(words))}
    inferred, far_conflict = inferences(claim, world, gone, register)
    left = {s: (*stand, True) for s, stand in inferred.items() if s not in own or stand[0] > 0}
    stands = left | own_stands
    kind_of = kind_teller(world, register, reaching | set(signs_from(claim, register)))
    full = tally(stands, own, kind_of, register)
    bare = tally(own_stands, own, kind_of, register)
    assessments, weighed_conflict = assessments_on(claim, world, gone, register)
    rest = (bare[1]["provable"], assessments, all_took_back(claim, world, gone, register), register["kinds"][claim])
    status = primary(full, *rest)
    flags = root_flags(status, full, own, own_stands, assessments, register)
    flags |= class_flags(claim, world, gone, register)
    if conflict or far_conflict or weighed_conflict:
        flags.add("relation-conflict")
    about = [stand[1] for stand in stands.values()] + [a["act"] for a in assessments if a["counts"]]
    for (_, text), (position, new) in pairwise(register["texts"][claim]):
        if text != new and any(act["position"] < position for act in about):
            flags.add("reworded")
    for _, act, by_inference in stands.values():
        if set("~?%") & set(act["event"].get("said_at") or ""):
            flags.add("time-uncertain-inferred" if by_inference else "time-uncertain")
    sides = []
    for side in (full[1], full[-1]):
        roots = {
            r["name"]: {"acts": sorted(a["id"] for a in r["acts"]), "inferred": r["inferred"], "kind": r["kind"]}
            for r in side["roots"]
        }
        sides.append({"provable": side["provable"], "possible": len(roots), "roots": roots})
    shown = {a["act"]["id"]: {key: a[key] for key in ("counts", "low", "high", "verdict")} for a in assessments}
    result = {"status": status, "own_words": primary(bare, *rest), "support": sides[0], "opposition": sides[1]}
    return result | {"assessments": shown}, flags


# Words: slugs, times, bands, links


def slug(text):
    """Letters, marks and decimal digits of every script; each run of anything else is one hyphen, none at the ends."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(c if re.match("[LM]|Nd", unicodedata.category(c)) else " " for c in folded)
    if not kept.split():
        raise ValueError(f"no letter or digit in {text!r}")
    return "-".join(kept.split())


def ends_of(text):
    """The first and last microsecond of a date, month, year or zoned date-time, in UTC."""
    plain = re.sub("[~?%]", "", text.strip())
    if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", plain):
        moment = datetime.fromisoformat(plain).astimezone(UTC)
        return moment, moment
    year, month, day = (int(part) for part in [*plain.split("-"), 0, 0][:3])
    start = datetime(year, month or 1, day or 1, tzinfo=UTC)
    last = datetime(year, month or 12, day or 28, tzinfo=UTC)
    while not day and (last + timedelta(days=1)).month == last.month:
        last += timedelta(days=1)
    return start, last.replace(hour=23, minute=59, second=59, microsecond=999999)


def span(said_at, recorded_at):
    """The earliest (None: open) and latest moment it may have been said, neither later than it was recorded."""
    recorded = recorded_at if isinstance(recorded_at, datetime) else ends_of(recorded_at)[1]
    first, _, last = ("../.." if said_at is None else said_at).partition("/")
    last = last or first
    earliest = None if first.strip() == ".." else min(ends_of(first)[0], recorded)
    return earliest, recorded if last.strip() == ".." else min(ends_of(last)[1], recorded)


def order_of(earliest, latest, position):
    """The order of rule 1: unknown earliest first."""
    return (earliest is not None, earliest or latest, latest, position)


def band(likelihood):
    """Low and high: as recorded, else those of the named scale."""
    if likelihood.get("low") is not None and likelihood.get("high") is not None:
        return likelihood["low"], likelihood["high"]
    for row in SCALES.get(likelihood.get("scale"), "").split(";"):
        *terms, low, high = row.split() or ("", "0", "0")
        if likelihood["term"].strip().casefold() in " ".join(terms).split("/"):
            return float(low), float(high)
    return None, None


def sources_of(chain):
    """The source of each link, given or left out."""
    sources, following = [], None
    for link in reversed(chain):
        source = link.get("source")
        if source is None:
            alone = link.get("kind") not in NAMELESS or following is None
            source = slug(link["name"]) if alone else f"{slug(link['name'])}@{following}"
        sources.insert(0, source)
        following = source
    return sources


# The records at both cuts


def as_recorded(records, as_of):
    """What the clerk left: settled from the last record back, amendments in the order of their positions."""
    entries, voided, changes = [], set(), {}
    for record in reversed([r for r in records if as_of is None or r["position"] <= as_of]):
        if record["id"] in voided:
            continue
        event = dict(record["event"])
        for change in reversed(changes.get(record["id"], [])):
            event.update(change)
        if event["type"] == "record_voided":
            voided.add(event["target"])
        elif event["type"] == "record_amended":
            changes.setdefault(event["target"], []).append(event["changes"])
        entries.insert(0, {**record, "event": event})
    return entries


def read_register(entries):
    """What is registered and related, by position: claims' texts and kinds, sources, and pairs by relation."""
    texts, kinds, sources, relations = {}, {}, [], {}
    for entry in entries:
        event = entry["event"]
        if event["type"] in ("claim_registered", "claim_reworded"):
            texts.setdefault(event["claim"], []).append((entry["position"], event["text"]))
        if event["type"] == "claim_registered":
            kinds[event["claim"]] = event.get("kind") or "factual"
        elif event["type"] == "source_registered":
            sources.append((event["source"], event.get("kind")))
        elif event["type"] in ("claims_related", "source_related"):
            relations[entry["id"]] = (event["type"], event["relation"], (event["from"], event["to"]))
        elif event["type"] == "relation_withdrawn":
            relations.pop(event["target"], None)
    register = {"texts": texts, "kinds": kinds, "sources": sources, "claims_related": {}, "source_related": {}}
    for about, relation, pair in relations.values():
        register[about].setdefault(relation, []).append(pair)
    return register


def claims_borne_on(entries):
    """The claims that each act, retraction and correction is about, old and new, through whatever it targets."""
    borne, before = {e["id"]: set(e["event"].get("claims") or []) for e in entries}, None
    while before != borne:
        before = {key: set(value) for key, value in borne.items()}
        for entry in entries:
            event, found = entry["event"], borne[entry["id"]]
            changes = event["changes"] if event["type"] == "correction" else {}
            targets = [event.get("act"), changes.get("act"), *(changes.get("acts") or [])]
            if event["type"] == "denial":
                targets += event.get("acts") or []
            found.update(changes.get("claims") or [], *(borne.get(target, set()) for target in targets))
            if changes:
                borne.setdefault(event["act"], set()).update(found)
    return borne


def at_the_cut(entries, register, cut, loose):
    """The acts and retractions said by the cut, corrected. On the loose claims it is enough that they may have been."""
    world, beyond_the_cut, corrections, borne = [], [], {}, claims_borne_on(entries)
    for entry in reversed(entries):
        event = dict(entry["event"])
        if event["type"] not in ACTS | {"retraction", "correction"}:
            continue
        for _, changes in sorted(corrections.get(entry["id"], []), key=lambda pair: pair[0]):
            event.update(changes)
        earliest, latest = span(event.get("said_at"), entry["recorded_at"])
        absent = cut is not None and latest > cut
        if absent and (earliest is None or earliest <= cut) and borne[entry["id"]] & loose:
            absent = False
        order = order_of(earliest, latest, entry["position"])
        if event["type"] == "correction":
            if not absent:
                corrections.setdefault(event["act"], []).append((order, event["changes"]))
            continue
        said = {"id": entry["id"], "position": entry["position"], "event": event, "type": event["type"]}
        said |= {"earliest": earliest, "since": earliest or ALWAYS, "latest": latest, "order": order}
        said |= {"claims": event.get("claims") or [], "sources": sources_of(event["chain"])}
        said["speaker"] = source_class(said["sources"][0], register)
        said["form"] = event.get("form", "flat") if event["type"] == "denial" else None
        asserted = event["type"] == "statement" and event.get("mode", "asserted") == "asserted"
        said["side"] = 1 if asserted else -1 if said["form"] in ("flat", "dismissal") else 0
        said["sided"] = {1, -1} if said["form"] != "dismissal" else {1}  # the signs with which it takes a side
        (beyond_the_cut if absent else world).insert(0, said)
    return world, beyond_the_cut


# Relations of claims (rule 4)


def signs_from(claim, register):
    """Every claim of the class, with the signs under which it is reached."""
    related = register["claims_related"]
    links = [(*pair, 1) for pair in related.get("same_as", [])] + [(*pair, -1) for pair in related.get("negates", [])]
    links += [(b, a, turn) for a, b, turn in links]
    signs, todo = {claim: {1}}, [(claim, 1)]
    while todo:
        here, sign = todo.pop()
        for a, b, turn in links:
            if a == here and sign * turn not in signs.setdefault(b, set()):
                signs[b].add(sign * turn)
                todo.append((b, sign * turn))
    return {other: found for other, found in signs.items() if found}


def signs_on(claims, class_signs):
    """With which signs something on these claims reaches the claim asked about."""
    return {sign for claim in claims for sign in class_signs.get(claim, ())}


def carried(claim, side, dismissal, register):
    """All (claim, side) at which a stand arrives by one entails or more. A turned dismissal arrives, and ends there."""
    arrived, todo = set(), [(claim, side)]
    while todo:
        here, side = todo.pop()
        for a, b in register["claims_related"].get("entails", []):
            along, back = a == here and side > 0 and not dismissal, b == here and side < 0
            for there in [b] * along + [a] * back:
                for mate, signs in signs_from(there, register).items():
                    new = {(mate, sign * side) for sign in signs} - arrived
                    arrived |= new
                    todo += new
    return arrived


def leading_to(claim, register):
    """The claims from which a side may be carried here, with their classes."""
    leading = set()
    for start in {end for pair in register["claims_related"].get("entails", []) for end in pair}:
        if any(there == claim for side in (1, -1) for there, _ in carried(start, side, False, register)):
            leading |= set(signs_from(start, register))
    return leading


# Sources (rule 3)


def source_class(source, register):
    """All slugs that same_as makes one with this."""
    members, before = {source}, set()
    while before != members:
        before = set(members)
        for pair in register["source_related"].get("same_as", []):
            members |= set(pair) if set(pair) & members else set()
    return frozenset(members)


def line_of(source, register):
    """The source and its principals, upwards, until the end or the first that came before."""
    line = [source]
    while line[-1] not in line[:-1]:
        pairs = register["source_related"].get("speaks_for", [])
        principals = [b for a, b in pairs if a in line[-1] and b not in line[-1]]
        if not principals:
            break
        line.append(source_class(principals[-1], register))
    return line


def root_of(speaker, kind_of, register):
    """The speaker, or for a named one the end of its line: a source, or all slugs of a circle."""
    line = line_of(speaker, register)
    if kind_of(speaker) not in NAMED:
        return speaker
    return frozenset().union(*line[line.index(line[-1]) :])


def kind_teller(world, register, claims):
    """A function from a source to its kind: by the register, else by the latest act on these claims that tells it."""

    def kind_of(source):
        told = [kind for name, kind in register["sources"] if name in source and kind]
        if told:
            return told[-1]
        for act in reversed(world):
            if act["type"] in ACTS and claims & set(act["claims"]):
                for link, name in zip(act["event"]["chain"], act["sources"], strict=True):
                    if name in source and link.get("kind"):
                        return link["kind"]
        return None

    return kind_of


def beyond(source, relation, register):
    """The slugs of the source and of all that it reaches by this relation, directly or through others."""
    reached, before = set(source), set()
    while before != reached:
        before = set(reached)
        for a, b in register["source_related"].get(relation, []):
            reached |= source_class(b, register) if a in reached else set()
    return reached


# Taking back (rule 2)


def taken_back(world, beyond_the_cut, register):
    """(act, claim) -> how it was removed: "own", "carrier" or "denied". (act, None) where the whole act was named."""
    gone, by_id = {}, {said["id"]: said for said in world + beyond_the_cut}
    for said in reversed(world):
        if (said["id"], None) in gone:
            continue
        denies_utterance = said["type"] == "denial" and said["side"] and not said["claims"]
        named = [said["event"]["act"]] if said["type"] == "retraction" else said["event"].get("acts") or []
        for act in [by_id[name] for name in named if name in by_id]:
            pairs = {(act["id"], claim) for claim in [None, *act["claims"]]}
            if denies_utterance and said["speaker"] == act["speaker"]:
                how = "denied"
            elif said["type"] == "retraction" and said["speaker"] in line_of(act["speaker"], register):
                how, pairs = "own", pairs | swept(said, act, world, register)
            elif said["type"] == "retraction" and said["speaker"] & set(act["sources"][1:]):
                how = "carrier"
            else:
                continue
            for pair in pairs:
                gone.setdefault(pair, set()).add(how)
    return gone


def swept(retraction, act, world, register):
    """All (act, claim) that the speaker said on that side of those claims up to the retraction."""
    earliest, latest = retraction["earliest"] or retraction["latest"], retraction["latest"]
    until, pairs = order_of(earliest, latest, retraction["position"]), set()
    for other in world:
        if not act["side"] or not other["side"] or other["speaker"] != act["speaker"] or other["order"] > until:
            continue
        for claim in act["claims"]:
            signs = signs_from(claim, register)
            for named in other["claims"]:
                sides = {sign * other["side"] for sign in signs.get(named, set()) & other["sided"]}
                pairs |= {(other["id"], named)} if act["side"] in sides else set()
    return pairs


def live_claims(act, gone):
    return [claim for claim in act["claims"] if (act["id"], claim) not in gone]


# Stands (rules 1 and 4). A word is (side, act, takes_a_side); a stand is (side, act).


def words_on(claim, world, gone, register):
    """Speaker -> its live committing acts on the class in the order of 1; and whether one has both signs."""
    class_signs, words, conflict = signs_from(claim, register), {}, False
    for act in sorted(world, key=lambda said: said["order"]):
        signs = signs_on(live_claims(act, gone), class_signs) if act["side"] else set()
        conflict = conflict or len(signs) == 2
        if len(signs) == 1:
            sign = min(signs)
            words.setdefault(act["speaker"], []).append((sign * act["side"], act, sign in act["sided"]))
    return words, conflict


def latest_stand(words):
    """The latest stands; a turned dismissal ends a stand it contradicts and leaves one it agrees with."""
    stand = None
    for side, act, takes_a_side in words:
        if takes_a_side:
            stand = (side, act)
        elif stand and stand[0] != side:
            stand = None
    return stand


def inferences(claim, world, gone, register):
    """Speaker -> the stand that entails brings here; and whether an act arrives with both signs."""
    arrivals, words, conflict, class_signs = {}, {}, False, signs_from(claim, register)
    for start in {end for pair in register["claims_related"].get("entails", []) for end in pair}:
        for stand in map(latest_stand, words_on(start, world, gone, register)[0].values()):
            if stand:
                side, act = stand
                if len(signs_on(live_claims(act, gone), class_signs)) == 2:
                    continue
                arrived = carried(start, side, act["form"] == "dismissal", register)
                sides = {side for there, side in arrived if there == claim}
                arrivals.setdefault(act["order"], (act, set()))[1].update(sides)
    for _, (act, sides) in sorted(arrivals.items(), key=lambda item: item[0]):
        conflict = conflict or len(sides) == 2
        if len(sides) == 1:
            side = min(sides)
            words.setdefault(act["speaker"], []).append((side, act, side < 0 or act["form"] != "dismissal"))
    return {speaker: stand for speaker, acts in words.items() if (stand := latest_stand(acts))}, conflict


# Counting (rule 5)


def tally(stands, own, kind_of, register):
    """Side -> its roots in the order of their first act, provable, possible, and whether provable is a floor."""
    sources, speakers_of, tallied = {}, {}, {}
    for speaker in set(stands) | set(own):
        root = root_of(speaker, kind_of, register)
        sources[min(root)] = sources.get(min(root), frozenset()) | root
        speakers_of.setdefault(min(root), set()).add(speaker)
    for side in (1, -1):
        roots = []
        for name, speakers in speakers_of.items():
            deciding = {stands[s][1]["id"]: stands[s] for s in speakers if s in stands and stands[s][0] == side}
            if not deciding:
                continue
            root = {"name": name, "source": sources[name], "kind": kind_of(sources[name])}
            kind = root["kind"] if root["kind"] != "outlet" else None
            told = {kind or kind_of(s) for s in speakers if s in stands}
            root |= {"named": bool(told & NAMED), "acts": [stand[1] for stand in deciding.values()]}
            root["inferred"] = all(stand[2] for stand in deciding.values())
            root["own"] = [act for s in speakers for on, act, sided in own.get(s, []) if sided and on == side]
            root["first"] = min(act["position"] for act in root["own"] + root["acts"])
            roots.append(root)
        roots.sort(key=lambda root: root["first"])
        provable, floor = largest_distinct(roots, register)
        tallied[side] = {"roots": roots, "provable": provable, "possible": len(roots), "floor": floor}
    return tallied


def independent(one, other, register):
    pairs = register["source_related"].get("independent_of", [])
    return any(a in one["source"] and b in other["source"] for pair in pairs for a, b in (pair, pair[::-1]))


def distinct(one, other, register):
    """Whether two roots are known to be distinct."""
    a, b = one["source"], other["source"]
    common_body = beyond(a, "member_of", register) & beyond(b, "member_of", register)
    republished = beyond(a, "republishes", register) & b or beyond(b, "republishes", register) & a
    both_named = one["named"] and other["named"]
    return independent(one, other, register) or (both_named and not common_body and not republished)


def largest_distinct(roots, register):
    """The size of the largest set any two of which are distinct, and whether it is only a floor."""
    numbers = set(range(len(roots)))
    apart = {n: {m for m in numbers - {n} if distinct(roots[n], roots[m], register)} for n in numbers}
    declared = [n for n in sorted(numbers) if any(independent(roots[n], roots[m], register) for m in numbers - {n})]
    left = declared[EXACT_UP_TO:]
    taken = first_of_the_largest(numbers - set(left), apart)
    for number in left:
        taken |= {number} if taken <= apart[number] else set()
    return len(taken), bool(left)


def size_of_largest(numbers, apart):
    """Exact: with and without the one that is too close to most others."""
    if not numbers:
        return 0
    close = {n: numbers - apart[n] - {n} for n in numbers}
    for n in numbers:
        if all(b in close[a] for a in close[n] for b in close[n] - {a}):
            return 1 + size_of_largest(numbers & apart[n], apart)  # at most one of them could be taken in its place
    worst = max(sorted(numbers), key=lambda n: len(close[n]))
    with_it = 1 + size_of_largest(numbers & apart[worst], apart)
    return max(with_it, size_of_largest(numbers - {worst}, apart))


def first_of_the_largest(numbers, apart):
    """Of several largest sets the one whose roots come first."""
    taken, missing = set(), size_of_largest(numbers, apart)
    for number in sorted(numbers):
        later = {n for n in numbers if n > number} & apart[number]
        if number in numbers and 1 + size_of_largest(later, apart) == missing:
            taken, numbers, missing = taken | {number}, later, missing - 1
    return taken


# Status (rule 6)


def primary(sides, proven, assessments, withdrawn, kind):
    """The first that fits."""
    support, opposition = sides[1]["possible"], sides[-1]["possible"]
    weighed = {a["side"] for a in assessments if a["counts"]}
    if (support and opposition) or (not support and not opposition and {1, -1} <= weighed):
        return "disputed"
    if support:
        return "corroborated" if proven >= 2 and kind == "factual" and -1 not in weighed else "asserted"
    if opposition:
        return "denied"
    if weighed:
        return "assessed"
    return "withdrawn" if withdrawn else "raised"


def all_took_back(claim, world, gone, register):
    """Somebody supported it in own words, and all who did took it back themselves."""
    class_signs, took_back = signs_from(claim, register), False
    for act in world:
        signs = signs_on(act["claims"], class_signs)
        supports = len(signs) == 1 and signs <= act["sided"] and min(signs) * act["side"] == 1
        if not supports or gone.get((act["id"], None), set()) & {"carrier", "denied"}:
            continue
        if signs_on(live_claims(act, gone), class_signs):
            return False
        took_back = True
    return took_back


def assessments_on(claim, world, gone, register):
    """The live assessments on the class in the order of 1, turned; and whether one has both signs."""
    class_signs, found, latest = signs_from(claim, register), [], {}
    for act in sorted(world, key=lambda said: said["order"]):
        signs = signs_on(live_claims(act, gone), class_signs)
        if act["type"] != "assessment" or not signs:
            continue
        likelihood, verdict = act["event"].get("likelihood"), act["event"].get("verdict")
        low, high = band(likelihood) if likelihood else (None, None)
        if signs == {-1}:
            low, high = (None, None) if low is None else (round(1 - high, 4), round(1 - low, 4))
            verdict = {"true": "false", "false": "true"}.get(verdict, verdict)
        side = {"true": 1, "false": -1}.get(verdict, 0)
        if verdict is None and low is not None:
            side = 1 if low >= 0.55 else -1 if high <= 0.45 else 0
        weighed = {"act": act, "low": low, "high": high, "verdict": verdict, "side": side, "counts": False}
        found.append(weighed | {"both": len(signs) == 2})
        if len(signs) == 1:
            latest[act["speaker"]] = found[-1]
    for counting in latest.values():
        counting["counts"] = True
    return found, any(a["both"] for a in found)


# Flags


def root_flags(status, sides, own, own_stands, assessments, register):
    """Of the roots on both sides, of the acts behind their stands, and of the assessments beside them."""
    support, opposition = sides[1]["roots"], sides[-1]["roots"]
    roots = support + opposition
    registered = {source for source, _ in register["sources"]}
    counting = {a["act"]["speaker"]: a for a in assessments if a["counts"]}
    weighed = {a["side"] for a in counting.values()}
    raised = {
        "unnamed-only": support and not any(root["named"] for root in support),
        "untraced-only": support and all(root["kind"] == "untraced" for root in support),
        "denial-unnamed-only": opposition and not any(root["named"] for root in opposition),
        "kind-unstated": any(root["kind"] is None for root in roots),
        "source-unregistered": any(not root["source"] & registered for root in roots),
        "independence-unproven": any(side["provable"] < side["possible"] for side in sides.values()),
        "provable-floor": any(side["floor"] for side in sides.values()),
        "repeated": any(len(root["own"]) >= 2 for root in roots),
        "divided": {root["name"] for root in support} & {root["name"] for root in opposition},
        "denial-framed": {act["event"].get("scope") for root in opposition for act in root["acts"]} & UNSURE_SCOPES,
        "support-inferred": support and all(root["inferred"] for root in support),
        "denial-inferred": opposition and all(root["inferred"] for root in opposition),
        "assessments-diverge": {1, -1} <= weighed,
        "assessment-revised": any(
            a["side"] * counting[a["act"]["speaker"]]["side"] == -1 for a in assessments if not a["both"]
        ),
        "party-assessed": {a["act"]["event"].get("capacity", "party") for a in counting.values()} == {"party"},
        "assessed-against": (support and -1 in weighed) or (status == "denied" and 1 in weighed),
    }
    for speaker, words in own.items():
        ours, theirs = ([act for on, act, sided in words if sided and on == side] for side in (1, -1))
        if any(a["since"] <= b["latest"] and b["since"] <= a["latest"] for a in ours for b in theirs):
            raised["order-uncertain"] = True
        stand = own_stands.get(speaker)
        if stand and any(sided and on != stand[0] and act["order"] < stand[1]["order"] for on, act, sided in words):
            raised["reversal"] = True
    return {flag for flag, reason in raised.items() if reason}


def class_flags(claim, world, gone, register):
    """Of whatever else was said on the class, live or taken back."""
    class_signs, flags = signs_from(claim, register), set()
    for act in world:
        for named in set(act["claims"]) & set(class_signs):
            ways = gone.get((act["id"], named), set())
            flags |= {"attribution-denied" if how == "denied" else "retracted" for how in ways}
        claims = live_claims(act, gone)
        live = (act["id"], None) not in gone and (claims or not act["claims"])
        if act["type"] == "denial" and live:
            signs = signs_on(claims, class_signs)
            if act["form"] == "partial" and 1 in signs:
                flags.add("partly-denied")
            if act["form"] in ("non_denial", "no_comment", "cannot_confirm") and signs:
                flags.add("declined")
            if 1 in signs_on(act["event"].get("possible_claims") or [], class_signs):
                flags.add("possibly-denied")
    return flags
