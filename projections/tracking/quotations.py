"""In which words is a claim spoken of, and whose? What search finds it by, beside its own text.

Acts count here as the record has them by now: struck ones not at all, amended and corrected ones as they were mended,
those that were taken back as they stand. Only acts that name the claim itself count, not those that perhaps mean it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ledger import events as ev
from ledger import names

from ..world import Act

Link: TypeAlias = tuple[str, str]
"""The id of a source, and its name as printed."""


class Words(NamedTuple):
    """What a claim is found by of one act."""

    text: str
    links: tuple[Link, ...]


class Quotations(NamedTuple):
    """What acts on a claim quote, a text for each act that quotes anything, and all who stand in their chains."""

    texts: list[str]
    links: set[Link]


def text_of(act: ev.Act) -> str:
    """The words of an act: its quote, and what that was translated from; "" for none."""
    return "\n".join(filter(None, (act.quote, act.original)))


def links_of(act: ev.Act) -> Iterable[Link]:
    """All who stand in the chain of an act, each once by each name."""
    return dict.fromkeys(map(_link, names.sources(act.chain), [link.name for link in act.chain]))


@lru_cache(maxsize=65_536)  # one for all acts: a view that is made anew holds each of them for every claim
def _link(source: str, name: str) -> Link:
    return source, name


def words_of(act: ev.Act) -> Words:
    """What the claims of an act are found by."""
    return Words(text_of(act), tuple(links_of(act)))


def quotations(acts: Iterable[Act], claim: str) -> Quotations:
    """What the acts on a claim quote, of all that bear on it as they now stand."""
    found = Quotations([], set())
    for act in acts:
        if claim in act.event.claims:
            found.links.update(links_of(act.event))
            if text := text_of(act.event):
                found.texts.append(text)
    return found
