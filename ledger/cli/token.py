"""Who may ask the service for what? Tokens: made, listed, revoked."""

from __future__ import annotations

import shlex

import click
import msgspec

from ledger import UsageError
from ledger.tokens import SCOPES, Token, Tokens
from ledger.visible import visible

from . import render
from .options import at_file, file_of, for_reading, in_format, told
from .render import Column, Screen

_COLUMNS = (Column("name"), Column("scopes"), Column("created"))


@click.group("token")
def token_command() -> None:
    """Make, list and revoke the tokens with which others ask `claims serve`.

    Once a token was made, nobody is served without one. They are kept beside the ledger, in CLAIMS_DB.tokens, by the
    SHA-256 of their secrets; a service that runs sees at once what changed.
    """


@token_command.command("create", short_help="Make a token; its secret is shown once.")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    required=True,
    help="What it allows; repeatable. curate includes append, admin everything.",
)
@in_format("table", "json")
@at_file
def create_token(db: str, form: str, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token for NAME, who then stands as recorded_by in all that is appended with it.

    The secret goes to stdout, and is kept nowhere: only its SHA-256 is.

    \b
    claims token create "City desk" --scope read --scope append
    """
    tokens = _tokens(db)
    secret = tokens.create(name, [scope for scope in SCOPES if scope in scopes])
    [made] = (token for token in tokens.all() if token.name == name)
    with told(
        f"the token is made, but its secret is lost: `claims token revoke {shlex.quote(name)}`, then make another"
    ):
        if form == "json":
            render.data(msgspec.json.encode({**_plain(made), "token": secret}))
        else:
            click.echo(secret)
    if form != "json":
        click.echo(f"{visible(name)} may {' and '.join(made.scopes)}; the secret is not shown again", err=True)


@token_command.command("list", short_help="Who has a token, and for what.")
@in_format("table", "json", "ndjson")
@at_file
def list_tokens(db: str, form: str) -> None:
    """Who has a token, for what, and since when; never the secrets."""
    found = _tokens(db).all()
    match form:
        case "table":
            render.show(render.table(_COLUMNS, map(_row, found), Screen.here()))
        case "json":
            render.data(msgspec.json.encode({"tokens": list(map(_plain, found))}))
        case _:
            for token in found:
                render.data(msgspec.json.encode(_plain(token)))


@token_command.command("revoke", short_help="End a token, at once.")
@click.argument("name")
@at_file
def revoke_token(db: str, name: str) -> None:
    """End the token of NAME, at once. What was recorded with it stands."""
    _tokens(db).revoke(name)
    click.echo(f"{visible(name)} is revoked", err=True)


def _tokens(db: str) -> Tokens:
    """The tokens of a ledger that must be there, and in a file."""
    if file_of(db) == ":memory:":
        raise UsageError("a ledger in memory is served to nobody else; give the path of a file")
    for_reading(db).close()
    return Tokens.beside(db)


def _row(token: Token) -> list[str]:
    return [token.name, ", ".join(token.scopes), token.created_at.strftime("%Y-%m-%d %H:%M:%SZ")]


def _plain(token: Token) -> dict[str, object]:
    return {"name": token.name, "scopes": token.scopes, "created_at": token.created_at}
