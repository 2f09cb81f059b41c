"""The desk's own entries: claims and how they hang together, evidence, grades, rulings; and the mending of entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ledger import (
    ActGraded,
    ClaimRegistered,
    ClaimReworded,
    ClaimsRelated,
    EvidenceAttached,
    Ledger,
    RecordAmended,
    RecordVoided,
    RelationWithdrawn,
    RulingRecorded,
    SourceGraded,
)
from ledger import events as ev
from ledger.names import source_id
from ledger.visible import visible
from projections import words

from .options import Words, at_ledger
from .writing import Writer, said_at, sets, writes

_by = click.option("--by", metavar="NAME", help="Who says so.")
_why = click.option("--why", metavar="TEXT", help="Why.")
_needed_why = click.option("--why", metavar="TEXT", required=True, help="Why; whoever reads the record will ask.")


@click.command("init")
@at_ledger
def init_command(db: str) -> None:
    """Make an empty ledger. (Every command that writes makes one where there is none.)"""
    with Ledger.open(db) as ledger:
        held = ledger.head
    name = visible(db)
    click.echo(
        f"{name} is a ledger already, with {words.count(held, 'record')}" if held else f"{name} is an empty ledger"
    )


@click.command("register")
@click.argument("claim")
@click.argument("text")
@click.option("--kind", type=Words(ev.ClaimKind), default="factual", help="Default: factual.")
@click.option("--language", metavar="TAG", help="The language of the text (BCP 47).")
@click.option("--external", metavar="ID", help="The claim's id elsewhere.")
@writes
def register_command(writer: Writer, **claim: Any) -> None:
    """Give a proposition its id CLAIM (letters, digits and hyphens of any script) and its TEXT.

    \b
    claims register six-killed "Six North Korean soldiers died in a missile strike near Donetsk."
    """
    writer.append(ClaimRegistered(**claim))


@click.command("reword")
@click.argument("claim")
@click.argument("text")
@_needed_why
@writes
def reword_command(writer: Writer, **claim: Any) -> None:
    """Change the text of CLAIM. What was said before was about the text before."""
    writer.append(ClaimReworded(**claim))


@click.command("relate")
@click.argument("from_", metavar="FROM")
@click.argument("relation", type=Words(("negates", "entails", "same_as")), metavar="negates|entails|same_as")
@click.argument("to")
@_by
@_why
@writes
def relate_command(writer: Writer, **relation: Any) -> None:
    """Claim FROM negates TO, entails it (narrow entails broad), or is the same.

    \b
    claims relate six-killed entails officer-casualties --by "the desk" --why "Who was killed was a casualty."
    """
    writer.append(ClaimsRelated(**relation))


@click.command("unrelate")
@click.argument("target", metavar="EVENT")
@_needed_why
@writes
def unrelate_command(writer: Writer, target: str, why: str) -> None:
    """Withdraw a relation between claims or sources, named by the EVENT that recorded it."""
    writer.append(RelationWithdrawn(target=target, why=why))


@click.command("attach")
@click.option("--claim", "claims", metavar="CLAIM", multiple=True, help="A claim it bears on. Repeatable.")
@click.option("--act", metavar="ID", help="The act it bears on.")
@click.option("--bearing", type=Words(("supports", "refutes", "context")), default="context", help="Default: context.")
@click.option(
    "--file", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take the hash of this."
)
@click.option("--sha256", metavar="HEX", help="The hash of the document, where the file is not at hand.")
@click.option("--url", metavar="URL", help="Where it is.")
@click.option("--media-type", metavar="TYPE", help="image/jpeg, text/html … Default with --file: told by its name.")
@click.option("--description", metavar="TEXT", help="What it shows.")
@writes
def attach_command(
    writer: Writer, file: Path | None, sha256: str | None, media_type: str | None, **evidence: Any
) -> None:
    """Attach evidence to claims, an act, or both. It is shown, and never counted; the file itself stays where it is."""
    if file is not None:
        found = _sha256(file)
        if sha256 is not None and sha256 != found:
            raise click.UsageError(f"{file} has the hash {found}, not the one given with --sha256")
        sha256, media_type = found, media_type or _media_type(file)
    writer.append(EvidenceAttached(sha256=sha256, media_type=media_type, **evidence))


@click.group("grade")
def grade_command() -> None:
    """Grade a source by its reliability, an act by its credibility, on the Admiralty scale (NATO AJP-2.1)."""


@grade_command.command("source")
@click.argument("source")
@click.argument("grade", type=click.Choice(list("ABCDEF"), case_sensitive=False), metavar="A|B|C|D|E|F")
@_by
@_why
@writes
def grade_source(writer: Writer, source: str, **grading: Any) -> None:
    """How reliable SOURCE (an id or a name) is: A reliable … E unreliable, F not judged."""
    writer.append(SourceGraded(source=source_id(source), **grading))


@grade_command.command("act")
@click.argument("act", metavar="EVENT")
@click.argument("grade", type=click.IntRange(1, 6), metavar="1|2|3|4|5|6")
@_by
@_why
@writes
def grade_act(writer: Writer, **grading: Any) -> None:
    """How credible an act is: 1 confirmed … 5 improbable, 6 not judged."""
    writer.append(ActGraded(**grading))


@click.command("rule")
@click.argument("claim")
@click.argument(
    "ruling", type=Words(("confirmed", "refuted", "unresolvable")), metavar="confirmed|refuted|unresolvable"
)
@click.option("--by", metavar="NAME", required=True, help="Who rules.")
@click.option("--reasons", metavar="TEXT", required=True, help="The reasons.")
@said_at
@writes
def rule_command(writer: Writer, **ruling: Any) -> None:
    """Record a ruling on CLAIM. It is shown beside the status, and never changes it."""
    writer.append(RulingRecorded(**ruling))


@click.command("amend")
@click.argument("target", metavar="EVENT")
@sets
@_needed_why
@writes
def amend_command(writer: Writer, target: str, changes: dict[str, Any], why: str) -> None:
    """Mend an entry that was recorded wrongly. Answers as of an earlier moment keep the error.

    What a speaker takes back or corrects is not amended: `claims retract`, `claims correct`.

    \b
    claims amend A10 --set said_at=2024-10-10 --why "The Moscow Times puts it on that day."
    """
    writer.append(RecordAmended(target=target, changes=changes, why=why))


@click.command("void")
@click.argument("target", metavar="EVENT")
@_needed_why
@writes
def void_command(writer: Writer, target: str, why: str) -> None:
    """Strike an entry: from here on it is as if it had never been appended. Voiding the voiding brings it back."""
    writer.append(RecordVoided(target=target, why=why))


def _sha256(file: Path) -> str:
    import hashlib

    if not file.is_file():  # a pipe or a device, which may never end
        raise click.UsageError(f"{file} is no file; evidence has a hash of its own once it is one")
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _media_type(file: Path) -> str | None:
    import mimetypes

    return mimetypes.guess_type(file.name)[0]
