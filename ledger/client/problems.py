"""Which error is a problem? What a service answers in RFC 9457, as the errors that a ledger here would raise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from ledger.errors import (
    Busy,
    Conflict,
    Forbidden,
    IdReused,
    IntegrityError,
    InvalidEvent,
    LedgerError,
    NotFound,
    Refused,
    Unavailable,
    UsageError,
)

#: The types of problems that are errors of their own, by name.
ERRORS: Final[Mapping[str, type[LedgerError]]] = {
    "not-found": NotFound,
    "forbidden": Forbidden,
    "refused": Refused,
    "id-reused": IdReused,
    "overtaken": Conflict,
    "invalid-event": InvalidEvent,
    "integrity": IntegrityError,
}
MAY_PASS: Final = (429, 502, 503, 504)
"""What is answered so may be answered otherwise soon."""
_BUSY: Final = 429
_FORBIDDEN: Final = (401, 403)
_ASKED_WRONGLY: Final = (400, 404, 405, 410, 413, 414, 415, 422)


class Fault(Struct, frozen=True):
    """What is wrong with one event of a batch, its pointer that in the batch."""

    index: int
    detail: str
    pointer: str = ""
    type: str = ""

    def error(self, positions: tuple[int, ...]) -> LedgerError:
        """The error that `append_all` raises, or `check` gives."""
        told = _error(self.type, 422, self.detail, self.pointer.removeprefix(f"/{self.index}"), positions)
        told.index = self.index
        return told


class Problem(Struct, frozen=True):
    """What a service says went wrong."""

    type: str = ""
    title: str = ""
    detail: str = ""
    positions: tuple[int, ...] = ()
    head: int | None = None
    errors: tuple[Fault, ...] = ()


def errors_of(status: int, body: bytes, name: str, retry_after_s: float) -> list[LedgerError]:
    """The errors that an answer which is none stands for, one at least: those of a batch, or that of the request."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [_plain(status)(f"{name} answered {status}, and not as a ledger does; is the URL right?")]
    if problem.errors:
        first, *others = problem.errors  # the positions are of the first
        return [first.error(problem.positions), *(other.error(()) for other in others)]
    detail = problem.detail or problem.title or f"{name} answered {status}"
    if status in _FORBIDDEN:
        detail = f"{detail}; CLAIMS_TOKEN, or token=, brings a token of {name}"
    if status == _BUSY:
        return [Busy(detail, retry_after_s)]
    return [_error(problem.type, status, detail, "", problem.positions, problem.head)]


def _error(
    type_: str, status: int, detail: str, pointer: str, positions: tuple[int, ...], head: int | None = None
) -> LedgerError:
    kind = ERRORS.get(type_.rpartition("/")[2])
    if kind is InvalidEvent:
        return InvalidEvent(detail.removeprefix(f"{pointer}: ") if pointer else detail, pointer)
    if kind is not None and issubclass(kind, Conflict):
        return kind(detail, positions, head)
    if kind is not None:
        return kind(detail, pointer)
    return UsageError(detail) if status in _ASKED_WRONGLY else _plain(status)(detail)


def _plain(status: int) -> type[LedgerError]:
    if status in _FORBIDDEN:
        return Forbidden
    return Unavailable if status in MAY_PASS else LedgerError
