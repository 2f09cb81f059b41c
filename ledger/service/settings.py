"""What can be set? Where the service listens, and how much it takes from whom."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, ValidationError, convert
from msgspec.structs import fields

from ledger.errors import UsageError

Bytes = Annotated[int, Meta(gt=0)]
Count = Annotated[int, Meta(gt=0)]
Seconds = Annotated[float, Meta(ge=0, le=1e9)]
Every = Annotated[float, Meta(ge=0.001, le=1e9)]
"""Seconds between two looks, which take time themselves."""
MAX_PAGE: Final = 1_000
"""Claims or records a page has at most, whatever is asked for."""


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of a service; every default is fit for one desk on one machine."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    max_body: Bytes = 16 * 1024 * 1024
    """Bytes of a request's body."""
    body_s: Seconds = 60.0
    """Seconds in which a body has to come in."""
    max_head: Bytes = 64 * 1024
    """Bytes of a request's line and headers."""
    head_s: Seconds = 10.0
    """Seconds in which they have to come in."""
    max_connections: Count = 4_096
    """Connections at a time; who comes then is answered with 503."""
    requests_per_s: Annotated[float, Meta(ge=0.001, le=1e9)] | None = None
    """Requests a second of one token, or of one address without a token; None for as many as they like."""
    origins: tuple[str, ...] = ()
    """Origins whose pages may use the API from a browser (CORS), such as https://desk.example."""
    open_to_anybody: bool = False
    """Whether others than this machine are answered where no token was ever made."""
    max_waiting: Count = 1_000
    """Batches that may wait to be appended; who comes then is told to come again."""
    page: Annotated[int, Meta(gt=0, le=MAX_PAGE)] = 100
    """Claims or records a page has where no `limit` is given."""
    answers: Count = 4_096
    """Answers that are kept, to be given again as long as nothing is appended."""
    answers_bytes: Bytes = 64 * 1024 * 1024
    """Bytes that they have at most."""
    wait_s: Seconds = 10.0
    """Seconds that a read with `wait_for` waits at most for the view to come so far."""
    log: Literal["json", "text", "none"] = "none"
    """How a line for each request is written to standard error."""
    ready_s: Seconds = 1.0
    """Seconds that the ledger may take to be had for appending, for the service to call itself ready."""
    ready_lag: Count = 10_000
    """Positions the view may be behind the ledger, for the service to call itself ready."""
    answer_s: Seconds = 30.0
    """Seconds that an answer may take; who asked is then told to ask again, and the work goes on."""
    max_asked: Count = 1_000
    """Questions that are being answered at a time; who comes then is told to come again."""
    workers: Count = 1
    """Processes that fold what many records bear on; one more makes boards by what had been said."""
    fold_s: Seconds = 900.0
    """Seconds after which a fold is given up."""
    max_folds_waiting: Count = 64
    """Folds that may wait for a process of either kind; who comes then is told to come again."""
    stream_clients: Count = 2_000
    """Clients that may listen to the stream at one time; who comes then is told to come again."""
    stream_heartbeat_s: Every = 15.0
    """Seconds of silence after which a stream says that it is there, and how far it is."""
    stream_patience_s: Every = 20.0
    """Seconds that a client of the stream may take to read what was sent before it is let go."""
    stream_retry_ms: Count = 2_000
    """Milliseconds after which a client whose stream ended is to come back."""
    stream_kept: Count = 4_096
    """The last records that are kept ready for the stream's clients …"""
    stream_kept_bytes: Bytes = 8 * 1024 * 1024
    """… and their bytes at most; who is further behind is read to from the ledger."""

    def check(self) -> None:
        """Raises UsageError, by its name, for a setting that makes no sense."""
        for one in fields(self):
            value = getattr(self, one.name)
            try:
                convert(value, one.type)
            except ValidationError as error:
                told = str(error)
                reason = told[:1].lower() + told[1:]
                raise UsageError(f"the setting {one.name} cannot be {value!r}: {reason}") from None
