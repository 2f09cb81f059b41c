"""How does a page come to be? A template filled with answers.

A page is a function of the ledger, what is kept beside it and an address, and of nothing else: so it is kept by its
address and the position it knows, and known again by that (RFC 9110, ETag).

Nothing that came from outside reaches a page as it is: what would hide or turn around is shown as its code
(`ledger.visible`), then everything is escaped, and no page runs or styles anything but this service's own files.
"""

from __future__ import annotations

from functools import cache
from pathlib import PurePath
from typing import Any, NamedTuple, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.datastructures import QueryParams

from ledger import Ledger
from ledger.visible import visible
from projections import words
from projections.flags import FLAGS

from ..readers import Readers
from . import assets, drawings, urls
from .urls import Cuts

Context: TypeAlias = dict[str, Any]


class Look(NamedTuple):
    """What a page is made from: the ledger, what is kept beside it, and what the address says."""

    ledger: Ledger
    readers: Readers
    few: int | None
    """How many records may be read for it, where there is somebody else for what takes more."""
    as_of: int
    """The position that is now: of boards, the one that their view has come to."""
    path: str
    params: dict[str, str]
    query: QueryParams

    @property
    def cuts(self) -> Cuts:
        """The cuts of the address; what is left empty in a form is no cut."""
        return Cuts(as_of=self.get("as_of"), said_by=self.get("said_by"))

    def get(self, name: str) -> str | None:
        """What the query says of a name; None where that is nothing."""
        return self.query.get(name, "").strip() or None


class Elsewhere(Exception):
    """What is asked for stands at another address."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


def rendered(look: Look, template: str, context: Context) -> str:
    """A template, filled."""
    shared: Context = {"cuts": look.cuts, "ledger_name": PurePath(look.ledger.name).name, "path": look.path}
    return environment().get_template(template).render(shared | context)


@cache
def environment() -> Environment:
    """Where templates live, and what they know."""
    made = Environment(
        loader=PackageLoader("ledger.service.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
        auto_reload=False,
    )
    made.globals |= {
        "asset": assets.asset_url,
        "claim_url": urls.claim_url,
        "source_url": urls.source_url,
        "event_url": urls.event_url,
        "query": urls.query,
        "web": urls.web,
        "sign": drawings.sign,
        "words": words,
        "flags_told": FLAGS,
        "visible": visible,
    }
    made.filters |= {"exact": _exact, "plain": _plain, "capitalize_first": _sentence}
    return made


def _harmless(value: Any) -> Any:
    """What a template shows: text in which nothing hides. What the project has drawn itself stays as it is."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value, newline="\n")


def _exact(value: str) -> Markup:
    """The very text, escaped: for a field of a form, which gives back what it was given."""
    return escape(value)


def _plain(word: str) -> str:
    """A word of the vocabulary as people write it: `no_comment` is no comment."""
    return word.replace("_", " ")


def _sentence(text: str) -> str:
    """The same with a capital at its beginning, and the rest as it is."""
    return text[:1].upper() + text[1:]
