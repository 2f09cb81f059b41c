"""How is the write-ahead log kept short? What it holds is copied into the file while others go on appending.

SQLite lets the commit that fills the log do that, and whoever waits for it waits for tens of milliseconds more. Here a
thread copies most of it, by a connection of its own, and ends. Once nothing is left to copy, and nobody reads what the
log holds, the next commit begins it anew. A log that cannot be copied is no loss: it is durable, and is read as it is.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Final

import apsw

PAGES: Final = 16_000
"""A log of so many pages of 4 KiB is copied."""
MOST: Final = 2 * PAGES
"""Who commits copies the rest of one so long, unless a thread is at it."""
#: Where no more than so many pages are left to copy, who commits copies them. After a copy that a reader was in the way
#: of, as many more are waited for before the next.
_FEW: Final = 1_000

_COPYING: Final = weakref.WeakSet[threading.Thread]()
"""The threads of this process that copy a log."""


class Checkpoints:
    """Keeps the log of one connection short; `connect` opens another to the same file."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._thread: threading.Thread | None = None
        self._pages = 0
        self._copied = 0
        self._next = PAGES

    def keep_short(self, writer: apsw.Connection) -> None:
        """Looks after each commit of the connection how long the log is."""
        writer.set_wal_hook(self._committed)

    def wait(self) -> None:
        """Waits until nothing is being copied."""
        if self._is_copying():
            assert self._thread is not None
            self._thread.join()

    def _committed(self, writer: apsw.Connection, _database: str, pages: int) -> int:
        """The commit is done, so nothing may be raised here."""
        if pages < PAGES or pages < self._pages:  # as nearly always; or the log has begun anew
            self._copied, self._next = 0, PAGES
        self._pages = pages
        if pages >= self._next and not self._is_copying():
            self._next = pages + _FEW
            are_few = 0 <= pages - self._copied <= _FEW
            if are_few or pages >= MOST or not self._copy_aside():
                self._copy(writer)
            if are_few:
                self._next = pages + 1  # whichever commit finds nobody reading begins the log anew
        return apsw.SQLITE_OK

    def _is_copying(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _copy_aside(self) -> bool:
        """Has a thread copy the log; False where there can be no more threads."""
        try:
            self._thread = threading.Thread(target=self._copy_by_itself, name="claims-checkpoint")
            _COPYING.add(self._thread)
            self._thread.start()
        except Exception:  # no thread, or no memory for one
            return False
        return True

    def _copy_by_itself(self) -> None:
        with suppress(apsw.Error), closing(self._connect()) as connection:
            connection.execute("SELECT 1 FROM sqlite_schema").fetchall()  # which has it see that there is a log
            if self._copy(connection):
                self._next = self._copied  # whoever commits next begins the log anew, or copies the few left

    def _copy(self, connection: apsw.Connection) -> bool:
        """Copies what nobody's reading keeps it from; gives whether that is all."""
        with suppress(apsw.Error):  # a full disk, for one: whoever appends is told of that when the log is full, too
            pages, self._copied = connection.wal_checkpoint()
            return pages == self._copied
        return False


def _let_copies_end() -> None:
    """Before a fork: the child would wait for ever for locks within SQLite that such a thread holds in its parent."""
    for thread in list(_COPYING):
        if thread.is_alive():
            thread.join()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_let_copies_end)
