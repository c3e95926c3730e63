"""Figure 8: what it takes to prove a block, beside OpenSSL verifying the same signatures."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

from remediations.systems.comet import rpc, rpc_signed
from remediations.systems.comet.proof.claim import Claim
from remediations.systems.comet.proof.commit import prove
from remediations.systems.comet.proof.hashes import vote_bytes
from remediations.systems.comet.proof.members import read_members
from tests.bench.cost import NotDoneError
from tests.bench.figure import Figure, Line
from tests.signed import CHAIN, SignedChain, answer

SIGNATURES = 150
GOAL_S = 0.1
PEER = "OpenSSL by cryptography: the same signatures over bytes that are ready"
NOTES = (
    "CPU of this process, the shortest of all rounds; both verify every signature",
    "the proof also reads the keys, makes the bytes, and hashes header and validator set",
)


def measure(rounds: int, signatures: int = SIGNATURES) -> Figure:
    """The figure. The goal is one of seconds."""
    chain = SignedChain(range(1, signatures + 1))
    pages = [chain.validators(7)]
    everybody = pages[0]["validators"]
    pages = [
        {**pages[0], "validators": everybody[first : first + rpc.PER_PAGE]}
        for first in range(0, signatures, rpc.PER_PAGE)
    ]
    shown = rpc.parse_validators(b"\n".join(map(answer, pages)))
    commit = rpc_signed.parse_commit(answer(chain.commit(chain.header(7))))
    if commit.header is None or commit.block_id is None:
        raise NotDoneError("the commit was read without what was signed")
    members = read_members(shown)
    claim = Claim(CHAIN, commit, commit.header, commit.block_id, members)
    ready = [
        (member.key, vote_bytes(claim.vote(i), CHAIN), base64.b64decode(claim.vote(i).signature))
        for i, member in enumerate(members.members)
    ]

    def proof() -> bool:
        block = prove(commit, shown, CHAIN).block
        return block is not None and block.verified == signatures

    def bare() -> bool:
        return all(key.signed(message, signature) for key, message, signature in ready)

    took, peer = (min(_cpu(one) for _ in range(rounds)) for one in (proof, bare))
    what = f"{signatures} signatures proven"
    lines = (
        Line(what=what, value=took, unit="s CPU", goal=GOAL_S),
        Line(what="  by the peer", value=took, unit="s CPU", peer=PEER, peer_value=peer),
    )
    return Figure(id="8", title="Proving a block", rounds=rounds, lines=lines, notes=NOTES)


def _cpu(work: Callable[[], bool]) -> float:
    began = time.process_time()
    if not work():
        raise NotDoneError("a good signature was refused")
    return time.process_time() - began
