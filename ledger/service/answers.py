"""Which answers are kept? The last ones, by what was asked at which position: they are the same for ever."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

WORTH_ZIPPING: Final = range(1_024, 4 * 1024 * 1024)
"""Bytes of an answer that is compressed where the asker can read that: less gains nothing, more takes too long."""
_KEPT_AT_MOST: Final = 1024 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS


class Answer:
    """The bytes of an answer; compressed once, for the first who asks for that."""

    __slots__ = ("body", "raw", "said", "zipped")

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.zipped = b""
        """The answer in gzip, where anybody could read that."""
        self.said: tuple[object, ...] = ()
        """What was said of it to the last who asked, and that as raw headers."""
        self.raw: tuple[tuple[bytes, bytes], ...] = ()

    def zip(self) -> None:
        """Compresses the answer (gzip, RFC 1952), once; the same bytes each time."""
        if not self.zipped:
            packing = zlib.compressobj(5, wbits=_GZIP)
            self.zipped = packing.compress(self.body) + packing.flush()


class Answers:
    """The answers that are kept, so many and so many bytes at most; for one thread."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._left = most_bytes
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()

    def get(self, question: Hashable) -> Answer | None:
        """The answer, where it is kept."""
        found = self._kept.get(question)
        if found is not None:
            self._kept.move_to_end(question)
        return found

    def keep(self, question: Hashable, body: bytes) -> Answer:
        """Keeps an answer, in place of those that were asked for longest ago."""
        answer = Answer(body)
        if len(body) <= _KEPT_AT_MOST and question not in self._kept:
            self._kept[question] = answer
            self._left -= len(body)
            while len(self._kept) > self._most or self._left < 0:
                self._left += len(self._kept.popitem(last=False)[1].body)
        return answer
