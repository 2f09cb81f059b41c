"""What does somebody find who types a few words, in any script?

Texts as they are indexed and words as they are sought are folded here, the same way, not by the index: case,
compatibility forms and digits of other scripts make no difference, nor do the accents and points of Latin, Greek,
Cyrillic, Arabic and Hebrew. Scripts that put no spaces between words are cut into pairs of characters that overlap, and
the last one alone, so that whatever stands in a run is found: several characters by their pairs side by side, a single
one as what a pair begins with. All that is left to the index (FTS5 of SQLite, tokenizer `ascii`) is to part at what is
no letter or digit.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final
from unicodedata import category, combining, digit, normalize

from ledger.errors import UsageError

_RUN: Final = re.compile(
    "["
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u3041-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # Hiragana, Katakana, Bopomofo
    "\uac00-\ud7a3"  # Hangul
    "]+"
)
MOST: Final = 32
"""So many words may be sought at once; each is a search of its own."""
_TOKEN: Final = re.compile("[0-9A-Za-z\x80-\U0010ffff]+")
_TYPED: Final = re.compile('"([^"]*)"?|([^"\\s]+)')
_TELLING_MARKS: Final = {0, 7, 8, 9}
"""Combining classes of the marks that make another letter: vowel signs, nukta, the voicing of kana, virama."""


def searched(text: str) -> str:
    """A text as it is indexed."""
    return text if text.isascii() else _RUN.sub(_pairs, _folded(text))


def sought(typed: str) -> list[str]:
    """The words that a search is for, as `queries` gives them. Raises UsageError where there is none."""
    found = queries(typed)
    if not found:
        raise UsageError(f"search: {typed!r} has no word to look for; give letters or digits, of any script")
    return found


def queries(typed: str) -> list[str]:
    """What was typed as expressions of FTS5, each for one word; whatever is typed, none of them is in error.

    Words "between quotation marks" are a phrase. The last word may be the beginning of one, unless it is quoted.
    Raises UsageError for more than MOST different words.
    """
    words = _TYPED.findall(typed)
    found = dict.fromkeys(
        _expression(quoted or word, begins=place == len(words) and not quoted)
        for place, (quoted, word) in enumerate(words, 1)
    )
    found.pop("", None)
    if len(found) > MOST:
        raise UsageError(f"{len(found)} words are sought, more than {MOST}; leave some out")
    return list(found)


def _expression(text: str, *, begins: bool) -> str:
    tokens = _TOKEN.findall(searched(text))
    if not tokens:
        return ""
    if _RUN.fullmatch(tokens[-1]):
        begins = not (len(tokens) > 1 and _RUN.fullmatch(tokens[-2]) and len(tokens[-2]) == 2)
        if not begins:  # the run may go on where it was found
            tokens.pop()
    return f'"{" ".join(tokens)}"{" *" if begins else ""}'


def _pairs(run: re.Match[str]) -> str:
    text = run[0]
    return f" {' '.join(map(''.join, pairwise(text)))} {text[-1]} "


class _Folds(dict[int, str]):
    """What `str.translate` puts for each character, found out once."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold(chr(code))
        return folded


_FOLDS: Final = _Folds()


def _folded(text: str) -> str:
    apart = normalize("NFKD", normalize("NFKD", text).casefold())
    return normalize("NFKC", apart.translate(_FOLDS))


def _fold(char: str) -> str:
    match category(char):
        case "Nd":
            return str(digit(char))
        case "Mn" | "Mc":
            return char if combining(char) in _TELLING_MARKS and not _is_variation(char) else ""
        case "Me" | "Cf":
            return " " if char == "\u200b" else ""
        case "Lm" if char == "\u0640":  # the tatweel, which only stretches a word
            return ""
        case "Lm" if char == "\u02bc":  # an apostrophe like the others
            return " "
        case kind:
            return char if kind[0] in "LN" else " "


def _is_variation(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
