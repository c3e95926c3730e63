"""What the answers of the nodes prove by signatures, and who falsifies them
(docs/diagnosis.md#what-is-proven).

Each distinct commit is verified once, the newest first. A block counts as proven if its validator
set is believed; only then is anybody accused of altering an answer: where nothing can be proven, it
is this page that may be wrong about the chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from remediations.playbooks.chain.diagnose.believed import Believed, believed_sets
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.finding import BlockProof
from remediations.systems.comet.blocks import PinnedBlock
from remediations.systems.comet.proof.commit import Proof, ProvenBlock, prove
from remediations.systems.comet.proof.equivocation import Equivocation, in_commits, in_evidence
from remediations.systems.comet.values import Commit, ValidatorSet
from remediations.values.reading import Known, value_or_none

_SIGNATURES = 10_000
"""Up to so many signatures are verified in one diagnosis, and at least one commit."""
_RIVALS = 4
"""So many different commits of one height and round are compared with each other."""

_NOT_TRIED = Proof(None, reason="enough other signatures were verified")


@dataclass(frozen=True)
class Shown:
    """What one host shows: a commit, the set that is said to have signed it, and what that
    proves. `current` is whether that set is the one that signs now."""

    host: str
    current: bool
    commit: Commit
    members: ValidatorSet
    proof: Proof


@dataclass(frozen=True)
class SignedTwice:
    """A key that signed twice, proven by both signatures. `hosts` are those that show one of them,
    believed or not: nobody can make such a pair but the holder of the key."""

    pair: Equivocation
    hosts: tuple[str, ...]


@dataclass(frozen=True)
class Proofs:
    """What is proven. `block` is the newest proven block, `hosts` are those that show it; `trust`
    says whose set signed it, "" if nothing is proven.

    `doubts` maps a host to the field that it altered; `sets` are the hosts whose validator set is
    the one that a proven block names. `tried` is how many signatures were verified; `commits` are
    those of all proven blocks.
    """

    block: ProvenBlock | None = None
    hosts: tuple[str, ...] = ()
    trust: str = ""
    reason: str = ""
    tried: int = 0
    doubts: dict[str, str] = field(default_factory=dict)
    sets: frozenset[str] = frozenset()
    twice: tuple[SignedTwice, ...] = ()
    commits: tuple[Commit, ...] = ()


def read_proofs(views: Sequence[NodeView], chain_id: str, pin: PinnedBlock | None = None) -> Proofs:
    """What all nodes that answer prove together. Never raises."""
    shown = _shown(views, chain_id)
    if not shown:
        return Proofs()
    believed = believed_sets(views, pin)
    proven = [
        (one, one.proof.block)
        for one in shown
        if one.proof.block is not None and believed.covers(one.host, one.proof.block)
    ]
    twice = _equivocations(shown, chain_id)
    known = {one.pair.address for one in twice}
    twice += tuple(o for o in _from_evidence(views, chain_id) if o.pair.address not in known)
    tried = sum({id(one.proof): one.proof.tried for one in shown}.values())
    if not proven:
        return Proofs(reason=_why_not(shown, believed), tried=tried, twice=twice)
    blocks = [block for _, block in proven]
    newest = max(blocks, key=lambda block: (block.height, block.verified))
    same = [one.host for one, block in proven if block.block_id == newest.block_id]
    return Proofs(
        block=newest,
        hosts=tuple(same),
        trust=believed.trust,
        tried=tried,
        doubts=_doubts(views, shown, blocks),
        sets=frozenset(one.host for one, _ in proven if one.current),
        twice=twice,
        commits=tuple(one.commit for one in shown if one.proof.block in blocks),
    )


def block_proof(proofs: Proofs) -> BlockProof | None:
    """What a finding says of it; None where no host shows signatures."""
    if proofs.block is None:
        return replace(_NOTHING, reason=proofs.reason) if proofs.reason else None
    block = proofs.block
    return BlockProof(
        height=block.height,
        round=block.round,
        time=block.time,
        block_hash=block.block_id.hash,
        app_hash=block.app_hash,
        signed=block.signed,
        total=block.total,
        verified=block.verified,
        shown=block.shown,
        hosts=proofs.hosts,
        trust=proofs.trust,
        reason="",
    )


_NOTHING = BlockProof(
    height=0,
    round=0,
    time="",
    block_hash="",
    app_hash="",
    signed=0,
    total=0,
    verified=0,
    shown=0,
    hosts=(),
    trust="",
    reason="",
)


def _shown(views: Sequence[NodeView], chain_id: str) -> list[Shown]:
    """What each host shows, verified once for all hosts that show the same."""
    pairs = []
    for view in views:
        commit = value_or_none(view.reading.chain.commit)
        signers = view.reading.chain.signers
        current = signers is None
        members = value_or_none(view.reading.chain.validators if signers is None else signers)
        if view.answers and commit is not None and commit.header is not None and members:
            pairs.append((view.host, commit, members, current))
    pairs.sort(key=lambda pair: (-pair[1].height, pair[0]))
    by_id: dict[tuple[int, int], Proof] = {}
    by_value: dict[tuple[Commit, ValidatorSet], Proof] = {}
    tried = 0
    found = []
    for host, commit, members, current in pairs:
        ids = (id(commit), id(members))
        proof = by_id.get(ids) or by_value.get((commit, members))
        if proof is None:
            fits = not tried or tried + len(commit.signatures) <= _SIGNATURES
            proof = prove(commit, members, chain_id) if fits else _NOT_TRIED
            tried += proof.tried
            by_value[commit, members] = proof
        by_id[ids] = proof
        found.append(Shown(host, current, commit, members, proof))
    return found


def _why_not(shown: Sequence[Shown], believed: Believed) -> str:
    """Why nothing is proven, by the host that comes nearest to it."""
    if any(one.proof.block is not None for one in shown):
        return believed.reason
    return next(one.proof.reason for one in shown)


def _doubts(
    views: Sequence[NodeView], shown: Sequence[Shown], blocks: Sequence[ProvenBlock]
) -> dict[str, str]:
    """Host → the field that it altered, held against what is proven."""
    by_height = {block.height: block for block in blocks}
    doubts = {view.host: doubt for view in views if (doubt := _against(view, by_height))}
    for one in shown:
        block = by_height.get(one.commit.height)
        if one.proof.flaws:
            doubts[one.host] = f"it alters what was signed: {one.proof.flaws[0]}"
        elif (
            one.proof.block is None and block is not None and one.commit.block_id != block.block_id
        ):
            doubts[one.host] = (
                f"it shows another block {block.height} than the one that "
                f"{block.signed} of {block.total} power signed"
            )
    doubts.update(_other_sets(shown, doubts))
    return doubts


def _against(view: NodeView, proven: dict[int, ProvenBlock]) -> str:
    """A header in a node's list of blocks that is not the proven one, or ""."""
    if not view.answers:
        return ""
    hashes = {block.height - 1: block.last_block_hash for block in proven.values()}
    for meta in value_or_none(view.reading.chain.blocks) or ():
        block = proven.get(meta.height)
        expected = block.block_id.hash if block is not None else hashes.get(meta.height, "")
        if expected and meta.block_hash != expected:
            return f"it alters what was signed: the block id of {meta.height} in /blockchain"
        if block is not None and meta.app_hash != block.app_hash:
            return f"it alters what was signed: the app hash of {meta.height} in /blockchain"
    return ""


def _other_sets(shown: Sequence[Shown], doubts: dict[str, str]) -> dict[str, str]:
    """Hosts whose set of a height is not the one that others prove for that height."""
    proven = {
        one.members.height: one.members
        for one in shown
        if one.proof.block is not None and one.host not in doubts
    }
    return {
        one.host: f"it alters the validator set of {one.members.height}: "
        "other powers or keys than the ones that are proven"
        for one in shown
        if one.host not in doubts
        and (right := proven.get(one.members.height)) is not None
        and right is not one.members
        and right != one.members
    }


def _equivocations(shown: Sequence[Shown], chain_id: str) -> tuple[SignedTwice, ...]:
    """Who signed two blocks in one round, by the commits that hosts show."""
    rivals: dict[tuple[int, int], dict[int, Shown]] = {}
    for one in shown:
        of_round = rivals.setdefault((one.commit.height, one.commit.round), {})
        if len(of_round) < _RIVALS and all(
            one.commit is not other.commit and one.commit != other.commit
            for other in of_round.values()
        ):
            of_round[id(one.commit)] = one
    found: dict[str, SignedTwice] = {}
    for of_round in rivals.values():
        for first, second in _pairs(list(of_round.values())):
            for pair in in_commits(first.commit, second.commit, first.members, chain_id):
                hosts = (first.host, second.host)
                found.setdefault(pair.address, SignedTwice(pair, hosts))
    return tuple(found[address] for address in sorted(found))


def _from_evidence(views: Sequence[NodeView], chain_id: str) -> Iterator[SignedTwice]:
    """Who signed twice by the evidence in a block, whoever shows it: one for each key. The key has
    to be in one of the sets that are shown."""
    chains = [view.reading.chain for view in views if view.answers]
    shown = [reading for c in chains for reading in (c.validators, c.signers)]
    sets = list({id(r.value): r.value for r in shown if isinstance(r, Known)}.values())
    done: set[str] = set()
    for view in views:
        reading = view.reading.chain.evidence
        for one in reading.value[:_RIVALS] if isinstance(reading, Known) else ():
            if one.address in done:
                continue
            tried = (in_evidence(one, members, chain_id) for members in sets[:_RIVALS])
            pair = next((pair for pair in tried if pair is not None), None)
            if pair is not None:
                done.add(pair.address)
                yield SignedTwice(pair, (view.host,))


def _pairs(several: Sequence[Shown]) -> Iterable[tuple[Shown, Shown]]:
    for index, first in enumerate(several):
        for second in several[index + 1 :]:
            yield first, second
