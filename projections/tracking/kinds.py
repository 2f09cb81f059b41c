"""Of what kind is each source, near each claim, by the register or by what acts tell? Kept up act by act.

What is registered beats what is told. Of what acts tell, the latest among those that reach a claim counts there; as a
rule a source is told to be of one kind alone, and all that matters is whether anybody near tells it.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator
from itertools import chain

from .cells import KINDS, Light
from .desk import Desk
from .standing import KINDLESS, Claim
from .webs import Webs


class Kinds:
    """The claims of a tracker, and what is told of the sources on them."""

    def __init__(self, within: Container[str] | None) -> None:
        self._within = within
        self.claims: dict[str, Claim] = {}
        self.desk = Desk()
        self.reach = Webs()
        self._lights: dict[int, Light] = {}
        self._cells_of: dict[str, set[str]] = {}
        self._claims_of_root: dict[str, set[str]] = {}
        self._open_at: dict[str, set[str]] = {}  # source -> the claims on which its kind, or its root's, is open
        self._kinds_told: dict[str, int] = {}
        """All kinds that acts ever told a source to be, as bits."""
        # The cells to be rooted anew, and the roots to be added up anew, for the record being taken.
        self._rootless: dict[tuple[str, str], None] = {}
        self._unsummed: dict[tuple[str, str], None] = {}

    def _claim(self, name: str) -> Claim | None:
        """A claim, or None for one that is outside."""
        found = self.claims.get(name)
        if found is None and (self._within is None or name in self._within):
            found = self.claims[name] = Claim(name, (name,))
        return found

    def _inside(self, claims: Iterable[str]) -> Iterator[Claim]:
        return (claim for name in claims if (claim := self._claim(name)) is not None)

    def _open(self, claim: Claim, source: str) -> None:
        claim.open.add(source)
        self._open_at.setdefault(source, set()).add(claim.name)

    def _close(self, claim: Claim, source: str) -> None:
        claim.open.discard(source)
        self._open_at.get(source, set()).discard(claim.name)

    def _tell(self, claim: Claim, light: Light, alone: bool = False) -> None:
        told, all_kinds, desk = claim.told, self._kinds_told, self.desk
        for source, code in light.told():
            before, kind = told.get(source, 0), 1 << (code & 15)
            if code > before:
                told[source] = code
            if not before and not alone:
                web = self.reach.of.get(claim.name)
                if web is not None:
                    web.told[source] = web.told.get(source, 0) | 3 << 2 * web.numbers[claim.name]
            kinds = all_kinds.get(source, 0)
            if not kinds & kind:
                all_kinds[source] = kinds | kind
                if kinds or source in desk.plural:  # the first time that it is told to be of another kind
                    self._reopen(source)
            # Else it was told so before, and never to be of another kind anywhere.
            if before and not kinds & kinds - 1 and source not in desk.plural:
                continue
            if not alone or source in desk.plural:
                self._retell(claim, source)
            elif source not in desk.kinds:  # the same where nobody else is near, and the source nobody else
                if source in claim.cells:
                    self._rootless[claim.name, source] = None
                if source in claim.by_root:
                    self._unsummed[claim.name, source] = None

    def _untell(self, claim: Claim, light: Light) -> None:
        lost = {source for source, code in light.told() if claim.told.get(source) == code}
        for source in lost:
            latest = self._latest_telling(claim, source)
            if latest is None:
                del claim.told[source]
            else:
                claim.told[source] = max(code for told, code in latest.told() if told == source)
        web = self.reach.of.get(claim.name)
        for source in lost:
            if web is not None and source not in claim.told:
                web.told[source] &= ~(3 << 2 * web.numbers[claim.name])
            self._retell(claim, source, always=True)

    def _latest_telling(self, claim: Claim, source: str) -> Light | None:
        """The latest act on a claim that tells of what kind a source is; each speaker's are looked at from its last."""
        found: Light | None = None
        for positions in claim.on.values():
            for position in reversed(positions):
                if found is not None and position <= found.position:
                    break
                light = self._lights.get(position)
                if light is not None and source in light.tells and claim.name in light.claims:
                    found = light
                    break
        return found

    def _retell(self, claim: Claim, source: str, *, always: bool = False) -> None:
        """The kind of a source is told otherwise by acts on a claim: whoever counts by it nearby is rooted anew."""
        desk = self.desk
        source = desk.lines.class_of(source)
        if source in desk.kinds:
            return  # what is registered beats what is told
        claims, circle = self.claims, desk.circle(source)
        # Of what is told in one way alone, it matters only where it was not told before.
        always = always or self._is_unsure(circle) or self._is_unsure((source,))
        where = self._cells_of if always else self._open_at
        for name in self._near_among(claim.name, where.get(source, ())):
            if always or claims[name].cells[source].kind is None:
                self._rootless[name, source] = None
        if source in circle and (always or self.desk.is_spoken_for(circle)):  # else only it counts for itself
            top = min(circle)
            for name in self._near_among(claim.name, self._claims_of_root.get(top, ())):
                if always or claims[name].sums.get(top, 0) >> KINDLESS & 1:
                    self._unsummed[name, top] = None

    def _reopen(self, source: str) -> None:
        """A source was told to be of several kinds: whoever counts by it must look again wherever relations change."""
        source = self.desk.lines.class_of(source)
        for name in self._cells_of.get(source, ()):
            self._rootless[name, source] = None
        for top in {*self.desk.circle(source), source}:
            for name in self._claims_of_root.get(top, ()):
                for cell in self.claims[name].by_root.get(top, ()):
                    self._rootless[name, cell.source] = None

    def _near_among(self, name: str, among: Collection[str]) -> Iterable[str]:
        """Those of some claims that are near one."""
        if not among:
            return ()
        web = self.reach.of.get(name)
        if web is None:
            return (name,) if name in among else ()
        return web.near_among(name, among)

    def kind(self, claim: Claim, classes: tuple[str, ...]) -> str | None:
        """The kind of a root made of these classes: by the register, else by the latest act near the claim."""
        registered = self.desk.kind(classes)
        if registered is not None:
            return registered
        kinds_told = self._kinds_told
        if len(classes) == 1 and classes[0] not in self.desk.plural:
            raws, kinds = list(classes), kinds_told.get(classes[0], 0)
        else:
            raws, kinds = [raw for name in classes for raw in self.desk.members(name)], 0
            for raw in raws:
                kinds |= kinds_told.get(raw, 0)
        if not kinds:
            return None
        if not kinds & kinds - 1:  # never told to be of two kinds, anywhere: who tells it last is all the same
            return KINDS[kinds.bit_length() - 1] if any(self._is_told(claim, raw) for raw in raws) else None
        return KINDS[max(chain.from_iterable(self._told_near(claim, raw) for raw in raws), default=0) & 15]

    def _is_told(self, claim: Claim, raw: str) -> bool:
        """Whether any act near a claim tells of what kind a source is."""
        if raw in claim.told:
            return True
        web = self.reach.of.get(claim.name)
        told = web.told.get(raw, 0) if web is not None else 0
        return bool(told) and web is not None and web.is_near(claim.name, told)

    def _told_near(self, claim: Claim, raw: str) -> Iterator[int]:
        """What acts tell near a claim of the kind of a source."""
        web = self.reach.of.get(claim.name)
        if web is None:
            near: Iterable[str] = (claim.name,)
        else:
            near = web.names(web.told.get(raw, 0) & web.near(claim.name))
        for name in near:
            if name in self.claims and raw in self.claims[name].told:
                yield self.claims[name].told[raw]

    def _is_unsure(self, classes: tuple[str, ...]) -> bool:
        """Whether acts tell a root made of these classes to be of several kinds."""
        if self.desk.kind(classes) is not None:
            return False
        kinds, told, plural = 0, self._kinds_told, self.desk.plural
        for name in classes:
            for raw in self.desk.members(name) if name in plural else (name,):
                kinds |= told.get(raw, 0)
        return bool(kinds & kinds - 1)
