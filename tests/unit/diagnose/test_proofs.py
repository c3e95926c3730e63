"""What a diagnosis says is proven is proven, and whoever alters an answer is not believed."""

from __future__ import annotations

import random

import msgspec
import pytest
from msgspec.structs import replace

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.diagnose.diagnose import diagnose
from remediations.playbooks.chain.finding import BlockProof, ChainFinding, Tristate
from remediations.playbooks.chain.present import present
from remediations.systems.comet import rpc_signed
from remediations.systems.comet.blocks import PinnedBlock
from remediations.systems.comet.proof.hashes import header_hash
from remediations.systems.comet.reading import ChainView, CometReading
from remediations.systems.comet.values import Commit, ValidatorSet
from remediations.values.reading import Known
from tests import worlds
from tests.signed import SignedChain, answer, hash_of
from tests.worlds.base import silenced
from tests.worlds.healthy import healthy
from tests.worlds.signed import (
    commit_of,
    header_of,
    set_of,
    showing,
    signed,
    signers_of,
    tells,
    with_commit,
)

LIARS = 1000


def proof_of(finding: ChainFinding) -> BlockProof:
    assert finding.proof is not None
    return finding.proof


def row(finding: ChainFinding, title: str) -> str:
    return " / ".join(row.text for row in present(finding).rows if row.title == title)


def alone(world: CometReading, host: str) -> CometReading:
    """Only the RPC of one host answers."""
    hosts = tuple(r if r.host == host else silenced(r) for r in world.hosts)
    return replace(world, hosts=hosts)


def pinned(world: CometReading, chain: SignedChain, host: str) -> CometReading:
    """The inventory pins a block, which `host` still has."""
    header = chain.header(7)
    commit = rpc_signed.parse_commit(answer(chain.commit(header)))
    members = replace(set_of(chain, world), height=7)
    world = replace(world, trust=PinnedBlock(height=7, hash=header_hash(header)))
    return tells(
        world,
        host,
        lambda said: replace(
            said, anchor=worlds.base.known(commit), anchor_set=worlds.base.known(members)
        ),
    )


def test_a_block_is_proven_and_the_rest_is_told() -> None:
    """Height, block id and power are those of the signatures; whose set it is, is said."""
    world = signed(healthy())
    finding = diagnose(world)
    assert finding.chain is ChainClass.HEALTHY
    proof = proof_of(finding)
    assert (proof.height, proof.signed, proof.total) == (116, 100, 100)
    assert (proof.verified, proof.shown) == (4, 4)
    assert proof.hosts == ("full1", "val1", "val2", "val3", "val4")
    said = row(finding, "proven")
    assert "is signed by 100 of 100 power: 4 of 4 signatures verified" in said
    assert "its set is the one that full1, val1, val2, val3, val4 agree on" in said
    assert "Only told: later blocks, rounds, votes under way" in said


def test_without_signatures_nothing_is_said_of_proofs() -> None:
    """An observation of before has none."""
    finding = diagnose(healthy())
    assert finding.proof is None
    assert row(finding, "proven") == ""


def test_one_honest_answer_of_a_pinned_chain_proves_that_it_goes_on() -> None:
    """Unsigned words of one node never count; signatures do, whoever shows them."""
    world = alone(signed(healthy()), "full1")
    unpinned = diagnose(world)
    assert unpinned.halted is Tristate.UNKNOWN
    assert row(unpinned, "proven").startswith("nothing: one host shows the set; pin a block")
    finding = diagnose(pinned(world, signers_of(healthy()), "full1"))
    assert finding.halted is Tristate.NO
    assert proof_of(finding).hosts == ("full1",)
    assert "what it tells beyond the proven block is too little" in row(finding, "how sure")
    assert "its set follows from block 7, which the inventory pins" in row(finding, "proven")


def test_a_node_that_makes_up_a_chain_of_its_own_keys_proves_nothing() -> None:
    """Neither beside a pinned block, nor against two hosts that agree."""
    real = signers_of(healthy())
    forged = SignedChain(real.powers, chain_id=real.chain_id, name="forged")
    world = signed(healthy())
    commit, members = commit_of(world, forged), worlds.base.known(set_of(forged, world))
    liar = worlds.base.change(world, "val4", lambda r: showing(r, commit, members))
    assert proof_of(diagnose(liar)).hosts == ("full1", "val1", "val2", "val3")
    assert diagnose(liar).total_power == 100
    assert "val4" not in diagnose(liar).witnesses
    only = diagnose(pinned(alone(liar, "val4"), real, "val4"))
    assert proof_of(only).height == 0
    assert only.halted is Tristate.UNKNOWN


def test_two_hosts_that_show_different_sets_prove_nothing_without_a_pinned_block() -> None:
    """Nobody can tell which of them lies."""
    real = signers_of(healthy())
    forged = SignedChain(real.powers, chain_id=real.chain_id, name="forged")
    world = signed(healthy())
    commit, members = commit_of(world, forged), worlds.base.known(set_of(forged, world))
    parted = world
    for host in ("val1", "val2"):
        parted = worlds.base.change(parted, host, lambda r: showing(r, commit, members))
    parted = replace(
        parted,
        hosts=tuple(silenced(r) if r.host == "full1" else r for r in parted.hosts),
    )
    said = row(diagnose(parted), "proven")
    assert said.startswith("nothing: hosts show different validator sets; pin a block")
    assert diagnose(parted).proof is not None


def test_one_machine_under_two_names_is_one_witness() -> None:
    """Two names of the inventory may lead to one machine."""
    world = signed(healthy())
    world = replace(
        world,
        hosts=tuple(r if r.host in ("val1", "val2") else silenced(r) for r in world.hosts),
    )
    first = world.host("val1").session
    same = worlds.base.change(world, "val2", lambda r: replace(r, session=first))
    assert proof_of(diagnose(world)).height
    assert not proof_of(diagnose(same)).height


def test_a_double_signature_is_proven_by_what_two_hosts_show() -> None:
    """The key that signed both is named, with both blocks."""
    world, chain = signed(healthy()), signers_of(healthy())
    other = commit_of(world, chain, absent=[0, 1], app_hash=hash_of("another"))
    twice = tells(world, "val4", lambda said: replace(said, commit=other))
    finding = diagnose(twice)
    assert [pair.address for pair in finding.equivocations] == [
        signer.address for signer in sorted(chain.signers[2:], key=lambda s: s.address)
    ]
    said = row(finding, "signed twice")
    assert "signed two precommits at height 116, round 0" in said
    assert "both signatures are verified" in said
    saved = msgspec.json.decode(msgspec.json.encode(twice), type=CometReading)
    assert diagnose(saved).equivocations == finding.equivocations


def test_nobody_is_accused_where_nothing_can_be_proven() -> None:
    """A chain that hashes its headers in another way is not a chain of liars."""
    world = signed(healthy())
    strange = world
    for reading in world.hosts:
        if worlds.base.answers(reading):
            strange = tells(strange, reading.host, _of_another_form)
    finding = diagnose(strange)
    assert finding.chain is ChainClass.HEALTHY
    assert row(finding, "proven") == (
        "nothing: its answers do not fit together; all of this is only told"
    )


def _of_another_form(said: ChainView) -> ChainView:
    assert isinstance(said.commit, Known)
    header = said.commit.value.header
    assert header is not None
    commit = replace(said.commit.value, header=replace(header, consensus_hash="00" * 32))
    return replace(said, commit=worlds.base.known(commit))


def _altered(said: ChainView, at: random.Random) -> tuple[str, ChainView]:
    """One field of one answer, altered."""
    assert isinstance(said.commit, Known)
    assert isinstance(said.validators, Known)
    commit, members = said.commit.value, said.validators.value
    assert commit.header is not None
    assert commit.block_id is not None
    where = at.choice(("header", "commit", "signature", "set", "blocks"))
    if where == "header":
        name = at.choice(commit.header.__struct_fields__)
        value = _other(getattr(commit.header, name), at)
        return name, _with(said, replace(commit, header=replace(commit.header, **{name: value})))
    if where == "commit":
        name = at.choice(("height", "round", "hash", "parts_total", "parts_hash"))
        if name in ("height", "round"):
            return name, _with(said, replace(commit, **{name: _other(getattr(commit, name), at)}))
        value = _other(getattr(commit.block_id, name), at)
        block = replace(commit.block_id, **{name: value})
        return name, _with(said, replace(commit, block_id=block))
    if where == "signature":
        index, name = at.randrange(4), at.choice(("address", "flag", "timestamp", "signature"))
        one = commit.signatures[index]
        value = at.choice((1, 3)) if name == "flag" else _other(getattr(one, name), at)
        several = list(commit.signatures)
        several[index] = replace(one, **{name: value})
        return name, _with(said, replace(commit, signatures=tuple(several)))
    if where == "set":
        index, name = at.randrange(4), at.choice(("address", "power", "pub_key", "key_type"))
        member = members.validators[index]
        others = list(members.validators)
        others[index] = replace(member, **{name: _other(getattr(member, name), at)})
        shown = replace(members, validators=tuple(others))
        return name, replace(said, validators=worlds.base.known(shown))
    assert isinstance(said.blocks, Known)
    metas = list(said.blocks.value)
    name = at.choice(("block_hash", "app_hash"))
    metas[0] = replace(metas[0], **{name: _other(getattr(metas[0], name), at)})
    return name, replace(said, blocks=worlds.base.known(tuple(metas)))


def _with(said: ChainView, commit: Commit) -> ChainView:
    return replace(said, commit=worlds.base.known(commit))


def _other(value: object, at: random.Random) -> object:
    if isinstance(value, int):
        return value + at.randint(1, 5)
    if isinstance(value, str):
        if value.startswith("2026"):
            return f"2026-11-25T11:59:{at.randrange(60):02}Z"
        digits = "".join(at.choice("0123456789ABCDEF") for _ in value)
        return digits if value.isalnum() else digits[:-2] + "=="
    return replace(value, hash=hash_of(str(at.random())))  # type: ignore[type-var]


@pytest.mark.parametrize("seed", range(10))
def test_a_thousand_liars_change_no_class_and_are_each_found(seed: int) -> None:
    """Each alters one field of one host's answers: class, powers and block stay those of before."""
    at = random.Random(seed)
    world = signed(healthy())
    truth = diagnose(world)
    for _ in range(LIARS // 10):
        host = at.choice(("val1", "val4", "full1"))
        said = world.host(host).chain
        name, lie = _altered(said, at)
        finding = diagnose(tells(world, host, lambda _, lie=lie: lie))  # type: ignore[misc]
        about = (host, name, finding.explanation)
        assert host not in finding.witnesses, about
        assert proof_of(finding).block_hash == proof_of(truth).block_hash, about
        assert (finding.total_power, finding.online_power) == (100, 100), about
        assert finding.halted is Tristate.NO, about
        assert finding.node(host).cause, about


def test_of_ten_thousand_validators_as_many_as_needed_are_verified() -> None:
    """Once for all hosts, and how many is said."""
    world = healthy([1] * 10_000, hosts=100)
    world = with_commit(world, signers_of(world))
    finding = diagnose(world)
    proof = proof_of(finding)
    assert (proof.signed, proof.total) == (6667, 10_000)
    assert "6667 of 10000 signatures verified" in row(finding, "proven")


def test_a_set_that_cannot_be_read_with_its_keys_proves_nothing() -> None:
    """And accuses nobody."""
    world = signed(healthy())
    for reading in world.hosts:
        if worlds.base.answers(reading):
            world = tells(world, reading.host, _without_keys)
    finding = diagnose(world)
    assert finding.chain is ChainClass.HEALTHY
    assert "the validator set was read without its keys" in row(finding, "proven")


def _without_keys(said: ChainView) -> ChainView:
    assert isinstance(said.validators, Known)
    bare = tuple(replace(v, pub_key="", key_type="") for v in said.validators.value.validators)
    shown: ValidatorSet = replace(said.validators.value, validators=bare)
    return replace(said, validators=worlds.base.known(shown))


def test_powers_that_changed_since_do_not_prevent_a_proof() -> None:
    """The set that signed the commit was read beside the one that signs now."""
    world, chain = signed(healthy()), signers_of(healthy())
    later = SignedChain((41, 30, 20, 10), chain_id=chain.chain_id)
    now, then = (worlds.base.known(set_of(one, world)) for one in (later, chain))
    for reading in world.hosts:
        if worlds.base.answers(reading):
            told = {"validators": now, "signers": then}
            world = tells(world, reading.host, lambda said, t=told: replace(said, **t))  # type: ignore[misc]
    finding = diagnose(world)
    assert (proof_of(finding).signed, proof_of(finding).total) == (100, 100)
    assert finding.total_power == 101


def test_the_header_of_a_proven_block_is_the_one_that_was_signed() -> None:
    """Its time and the application's hash before it."""
    world = signed(healthy())
    header = header_of(world, signers_of(healthy()))
    proof = proof_of(diagnose(world))
    assert (proof.time, proof.app_hash) == (header.time, header.app_hash)
