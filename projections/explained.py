"""What must be known to tell why? The status of a claim with the acts and the register that it was made from."""

from __future__ import annotations

from . import dossier, status
from .dossier import Dossier
from .register import Register
from .status import Reason, Status
from .world import Act, World


class Explained:
    """A projection: the status of a claim, with the acts and the register it was made from, to tell its why."""

    def __init__(self, found: Status, acts: dict[str, Act], register: Register) -> None:
        self.found = found
        self.acts = acts
        self.register = register
        self._reasons: dict[tuple[str | None, str | None], list[Reason]] = {}
        for reason in found.why:
            self._reasons.setdefault((reason.side, reason.root), []).append(reason)

    def reasons(self, side: str, root: str) -> list[Reason]:
        """Why a root counts for a side, by the acts that decide, in the order of the why."""
        return self._reasons.get((side, root), [])

    initial = staticmethod(dossier.initial)
    evolve = staticmethod(dossier.evolve)
    wants = staticmethod(dossier.wants)

    @staticmethod
    def answer(state: Dossier) -> Explained:
        """The status, and what it was made from."""
        register = state.settle()
        found = status.of_claim(register, register.utterances, state.question)
        world = World(register, register.utterances, state.question.said_by)
        return Explained(found, {act.id: act for act in world.acts}, register)
