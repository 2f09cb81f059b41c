"""How is a service asked? Over HTTP, in requests that may be sent twice: what may pass is tried again, within bounds.

Every request of a client may be repeated: reads change nothing, and the events of an append bring their ids, so that
what a lost answer told of comes back as replayed. A token goes to the service it was given for and nowhere else: it is
in no name and no error, and redirects are not followed. Certificates are verified.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Final, TypeAlias, TypeVar

import httpx
import msgspec
from msgspec import Struct

from ledger.errors import LedgerError, Unavailable, UsageError

from .problems import MAY_PASS, errors_of

Query: TypeAlias = Sequence[tuple[str, str]]
T = TypeVar("T")

_ATTEMPTS: Final = 5
"""So many times it may fail, where the service does not say itself when to come again."""
_PATIENCE_S: Final = 300.0
"""No attempt begins later than this after the first. Some answers take a fold of all records, and come on asking."""
_BACKOFF_S: Final = 0.1
_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 60.0
"""A service that is silent for so long is taken for gone; it answers, or says that it is busy, long before."""


class Silence(Unavailable):
    """No answer came, however often it was asked for."""


class Connection:
    """A service, and the connections to it that are open. May be used from several threads, not after a fork."""

    def __init__(self, url: str, token: str | None = None) -> None:
        where = _service_of(url)
        self.name = str(where)
        is_here = _is_of_this_machine(where.host)
        if token and where.scheme == "http" and not is_here:
            warnings.warn(f"the token for {self.name} goes over the network unencrypted; use https", stacklevel=5)
        self._client = httpx.Client(
            headers={"User-Agent": "claim-ledger", **_authorization(token)},
            timeout=httpx.Timeout(_ANSWER_S, connect=_CONNECT_S),
            follow_redirects=False,
            trust_env=not is_here,  # no proxy stands between this machine and itself
        )
        self._pid = os.getpid()

    def close(self) -> None:
        """Ends every connection; idempotent."""
        self._client.close()

    def check(self) -> None:
        """Refuses what is closed, and what came into this process by a fork."""
        if self._pid != os.getpid():
            raise UsageError(f"{self.name} was opened before a fork; open it again in the new process")
        if self._client.is_closed:
            raise UsageError(f"{self.name} is closed; open it again")

    def ask(self, path: str, query: Query = ()) -> bytes:
        """What the service answers at a path below /v1. Raises the error that its problem is; Silence without any."""
        return self._good(self._sent("GET", path, query)).content

    def pages(self, path: str, query: Query) -> Iterator[bytes]:
        """Page after page of a list, for as long as another follows. Raises as `ask`."""
        cursor: str | None = None
        while True:
            body = self.ask(path, query if cursor is None else [*query, ("cursor", cursor)])
            yield body
            cursor = self.read(body, _More).next
            if cursor is None:
                return

    def post(self, path: str, query: Query, lines: bytes) -> bytes:
        """What the service answers to NDJSON, which may be sent twice. Raises as `ask`."""
        return self._good(self._sent("POST", path, query, lines)).content

    def faults(self, path: str, query: Query, lines: bytes) -> list[LedgerError]:
        """What the service finds wrong with the lines of NDJSON, each with its `index`. Raises what else is wrong."""
        response = self._sent("POST", path, query, lines)
        errors = [] if response.is_success else self._errors(response)
        for error in errors:
            if error.index is None:
                raise error
        return errors

    @contextmanager
    def streaming(self, path: str, query: Query, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """An answer that is read while it comes. Raises as `ask`."""
        self.check()
        url, headers = f"{self.name}/v1/{path}", {"Accept": "text/event-stream", **headers}
        try:
            with self._client.stream("GET", url, params=list(query), headers=headers) as response:
                if not response.is_success:
                    response.read()
                if response.status_code in MAY_PASS:
                    raise Silence(str(self._errors(response)[0]))
                yield self._good(response)
        except httpx.RequestError as error:
            raise self._silence(error) from error

    def read(self, body: bytes, type_: type[T]) -> T:
        """An answer as what it is to be. Raises LedgerError where it is something else."""
        try:
            return msgspec.json.decode(body, type=type_)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise LedgerError(
                f"{self.name} answers otherwise than expected: {error}; is it of a later version?"
            ) from None

    def _sent(self, method: str, path: str, query: Query, lines: bytes | None = None) -> httpx.Response:
        """The answer to a request, which is sent again for as long as what keeps it from being answered may pass."""
        headers = {"Accept": "application/json"} | ({} if lines is None else {"Content-Type": "application/x-ndjson"})
        url, failed, give_up = f"{self.name}/v1/{path}", 0, time.monotonic() + _PATIENCE_S
        while True:
            self.check()
            response, silence, wait_s = None, Silence(), 0.0
            try:
                response = self._client.request(method, url, params=list(query), headers=headers, content=lines)
                if response.status_code not in MAY_PASS:
                    return response
                wait_s = _retry_after_s(response)
            except httpx.RequestError as error:
                silence = self._silence(error)
            except httpx.InvalidURL as error:
                raise UsageError(f"this cannot be asked of {self.name}: {error}") from None
            if not wait_s:  # nobody says when to come again
                failed, wait_s = failed + 1, _BACKOFF_S * 2**failed
            if failed == _ATTEMPTS or time.monotonic() + wait_s > give_up:
                break
            time.sleep(wait_s)
        if response is None:
            raise silence
        return response

    def _good(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        if response.is_redirect:
            to = response.headers.get("Location", "elsewhere")
            raise LedgerError(f"{self.name} points to {to!r}; redirects are not followed, so open that if you trust it")
        raise self._errors(response)[0]

    def _errors(self, response: httpx.Response) -> list[LedgerError]:
        return errors_of(response.status_code, response.content, self.name, _retry_after_s(response))

    def _silence(self, error: httpx.RequestError) -> Silence:
        why = str(error) or type(error).__name__
        return Silence(f"no answer from {self.name}: {why}; see whether `claims serve` runs there, then try again")


class _More(Struct, frozen=True):
    """Whether another page follows."""

    next: str | None = None


def _service_of(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise UsageError(f"this is no URL of a service: {error}; write http://HOST:PORT or https://HOST") from None
    if url.userinfo:
        raise UsageError("a URL is shown and logged, so it holds no secret; give the token by CLAIMS_TOKEN or token=")
    if not url.host or url.query or url.fragment:
        raise UsageError(f"{text!r} is no URL of a service; write http://HOST:PORT or https://HOST")
    return url.copy_with(path=url.path.rstrip("/").removesuffix("/v1"))  # the API's own URL means its service


def _is_of_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _authorization(token: str | None) -> dict[str, str]:
    if not token:
        return {}
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError("the token is none: it has characters that no token has; copy it again")
    return {"Authorization": f"Bearer {token}"}


def _retry_after_s(response: httpx.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
