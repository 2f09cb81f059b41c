"""Whom do the speakers stand for? The origins that count, and what kind of source each is.

A root is the speaker followed through same_as and, for named speakers, speaks_for. The number of roots on a side is
an interval: *possible* counts them all, *provable* those known to be distinct (`projections.distinct`). Carriers
never count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from ledger import names
from ledger.events import NAMED

from .register import Register
from .stands import Stand
from .world import Act

_position = attrgetter("position")


class Root(Struct, frozen=True):
    """An origin that counts once on a side, with the speakers that stand for it there."""

    root: str
    classes: tuple[str, ...]
    """The sources it is made of: one class, or the classes of a circle."""
    name: str
    kind: str | None
    named: bool
    registered: bool
    stands: tuple[Stand, ...]
    inferred: bool = False
    """True where no speaker of it stands here in own words."""
    first: int = 0
    """The position of its first act there."""

    @property
    def acts(self) -> list[str]:
        """The ids of the deciding acts, oldest record first."""
        return list(dict.fromkeys(stand.act.id for stand in sorted(self.stands, key=lambda s: s.act.position)))


class _Told(NamedTuple):
    kinds: dict[str, tuple[int, int, str]]
    """By source: the position of the act that tells, how near the utterer, and the kind."""
    names: dict[str, str]


class Kinds:
    """What kind of source each is, and its name: from the register, else from the latest act that tells."""

    def __init__(self, register: Register, acts: Sequence[Act]) -> None:
        self._register = register
        self._acts = acts
        self._origins: dict[str, list[str]] = {}

    @cached_property
    def _told(self) -> _Told:
        """What the acts tell, read where the register leaves something open."""
        kinds: dict[str, tuple[int, int, str]] = {}
        printed: dict[str, str] = {}
        classes_of = self._register.lines.classes_of
        for act in reversed(self._acts):  # the latest act tells, and in it the link nearest its utterer
            chain = act.event.chain
            for place, source in enumerate(classes_of(names.sources(chain))):
                link = chain[place]
                if source not in printed:
                    printed[source] = link.name
                if source not in kinds and link.kind is not None:
                    kinds[source] = (act.position, -place, link.kind)
        return _Told(kinds, printed)

    def kind(self, classes: Sequence[str]) -> str | None:
        """The kind of a root made of these classes."""
        registered = [info for name in classes for info in self._register.registered(name) if info.kind]
        if registered:
            return max(registered, key=_position).kind
        told = self._told.kinds
        return max((told[name] for name in classes if name in told), default=(0, 0, None))[2]

    def name(self, root: str) -> str:
        """The name to show: as registered, else as last printed, else the id."""
        infos = self._register.registered(root)
        if not infos:
            return self._told.names.get(root, root)
        own = [info.name for info in infos if info.source == root]
        return own[-1] if own else infos[-1].name

    def is_named(self, source: str) -> bool:
        """Whether a speaker is named: a person, an office, an organisation or a state."""
        return self.kind([source]) in NAMED

    def origin(self, speaker: str) -> list[str]:
        """The classes a speaker counts for, the least of them its root: the end of its line if it is named."""
        known = self._origins.get(speaker)
        if known is None:
            circle = self._register.lines.circle(speaker) if self.is_named(speaker) else [speaker]
            known = self._origins[speaker] = circle
        return known


def roots(stands: Iterable[Stand], kinds: Kinds, register: Register) -> list[Root]:
    """The roots of all who stand on a claim, whatever the side (see `on_side`)."""
    held: dict[str, list[Stand]] = {}
    classes: dict[str, set[str]] = {}
    for stand in stands:
        circle = kinds.origin(stand.speaker)
        root = min(circle)
        held.setdefault(root, []).append(stand)
        classes.setdefault(root, set()).update(circle)
    return [_root(tuple(sorted(classes[root])), held[root], kinds, register) for root in held]


def on_side(all_roots: Iterable[Root], side: int, first: Callable[[Stand], int]) -> list[Root]:
    """The roots as they stand on one side, by their first act there.

    `first` gives the position of the first act by which a speaker came to this side.
    """
    found = []
    for root in all_roots:
        stands = tuple(stand for stand in root.stands if stand.side == side)
        if stands:
            inferred = all(stand.inferred for stand in stands)
            found.append(replace(root, stands=stands, inferred=inferred, first=min(map(first, stands))))
    return sorted(found, key=lambda root: (root.first, root.root))


def _root(classes: tuple[str, ...], held: list[Stand], kinds: Kinds, register: Register) -> Root:
    kind = kinds.kind(classes)
    named = kind in NAMED
    if (
        kind is None or kind == "outlet"
    ):  # an outlet is not named where it speaks itself; where its spokesman does, it is
        named = any(kinds.is_named(stand.speaker) for stand in held)
    return Root(
        root=classes[0],
        classes=classes,
        name=kinds.name(classes[0]),
        kind=kind,
        named=named,
        registered=any(register.registered(name) for name in classes),
        stands=tuple(sorted(held, key=lambda stand: stand.act.key)),
    )
