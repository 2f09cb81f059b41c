"""What does every answer tell a browser, whatever it answers? How little it may do with it."""

from __future__ import annotations

from typing import Final, TypeAlias

from starlette.types import Message

Pair: TypeAlias = tuple[bytes, bytes]

_ALWAYS: Final[tuple[Pair, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_BY_TLS: Final[Pair] = (b"strict-transport-security", b"max-age=31536000")
_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
_OWN: Final = "; ".join(f"{what}-src 'self'" for what in ("style", "script", "img", "connect"))
_POLICY_OF_PAGES: Final = f"{_POLICY}; {_OWN}; form-action 'self'; base-uri 'none'"


class Restraint:
    """The headers that every answer has, for what comes by one scheme; worked out once."""

    def __init__(self, *, by_tls: bool) -> None:
        self._unchanged = (*_ALWAYS, _BY_TLS) if by_tls else _ALWAYS
        self._data = (_policy(_POLICY), *self._unchanged)
        self._page = (_policy(_POLICY_OF_PAGES), *self._unchanged)
        self._names = frozenset(dict(self._data))

    def add(self, start: Message) -> None:
        """Adds them to an answer that begins; what it says itself of any of them, it says alone."""
        headers: list[Pair] = start.setdefault("headers", [])
        own = dict(headers)
        if start["status"] == 304:  # a policy would change that of what the browser has kept
            more = self._unchanged
        else:
            more = self._page if own.get(b"content-type", b"").startswith(b"text/html") else self._data
        left = more if self._names.isdisjoint(own) else (pair for pair in more if pair[0] not in own)
        start["headers"] = [*headers, *left]


def _policy(text: str) -> Pair:
    return b"content-security-policy", text.encode()


#: By whether it came by TLS.
RESTRAINT: Final = (Restraint(by_tls=False), Restraint(by_tls=True))
