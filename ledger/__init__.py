"""claim-ledger: an event-sourced ledger of who said what about a claim. This docstring is the tour.

    from ledger import Assessment, Conflict, Denial, Ledger, Link, Statement
    from projections import provenance, status

    with Ledger.open("claims.db") as ledger:               # or ":memory:", or "https://…"
        said = ledger.append(
            Statement(claims=("kn23-teams",), said_at="../2024-10-10",
                      chain=(Link(name="a source in Ukraine", kind="unnamed"),
                             Link(name="The Guardian", kind="outlet"))),
            register=True)
        now = ledger.state(status, "kn23-teams")
        then = ledger.state(status, "kn23-teams", as_of=said)
        earlier = ledger.state(status, "kn23-teams", said_by="2024-10-09")

An *act* (`Statement`, `Denial`, `Assessment`) is something said by somebody about claims, carried to us by a chain of
`Link`s. `Retraction` and `Correction` are said about acts. The register (`ClaimRegistered`, `SourceRelated` …) is what
a desk knows; `RecordAmended` and `RecordVoided` are the clerk's. `Ledger` appends and reads them, `GroupCommit` appends
what many threads bring; what they amount to is for the package `projections`, or for a projection of your own (see
`ledger.fold`).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from .batch import Batch, Brought, Receipt
    from .cuts import Cut
    from .errors import (
        Busy,
        Conflict,
        Forbidden,
        IdReused,
        IntegrityError,
        InvalidEvent,
        LedgerError,
        NewerVersion,
        NotFound,
        Refused,
        Unavailable,
        UsageError,
    )
    from .events import (
        ActGraded,
        Assessment,
        ClaimRegistered,
        ClaimReworded,
        ClaimsRelated,
        Correction,
        Denial,
        EvidenceAttached,
        Likelihood,
        Link,
        RecordAmended,
        RecordVoided,
        RelationWithdrawn,
        Retraction,
        RulingRecorded,
        SourceGraded,
        SourceRegistered,
        SourceRelated,
        Statement,
    )
    from .group import GroupCommit
    from .intake import Entry
    from .ledger import Ledger, Stretch
    from .records import Record
    from .writer import ClockBehind

__all__ = [
    "ActGraded",
    "Assessment",
    "Batch",
    "Brought",
    "Busy",
    "ClaimRegistered",
    "ClaimReworded",
    "ClaimsRelated",
    "ClockBehind",
    "Conflict",
    "Correction",
    "Cut",
    "Denial",
    "Entry",
    "EvidenceAttached",
    "Forbidden",
    "GroupCommit",
    "IdReused",
    "IntegrityError",
    "InvalidEvent",
    "Ledger",
    "LedgerError",
    "Likelihood",
    "Link",
    "NewerVersion",
    "NotFound",
    "Receipt",
    "Record",
    "RecordAmended",
    "RecordVoided",
    "Refused",
    "RelationWithdrawn",
    "Retraction",
    "RulingRecorded",
    "SourceGraded",
    "SourceRegistered",
    "SourceRelated",
    "Statement",
    "Stretch",
    "Unavailable",
    "UsageError",
]

_HOMES: Final = ("errors", "events", "records", "intake", "batch", "cuts", "ledger", "writer", "group")


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for, so that the command line starts without any of them."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(f".{home}", __name__)
            if hasattr(module, name):
                globals()[name] = value = getattr(module, name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
