"""Who may ask the service for what? Tokens: a name, its scopes, and the SHA-256 of a secret that is shown once.

They lie in a file of their own beside the ledger, `<ledger>.tokens`, which only its owner may read. Where that file is
not there, no token was ever made; once it is, whoever has none is refused, and stays so when the last is revoked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

from .errors import IntegrityError, LedgerError, NotFound, UsageError
from .intake import check_recorder

Scope: TypeAlias = Literal["read", "append", "curate", "admin"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
#: What a scope allows beside itself: whoever mends the record may add to it; who administers may do everything.
_INCLUDED: Final[dict[Scope, frozenset[str]]] = {
    "read": frozenset(("read",)),
    "append": frozenset(("append",)),
    "curate": frozenset(("append", "curate")),
    "admin": frozenset(SCOPES),
}
#: Whoever finds one in a repository or a log knows what it is.
PREFIX: Final = "claims_"
_PATIENCE_S: Final = 5.0
_SEEN_S: Final = 0.05

Version: TypeAlias = tuple[int, int, int]


class Token(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of a token: everything but the secret itself.

    `name` is who records with it; `created_at` a moment in UTC; `sha256` that of the secret, in hex.
    """

    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    sha256: str

    def may(self, scope: Scope) -> bool:
        """Whether it allows what takes this scope."""
        return allows(self.scopes, scope)


class _Kept(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tokens: tuple[Token, ...] = ()


def allows(scopes: Sequence[Scope], scope: Scope) -> bool:
    """Whether some scopes allow what takes this one."""
    return any(scope in _INCLUDED[one] for one in scopes)


class Tokens:
    """The tokens of one ledger. What another process makes or revokes is seen a twentieth of a second later at most."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._version: Version | None = None
        self._tokens: dict[str, Token] | None = None
        self._look_again = 0.0

    @classmethod
    def beside(cls, ledger: str | os.PathLike[str]) -> Tokens:
        """Those of the ledger in a file."""
        return cls(f"{os.path.realpath(ledger)}.tokens")

    @property
    def made(self) -> bool:
        """Whether any was ever made. Raises IntegrityError, LedgerError."""
        return self._read() is not None

    def all(self) -> list[Token]:
        """Those that hold, oldest first. Raises IntegrityError for a file that is none, LedgerError."""
        return list((self._read() or {}).values())

    def holder(self, secret: str) -> Token | None:
        """The token whose secret this is. Raises IntegrityError, LedgerError."""
        digest = _digest(secret)
        found = (self._read() or {}).get(digest)
        # That a hash was found by its value tells nobody anything of the 256 random bits it was made from.
        return found if found is not None and hmac.compare_digest(found.sha256, digest) else None

    def create(self, name: str, scopes: Sequence[Scope]) -> str:
        """Makes a token and returns its secret, which is kept nowhere.

        Raises InvalidEvent for a name that nobody can record under, UsageError for one that is taken and for no scope.
        """
        check_recorder(name)
        if not scopes:
            raise UsageError(f"a token has a scope, one at least: {', '.join(SCOPES)}")
        secret = PREFIX + secrets.token_urlsafe(32)
        token = Token(
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            created_at=datetime.now(UTC),
            sha256=_digest(secret),
        )
        with self._changing() as tokens:
            if any(other.name == name for other in tokens):
                raise UsageError(f"there is a token {name!r} already; revoke it first, or give this one another name")
            tokens.append(token)
        return secret

    def revoke(self, name: str) -> None:
        """Ends a token at once. Raises NotFound."""
        with self._changing() as tokens:
            left = [token for token in tokens if token.name != name]
            if len(left) == len(tokens):
                raise NotFound(f"there is no token {name!r}; `claims token list` shows those there are")
            tokens[:] = left

    def _read(self) -> dict[str, Token] | None:
        """The tokens by their hashes; None where none was ever made."""
        # A look at the disk lets other threads go first, and they take their time: not for every request.
        now = time.monotonic()
        if now >= self._look_again:
            self._look()
            self._look_again = now + _SEEN_S
        return self._tokens

    def _look(self) -> None:
        """Reads the file where it is another than before."""
        try:
            version = _version(os.stat(self.path))
            if version != self._version:
                self._tokens = {token.sha256: token for token in self._load()}
                self._version = version
        except FileNotFoundError:  # one that was there and is gone opens nothing to anybody
            self._version, self._tokens = None, None if self._tokens is None else {}
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be read: {error.strerror}") from error

    def _load(self) -> tuple[Token, ...]:
        try:
            with open(self.path, "rb") as file:
                return msgspec.json.decode(file.read(), type=_Kept).tokens
        except (msgspec.MsgspecError, ValueError) as error:
            raise IntegrityError(f"{self.path} holds no tokens ({error}); move it away, and make them anew") from error

    @contextmanager
    def _changing(self) -> Iterator[list[Token]]:
        """Gives what is kept, to be changed, and puts it in the place of the file whole; one at a time."""
        coming = f"{self.path}.new"
        try:
            with self._alone(coming) as descriptor:
                self._look()
                tokens = self.all()
                yield tokens
                with open(descriptor, "wb", closefd=False) as file:
                    file.write(msgspec.json.encode(_Kept(tokens=tuple(tokens))) + b"\n")
                os.fsync(descriptor)
                os.replace(coming, self.path)
            self._look()
            _settle(os.path.dirname(self.path))  # what was revoked does not come back after a power cut
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _alone(self, coming: str) -> Iterator[int]:
        """The file that will take the place of the other: whoever made it is the one who changes something."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                break
            except FileExistsError:
                if time.monotonic() > until:
                    raise LedgerError(f"{coming} is there: if nobody is changing tokens, remove it") from None
                time.sleep(0.02)
        try:
            yield descriptor
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(coming)
            raise
        finally:
            os.close(descriptor)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _settle(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _version(found: os.stat_result) -> Version:
    return found.st_ino, found.st_mtime_ns, found.st_size
