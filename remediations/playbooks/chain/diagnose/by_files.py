"""What files tell of a chain of which no node answers: who held which power, and how far it came.

1. Powers are those of the first block, where two machines or more show the same genesis file.
2. A block is decided by more than two thirds of the power, and each of them signed it before: so
   the newest block is not above the height that so much power has signed.
3. Whoever signs a height has the block before it: so the newest block is at most one below the
   newest signature.
4. A sign state far above what 2 allows is not of this chain as it stands; one below the block of 3
   took no part in it. Why not is not told: it was down before, or it is an older copy.
5. Where a third of the power or more is above what 2 allows, something of this is wrong, and
   nothing is concluded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from remediations.playbooks.chain.diagnose.genesis import AgreedGenesis, agreed_genesis
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.diagnose.power import Power, read_power
from remediations.playbooks.chain.finding import FileWitness
from remediations.systems.comet.quorum import can_halt, has_quorum
from remediations.values.reading import value_or_none


def read_files(
    views: Sequence[NodeView], same: Mapping[str, str]
) -> tuple[Power, FileWitness] | None:
    """The powers of the first block and what the sign states tell by them; None where no two
    machines agree on a genesis file (1)."""
    agreed = agreed_genesis(views, same)
    if isinstance(agreed, str):
        return None
    power = genesis_power(agreed, views)
    last = last_signed(_signed_heights(views), power)
    return power, FileWitness(
        genesis=agreed.genesis.sha256, agreed=agreed.hosts, newest=last.newest, bound=last.bound
    )


class LastSigned(NamedTuple):
    """The newest signature that can be of this chain, and the highest block that may be decided;
    both 0 where nothing is concluded."""

    newest: int
    bound: int


def last_signed(states: Mapping[str, int], power: Power) -> LastSigned:
    """How far the chain came, by the heights that keys signed last (2 to 5)."""
    bound = _bound(states, power)
    above = power.sum(address for address, height in states.items() if height > bound + 1)
    plausible = [height for height in states.values() if height <= bound + 1]
    if not bound or can_halt(above, power.total):  # 5
        return LastSigned(0, 0)
    return LastSigned(max(plausible, default=0), bound)


def genesis_power(agreed: AgreedGenesis, views: Sequence[NodeView]) -> Power:
    """The powers of the first block, with the hosts that hold their keys."""
    members = agreed.genesis.validators
    return Power(
        addresses=tuple(member.address for member in members),
        powers={member.address: member.power for member in members},
        source="",
        holders=read_power(views, ()).holders,
    )


def _signed_heights(views: Sequence[NodeView]) -> Mapping[str, int]:
    """Address → the height that its key signed last: of several holders the highest. One that is
    zero tells nothing: it may have been lost."""
    found: dict[str, int] = {}
    for view in views:
        state = value_or_none(view.reading.sign_state)
        if state is not None and state.height and view.address and not view.remote_signer:
            found[view.address] = max(state.height, found.get(view.address, 0))
    return found


def _bound(states: Mapping[str, int], power: Power) -> int:
    """The highest block that may be decided (2), 0 if that is not known. Power whose sign state was
    not read may have signed any height."""
    gathered = power.total - power.sum(states)
    if has_quorum(gathered, power.total):
        return 0
    for address, height in sorted(states.items(), key=lambda pair: -pair[1]):
        gathered += power.of(address)
        if has_quorum(gathered, power.total):
            return height
    return 0
