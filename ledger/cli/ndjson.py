"""How does NDJSON come in? Line by line, in bounded memory, plain or compressed, with every oddity told by its line.

What a file is compressed with is told by its first bytes, never by its name: gzip (RFC 1952), Zstandard (RFC 8878).
"""

from __future__ import annotations

import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, Any, Final, NamedTuple, TypeVar

import click

from ledger import InvalidEvent, intake

T = TypeVar("T")
_MARKS: Final = (
    (b"\xef\xbb\xbf", "begins with a byte order mark; take it out (`tail -c +4 FILE`)"),
    (b"\xff\xfe\0\0", "is UTF-32; convert it (`iconv -f UTF-32 -t UTF-8 FILE`)"),
    (b"\xff\xfe", "is UTF-16; convert it (`iconv -f UTF-16 -t UTF-8 FILE`)"),
    (b"\xfe\xff", "is UTF-16; convert it (`iconv -f UTF-16 -t UTF-8 FILE`)"),
)
_GZIP: Final = b"\x1f\x8b"
_ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = tuple(bytes([0x50 + number]) + b"\x2a\x4d\x18" for number in range(16))
"""With what a frame begins that says nothing, which may come before those of Zstandard (RFC 8878, section 3.1.2)."""
_BUFFER: Final = 1 << 16


class Line(NamedTuple):
    """A line of a file: its number from 1, its bytes without the line end, and how many bytes it has."""

    number: int
    data: bytes
    size: int

    def read(self, reader: Callable[[bytes], T]) -> T:
        """What a reader makes of it. Raises InvalidEvent where it is too long, and what the reader raises."""
        if self.size > intake.MAX_LINE_BYTES:
            raise InvalidEvent(
                f"the line has {self.size:,} bytes, more than {intake.MAX_LINE_BYTES:,}; "
                "split the act or shorten its texts"
            )
        return reader(self.data)


class Lines:
    """The lines of a file that are not blank; no more of one is held than an event may have."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file: Any = file if hasattr(file, "peek") else io.BufferedReader(file)
        start = self._file.peek(4)
        self._text = _decompressed(self._file, start)
        self._number = 0

    @property
    def size(self) -> int | None:
        """How many bytes the file has, compressed or not; None where nobody can tell."""
        try:
            found = os.fstat(self._file.fileno())
        except OSError:
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    @property
    def at(self) -> int:
        """How many of them were read."""
        return int(self._file.tell())

    def __iter__(self) -> Iterator[Line]:
        try:
            yield from self._lines()
        except (EOFError, OSError, zlib.error, _zstd_error()) as error:
            raise InvalidEvent(
                f"line {self._number + 1}: the file cannot be read on ({error}); it was cut off or damaged"
            ) from None

    def _lines(self) -> Iterator[Line]:
        limit = intake.MAX_LINE_BYTES + 2
        readline = self._text.readline
        while data := readline(limit):
            self._number += 1
            if self._number == 1:
                _check_encoding(data)
            size = len(data)
            if size == limit and not data.endswith(b"\n"):
                while (more := readline(_BUFFER)) and not more.endswith(b"\n"):
                    size += len(more)
                size += len(more.rstrip(b"\r\n"))
            data = data.rstrip(b"\r\n")
            if data and not data.isspace():
                yield Line(self._number, data, size if size > limit else len(data))


def read(
    lines: Lines, reader: Callable[[bytes], T], fault: Callable[[int, InvalidEvent], None]
) -> Iterator[tuple[int, T]]:
    """What a reader makes of each line, with its number; what it cannot read goes to `fault`."""
    for line in lines:
        try:
            yield line.number, line.read(reader)
        except InvalidEvent as error:
            fault(line.number, error)


@contextmanager
def compressed(stream: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """A stream into a stream, compressed as the end of a name says: .gz, .zst, or not at all."""
    packed: Any = None
    if name.endswith(".gz"):
        import gzip

        # Without a name and a time, so that the same ledger makes the same bytes.
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0)
    elif name.endswith(".zst"):
        zstd = _zstd()
        # With a checksum, as gzip has one: what was damaged since is told when it is read.
        packed = zstd.ZstdFile(stream, "wb", options={zstd.CompressionParameter.checksum_flag: 1})
    if packed is None:
        yield stream
        return
    with packed, io.BufferedWriter(packed, _BUFFER) as buffered:
        yield buffered


@contextmanager
def progress(label: str, length: int | None) -> Iterator[Callable[[int], None]]:
    """A bar with an estimate, on stderr, where somebody looks on and the length is known; gives what moves it on.

    It is drawn once something was moved: what is done at once leaves no line of 0 %.
    """
    shown = length is not None and sys.stderr.isatty()
    bar = click.progressbar(length=length or 0, label=label, file=sys.stderr, hidden=not shown)
    with ExitStack() as drawn:

        def advance(steps: int) -> None:
            if steps and not bar.entered:
                drawn.enter_context(bar)
            if bar.entered:
                bar.update(steps)

        yield advance


def _decompressed(file: Any, start: bytes) -> Any:
    if start.startswith(_GZIP):
        import gzip

        return io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb"), _BUFFER)
    if start.startswith((_ZSTANDARD, *_SKIPPABLE)):
        return io.BufferedReader(_zstd().ZstdFile(file, "rb"), _BUFFER)
    return file


def _zstd() -> Any:
    """The module `compression.zstd` of Python 3.14 (PEP 784), or what stands in for it before."""
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd


def _zstd_error() -> type[Exception]:
    error: type[Exception] = _zstd().ZstdError
    return error


def _check_encoding(start: bytes) -> None:
    for mark, reason in _MARKS:
        if start.startswith(mark):
            raise InvalidEvent(f"line 1: the file {reason}; NDJSON is plain UTF-8")
    if b"\0" in start[:4]:
        raise InvalidEvent("line 1: the file has NUL bytes, as UTF-16 and UTF-32 do; NDJSON is plain UTF-8")
