"""Who keeps the view up beside a service? This process: it follows the ledger, for as long as the service is there."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Final

from ledger import Ledger, LedgerError
from projections.views import OutOfReach, Views
from projections.views.file import DamagedView, discard, identity

_POLL_S: Final = 0.25
_GRACE_S: Final = 1.0


def main() -> None:
    """Follows the ledger at the path until standard input ends, or the view's file is gone."""
    stop = threading.Event()
    end_with_input(stop)
    lower_priority(5)
    try:
        keep(sys.argv[1], stop)
    except LedgerError as error:
        sys.exit(f"the view of the board is not kept up: {error}")


def keep(path: str, stop: threading.Event) -> None:
    """Follows a ledger until `stop` is set."""
    with Ledger.open(path, read_only=True, create=False) as ledger, Views.open(ledger) as view:
        made = identity(view.path)
        threading.Thread(target=_watch, args=(view.path, made, stop), daemon=True).start()
        try:
            _follow(view, stop)
        except DamagedView:
            discard(view.path, made)  # the next to open it makes it anew
            raise


def _follow(view: Views, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            for _ in view.follow(stop=stop, poll_s=_POLL_S):
                pass
        except OutOfReach:  # one record changes more claims than are judged one by one
            view.rebuild()


def lower_priority(by: int) -> None:
    """Leaves the processor to whoever answers requests."""
    if hasattr(os, "nice"):
        os.nice(by)


def end_with_input(stop: threading.Event) -> None:
    """Sets `stop` when standard input ends, and ends this process where that was not enough."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        stop.set()
        threading.Event().wait(_GRACE_S)
        os._exit(0)  # whatever it was at is undone by itself, or taken up again

    threading.Thread(target=wait, daemon=True).start()


def _watch(path: str, made: tuple[int, int] | None, stop: threading.Event) -> None:
    """Ends the process when somebody deletes the view, for the next to make it anew; its log is of no use without."""
    while not stop.wait(_POLL_S):
        now = identity(path)
        if now is None:
            for end in ("-wal", "-shm"):
                Path(path + end).unlink(missing_ok=True)
        if now != made:
            stop.set()


if __name__ == "__main__":
    main()
