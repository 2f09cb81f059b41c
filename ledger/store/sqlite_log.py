"""How is the write-ahead log kept short? What it holds is copied into the file while others go on appending.

SQLite lets the commit that fills the log do that, and whoever waits for it waits for tens of milliseconds more. Here a
thread copies most of it, by a connection of its own, and ends. Once nothing is left to copy the next commit begins the
log anew. A log that cannot be copied is no loss: what it holds is durable, and stays readable there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Final

import apsw

PAGES: Final = 16_000
"""A log of so many pages of 4 KiB is copied."""
MOST: Final = 2 * PAGES
"""The commit that makes it so long copies what is left itself."""
#: So does a commit where no more than so many are left. Where somebody's reading is in the way, that waits for as many.
_FEW: Final = 1_000


class Checkpoints:
    """Keeps the log of one connection short; `connect` opens another to the same file."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self._connect = connect
        self._copying: threading.Thread | None = None
        self._copied = 0
        self._next = PAGES

    def keep_short(self, writer: apsw.Connection) -> None:
        """Looks after each commit of the connection how long the log is."""
        writer.set_wal_hook(self._committed)

    def wait(self) -> None:
        """Waits until nothing is being copied."""
        if self._copying is not None:
            self._copying.join()

    def _committed(self, writer: apsw.Connection, _database: str, pages: int) -> int:
        if pages < PAGES:  # as nearly always, and where the log has begun anew
            self._copied, self._next = 0, PAGES
        elif pages >= self._next and (self._copying is None or not self._copying.is_alive()):
            self._next = pages + _FEW
            is_ours = pages >= MOST or 0 <= pages - self._copied <= _FEW
            if is_ours or not self._copy_aside():
                self._copy(writer)
        return apsw.SQLITE_OK

    def _copy_aside(self) -> bool:
        """Has a thread copy the log; False where there can be no more threads."""
        thread = threading.Thread(target=self._copy_by_itself, name="claims-checkpoint")
        try:
            thread.start()
        except RuntimeError:
            return False
        self._copying = thread
        return True

    def _copy_by_itself(self) -> None:
        with suppress(apsw.Error), closing(self._connect()) as connection:
            connection.execute("SELECT 1 FROM sqlite_schema").fetchall()  # which has it see that there is a log
            if self._copy(connection):
                self._next = self._copied  # whoever commits next begins the log anew, or copies the few that are left

    def _copy(self, connection: apsw.Connection) -> bool:
        """Copies what nobody's reading keeps it from; gives whether that is all."""
        with suppress(apsw.Error):  # a full disk, for one: whoever appends is told of that when the log is full, too
            pages, self._copied = connection.wal_checkpoint()
            return pages == self._copied
        return False
