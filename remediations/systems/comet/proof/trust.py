"""Whose validator set it is: where a chain of proofs starts, and how it goes on.

Anybody can make up a set and sign with it, so a set is believed only

- if it is the one of a block that is pinned by its hash (the inventory's `chain.trust`), or
- if more than one third of the power of a believed set signed a block that names it: one of them is
  honest then, as long as less than one third lies. This is how CometBFT's light client goes on from
  a height to any later one.

Where no block is pinned, a set that two hosts show is believed.
"""

from __future__ import annotations

from remediations.systems.comet.blocks import Header, PinnedBlock
from remediations.systems.comet.proof.commit import ProvenBlock
from remediations.systems.comet.proof.hashes import header_hash
from remediations.systems.comet.proof.members import read_members
from remediations.systems.comet.proof.protobuf import Malformed
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import ValidatorSet


def is_pinned(pin: PinnedBlock, header: Header, shown: ValidatorSet) -> bool:
    """Whether a header is the pinned one, and the set the one that signs it."""
    try:
        if header.height != pin.height or header_hash(header) != pin.hash:
            return False
        members = read_members(shown)
        return members.hash == header.validators_hash and not members.foreign
    except Malformed:
        return False


def follows(block: ProvenBlock, believed: ValidatorSet) -> bool:
    """Whether enough of a believed set signed a later block, so that its set is believed, too."""
    return 3 * _power(block.signers, believed) > believed.total


def alike(one: ValidatorSet, other: ValidatorSet) -> bool:
    """Whether two sets are one, or the same a few blocks apart: powers change with every
    delegation. What they have in common is more than two thirds of either."""
    if one == other:
        return True
    powers = {validator.address: validator.power for validator in one.validators}
    common = sum(min(v.power, powers.get(v.address, 0)) for v in other.validators)
    return has_quorum(common, max(one.total, other.total))


def _power(signers: frozenset[str], shown: ValidatorSet) -> int:
    return sum(v.power for v in shown.validators if v.address in signers)
