"""Who signs while blocks go on, and who does not, as commits and votes show it.

Only the absence of every trace counts: an address that any believed node shows to have signed one
of the newest blocks, or to vote for the next one, signs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from remediations.playbooks.chain.diagnose.commits import Commits
from remediations.playbooks.chain.diagnose.node_view import READ_APART, NodeView
from remediations.playbooks.chain.diagnose.power import Power
from remediations.systems.comet.values import Commit, RoundState, RoundStep
from remediations.values.reading import value_or_none

PREFIX = 12
"""Digits of an address that a vote shows."""


@dataclass(frozen=True)
class Signing:
    """Of the addresses that hosts of the inventory hold.

    `signed` left a trace. `absent` maps an address to the heights whose commit lacks it, `silent`
    to the heights in whose round it had to vote, and did not. Without a trace both may be empty,
    too: then nothing is known.
    """

    signed: frozenset[str]
    absent: Mapping[str, frozenset[int]]
    silent: Mapping[str, frozenset[int]]

    def missed(self, address: str) -> tuple[int, ...]:
        """The heights at which it is seen missing, if it left no trace at all."""
        if address in self.signed:
            return ()
        nothing: frozenset[int] = frozenset()
        return tuple(sorted(self.absent.get(address, nothing) | self.silent.get(address, nothing)))


def read_signing(
    witnesses: Sequence[NodeView], power: Power, tip: int, commits: Commits
) -> Signing:
    """The traces in the commits and rounds of all witnesses near the tip."""
    held = {a: i for i, a in enumerate(power.addresses) if a in power.holders}
    signed: set[str] = set()
    absent: dict[str, set[int]] = {}
    silent: dict[str, set[int]] = {}
    for commit in commits.all:
        if commit.height < tip - READ_APART:
            continue
        voted = _voted(commit)
        signed |= voted & held.keys()
        # Another number of signatures is another set, of which it may not have been a member.
        if len(commit.signatures) == len(power.addresses):
            _note(absent, held.keys() - voted, commit.height)
    prefixes = {address[:PREFIX]: address for address in held}
    lasts = (value_or_none(view.reading.chain.last_votes) for view in witnesses)
    for last in {(v.height, id(v.voters)): v for v in lasts if v is not None}.values():
        if last.height < tip - READ_APART:
            continue
        there = {prefixes[voter] for voter in last.voters if voter in prefixes}
        signed |= there
        if last.size == len(power.addresses):
            _note(silent, held.keys() - there, last.height)
    casts: dict[tuple[int, int], set[str]] = {}
    for view in witnesses:
        for state in view.rounds:
            if state.height < tip - READ_APART or len(state.prevotes) != len(power.addresses):
                continue
            key = (id(state.prevotes), id(state.precommits))
            if key not in casts:  # nodes share most of these tuples
                casts[key] = {a for a, i in held.items() if _cast(state, i)}
                signed |= casts[key]
                if state.step >= RoundStep.PRECOMMIT:
                    _note(silent, held.keys() - casts[key], state.height)
            mine = view.address
            if state.step >= RoundStep.PREVOTE and mine in held and mine not in casts[key]:
                _note(silent, (mine,), state.height)
    return Signing(frozenset(signed), _frozen(absent), _frozen(silent))


def _voted(commit: Commit) -> set[str]:
    return {signature.address for signature in commit.signatures if signature.voted}


def _cast(state: RoundState, index: int) -> bool:
    """Whether validator `index` voted in that round; the precommits may be fewer."""
    return bool(state.prevotes[index]) or any(state.precommits[index : index + 1])


def _note(where: dict[str, set[int]], addresses: Iterable[str], height: int) -> None:
    for address in addresses:
        where.setdefault(address, set()).add(height)


def _frozen(found: Mapping[str, set[int]]) -> Mapping[str, frozenset[int]]:
    return {address: frozenset(heights) for address, heights in found.items()}
