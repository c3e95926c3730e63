"""What the class of a chain is decided from, and what is decided."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import WITHOUT_POWER, NodeCondition
from remediations.playbooks.chain.diagnose.clocks import Clocks
from remediations.playbooks.chain.diagnose.commits import Commits
from remediations.playbooks.chain.diagnose.context import NodeVerdict
from remediations.playbooks.chain.diagnose.equivocation import Equivocations
from remediations.playbooks.chain.diagnose.halt import Halt
from remediations.playbooks.chain.diagnose.hashes import Hashes
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.pace import overdue
from remediations.playbooks.chain.diagnose.power import Power
from remediations.playbooks.chain.diagnose.signing import Signing
from remediations.playbooks.chain.diagnose.slow import SlowCause, slow_causes
from remediations.playbooks.chain.diagnose.votes import Votes


@dataclass(frozen=True)
class ClassVerdict:
    """The class, with the reason in a phrase. `blocked` are hosts that run and do not vote;
    `next_step` is what a person does where that follows from the reason, else ""."""

    chain: ChainClass
    why: str
    blocked: tuple[str, ...] = ()
    next_step: str = ""


@dataclass(frozen=True, kw_only=True)
class ClassInput:
    """Everything that the class is decided from.

    `clocks` says whose clock is wrong. `gone` are the addresses that do not vote, as their own
    hosts show; `dead` are these and the addresses of nodes whose consensus has ended. `parted`: the
    votes prove a partition. `limit_s` is the age in seconds of the newest block from which on the
    chain counts as halted.
    """

    views: Sequence[NodeView]
    witnesses: Sequence[NodeView]
    power: Power
    halt: Halt
    votes: Votes
    hashes: Hashes
    verdicts: Mapping[str, NodeVerdict | None]
    clocks: Clocks
    gone: frozenset[str]
    dead: frozenset[str]
    parted: bool
    limit_s: int
    equivocations: Equivocations
    signing: Signing
    commits: Commits

    @property
    def overdue(self) -> bool:
        """Whether a block should have come long ago."""
        return overdue(self.witnesses, self.halt.tip, timedelta(seconds=self.halt.age_s))

    def power_with(self, conditions: Collection[NodeCondition]) -> int:
        """The power of validators whose node is in one of these conditions."""
        return self.power.sum(
            view.address
            for view in self.views
            if (verdict := self.verdicts[view.host]) is not None and verdict.condition in conditions
        )

    @cached_property
    def slow_causes(self) -> tuple[SlowCause, ...]:
        """What makes blocks late, as far as readings tell."""
        return slow_causes(self.views, self.witnesses, self.power, self.clocks, self.commits)

    @property
    def without_power(self) -> tuple[str, ...]:
        """Hosts whose key is not in the validator set: validators by their role, and those that
        have one key with another host."""
        found = {h for h, v in self.verdicts.items() if v and v.condition in WITHOUT_POWER}
        if self.power.known:
            found |= {
                view.host
                for view in self.views
                if (verdict := self.verdicts[view.host]) is not None
                and verdict.condition is NodeCondition.DUPLICATE_KEY
                and not self.power.of(view.address)
            }
        return tuple(sorted(found))
