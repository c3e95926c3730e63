"""Whose validator set it is: pinned, followed from one that is believed, or shown by two hosts."""

from __future__ import annotations

from msgspec.structs import replace

from remediations.systems.comet import rpc, rpc_signed
from remediations.systems.comet.blocks import Header, PinnedBlock
from remediations.systems.comet.proof.commit import ProvenBlock, prove
from remediations.systems.comet.proof.hashes import header_hash
from remediations.systems.comet.proof.trust import alike, follows, is_pinned
from remediations.systems.comet.values import ValidatorSet
from tests.signed import CHAIN, SignedChain, answer

HEIGHT = 112
NOW = SignedChain((40, 30, 20, 10))
LATER = SignedChain((45, 30, 20, 10, 12))
FORGED = SignedChain((40, 30, 20, 10), name="forged")


def block_of(chain: SignedChain, height: int = HEIGHT) -> tuple[ProvenBlock, ValidatorSet]:
    members = rpc.parse_validators(answer(chain.validators(height)))
    commit = rpc_signed.parse_commit(answer(chain.commit(chain.header(height))))
    block = prove(commit, members, CHAIN).block
    assert block is not None
    return block, members


def pin_of(header: Header) -> PinnedBlock:
    return PinnedBlock(height=header.height, hash=header_hash(header))


def test_a_set_of_somebody_else_s_keys_proves_its_block_to_nobody() -> None:
    """Its signatures are good: it is neither pinned, nor followed, nor does another host agree."""
    (_, set_of_real), (forged, set_of_forged) = block_of(NOW), block_of(FORGED)
    assert forged.signed == 100
    assert not alike(set_of_real, set_of_forged)
    assert not follows(forged, set_of_real)
    assert not is_pinned(pin_of(NOW.header(HEIGHT)), FORGED.header(HEIGHT), set_of_forged)


def test_the_set_of_a_pinned_block_is_believed() -> None:
    """By the hash of its header: nothing of it can be another one."""
    _, members = block_of(NOW)
    header = NOW.header(HEIGHT)
    assert is_pinned(pin_of(header), header, members)
    assert not is_pinned(pin_of(header), replace(header, time="now"), members)
    assert not is_pinned(pin_of(header), NOW.header(HEIGHT - 1), members)
    assert not is_pinned(pin_of(header), header, block_of(LATER)[1])


def test_a_later_set_is_believed_if_enough_of_the_believed_one_signed_its_block() -> None:
    """More than one third: powers changed, and a validator joined."""
    _, believed = block_of(NOW)
    assert follows(block_of(LATER, HEIGHT + 50)[0], believed)


def test_one_third_is_not_enough_to_follow() -> None:
    """They could all lie."""
    _, believed = block_of(SignedChain((1, 1, 1)))
    block, _ = block_of(NOW)
    one = replace_signers(block, frozenset([believed.validators[0].address]))
    assert not follows(one, believed)


def replace_signers(block: ProvenBlock, signers: frozenset[str]) -> ProvenBlock:
    fields = {name: getattr(block, name) for name in ProvenBlock.__dataclass_fields__}
    return ProvenBlock(**{**fields, "signers": signers})


def test_two_hosts_agree_though_powers_changed_between_their_blocks() -> None:
    """Hosts are read seconds apart, and powers change with every delegation."""
    assert alike(block_of(NOW)[1], block_of(LATER, HEIGHT + 2)[1])
