"""Somebody said something: state, deny, assess, retract, correct. One act each, from options."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from ledger import Assessment, Correction, Denial, Likelihood, Link, Retraction, Statement, scales
from ledger import events as ev

from .options import Words
from .writing import Writer, attributed, said_at, sets, writes, writes_act

F = TypeVar("F", bound=Callable[..., Any])


def _told(command: F) -> F:
    """Gives a command `told`: the fields that statement, denial and assessment share."""

    @wraps(command)
    def telling(*args: Any, claims: tuple[str, ...], possible: tuple[str, ...], **options: Any) -> Any:
        shared = ("quote", "language", "original", "said_at", "url", "note", "in_reply_to")
        told = {name: options.pop(name) for name in shared}
        return command(*args, told={"claims": claims, "possible_claims": possible, **told}, **options)

    for option in reversed(_TOLD):
        telling = option(telling)
    return telling  # type: ignore[return-value]


_TOLD = (
    said_at,
    click.option("--quote", metavar="TEXT", help="The words, verbatim."),
    click.option("--language", metavar="TAG", help="The language of the quote (BCP 47): en, uk, ko."),
    click.option("--original", metavar="TEXT", help="What the quote was translated from."),
    click.option("--url", metavar="URL", help="Where it can be read."),
    click.option("--note", metavar="TEXT", help="What the next reader should know of this entry."),
    click.option(
        "--possible", metavar="CLAIM", multiple=True, help="A claim perhaps meant, too; never counted. Repeatable."
    ),
    click.option("--in-reply-to", metavar="ID", help="The event, or foreign id, that it answers."),
)


@click.command("state")
@click.argument("claims", metavar="CLAIM...", nargs=-1, required=True)
@attributed
@_told
@click.option(
    "--mode", type=Words(ev.Mode), default="asserted", help="Default: asserted; only that commits the speaker."
)
@writes_act
def state_command(writer: Writer, chain: tuple[Link, ...], told: dict[str, Any], mode: Any) -> None:
    """Somebody states claims.

    \b
    claims state kn23-teams --unnamed "a source in Ukraine" --via "The Guardian"
    claims state donetsk-engineers --by "Andriy Kovalenko" --medium Telegram --via AFP --said-at 2024-10-05
    """
    writer.append(Statement(chain=chain, mode=mode, **told))


@click.command("deny")
@click.argument("claims", metavar="[CLAIM...]", nargs=-1)
@attributed
@_told
@click.option(
    "--act",
    "acts",
    metavar="ID",
    multiple=True,
    help="Denies having said this act; with claims, points at it. Repeatable.",
)
@click.option(
    "--form", type=Words(ev.Form), default="flat", help="Default: flat. Flat and dismissal commit the speaker."
)
@click.option(
    "--scope", type=Words(("explicit", "framed", "ambiguous")), default="explicit", help="Who says it is this."
)
@click.option("--denied-part", metavar="TEXT", help="What of the claim is denied.")
@writes_act
def deny_command(writer: Writer, chain: tuple[Link, ...], told: dict[str, Any], **denial: Any) -> None:
    """Somebody denies claims; or, with --act alone, denies having said it.

    \b
    claims deny engineers-deployed --by "Dmitry Peskov" --role "Kremlin spokesman" --via AFP --form dismissal
    claims deny --act A3 --by "Andriy Kovalenko"
    """
    writer.append(Denial(chain=chain, **told, **denial))


@click.command("assess")
@click.argument("claims", metavar="CLAIM...", nargs=-1, required=True)
@attributed
@_told
@click.option("--likely", "term", metavar="TERM", help='How likely, in the words used: "highly likely".')
@click.option(
    "--scale", type=Words((*scales.SCALES, scales.INFERRED)), help="The scale the term stands in. Default: inferred."
)
@click.option("--low", type=float, help="The band's lower end, 0 to 1; for an inferred scale.")
@click.option("--high", type=float, help="The band's upper end.")
@click.option("--mapped-by", metavar="NAME", help="Who mapped the term to the band.")
@click.option("--verdict", type=Words(ev.Verdict), help="A verdict; it decides the side.")
@click.option("--label", metavar="TEXT", help='The verdict verbatim: "Pants on fire".')
@click.option("--confidence", type=Words(("low", "moderate", "high")), help="How sure, apart from how likely.")
@click.option(
    "--capacity", type=Words(("party", "analyst", "fact_checker", "desk")), default="party", help="Default: party."
)
@writes_act
def assess_command(
    writer: Writer,
    chain: tuple[Link, ...],
    told: dict[str, Any],
    term: str | None,
    scale: Any,
    low: float | None,
    high: float | None,
    mapped_by: str | None,
    **assessment: Any,
) -> None:
    """Somebody weighs claims: how likely they are, or a verdict, or both.

    \b
    claims assess six-killed --by "Kim Yong-hyun" --likely "highly likely" --low .8 --high .95
    claims assess six-killed --by "Fact desk" --kind organisation --verdict false --capacity fact-checker
    """
    band = {"scale": scale, "low": low, "high": high, "mapped_by": mapped_by}
    if term is None and any(value is not None for value in band.values()):
        raise click.UsageError("--scale, --low, --high and --mapped-by are about a term; give --likely TERM")
    likelihood = None if term is None else Likelihood(term=term, **band)
    writer.append(Assessment(chain=chain, likelihood=likelihood, **told, **assessment))


@click.command("retract")
@click.argument("act")
@attributed
@said_at
@click.option("--reason", metavar="TEXT", help="The reason given.")
@writes
def retract_command(writer: Writer, chain: tuple[Link, ...], act: str, said_at: str | None, reason: str | None) -> None:
    """Somebody takes back ACT: its speaker, a principal of the speaker, or a carrier of it.

    A mistake of the record is not taken back but mended: `claims amend`, `claims void`.

    \b
    claims retract A3 --by "Andriy Kovalenko" --said-at 2024-10-09 --reason "mistaken"
    """
    writer.append(Retraction(act=act, chain=chain, said_at=said_at, reason=reason))


@click.command("correct")
@click.argument("act")
@attributed
@said_at
@sets
@writes
def correct_command(
    writer: Writer, chain: tuple[Link, ...], act: str, said_at: str | None, changes: dict[str, Any]
) -> None:
    """Somebody corrects ACT: its speaker, a principal of the speaker, or a carrier of it.

    \b
    claims correct A3 --by "Andriy Kovalenko" --said-at 2024-10-06 --set quote="a few combat engineers"
    """
    writer.append(Correction(act=act, chain=chain, said_at=said_at, changes=changes))
