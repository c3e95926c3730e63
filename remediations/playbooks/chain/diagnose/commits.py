"""Which commits count as what the chain remembers of its validators.

Those that are proven, whoever shows them; and those that witnesses tell, since a signature that was
seen may raise what a key must remember, and leaving it out could lower it. Hosts that stand at
different heights show different commits: together they tell who signed which of the last blocks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.proofs import Proofs
from remediations.systems.comet.values import Commit
from remediations.values.reading import value_or_none


@dataclass(frozen=True)
class Commits:
    """The commits that count, each once, in rising order."""

    all: tuple[Commit, ...]

    @property
    def heights(self) -> tuple[int, ...]:
        """Their heights, each once, rising."""
        return tuple(sorted({commit.height for commit in self.all}))

    def last_signed(self, addresses: Collection[str]) -> dict[str, int]:
        """Address → the highest height whose commit has its signature, for those that have one."""
        found: dict[str, int] = {}
        for commit in self.all:
            for signature in commit.signatures:
                if signature.voted and signature.address in addresses:
                    found[signature.address] = commit.height
        return found


def read_commits(witnesses: Sequence[NodeView], proofs: Proofs) -> Commits:
    """The commits of all witnesses, and every proven one."""
    told = (value_or_none(view.reading.chain.commit) for view in witnesses)
    every = [*proofs.commits, *(commit for commit in told if commit is not None)]
    once = {id(commit.signatures): commit for commit in every}
    return Commits(tuple(sorted(once.values(), key=lambda commit: commit.height)))
