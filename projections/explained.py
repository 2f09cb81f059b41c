"""What must be known to tell why? The status of a claim with the acts and the register that it was made from."""

from __future__ import annotations

from functools import cached_property

from ledger.saying import Said

from . import dossier, status
from .dossier import Dossier
from .register import Register
from .status import Reason, Status
from .world import Act, TakenBack, World


class Explained:
    """A projection: the status of a claim, with the acts and the register it was made from, to tell its why."""

    def __init__(self, found: Status, world: World, register: Register) -> None:
        self.found = found
        self.acts = {act.id: act for act in world.acts}
        self.register = register
        self._world = world
        self._reasons: dict[tuple[str | None, str | None], list[Reason]] = {}
        for reason in found.why:
            self._reasons.setdefault((reason.side, reason.root), []).append(reason)

    def reasons(self, side: str, root: str) -> list[Reason]:
        """Why a root counts for a side, by the acts that decide, in the order of the why."""
        return self._reasons.get((side, root), [])

    def corrections(self, act_id: str) -> list[Said]:
        """The corrections by which an act says what it says, as they were said."""
        return self._world.corrections(act_id)

    @cached_property
    def gone(self) -> list[tuple[Act, list[str]]]:
        """The acts that were taken back on the claim, and as what: some by their names, and some with those."""
        members = self.register.reach.signs(self.found.claim)
        return [(act, whys) for act in self._world.acts if (whys := act.gone_on(members))]

    def taken_back(self) -> list[TakenBack]:
        """By what these were taken back by their names."""
        return [one for act, _ in self.gone if act.removed for one in self._world.taken_back(act.id)]

    initial = staticmethod(dossier.initial)
    evolve = staticmethod(dossier.evolve)
    wants = staticmethod(dossier.wants)

    @staticmethod
    def answer(state: Dossier) -> Explained:
        """The status, and what it was made from."""
        register = state.settle()
        found = status.of_claim(register, register.utterances, state.question)
        return Explained(found, World(register, register.utterances, state.question.said_by), register)
