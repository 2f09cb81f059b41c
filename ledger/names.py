"""Which id does a name stand for? Slugs of claims and sources, and the source that each link of a chain counts under.

A slug keeps letters, marks and digits of every script, NFKC and case-folded (Unicode Standard Annex 15; Unicode
§3.13); each run of anything else is one hyphen, none at the ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from .errors import UsageError
from .events import BY_CARRIER, MAX_SOURCE, Link

_ASCII_RUN: Final = re.compile(r"[^a-z0-9]+")
_ASCII_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@lru_cache(maxsize=16_384)  # the same names come back in every act
def slug(text: str) -> str:
    """The slug of a text.

    Raises ValueError where nothing is left of it.
    """
    if text.isascii():
        result = _ASCII_RUN.sub("-", text.lower()).strip("-")
    else:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        result = "-".join("".join(map(_kept, folded)).split())
    if not result:
        raise ValueError(f"{text!r} has no letter or digit to make an id of; give one")
    return result


@lru_cache(maxsize=8_192)  # the hot path of every append
def is_claim_id(text: str) -> bool:
    """True where a text is its own slug."""
    return _is_slug(text)


@lru_cache(maxsize=16_384)
def is_source_id(text: str) -> bool:
    """True where a text is slugs joined by `@`: a source, or an unnamed one and the carrier that had it."""
    return all(map(_is_slug, text.split("@")))


def source_id(text: str) -> str:
    """The id a source is given by, or the one that its name stands for.

    Raises UsageError where no id can be made of it.
    """
    if len(text) > MAX_SOURCE:  # what ids were asked about is remembered: not what can be none
        raise UsageError(f"a source's id has {MAX_SOURCE:,} characters at most, not {len(text):,}")
    if is_source_id(text):
        return text
    try:
        return slug(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


@lru_cache(maxsize=16_384)  # an answer asks for them again and again, and of the same acts
def sources(chain: tuple[Link, ...]) -> tuple[str, ...]:
    """The source id of every link, the utterer's first.

    A given `source` stands as given. Left out it is the slug of the name; an unnamed, collective or untraced link is
    its own source for each carrier that had it: the slug, `@`, and the source of the next link, where there is one.
    """
    return tuple(fresh_sources(chain))


def fresh_sources(chain: Sequence[Link]) -> list[str]:
    """The same, not remembered: what is appended is seldom seen again."""
    ids = [slug(link.name) if link.source is None else link.source for link in chain]
    for place in range(len(ids) - 2, -1, -1):  # a carrier's own source is that of its carrier
        link = chain[place]
        if link.kind in BY_CARRIER and link.source is None:
            ids[place] = f"{ids[place]}@{ids[place + 1]}"
    return ids


def speaker(chain: Sequence[Link]) -> str:
    """The source id of the first link."""
    first = chain[0]
    if first.source is not None:
        return first.source
    return sources(tuple(chain))[0] if first.kind in BY_CARRIER else slug(first.name)


def _is_slug(text: str) -> bool:
    if text.isascii():
        return _ASCII_SLUG.fullmatch(text) is not None
    try:
        return slug(text) == text
    except ValueError:
        return False


@lru_cache(maxsize=16_384)
def _kept(char: str) -> str:
    """A letter, mark or digit; for any other character a space."""
    category = unicodedata.category(char)
    return char if category[0] in "LM" or category == "Nd" else " "
