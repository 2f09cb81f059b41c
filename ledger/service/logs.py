"""What happened, one line a request? JSON for machines or text for people, on standard error.

A line tells the template of the route, never the path or the query as they came: those may hold what a token must
not be written beside, and whoever asks could make them say anything.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic, time
from typing import Any, Final, Literal, TextIO, TypeAlias

import msgspec

from ledger.visible import visible

Form: TypeAlias = Literal["json", "text", "none"]
Level: TypeAlias = Literal["info", "warning", "error"]

_LATE_S: Final = 0.1
_AT_ONCE: Final = 256
"""Lines after which they are written even before."""


class Log:
    """Where lines go; any thread may write. A log that cannot be written stops nobody.

    Lines of requests that went well are made and written some at a time, at most a tenth of a second late: one by one,
    each would cost more than all else that is done to observe it. What is grave is written at once.
    """

    def __init__(self, form: Form = "none", out: TextIO | None = None) -> None:
        self._out = out or sys.stderr
        self._line: Callable[[dict[str, Any]], str] | None = _LINES[form]
        self._told: list[tuple[float, Level, dict[str, Any]]] = []
        self._due = 0.0
        self._lock = threading.RLock()  # what writing says, by `logging`, comes here again

    @property
    def silent(self) -> bool:
        """Whether nothing is written at all."""
        return self._line is None

    def write(self, level: Level, **told: Any) -> None:
        """One line: when, how grave, and what is told; what is None is left out."""
        if self._line is None:
            return
        with self._lock:
            if is_first := not self._told:
                self._due = monotonic() + _LATE_S
            self._told.append((time(), level, told))
            is_due = len(self._told) >= _AT_ONCE or monotonic() > self._due
        loop = _running() if level == "info" else None
        if loop is None or is_due:
            self.flush()
        elif is_first:
            loop.call_later(_LATE_S, self.flush)

    def flush(self) -> None:
        """Writes what was told."""
        with self._lock, suppress(OSError, ValueError):  # closed, or nobody reads it any more
            taken, self._told = self._told, []
            self._out.write("".join(map(self._as_line, taken)))
            self._out.flush()

    def _as_line(self, one: tuple[float, Level, dict[str, Any]]) -> str:
        assert self._line is not None
        at, level, told = one
        second, ms = divmod(int(at * 1_000), 1_000)
        return self._line({"time": f"{_second(second)}.{ms:03d}Z", "level": level, **told}) + "\n"


@lru_cache(maxsize=2)  # many lines are of one second
def _second(number: int) -> str:
    """A second since the epoch, as ISO 8601 without a zone."""
    return datetime.fromtimestamp(number, UTC).isoformat().removesuffix("+00:00")


def _running() -> asyncio.AbstractEventLoop | None:
    """The loop that this thread runs, where it runs one."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def take_in(log: Log) -> None:
    """Has what libraries say by `logging` and `warnings` written to the log, from warnings on.

    Where nothing is logged they say it by themselves: what is grave is not lost.
    """
    if log.silent:
        return
    logging.captureWarnings(True)
    logging.basicConfig(handlers=[_Libraries(log)], level=logging.WARNING, force=True)


class _Libraries(logging.Handler):
    """Writes what comes by `logging` as lines of a log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record, with the traceback it brings."""
        level: Level = "error" if record.levelno >= logging.ERROR else "warning"
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
        self._log.write(level, said=record.getMessage(), by=record.name, trace=trace)


def _as_json(told: dict[str, Any]) -> str:
    known = {key: value for key, value in told.items() if value is not None}
    with suppress(UnicodeEncodeError):  # a lone surrogate is no text that it writes
        line = msgspec.json.encode(known, enc_hook=str)  # whatever it is, the others of its stretch are written
        if line.isascii():
            return line.decode()
    return json.dumps(
        known, default=str
    )  # in ASCII: whatever a name holds, it can be written, and is harmless on a terminal


def _as_text(told: dict[str, Any]) -> str:
    time, level, trace = told.pop("time"), told.pop("level"), told.pop("trace", None)
    words = [time, *([] if level == "info" else [level])]
    words += [f"{told.pop('ms'):.1f} ms"] if "ms" in told else []
    words += [str(told.pop(name)) for name in ("method", "route", "status", "said") if told.get(name) is not None]
    words += [f"{key}={value}" for key, value in told.items() if value is not None]
    return "  ".join(visible(word) for word in words) + (f"\n{visible(trace, chr(10))}" if trace else "")


_LINES: Final[dict[Form, Callable[[dict[str, Any]], str] | None]] = {
    "json": _as_json,
    "text": _as_text,
    "none": None,
}
