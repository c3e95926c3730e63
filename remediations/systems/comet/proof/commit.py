"""Whether more than two thirds of the power signed a block, by the signatures themselves.

A block is proven *for a validator set*: anybody can make up a set of his own keys and sign with
them. Whose set it is, `proof.trust` decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from remediations.systems.comet.blocks import BlockId
from remediations.systems.comet.proof.alteration import (
    common_flaw,
    signature_flaw,
    structure_flaws,
)
from remediations.systems.comet.proof.claim import Claim, Flaw
from remediations.systems.comet.proof.members import read_members
from remediations.systems.comet.proof.protobuf import Malformed
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.values import Commit, ValidatorSet

VERIFY_ALL = 200
"""Up to so many signatures of a commit, each one is verified. Of more, the heaviest ones until they
hold more than two thirds of the power: what is proven is the same, and which of the others are
wrong is not asked."""


@dataclass(frozen=True)
class ProvenBlock:
    """A block that more than two thirds of the power of a set signed.

    `app_hash` is the application's hash before it, `last_block_hash` the block before it. `signed`
    is the power of the `signers`, whose signatures for the block were verified; `verified` is how
    many signatures were, and `shown` how many there were.
    """

    height: int
    round: int
    time: str
    block_id: BlockId
    app_hash: str
    validators_hash: str
    next_validators_hash: str
    last_block_hash: str
    signed: int
    total: int
    verified: int
    shown: int
    signers: frozenset[str]


@dataclass(frozen=True)
class Proof:
    """What a node's answers prove: a block, or the reason why none; and what in them is altered.
    `tried` is how many signatures that took."""

    block: ProvenBlock | None
    flaws: tuple[Flaw, ...] = ()
    reason: str = ""
    tried: int = 0


@dataclass(frozen=True)
class _Tally:
    """The signatures that were tried: `power` and `signers` are those for the block."""

    power: int
    signers: frozenset[str]
    verified: int
    tried: int
    flaws: tuple[Flaw, ...]


def prove(
    commit: Commit, shown: ValidatorSet, chain_id: str, *, verify_all: int = VERIFY_ALL
) -> Proof:
    """What a commit proves, if a set is the one that signed it. Never raises: what does not have
    its form proves nothing. `verify_all` is up to how many signatures each one is verified."""
    if commit.header is None or commit.block_id is None:
        return Proof(None, reason="its commit was read without header and signatures")
    try:
        members = read_members(shown)
        claim = Claim(chain_id, commit, commit.header, commit.block_id, members)
        return _judged(claim, verify_all)
    except Malformed as error:
        return Proof(None, reason=f"its answer is malformed: {error}")


def _judged(claim: Claim, verify_all: int) -> Proof:
    flaws = structure_flaws(claim)
    if flaws:
        return Proof(None, flaws, "its answers do not fit together")
    if not claim.of_set:
        return Proof(None, reason=f"the set that signed {claim.commit.height} was not read")
    if len(claim.commit.signatures) != len(claim.members.members):
        flaw = Flaw("commit.signatures", "they are not as many as the validators of the set")
        return Proof(None, (flaw,), "its answers do not fit together")
    tally = _tally(claim, verify_all)
    flaws = tally.flaws
    if tally.tried and not tally.verified and (shared := common_flaw(claim)):
        flaws = (shared,)
    total = claim.members.total
    if not has_quorum(tally.power, total):
        return Proof(None, flaws, _too_few(claim, tally.power), tally.tried)
    return Proof(_block(claim, tally), flaws, tried=tally.tried)


def _tally(claim: Claim, verify_all: int) -> _Tally:
    """Each signature, or the heaviest ones until there are enough."""
    members, total = claim.members.members, claim.members.total
    everything = len(members) <= verify_all
    order = range(len(members))
    heaviest = order if everything else sorted(order, key=lambda i: (-members[i].power, i))
    power, verified, tried = 0, 0, 0
    signers, flaws = set(), []
    for index in heaviest:
        if not everything and has_quorum(power, total):
            break
        flaw = claim.place_flaw(index)
        shown = claim.commit.signatures[index]
        if flaw is None and shown.voted and members[index].key.can_verify:
            tried += 1
            if not claim.made(index, claim.vote(index)):
                flaw = signature_flaw(claim, index)
            else:
                verified += 1
                if shown.for_block:
                    power += members[index].power
                    signers.add(members[index].address)
        if flaw is not None:
            flaws.append((index, flaw))
    in_order = tuple(flaw for _, flaw in sorted(flaws, key=lambda found: found[0]))
    return _Tally(power, frozenset(signers), verified, tried, in_order)


def _too_few(claim: Claim, power: int) -> str:
    said = f"signatures of {power} of {claim.members.total} power could be verified"
    kinds = ", ".join(claim.members.not_verified)
    return f"{said} (not verified: key type {kinds})" if kinds else said


def _block(claim: Claim, tally: _Tally) -> ProvenBlock:
    header = claim.header
    return ProvenBlock(
        height=header.height,
        round=claim.commit.round,
        time=header.time,
        block_id=claim.block,
        app_hash=header.app_hash,
        validators_hash=header.validators_hash,
        next_validators_hash=header.next_validators_hash,
        last_block_hash=header.last_block_id.hash,
        signed=tally.power,
        total=claim.members.total,
        verified=tally.verified,
        shown=sum(signature.voted for signature in claim.commit.signatures),
        signers=tally.signers,
    )
