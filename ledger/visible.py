"""What may be shown of what others wrote? Text in which nothing steers, hides or turns around.

A terminal obeys control characters, and a reader trusts what he sees: whatever steers a terminal, turns the direction
of writing or cannot be seen is shown as `\\u{..}`.
"""

from __future__ import annotations

import re
from typing import Final

#: Controls (C0, C1, DEL), format characters (bidi, zero-width, tags, byte order mark), line and paragraph separators,
#: lone surrogates, and fillers that show as nothing. The visible Arabic and Kaithi number signs stay.
HIDDEN: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


def visible(text: str, newline: str = "⏎") -> str:
    """The text with whatever is not to be trusted shown as its code, and its newlines as given."""
    shown = HIDDEN.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)
    return shown.replace("\n", newline)


def visible_json(data: bytes) -> bytes:
    """The same JSON value, in characters that are harmless on a terminal."""

    def code(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))

    return HIDDEN.sub(code, data.decode("utf-8", "surrogatepass")).encode()
