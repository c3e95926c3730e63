"""What the checks ask about keys whose holders were stopped: the holders, and the chain's votes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from remediations.engine.verify.result import NotVerified
from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.playbooks.chain.checks.reading import known
from remediations.systems.comet import questions as comet
from remediations.systems.comet.blocks import DuplicateVotes
from remediations.systems.comet.sign_state import SignState, parse_sign_state
from remediations.systems.comet.values import Commit, NodeLocation
from remediations.systems.hosts import questions as hosts
from remediations.systems.hosts.guest import NO_FILE
from remediations.systems.hosts.rounds import HostRunner, Question, ask_hosts

BLOCKS_WITH_EVIDENCE = 20
"""So many are asked for what is in them, the newest."""
_NONE = b"none"


@dataclass(frozen=True)
class HeldFleet:
    """The nodes of a plan that are held, and those that go on, over connections that are kept."""

    reach: HostRunner
    plan: PlannedChain

    @property
    def addresses(self) -> frozenset[str]:
        """The keys that must not sign twice any more."""
        return frozenset(target.address for target in self.plan.held if target.address)

    def is_held(self, host: str) -> bool:
        """Whether the unit of this host is down and held.

        Raises:
            NotVerified: it did not answer.
        """
        (target,) = (one for one in self.plan.held if one.host == host)
        question = hosts.unit_held(target.unit)
        return known(ask_hosts(self.reach, {host: (question,)})[host].to(question))

    def last_signed(self, top: int) -> int:
        """The highest height that a holder which was stopped has signed, as its file says for good;
        0 for none. A file from above `top` is not of this chain.

        Raises:
            NotVerified: one could not be read.
        """
        asked = {target.host: _final_state(target) for target in self.plan.held}
        answers = ask_hosts(self.reach, {host: (one,) for host, one in asked.items()})
        states = [known(answers[host].to(question)) for host, question in asked.items()]
        heights = [state.height for state in states if state is not None]
        return max((height for height in heights if height <= top + 1), default=0)

    def commits(self, heights: range) -> Mapping[str, Sequence[Commit]]:
        """The commits of these heights, as every node shows them.

        Raises:
            NotVerified: a node did not answer.
        """
        asked = {target.host: comet.commits(target, heights) for target in self.plan.targets}
        answers = ask_hosts(self.reach, {host: (one,) for host, one in asked.items()})
        return {host: known(answers[host].to(question)) for host, question in asked.items()}

    def evidence(self, blocks: Sequence[int]) -> tuple[DuplicateVotes, ...]:
        """What the evidence in these blocks says about the keys; the newest of them are asked for.

        Raises:
            NotVerified: the first node did not answer, or there is none.
        """
        if not blocks:
            return ()
        if not self.plan.targets:
            raise NotVerified("no node is left that could tell")
        target = self.plan.targets[0]
        question = comet.evidence(target, sorted(blocks)[-BLOCKS_WITH_EVIDENCE:])
        told = known(ask_hosts(self.reach, {target.host: (question,)})[target.host].to(question))
        return tuple(one for block in told for one in block if one.address in self.addresses)


def signed_twice(commits: Iterable[Commit], addresses: frozenset[str]) -> tuple[str, ...]:
    """Where one of these keys has two signatures for one height and round. Even for one block they
    are two signers: one signer has one time of its vote."""
    seen: dict[tuple[int, int, str], set[str]] = {}
    for commit in commits:
        for one in commit.signatures:
            if one.address in addresses and one.voted:
                place = (commit.height, commit.round, one.address)
                seen.setdefault(place, set()).add(f"{one.for_block} {one.signature}")
    return tuple(
        f"{address[:12]} at {height}/{round_}"
        for (height, round_, address), votes in sorted(seen.items())
        if len(votes) > 1
    )


def _final_state(target: NodeLocation) -> Question[SignState | None]:
    """Its sign state; None where it has none, as a copy that never ran."""
    plain = comet.sign_state(target)
    return Question(
        source=plain.source,
        command=f"( {plain.command}\n) || {{ [ $? = {NO_FILE} ] && echo none; }}",
        parse=_state_or_none,
        root=plain.root,
    )


def _state_or_none(output: bytes) -> SignState | None:
    if output.rstrip().endswith(_NONE):
        return None
    return parse_sign_state(output.decode())
