"""Where does a page stand? Its address, with the cuts of the page one comes from; and what of outside may be a link."""

from __future__ import annotations

import re
import shlex
from typing import Final
from urllib.parse import quote, urlencode

from msgspec import Struct

from ledger.visible import HIDDEN

_WEB: Final = re.compile(r"https?://[^\s\"<>\\^`{|}]+", re.ASCII | re.IGNORECASE)


class Cuts(Struct, frozen=True, kw_only=True):
    """The two cuts as they stand in the address: what the ledger knew, and what had been said. None is now."""

    as_of: str | None = None
    said_by: str | None = None

    def __bool__(self) -> bool:
        return self.as_of is not None or self.said_by is not None

    def pairs(self) -> dict[str, str]:
        """Those that are set, by their names."""
        asked = {"as_of": self.as_of, "said_by": self.said_by}
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def query(self) -> str:
        """What stands after the path of a page at these cuts."""
        return query(**self.pairs())

    def options(self) -> list[str]:
        """The same, as options of a command."""
        told = {"--as-of": self.as_of, "--said-by": self.said_by}
        return [word for option, value in told.items() if value is not None for word in (option, value)]


def query(**pairs: str | list[str] | None) -> str:
    """`?name=value…` of the pairs that say something; empty where none does."""
    told = {name: value for name, value in pairs.items() if value}
    return f"?{urlencode(told, doseq=True)}" if told else ""


def claim_url(claim: str) -> str:
    """The page of a claim."""
    return f"/claims/{quote(claim, safe='')}"


def source_url(source: str) -> str:
    """The page of a source."""
    return f"/sources/{quote(source, safe='@')}"


def event_url(event_id: str, cuts: Cuts | None = None) -> str:
    """The permalink of an event, at some cuts. A browser takes dots alone in a path for steps in it: those ids go by
    query."""
    pairs = {} if cuts is None else cuts.pairs()
    if _is_step(event_id):
        return f"/events{query(id=event_id, **pairs)}"
    return f"/events/{quote(event_id, safe='')}{query(**pairs)}"


def raw_event_url(event_id: str) -> str:
    """The event as the API has it; where the path cannot name it, by the tag of its id."""
    return f"/v1/events{query(tag=f'id:{event_id}')}" if _is_step(event_id) else f"/v1{event_url(event_id)}"


def _is_step(event_id: str) -> bool:
    return not {".", ".."}.isdisjoint(event_id.split("/"))


def web(url: str | None) -> str | None:
    """The address, where it leads to the web and nothing in it can do anything else; None for any other."""
    return url if url is not None and _WEB.fullmatch(url) and not HIDDEN.search(url) else None


def command(*words: str) -> str:
    """The line to be typed into a shell."""
    return shlex.join(words)
