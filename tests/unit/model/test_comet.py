"""What is read from CometBFT's answers, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from remediations.systems.comet import rpc, rpc_envelope, rpc_rounds, rpc_signed
from remediations.systems.comet import rpc_shapes as shapes
from tests.unit.model import answers


def test_status_says_where_the_block_store_is() -> None:
    """Height, hashes and time of the block store, the key and its power."""
    status = rpc.parse_status(answers.status(113))
    assert (status.height, status.power, status.network) == (113, 40, "virtengine-lab-1")
    assert status.block_time == datetime(2026, 11, 25, 16, 39, 0, 123457, tzinfo=UTC)
    assert status.app_hash == answers.APP
    assert not status.catching_up


def test_a_moniker_cannot_write_to_the_terminal() -> None:
    """Whoever runs a node chooses its name."""
    text = answers.status().replace(b'"val1"', b'"a\\u001b[2Jb"')
    assert rpc.parse_status(text).moniker == "a\ufffd[2Jb"


def test_power_zero_is_a_value() -> None:
    """A full node or a jailed validator says 0."""
    assert rpc.parse_status(answers.status(power=0)).power == 0


def test_the_app_hash_of_abci_info_is_base64() -> None:
    """It comes out as the same hex as everywhere else."""
    info = rpc.parse_app_info(answers.abci_info(113))
    assert (info.height, info.app_hash) == (113, answers.APP)


def test_an_application_without_blocks_leaves_its_fields_out() -> None:
    """Before the first block there is no height in the answer: that is height 0."""
    info = rpc.parse_app_info(answers.envelope({"response": {"data": "virtengine"}}))
    assert (info.height, info.app_hash) == (0, "")


def test_the_votes_are_those_of_the_current_round() -> None:
    """The vote sets also hold the next round, which is always empty: not that one."""
    state = rpc_rounds.parse_round_state(answers.consensus_state(114, 2, 4))
    prefix = answers.BLOCK[:12]
    assert (state.height, state.round, state.step) == (114, 2, 4)
    assert state.prevotes == ("", prefix, prefix, prefix)
    assert state.precommits == ("", "", "", "")


def test_a_nil_vote_is_a_vote() -> None:
    """Twelve zeros where the block's hash stands: voted nil, which is not absent."""
    votes = ["nil-Vote", answers.vote(1, 9, 0, "000000000000"), "nil-Vote", "nil-Vote"]
    state = rpc_rounds.parse_round_state(answers.consensus_state(9, prevotes=votes))
    assert state.prevotes == ("", "nil", "", "")


def test_a_recorded_vote_string_is_read() -> None:
    """With the extension that CometBFT 0.38 prints, also when it was wrapped."""
    text = (
        "Vote{1:83B5113EAEE9 9/00/SIGNED_MSG_TYPE_PREVOTE(Prevote) D5A4E8C2F1B0 B70394DB1B38 "
        "000000000000 @ 2026-11-23T10:11:12.131415161Z}"
    )
    assert rpc_rounds.parse_vote(text, 1, 9, 0) == "D5A4E8C2F1B0"
    assert rpc_rounds.parse_vote(text.replace(" B703", "\n  B703"), 1, 9, 0) == "D5A4E8C2F1B0"


def test_votes_of_a_large_set_keep_their_places() -> None:
    """150 validators, every third absent: index and vote belong together."""
    powers = tuple(range(1000, 850, -1))
    votes = [
        "nil-Vote" if index % 3 == 0 else answers.vote(index, 77, 0, answers.BLOCK[:12])
        for index in range(150)
    ]
    state = rpc_rounds.parse_round_state(answers.consensus_state(77, prevotes=votes, powers=powers))
    assert len(state.prevotes) == 150
    assert [index for index, vote in enumerate(state.prevotes) if not vote] == list(
        range(0, 150, 3)
    )


@pytest.mark.parametrize("wrap", ["", "\n", "\n   "])
def test_a_bit_array_beyond_a_hundred_is_wrapped(wrap: str) -> None:
    """With or without white space between its lines."""
    marks, voted, total = rpc_rounds.parse_bit_array(
        f"BA{{150:{'x' * 100}{wrap}{'_' * 50}}} 100/150 = 0.67"
    )
    assert (sum(marks), len(marks), voted, total) == (100, 150, 100, 150)


def test_a_bit_array_says_who_and_how_much() -> None:
    """Places are validators, numbers are power."""
    assert rpc_rounds.parse_bit_array("BA{4:_x_x} 2/4 = 0.50") == ((False, True, False, True), 2, 4)


def test_the_validator_set_is_all_of_its_pages() -> None:
    """150 validators come on two pages, and keep the order of the set."""
    powers = tuple(range(1000, 850, -1))
    text = answers.validators(powers) + b"\n" + answers.validators(powers, page=2) + b"\n"
    valset = rpc.parse_validators(text)
    assert [v.power for v in valset.validators] == list(powers)
    assert valset.total == sum(powers)
    assert valset.power_of(answers.address(120)) == 880


def test_hosts_that_answer_the_same_share_one_value() -> None:
    """Each byte decides: another power is another set. Only a few are kept."""
    first = rpc.parse_validators(answers.validators((1, 2)))
    assert rpc.parse_validators(bytes(answers.validators((1, 2)))) is first
    for power in range(3, 4 + rpc_envelope.KEPT):
        assert rpc.parse_validators(answers.validators((1, power))).total == 1 + power
    again = rpc.parse_validators(answers.validators((1, 2)))
    assert again == first
    assert again is not first


@pytest.mark.parametrize(
    "text",
    [
        answers.validators(tuple(range(1, 151))),
        answers.validators(tuple(range(1, 151))) * 2,
        answers.validators() + answers.validators(height=115),
        answers.validators(()),
        b"",
    ],
    ids=["page missing", "page twice", "two heights", "empty set", "nothing"],
)
def test_half_a_validator_set_is_none(text: bytes) -> None:
    """Counting quorum in an incomplete set would be counting wrong."""
    with pytest.raises(rpc_envelope.RpcError):
        rpc.parse_validators(text)


def test_peers_and_what_is_believed_of_them() -> None:
    """A peer of which nothing was heard yet is in round −1."""
    assert [p.moniker for p in rpc.parse_peers(answers.net_info())] == ["val2", "val3", "val4"]
    rounds = rpc_rounds.parse_peer_rounds(
        answers.dump_consensus_state([(1, 114, 3, 6), (2, 0, -1, 0)])
    )
    assert [(p.height, p.round, p.step) for p in rounds] == [(114, 3, 6), (0, -1, 0)]
    assert rounds[0].node_id == answers.node_id(1)


def test_for_how_long_a_peer_sent_nothing() -> None:
    """Told in nanoseconds, and rounded down; not told by every version."""
    idle = b'"RecvMonitor": {"Bytes": "7", "Idle": "42999999999"}, "Duration":'
    told = answers.net_info().replace(b'"Duration":', idle, 1)
    assert [p.quiet_s for p in rpc.parse_peers(told)] == [42, None, None]
    with pytest.raises(rpc_envelope.RpcError):
        rpc.parse_peers(told.replace(b"42999999999", b"-1"))


LAST = (
    "Vote{0:0A0A0A0A0A0A 113/00/SIGNED_MSG_TYPE_PRECOMMIT(Precommit) 000000000000 B0B0 000 @ 2026}",
    "nil-Vote",
    "Vote{2:0C0C0C0C0C0C 113/01/SIGNED_MSG_TYPE_PRECOMMIT(Precommit) ABCDEF012345 B0B0 000 @ 2026}",
)


def dumped(votes: Sequence[str] | None) -> bytes:
    last = None if votes is None else {"votes": [*votes], "votes_bit_array": "BA{3:x_x}"}
    return answers.envelope({"round_state": {"height": "114", "last_commit": last}, "peers": None})


def test_the_votes_for_the_newest_block() -> None:
    """Who voted for nil voted, too; before the first block there are none."""
    last = rpc_rounds.parse_last_votes(dumped(LAST))
    assert (last.height, last.size) == (113, 3)
    assert last.voters == ("0A0A0A0A0A0A", "0C0C0C0C0C0C")
    assert rpc_rounds.parse_last_votes(dumped(None)).size == 0
    assert rpc_rounds.parse_last_votes(answers.dump_consensus_state()).size == 0


@pytest.mark.parametrize("vote", ["", "Vote{}", LAST[2], LAST[0].replace("113/", "112/")])
def test_a_vote_of_another_block_is_refused(vote: str) -> None:
    """Nobody is taken to have signed by a vote that is not for this block."""
    with pytest.raises(rpc_envelope.RpcError):
        rpc_rounds.parse_last_votes(dumped((vote, *LAST[1:])))


def test_null_is_an_empty_list() -> None:
    """Go writes an empty slice as null."""
    assert rpc.parse_peers(answers.envelope({"peers": None})) == ()
    assert rpc.parse_blocks(answers.envelope({"block_metas": None})) == ()


def test_evidence_shows_in_the_header() -> None:
    """Its hash is that of nothing, unless there is evidence."""
    clean, guilty = (
        json.loads(answers.blockchain([7])),
        json.loads(answers.blockchain([7]).replace(answers.NO_EVIDENCE.encode(), b"AB" * 32)),
    )
    assert [b.evidence for b in rpc.parse_blocks(json.dumps(clean).encode())] == [False]
    assert [b.evidence for b in rpc.parse_blocks(json.dumps(guilty).encode())] == [True]


def test_commit_and_result() -> None:
    """An absent signature has no address; the result's hash is base64."""
    signed = rpc_signed.parse_commit(answers.commit(112))
    assert [s.flag for s in signed.signatures] == [2, 2, 2, 1]
    assert signed.signatures[3].address == ""
    assert rpc.parse_block_result(answers.block_results(113)).app_hash == answers.APP


def test_the_nodes_own_error_is_passed_on() -> None:
    """A node that keeps no results says so, and the reason is what it said."""
    answer = answers.rpc_error("Internal error", "could not find results for height #113")
    with pytest.raises(rpc_envelope.RpcError, match="could not find results for height #113"):
        rpc.parse_block_result(answer)


GOOD = answers.status()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        GOOD[: len(GOOD) // 2],
        b"<html><body>502 Bad Gateway</body></html>",
        b"null",
        b"[" * 100_000,
        b"\xff\xfe",
        answers.envelope(None),
        answers.envelope({}),
        GOOD.replace(b'"113"', b'"-113"'),
        GOOD.replace(b'"113"', b'"99999999999999999999"'),
        GOOD.replace(b'"113"', b"true"),
        GOOD.replace(answers.TIME.encode(), b"yesterday"),
        GOOD.replace(answers.TIME.encode(), b"2026-11-25T16:39:00"),
        GOOD.replace(f'"{answers.TIME}"'.encode(), b"12"),
        GOOD.replace(answers.BLOCK.encode(), b"not hex"),
        GOOD.replace(answers.address(0).encode(), b"ABCD"),
    ],
)
def test_anything_else_is_one_error(text: bytes) -> None:
    """Half JSON, HTML, numbers that do not fit, times that are none: RpcError and nothing else."""
    with pytest.raises(rpc_envelope.RpcError):
        rpc.parse_status(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"114/0/4", b"114/0/9"),
        lambda text: text.replace(b"114/0/4", b"114/7/4"),
        lambda text: text.replace(b"114/0/4", b"115/0/4"),
        lambda text: text.replace(b"BA{4:", b"BA{5:"),
        lambda text: text.replace(b"Vote{2:", b"Vote{3:"),
        lambda text: text.replace(b"(Prevote)", b"(Perhaps)"),
    ],
)
def test_a_round_that_contradicts_itself_is_refused(change: Callable[[bytes], bytes]) -> None:
    """Steps beyond 8, a round without votes, votes of another height, place or kind."""
    with pytest.raises(rpc_envelope.RpcError):
        rpc_rounds.parse_round_state(change(answers.consensus_state(114, 0, 4)))


def test_an_address_with_a_line_feed_is_none() -> None:
    """It would be a second validator with the power of the first."""
    twice = [{"address": answers.address(0) + end, "voting_power": "1"} for end in ("", "\n")]
    page = {"block_height": "5", "total": "2", "validators": twice}
    with pytest.raises(rpc_envelope.RpcError, match="is malformed"):
        rpc.parse_validators(answers.envelope(page))


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028"])
@pytest.mark.parametrize(
    "kind", [shapes.Address, shapes.Hash, shapes.NodeId, shapes.SignatureAddress]
)
def test_every_pattern_of_an_answer_matches_the_whole(kind: object, end: str) -> None:
    """`$` would match before a line feed."""
    assert msgspec.convert("A" * 40, kind) == "A" * 40
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("A" * 40 + end, kind)
