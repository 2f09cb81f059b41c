"""What can go wrong, as one tree; every message says what, where, and what to do next.

    LedgerError                 anything this package raises on purpose
    ├── UsageError              the call itself makes no sense (a cut past the head, a ledger used after a fork)
    ├── NotFound                no such claim, event, source, target or ledger
    ├── Refused                 a well-formed event that a rule forbids (a stranger's retraction)
    ├── Conflict                somebody else came first (`expected` overtaken)
    │   └── IdReused            the same id came before with other content, or from somebody else
    ├── Unavailable             the ledger cannot be read or written now: a disk, a lock, a service; try again later
    │   └── Busy                more waits to be appended than may
    ├── Forbidden               a service does not allow it: without a token, by this one, or no longer
    ├── InvalidEvent            an event that does not meet its schema; carries a JSON pointer
    └── IntegrityError          the file is not what it says it is: not a ledger, damaged, of a newer version
        └── NewerVersion        written by a later version of this package

Each class carries `exit_code`, the code with which the command line ends.
"""

from __future__ import annotations

from collections.abc import Sequence


class LedgerError(Exception):
    """Anything this package raises on purpose; `str()` is fit to be shown to a person."""

    exit_code = 1
    index: int | None = None
    """The place of the offending event in a batch, counted from 0, where it came in one."""
    pointer: str = ""
    """The JSON pointer (RFC 6901) of the offending value in the event; "" where it is the event as a whole."""

    def __init__(self, message: str = "", pointer: str = "") -> None:
        super().__init__(message)
        if pointer:
            self.pointer = pointer


class UsageError(LedgerError):
    """The call makes no sense as asked, whatever the ledger holds."""

    exit_code = 2


class NotFound(LedgerError):
    """A claim, event, source, target or ledger that is not there."""

    exit_code = 3


class Refused(LedgerError):
    """A well-formed event that a rule forbids; nothing was written."""

    exit_code = 4


class Conflict(LedgerError):
    """Something came in between; nothing was written. `positions` names what came, the first hundred of it.

    `head` is the last position that was looked at: who has read what came up to there may give it as `expected`. None
    where nothing was expected.
    """

    exit_code = 5

    def __init__(self, message: str, positions: Sequence[int] = (), head: int | None = None) -> None:
        super().__init__(message)
        self.positions = tuple(positions)
        self.head = head


class IdReused(Conflict):
    """The id is taken: by an event with other content, or by this very one, which somebody else recorded."""


class Unavailable(LedgerError):
    """The ledger cannot be read or written now; the same call may succeed later.

    Its disk is full or fails, another process holds its lock, or its service does not answer. An append that ends so
    may be there all the same; with ids of its own it can be repeated.
    """


class Busy(Unavailable):
    """More waits to be appended than may; nothing was written. `retry_after_s` is when it may be worth trying again."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Forbidden(LedgerError):
    """A service does not allow it: no token was shown, it was revoked, or it lacks the scope; nothing was written."""


class InvalidEvent(LedgerError):
    """An event that does not meet its schema. `reason` is what `str()` tells, without the pointer in front."""

    exit_code = 6

    def __init__(self, reason: str, pointer: str = "") -> None:
        super().__init__(f"{pointer}: {reason}" if pointer else reason, pointer)
        self.reason = reason


class IntegrityError(LedgerError):
    """The file is not what it says it is; it was left untouched."""

    exit_code = 7


class NewerVersion(IntegrityError):
    """The file, or a record in it, was written by a later version of this package."""
