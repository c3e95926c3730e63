"""How long a branch took where it was really carried out."""

from __future__ import annotations

from remediations.render.formats import count_of
from remediations.values.record import Record


class Measured(Record, frozen=True, kw_only=True):
    """Seconds from `apply` until the last gate was open, and until all checks had passed, as
    docs/plan.md has them, with what they were measured on. No promise: hosts elsewhere, more of
    them, and larger files take longer."""

    gate_s: int
    verified_s: int

    def __str__(self) -> str:
        return (
            f"{count_of(self.gate_s, 'second')} until the last gate, {self.verified_s} until "
            "verified, where it was measured"
        )
