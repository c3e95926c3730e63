"""Rounds and votes in CometBFT RPC answers, as values. Pure (systems.comet.rpc_envelope)."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from remediations.systems.comet import rpc_shapes as shapes
from remediations.systems.comet.rpc_envelope import RpcError, bounded, result_of, time_of
from remediations.systems.comet.values import LastVotes, PeerRound, RoundState

# Made once, at import (systems.comet.rpc_envelope).
_CONSENSUS_STATE = msgspec.json.Decoder(shapes.ConsensusStateShape, strict=False)
_LAST_VOTES = msgspec.json.Decoder(shapes.LastVotesShape, strict=False)
_DUMP = msgspec.json.Decoder(shapes.DumpShape, strict=False)

NIL_PREFIX = "0" * 12
ABSENT_VOTE = "nil-Vote"
_WHERE = re.compile(r"([0-9]{1,19})/([0-9]{1,10})/([0-8])")
_BIT_ARRAY = re.compile(r"(?:BA\{([0-9]{1,6}):([x_\s]*)\} ([0-9]{1,19})/([0-9]{1,19}) = [0-9.]+)")
_VOTE = re.compile(
    r"Vote\{([0-9]{1,6}):([0-9A-F]{12})\s+([0-9]{1,19})/([0-9]{2,10})/"
    r"SIGNED_MSG_TYPE_(?:PREVOTE|PRECOMMIT)\((?:Prevote|Precommit)\)\s+([0-9A-F]{12})\s[^{}]*\}",
    re.IGNORECASE,
)


def parse_round_state(text: bytes) -> RoundState:
    """`/consensus_state`, with the votes of the current round.

    `height_vote_set` also has the next round, which is still empty: the entry is chosen by its
    number, never by its place.

    Raises:
        RpcError: the answer is malformed, or its parts contradict each other.
    """
    raw = result_of(text, _CONSENSUS_STATE).round_state
    where = _WHERE.fullmatch(raw.where)
    if where is None:
        raise RpcError("height/round/step is malformed")
    height, round_, step = (bounded(number) for number in where.groups())
    current = [votes for votes in raw.height_vote_set if votes.round == round_]
    if len(current) != 1:
        raise RpcError(f"{len(current)} vote sets for round {round_}, not one")
    votes = current[0]
    return RoundState(
        height=height,
        round=round_,
        step=step,
        started=time_of(raw.start_time),
        prevotes=_votes(votes.prevotes, votes.prevotes_bit_array, height, round_),
        precommits=_votes(votes.precommits, votes.precommits_bit_array, height, round_),
        proposal=raw.proposal_block_hash.upper(),
    )


def parse_total_power(text: bytes) -> int:
    """`/consensus_state`: the voting power of the whole set.

    Raises:
        RpcError: the answer is malformed.
    """
    sets = result_of(text, _CONSENSUS_STATE).round_state.height_vote_set
    if not sets:
        raise RpcError("no vote set in the round state")
    return parse_bit_array(sets[0].prevotes_bit_array)[2]


def parse_peer_rounds(text: bytes) -> tuple[PeerRound, ...]:
    """`/dump_consensus_state`: what the node believes about its peers.

    Raises:
        RpcError: the answer is malformed.
    """
    peers = result_of(text, _DUMP).peers or []
    return tuple(
        PeerRound(
            node_id=_node_id(peer.node_address),
            height=peer.peer_state.round_state.height,
            round=peer.peer_state.round_state.round,
            step=peer.peer_state.round_state.step,
        )
        for peer in peers
    )


def parse_last_votes(text: bytes) -> LastVotes:
    """`/dump_consensus_state`: who has voted for the newest block.

    Raises:
        RpcError: the answer is malformed, or holds a vote of another height.
    """
    raw = result_of(text, _LAST_VOTES).round_state
    votes = (raw.last_commit.votes if raw.last_commit is not None else None) or []
    height = max(raw.height - 1, 0)
    voters = []
    for index, vote in enumerate(votes):
        if vote == ABSENT_VOTE:
            continue
        match = _VOTE.fullmatch(" ".join(vote.split()))
        if match is None or (int(match[1]), int(match[3])) != (index, height):
            raise RpcError(f"vote {index} for the last block is malformed, or of another one")
        voters.append(match[2].upper())
    return LastVotes(height=height, size=len(votes), voters=tuple(voters))


@lru_cache(maxsize=16_384)
def parse_vote(text: str, index: int, height: int, round_: int) -> str:
    """One vote string: "" if absent, "nil", or the first twelve hex digits of the block voted for.
    Each node shows the votes of all, so the same texts come from every host.

    Raises:
        RpcError: it is not a vote, or it is one of another validator, height or round.
    """
    if text == ABSENT_VOTE:
        return ""
    match = _VOTE.fullmatch(" ".join(text.split()))
    if match is None:
        raise RpcError(f"vote {index} is malformed")
    if (int(match[1]), int(match[3]), int(match[4])) != (index, height, round_):
        raise RpcError(f"vote {index} is of another validator, height or round")
    return "nil" if match[5] == NIL_PREFIX else match[5].upper()


def parse_bit_array(text: str) -> tuple[tuple[bool, ...], int, int]:
    """`BA{4:_x_x} 2/4 = 0.50`: who voted, in the order of the set, the power that voted, all power.

    Long arrays are broken into lines, with or without white space.

    Raises:
        RpcError: it is malformed, or does not have as many marks as it announces.
    """
    match = _BIT_ARRAY.fullmatch(text)
    if match is None:
        raise RpcError("a bit array is malformed")
    marks = "".join(match[2].split())
    if len(marks) != int(match[1]):
        raise RpcError(f"{len(marks)} marks in a bit array of {match[1]}")
    return tuple(mark == "x" for mark in marks), bounded(match[3]), bounded(match[4])


def _votes(texts: list[str] | None, bit_array: str, height: int, round_: int) -> tuple[str, ...]:
    """The votes of one kind. The node writes marks and strings one after the other, so a vote may
    be in only one of them; but both have as many entries as the validator set.
    """
    marks, _voted, _total = parse_bit_array(bit_array)
    votes = tuple(parse_vote(text, index, height, round_) for index, text in enumerate(texts or []))
    if len(votes) != len(marks):
        raise RpcError(f"{len(votes)} votes for a set of {len(marks)}")
    return votes


def _node_id(address: str) -> str:
    node_id, at, _rest = address.partition("@")
    if not at or not re.fullmatch("[0-9a-fA-F]{40}", node_id):
        raise RpcError("the address of a peer is malformed")
    return node_id.lower()
