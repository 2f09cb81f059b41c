"""How did a claim come to stand where it stands? Its history, its provenance, and what changed between two moments."""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec

from ledger import when
from ledger.visible import visible
from projections import diff, provenance, status, timeline, words
from projections.diff import At, Diff
from projections.provenance import ActAnswer, Carrier, EvidenceAnswer, Origin, Provenance
from projections.status import AssessmentAnswer, Status
from projections.timeline import Happening, History, Step
from projections.words import cuts_line

from . import render
from .options import Words, at_ledger, for_reading, in_format, with_cuts
from .render import Screen, wrap

_END_OF_DAY = "T23:59:59.999999Z"
_axis = click.option("--axis", type=Words(("said", "recorded")), default="said", help="Which clock. Default: said.")


@click.command("history")
@click.argument("claim")
@_axis
@with_cuts
@in_format("table", "json", "ndjson")
@at_ledger
def history_command(db: str, form: str, claim: str, axis: str, as_of: str | None, said_by: str | None) -> None:
    """How the status of CLAIM changed, step by step, and what changed it.

    The axis `said` follows the world, as known today; `recorded` follows what this ledger knew. Of a claim of many
    hundred acts, the latest steps are told, and that they are; --as-of or --said-by asks for those before.
    """
    with for_reading(db) as ledger:
        found: History = ledger.state(getattr(timeline, axis), claim, as_of=as_of, said_by=said_by)
        if form == "json":
            render.data(msgspec.json.encode(found))
        elif form == "ndjson":
            for step in found.steps:
                render.data(msgspec.json.encode(step))
        else:
            render.show(_history_page(found, Screen.here()))


@click.command("provenance")
@click.argument("claim")
@with_cuts
@in_format("tree", "json", "ndjson")
@at_ledger
def provenance_command(db: str, form: str, claim: str, as_of: str | None, said_by: str | None) -> None:
    """Who said so first, and through whom every word about CLAIM came: a tree, origin by origin."""
    with for_reading(db) as ledger:
        found: Provenance = ledger.state(provenance, claim, as_of=as_of, said_by=said_by)
        if form != "tree":
            render.data(msgspec.json.encode(found))
            return
        asked: Status = ledger.state(status, claim, as_of=found.as_of.position, said_by=said_by)
    render.show(tree(found, words.assessed(asked.assessments), Screen.here()))


@click.command("diff")
@click.argument("claim")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@_axis
@with_cuts
@in_format("table", "json", "ndjson")
@at_ledger
def diff_command(
    db: str, form: str, claim: str, before: str, after: str, axis: str, as_of: str | None, said_by: str | None
) -> None:
    """What changed about CLAIM between A and B: two moments of the world, or with --axis recorded of the ledger.

    \b
    claims diff engineers-deployed 2024-10-09 2024-10-10
    claims diff engineers-deployed A16 A10-dated --axis recorded --said-by 2024-10-09
    """
    if (axis == "said" and said_by is not None) or (axis == "recorded" and as_of is not None):
        option = "--said-by" if axis == "said" else "--as-of"
        raise click.UsageError(f"A and B are the cuts of the axis {axis}; leave {option} out")
    if axis == "said":
        diff.check_moment("A", before, "--axis recorded")
        diff.check_moment("B", after, "--axis recorded")
    with for_reading(db) as ledger:
        fixed = ledger.question(as_of=as_of).as_of.position if axis == "said" else None
        answers = [
            ledger.state(status, claim, as_of=fixed, said_by=cut)
            if axis == "said"
            else ledger.state(status, claim, as_of=cut, said_by=said_by)
            for cut in (before, after)
        ]
    if form == "table":
        render.show(difference(answers, axis, (before, after), Screen.here()))
    else:
        render.data(msgspec.json.encode(diff.between(*answers)))


def tree(found: Provenance, assessed: str, screen: Screen) -> Iterator[str]:
    """The provenance of a claim as a tree: origin, speaker, act, and the way of its words to the document in hand."""
    columns = screen.columns
    headline = words.headline(found.status, found.support, found.opposition, assessed)
    return render.blocks(
        render.title(found.claim, found.text, columns),
        map(render.strong, wrap(headline, columns)),
        _first(found, columns),
        *(_origin(origin, found, columns) for origin in found.origins),
        _beside(found, columns),
        wrap(cuts_line(found.as_of, found.said_by, found.rules), columns),
    )


def _first(found: Provenance, columns: int) -> Iterator[str]:
    for act in (act for origin in found.origins for act in origin.acts if act.act == found.first):
        carried = "".join(f", {link.name}" for link in act.chain[1:]).replace(", ", " via ", 1)
        known = act.said_at is not None and when.parse(act.said_at).earliest is not None
        lead = "first said by  " if known else "perhaps first said by  "
        yield from wrap(f"{act.chain[0].name}{carried}; {words.said_when(act.said_at)} ({act.act})", columns, lead)


def _beside(found: Provenance, columns: int) -> Iterator[str]:
    if found.carriers:
        yield from wrap("; ".join(map(_carrier, found.carriers)), columns, "carried by  ")
    for one in found.evidence:
        yield from wrap(_evidence(one), columns, "evidence    ")


def _evidence(one: EvidenceAnswer) -> str:
    what = ", ".join(filter(None, (one.description, one.url))) or one.sha256 or one.media_type or ""
    return f"{one.bearing}: {what} ({one.event})"


def _origin(origin: Origin, found: Provenance, columns: int) -> Iterator[str]:
    ways = [" → ".join(line) for line in origin.lines if len(line) > 1]
    spoken = f", by {'; '.join(ways)}" if ways else ""
    yield from wrap(words.root(origin.name, origin.kind) + spoken, columns)
    for place, act in enumerate(origin.acts):
        last = place == len(origin.acts) - 1
        yield from _act(act, found, columns, "└─ " if last else "├─ ", "   " if last else "│  ")


def _act(act: ActAnswer, found: Provenance, columns: int, branch: str, under: str) -> Iterator[str]:
    yield from wrap(f"{act.act}  {_what(act, found)}", columns, branch, under + "    ")
    for text in (f"“{act.quote}”" if act.quote else "", act.note or "", act.url or ""):
        if text:
            yield from wrap(text, columns, under + "    ")
    for one in act.evidence:
        yield from wrap(f"evidence, {_evidence(one)}", columns, under + "    ")
    for depth, link in enumerate(act.chain[1:]):
        published = f"published {link.published_at}" if link.published_at else None
        report = link.report.replace("_", " ") if link.report else None
        cue = f"“{link.cue}”" if link.cue else None
        via = ", ".join(filter(None, (link.kind, link.medium, report, cue, published, link.url)))
        yield from wrap(f"{link.name}{f' ({via})' if via else ''}", columns, f"{under}    {'   ' * depth}└─ ")


def _what(act: ActAnswer, found: Provenance) -> str:
    """What the act does to the claim, when, and whether it decides."""
    first = act.chain[0]
    more = "; ".join(filter(None, (first.role, first.medium)))
    uttered = first.name + (f" ({more})" if more else "")
    manner = act.manner.replace("_", " ")
    what = act.type if manner in ("asserted", "flat") else f"{act.type} ({manner})"
    about = "" if act.claims == [found.claim] else f" on {', '.join(act.claims)}"
    about += f", namely “{act.denied_part}”" if act.denied_part else ""
    marks = [
        {"support": "supports", "opposition": "opposes"}.get(act.side or "", "")
        + (" (inferred)" if act.inferred else ""),
        f"scope {act.scope}" if act.scope else "",
        "perhaps meant, not counted" if act.perhaps else "",
        f"as corrected by {', '.join(act.corrected_by)}" if act.corrected_by else "",
        *act.gone,
        f"graded {act.grade}" if act.grade else "",
    ]
    return f"{uttered}: {what}{about}; " + ", ".join([words.said_when(act.said_at), *filter(None, marks)])


def _carrier(carrier: Carrier) -> str:
    return f"{carrier.name}: {words.count(carrier.acts, 'act')} of {words.count(carrier.roots, 'origin')}"


def _history_page(found: History, screen: Screen) -> Iterator[str]:
    columns = screen.columns
    meaning = {"said": "how it stood by what had been said up to then", "recorded": "how it stood by what was recorded"}
    lead = meaning[found.axis] + (" (only the latest cuts)" if found.truncated else "")
    moments = [_moment(step, found.axis) for step in found.steps]
    span = max(map(len, moments), default=0)
    return render.blocks(
        render.title(found.claim, found.text, columns),
        wrap(lead if found.steps else "nothing has been said of it", columns),
        *(
            _step(moment.ljust(span), step, words.assessed(step.assessments), columns)
            for moment, step in zip(moments, found.steps, strict=True)
        ),
        wrap(cuts_line(found.as_of, found.said_by, found.rules), columns),
    )


def _step(moment: str, step: Step, assessed: str, columns: int) -> Iterator[str]:
    under = " " * (len(moment) + 2)
    for line in wrap(words.headline(step.status, step.support, step.opposition, assessed), columns, f"{moment}  "):
        yield render.strong(line)
    for happening in step.by:
        yield from wrap(_happening(happening), columns, under, under + "  ")
    flags = _flags(step.flags_raised, step.flags_dropped)
    if flags:
        yield from wrap(f"flags {flags}", columns, under, under + "      ")


def _flags(raised: list[str], dropped: list[str]) -> str:
    return " ".join([*(f"+{flag}" for flag in raised), *(f"-{flag}" for flag in dropped)])


def _happening(happening: Happening) -> str:
    by = f" by {happening.by}" if happening.by else ""
    on = f" on {', '.join(happening.claims)}" if happening.claims else ""
    said = f", said {happening.said_at}" if happening.said_at else ""
    about = f" of {', '.join(happening.about)}" if happening.about and not happening.claims else ""
    return f"{happening.event}: {happening.type}{about}{by}{on}{said}"


def _moment(step: Step, axis: str) -> str:
    if axis == "recorded":
        return f"{step.position}  {words.time(step.at)}"
    return step.at[:10] if step.at.endswith(_END_OF_DAY) else words.time(step.at)


def difference(answers: list[Status], axis: str, cuts: tuple[str, str], screen: Screen) -> Iterator[str]:
    """What changed between two answers about a claim, the cuts named as they were typed."""
    columns = screen.columns
    found = diff.between(*answers)
    return render.blocks(
        render.title(found.claim, found.after.text, columns),
        _both(found, answers, [f"{'said by' if axis == 'said' else 'as of'} {cut}" for cut in cuts], columns),
        list(_changes(found, columns)) or ["nothing changed"],
        wrap(_fixed(found, axis), columns),
    )


def _both(found: Diff, answers: list[Status], cuts: list[str], columns: int) -> Iterator[str]:
    heads = [visible(cut) for cut in cuts]
    span = max(map(render.width, heads))
    for head, at, answer in zip(heads, (found.before, found.after), answers, strict=True):
        line = words.headline(at.status, at.support, at.opposition, words.assessed(answer.assessments))
        yield from wrap(line, columns, render.pad(head, span) + "  ")


def _fixed(found: Diff, axis: str) -> str:
    """The cut that both answers share."""
    after: At = found.after
    if axis == "said":
        return cuts_line(after.as_of, None, found.rules)
    return (
        f"from position {found.before.as_of.position} to {after.as_of.position}"
        + (f" · said by {after.said_by}" if after.said_by else "")
        + f" · rules {found.rules}"
    )


def _changes(found: Diff, columns: int) -> Iterator[str]:
    for what in found.changed:
        if what in ("status", "own_words", "text"):
            was, now = getattr(found.before, what), getattr(found.after, what)
            yield from wrap(f"{was} → {now}", columns, f"  {what.replace('_', ' '):<11}")
    for moved in found.roots:
        word = {"support": "for", "opposition": "against"}[moved.side]
        acts = f"{', '.join(moved.before) or 'nothing'} → {', '.join(moved.after) or 'nothing'}"
        yield from wrap(f"{moved.name}: {acts}", columns, f"  {word:<11}")
    flags = _flags(found.flags_raised, found.flags_dropped)
    if flags:
        yield from wrap(flags, columns, f"  {'flags':<11}")
    for sign, weighed in (("+", found.assessments_in), ("-", found.assessments_out)):
        yield from (line for one in weighed for line in wrap(_weighed(sign, one), columns, f"  {'assessed':<11}"))


def _weighed(sign: str, one: AssessmentAnswer) -> str:
    return f"{sign}{words.weight(one)}, by {one.by}: {one.act}"
