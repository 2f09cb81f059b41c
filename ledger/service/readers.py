"""How do several threads read the ledger and its view at one time? Each with a view of its own, at one moment.

Where a keeper of its own keeps the view up, it is read as that left it. Where there is none (a ledger in memory, a
service that was never started) the view is caught up before it is read, one reader after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from ledger import Ledger
from projections.views import OutOfReach, Views, beside
from projections.views.file import DamagedView, discard, identity
from projections.weighed import Verdicts

from .problems import NotYet

_NONE: Final = "the view of the board is being made"


class _Shelved(NamedTuple):
    view: Views
    file: tuple[int, int] | None
    """The identity of its file."""


class Readers:
    """The ledger and its view, for reading."""

    def __init__(self, ledger: Ledger, *, kept: bool = False) -> None:
        self.ledger = ledger
        self.kept = kept
        """Whether somebody else keeps the view up."""
        self.verdicts = Verdicts(3)
        """What assessments say beside the claims of a board."""
        self._path = beside(ledger)
        self._shelf: list[_Shelved] = []
        self._own: _Shelved | None = None
        self._lock = threading.Lock()

    @contextmanager
    def view(self) -> Iterator[Views]:
        """The view, as far as it has come. Raises NotYet where nobody has made one, or it was damaged."""
        if not self.kept:
            with self._lock, self._healing():
                yield self._caught_up()
            return
        shelved = self._taken()
        try:
            yield shelved.view
        except DamagedView as error:
            shelved.view.close()
            discard(self._path, shelved.file)  # whoever keeps it up sees that it is gone, and makes it anew
            raise NotYet(_NONE) from error
        except BaseException:
            shelved.view.close()
            raise
        self._shelf.append(shelved)

    @property
    def made(self) -> int:
        """The position the view has come to; 0 where there is none."""
        with suppress(NotYet), self.view() as view:
            return view.made
        return 0

    def keep_board(self, *, as_of: int, said_by: str) -> None:
        """Has the view keep the board at both cuts."""
        with self._lock, self._healing():
            self._writing().keep_board(as_of=as_of, said_by=said_by)

    def close(self) -> None:
        """Closes what was opened; idempotent, and for when nobody reads any more."""
        while self._shelf:
            self._shelf.pop().view.close()
        if self._own is not None:
            self._own.view.close()

    def _taken(self) -> _Shelved:
        file = self._file()
        with suppress(IndexError):  # until there are no more
            while (shelved := self._shelf.pop()).file != file:  # it was deleted, and made anew
                shelved.view.close()
            return shelved
        view = Views.to_read(self.ledger)
        if view is None:
            raise NotYet(_NONE)
        return _Shelved(view, file)

    def _file(self) -> tuple[int, int]:
        found = identity(self._path)
        if found is None:
            raise NotYet(_NONE)
        return found

    def _caught_up(self) -> Views:
        view = self._writing()
        try:
            view.catch_up()
        except OutOfReach:  # one record changes more claims than are judged one by one
            view.rebuild()
        return view

    def _writing(self) -> Views:
        if self._own is not None and self._own.file != identity(self._path):  # it was deleted, and made anew
            self._own.view.close()
            self._own = None
        if self._own is None:
            view = Views.open(self.ledger)
            self._own = _Shelved(view, identity(self._path))
        return self._own.view

    @contextmanager
    def _healing(self) -> Iterator[None]:
        """Has the view made anew that is found to be damaged within. Raises NotYet then."""
        try:
            yield
        except DamagedView as error:
            own, self._own = self._own, None
            if own is not None:
                own.view.close()
                discard(self._path, own.file)
            raise NotYet(_NONE) from error
