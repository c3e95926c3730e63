"""A block is proven by its signatures, and whoever alters an answer is told the field."""

from __future__ import annotations

import base64
import copy
import json
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest
from msgspec.structs import replace

from remediations.systems.comet import rpc, rpc_signed
from remediations.systems.comet.proof.commit import Proof, ProvenBlock, prove
from remediations.systems.comet.proof.keys import SECP256K1
from remediations.systems.comet.proof.members import read_members
from remediations.systems.comet.rpc_envelope import RpcError
from tests.signed import CHAIN, Json, SignedChain, answer

POWERS = (40, 30, 20, 10)
HEIGHT = 112
LIARS = 1000


def proof_of(commit: Json, validators: Json) -> Proof:
    """What the two answers prove, read as those of a node."""
    shown = rpc.parse_validators(answer(validators))
    return prove(rpc_signed.parse_commit(answer(commit)), shown, CHAIN)


def honest(*, absent: Sequence[int] = (), nil: Sequence[int] = ()) -> tuple[Json, Json]:
    chain = SignedChain(POWERS)
    commit = chain.commit(chain.header(HEIGHT), absent=absent, nil=nil)
    return commit, chain.validators(HEIGHT)


def test_more_than_two_thirds_of_the_power_prove_a_block() -> None:
    """Height, time, app hash and set are those of the header that was signed."""
    chain = SignedChain(POWERS)
    header = chain.header(HEIGHT)
    proof = proof_of(chain.commit(header, absent=[3]), chain.validators(HEIGHT))
    assert proof.block is not None
    assert not proof.flaws
    assert (proof.block.height, proof.block.time) == (HEIGHT, header.time)
    assert proof.block.app_hash == header.app_hash
    assert (proof.block.signed, proof.block.total) == (90, 100)
    assert (proof.block.verified, proof.block.shown) == (3, 3)
    assert proof.block.signers == {signer.address for signer in chain.signers[:3]}


@pytest.mark.parametrize(("absent", "nil"), [([0], []), ([], [0]), ([1], [3])])
def test_two_thirds_or_less_prove_nothing(absent: list[int], nil: list[int]) -> None:
    """A vote for nil is a good signature, and not one for the block."""
    proof = proof_of(*honest(absent=absent, nil=nil))
    assert proof.block is None
    assert not proof.flaws
    assert re.fullmatch(r"signatures of \d+ of 100 power could be verified", proof.reason)


def test_exactly_two_thirds_are_not_enough() -> None:
    """As for the chain itself: more than two thirds."""
    chain = SignedChain((1, 1, 1))
    proof = proof_of(chain.commit(chain.header(HEIGHT), absent=[0]), chain.validators(HEIGHT))
    assert proof.block is None


def test_the_set_of_another_height_proves_nothing_and_accuses_nobody() -> None:
    """Powers change from block to block; the header names the set that signs it."""
    later = SignedChain((41, 30, 20, 10))
    commit, _ = honest()
    proof = proof_of(commit, later.validators(HEIGHT + 2))
    assert (proof.block, proof.flaws) == (None, ())
    assert proof.reason == f"the set that signed {HEIGHT} was not read"


def test_signatures_for_another_chain_do_not_count() -> None:
    """The chain id is part of what is signed: that of the inventory counts."""
    chain = SignedChain(POWERS, chain_id="other-1")
    proof = proof_of(chain.commit(chain.header(HEIGHT)), chain.validators(HEIGHT))
    assert proof.block is None
    assert proof.flaws[0].field == "header.chain_id"


def test_keys_that_cannot_be_verified_are_named() -> None:
    """Their power does not count; nobody is accused."""
    chain = SignedChain(POWERS)
    shown = rpc.parse_validators(answer(chain.validators(HEIGHT)))
    key = base64.b64encode(b"\2" * 33).decode()
    first = replace(shown.validators[0], key_type=SECP256K1, pub_key=key)
    mixed = replace(shown, validators=(first, *shown.validators[1:]))
    header = chain.header(HEIGHT, validators_hash=read_members(mixed).hash)
    signed = rpc_signed.parse_commit(answer(chain.commit(header)))
    proof = prove(signed, mixed, CHAIN)
    assert proof.block is None
    assert not proof.flaws
    assert "60 of 100 power could be verified" in proof.reason
    assert "not verified: key type tendermint/PubKeySecp256k1" in proof.reason


def test_of_many_signatures_as_many_as_needed_are_verified() -> None:
    """The heaviest first, until they hold more than two thirds."""
    chain = SignedChain((1,) * 300)
    commit, validators = chain.commit(chain.header(HEIGHT)), chain.validators(HEIGHT)
    pages = [copy.deepcopy(validators) for _ in range(3)]
    for number, page in enumerate(pages):
        page["validators"] = validators["validators"][100 * number : 100 * number + 100]
    shown = rpc.parse_validators(b"\n".join(answer(page) for page in pages))
    proof = prove(rpc_signed.parse_commit(answer(commit)), shown, CHAIN)
    assert proof.block is not None
    assert (proof.block.verified, proof.block.shown, proof.block.signed) == (201, 300, 201)


def test_an_answer_without_signatures_proves_nothing() -> None:
    """One that was read by an earlier version, or by a node that leaves them out."""
    commit, validators = honest()
    read = rpc_signed.parse_commit(answer(commit))
    shown = rpc.parse_validators(answer(validators))
    assert prove(replace(read, header=None), shown, CHAIN).block is None
    bare = replace(shown, validators=tuple(replace(v, pub_key="") for v in shown.validators))
    assert prove(read, bare, CHAIN).block is None
    assert not prove(read, bare, CHAIN).flaws


UNSIGNED = frozenset({"canonical", "proposer_priority", "count", "total", "block_height"})
"""What nobody signs, outside of blocks."""


def leaves(tree: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all single values."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(cast(list[object], tree))
    for key, value in pairs:
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key)


def altered(value: object, at: random.Random) -> object:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if value is None:
        return base64.b64encode(at.randbytes(64)).decode()
    if isinstance(value, int):
        return at.choice([number for number in (1, 2, 3, 4, 5) if number != value])
    assert isinstance(value, str)
    if value == "":
        return at.randbytes(20).hex().upper()
    if value.isdigit() and len(value) < 20:
        return str(at.choice([n for n in (0, 1, 7, 11, 41, 111, 113) if n != int(value)]))
    if re.fullmatch(r"[0-9A-F]+", value):
        return at.randbytes(len(value) // 2).hex().upper()
    if re.match(r"\d{4}-", value):
        return f"2026-11-25T11:{at.randrange(60):02}:{at.randrange(60):02}.{at.randrange(9)}1Z"
    if value == CHAIN:
        return f"signed-{at.randrange(2, 9)}"
    if "/" in value[:12] and value.startswith("tendermint"):
        return "tendermint/PubKeySecp256k1"
    return base64.b64encode(at.randbytes(len(base64.b64decode(value)))).decode()


def place_of(path: tuple[Any, ...]) -> str:
    """A path as flaws name fields."""
    inner = [part for part in path if part != "signed_header"]
    return re.sub(r"\.(\d+)", r"[\1]", ".".join(map(str, inner)))


def names(flaw: str, place: str) -> bool:
    """Whether a flaw's field is, or contains, the altered one."""
    last = place.rpartition(".")[2]
    if place.startswith("validators"):
        return flaw.startswith("validators")
    if last == "timestamp" and flaw == place.replace("timestamp", "signature"):
        return True
    return place.startswith(flaw) or flaw.startswith(place)


@pytest.mark.parametrize("seed", range(10))
def test_of_a_thousand_liars_none_is_believed_and_each_is_named(seed: int) -> None:
    """Each alters any one field of any answer: what is still proven is what honest nodes prove."""
    at = random.Random(seed)
    commit, validators = honest(absent=[3])
    truth = proof_of(commit, validators).block
    assert truth is not None
    places = [("commit", path) for path in leaves(commit)]
    places += [("validators", path) for path in leaves(validators)]
    for _ in range(LIARS // 10):
        which, path = at.choice(places)
        lie = {"commit": copy.deepcopy(commit), "validators": copy.deepcopy(validators)}
        inner: Any = lie[which]
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = altered(inner[path[-1]], at)
        place = place_of(path)
        said = json.dumps(inner[path[-1]])
        try:
            proof = proof_of(lie["commit"], lie["validators"])
        except RpcError:
            continue
        if proof.block is not None:
            assert told(proof.block) == told(truth), (place, said)
        if path[-1] in UNSIGNED and "signed_header" not in path:
            continue
        named = [flaw.field for flaw in proof.flaws] or [proof.reason.partition(": ")[2]]
        assert any(names(field, place) for field in named), (place, said, proof)


def told(block: ProvenBlock) -> tuple[Any, ...]:
    """What is said of a block that is proven."""
    return block.height, block.time, block.block_id, block.app_hash, block.validators_hash
