"""Worlds whose commits are really signed: the same hosts, with keys made for the test."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec.structs import replace

from remediations.systems.comet import rpc, rpc_signed
from remediations.systems.comet.blocks import Header
from remediations.systems.comet.proof.hashes import header_hash
from remediations.systems.comet.reading import ChainView, CometReading, HostReading
from remediations.systems.comet.values import Commit, ValidatorSet
from remediations.values.reading import Known
from tests.signed import SignedChain, answer
from tests.worlds.base import (
    CHAIN_ID,
    address_of,
    answers,
    app_hash_at,
    block_hash_at,
    change,
    known,
    members_of,
)


def signers_of(world: CometReading, name: str = "val") -> SignedChain:
    """Keys for the validators of a world."""
    members = members_of(world)
    assert members is not None
    powers = [validator.power for validator in members.validators]
    return SignedChain(powers, chain_id=CHAIN_ID, name=name)


def signed(world: CometReading, chain: SignedChain | None = None) -> CometReading:
    """The world with keys, addresses and signatures that are those of `chain`."""
    chain = chain or signers_of(world)
    text = msgspec.json.encode(world)
    for index, signer in enumerate(chain.signers, 1):
        text = text.replace(address_of(index).encode(), signer.address.encode())
    return with_commit(msgspec.json.decode(text, type=CometReading), chain)


def with_commit(world: CometReading, chain: SignedChain) -> CometReading:
    """The world in which all hosts show the commit of their height, signed by `chain`."""
    commit, members = commit_of(world, chain), known(set_of(chain, world))
    return replace(
        world,
        hosts=tuple(showing(r, commit, members) if answers(r) else r for r in world.hosts),
    )


def header_of(world: CometReading, chain: SignedChain, **changed: object) -> Header:
    """The header of the block whose commit the hosts of a world show."""
    reading = next(reading for reading in world.hosts if answers(reading))
    assert isinstance(reading.chain.commit, Known)
    assert isinstance(reading.chain.blocks, Known)
    height = reading.chain.commit.value.height
    meta = next(meta for meta in reading.chain.blocks.value if meta.height == height)
    before = chain.header(height).last_block_id
    own = {
        "time": meta.time.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "app_hash": app_hash_at(height - 1),
        "last_block_id": replace(before, hash=block_hash_at(height - 1)),
    }
    return chain.header(height, **{**own, **changed})


def commit_of(
    world: CometReading, chain: SignedChain, *, absent: Sequence[int] = (), **changed: object
) -> Known[Commit]:
    """That commit."""
    text = answer(chain.commit(header_of(world, chain, **changed), absent=absent))
    return known(rpc_signed.parse_commit(text))


def set_of(chain: SignedChain, world: CometReading) -> ValidatorSet:
    """The set, as of the height that a world's hosts show."""
    members = members_of(world)
    assert members is not None
    pages = [chain.validators(members.height)]
    everybody = pages[0]["validators"]
    pages = [
        {**pages[0], "validators": everybody[first : first + rpc.PER_PAGE]}
        for first in range(0, len(everybody), rpc.PER_PAGE)
    ]
    return rpc.parse_validators(b"\n".join(map(answer, pages)))


def showing(
    reading: HostReading, commit: Known[Commit], members: Known[ValidatorSet]
) -> HostReading:
    """A host that shows that commit, that set, and the block in its list of headers."""
    assert isinstance(reading.chain.blocks, Known)
    header = commit.value.header
    assert header is not None
    blocks = tuple(
        replace(meta, block_hash=header_hash(header)) if meta.height == header.height else meta
        for meta in reading.chain.blocks.value
    )
    chain = replace(reading.chain, commit=commit, validators=members, blocks=known(blocks))
    return replace(reading, chain=chain)


def tells(world: CometReading, host: str, how: Callable[[ChainView], ChainView]) -> CometReading:
    """The world in which one host tells something else of the chain."""
    return change(world, host, lambda reading: replace(reading, chain=how(reading.chain)))
