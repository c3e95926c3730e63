"""CometBFT 0.38 answers as a node gives them, built so that a test can turn one screw."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence

Json = dict[str, "object"]

BLOCK = "D5A4E8C2F1B09A3E7C6D5B4A39281706F5E4D3C2B1A09F8E7D6C5B4A39281706"
APP = "0A1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3D4E5F60718293A4B5C6D7E8F9"
APP_BASE64 = "ChssPU5fYHGCk6S1xtfo+QobLD1OX2BxgpOktcbX6Pk="
NO_EVIDENCE = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"
TIME = "2026-11-25T16:39:00.123456789Z"
POWERS = (40, 30, 20, 10)


def address(index: int) -> str:
    """The consensus address of validator `index`."""
    return hashlib.sha256(f"validator {index}".encode()).hexdigest()[:40].upper()


def node_id(index: int) -> str:
    return hashlib.sha256(f"node {index}".encode()).hexdigest()[:40]


def envelope(result: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": -1, "result": result}).encode()


def rpc_error(message: str, data: str) -> bytes:
    fault = {"code": -32603, "message": message, "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": -1, "error": fault}).encode()


def node_info(index: int) -> Json:
    return {
        "protocol_version": {"p2p": "8", "block": "11", "app": "0"},
        "id": node_id(index),
        "listen_addr": "tcp://0.0.0.0:26656",
        "network": "virtengine-lab-1",
        "version": "0.38.19",
        "channels": "40202122233038606100",
        "moniker": f"val{index + 1}",
        "other": {"tx_index": "on", "rpc_address": "tcp://127.0.0.1:26657"},
    }


def status(height: int = 113, *, power: int = 40, index: int = 0) -> bytes:
    return envelope(
        {
            "node_info": node_info(index),
            "sync_info": {
                "latest_block_hash": BLOCK,
                "latest_app_hash": APP,
                "latest_block_height": str(height),
                "latest_block_time": TIME,
                "earliest_block_hash": BLOCK,
                "earliest_app_hash": NO_EVIDENCE,
                "earliest_block_height": "1",
                "earliest_block_time": TIME,
                "catching_up": False,
            },
            "validator_info": {
                "address": address(index),
                "pub_key": {"type": "tendermint/PubKeyEd25519", "value": "AAAA"},
                "voting_power": str(power),
            },
        }
    )


def abci_info(height: int = 113) -> bytes:
    return envelope(
        {
            "response": {
                "data": "virtengine",
                "last_block_height": str(height),
                "last_block_app_hash": APP_BASE64,
            }
        }
    )


def vote(index: int, height: int, round_: int, block: str, kind: str = "PREVOTE") -> str:
    return (
        f"Vote{{{index}:{address(index)[:12]} {height}/{round_:02}/SIGNED_MSG_TYPE_{kind}"
        f"({kind.capitalize()}) {block} B70394DB1B38 000000000000 @ {TIME}}}"
    )


def bit_array(votes: Sequence[str], powers: Sequence[int]) -> str:
    """As CometBFT prints it: beyond a hundred marks the lines are joined without a separator."""
    marks = "".join("_" if text == "nil-Vote" else "x" for text in votes)
    voted = sum(p for p, text in zip(powers, votes, strict=True) if text != "nil-Vote")
    total = sum(powers)
    return f"BA{{{len(votes)}:{marks}}} {voted}/{total} = {voted / total:.2f}"


def vote_set(
    round_: int, prevotes: Sequence[str], precommits: Sequence[str], powers: Sequence[int]
) -> Json:
    return {
        "round": round_,
        "prevotes": list(prevotes),
        "prevotes_bit_array": bit_array(prevotes, powers),
        "precommits": list(precommits),
        "precommits_bit_array": bit_array(precommits, powers),
    }


def consensus_state(
    height: int = 114,
    round_: int = 0,
    step: int = 4,
    *,
    prevotes: Sequence[str] | None = None,
    powers: Sequence[int] = POWERS,
) -> bytes:
    """The sets of rounds 0 to `round_` + 1, as a node lists them; the last one is always empty."""
    absent = ["nil-Vote"] * len(powers)
    if prevotes is None:
        prevotes = ["nil-Vote", *(vote(i, height, round_, BLOCK[:12]) for i in (1, 2, 3))]
    sets = [vote_set(number, absent, absent, powers) for number in range(round_)]
    sets.append(vote_set(round_, prevotes, absent, powers))
    sets.append(vote_set(round_ + 1, absent, absent, powers))
    return envelope(
        {
            "round_state": {
                "height/round/step": f"{height}/{round_}/{step}",
                "start_time": TIME,
                "proposal_block_hash": BLOCK,
                "locked_block_hash": "",
                "valid_block_hash": "",
                "height_vote_set": sets,
                "proposer": {"address": address(0), "index": 0},
            }
        }
    )


def validators(powers: Sequence[int] = POWERS, *, height: int = 114, page: int = 1) -> bytes:
    """One page of at most a hundred."""
    first = (page - 1) * 100
    members = [
        {
            "address": address(first + place),
            "pub_key": {"type": "tendermint/PubKeyEd25519", "value": "AAAA"},
            "voting_power": str(power),
            "proposer_priority": "-15",
        }
        for place, power in enumerate(powers[first : first + 100])
    ]
    return envelope(
        {
            "block_height": str(height),
            "validators": members,
            "count": str(len(members)),
            "total": str(len(powers)),
        }
    )


def net_info(peers: Sequence[int] = (1, 2, 3)) -> bytes:
    return envelope(
        {
            "listening": True,
            "listeners": ["Listener(@)"],
            "n_peers": str(len(peers)),
            "peers": [
                {
                    "node_info": node_info(peer),
                    "is_outbound": peer == 1,
                    "connection_status": {"Duration": "62384329031"},
                    "remote_ip": f"10.77.0.{peer + 1}",
                }
                for peer in peers
            ],
        }
    )


def dump_consensus_state(peers: Sequence[tuple[int, int, int, int]] = ((1, 114, 0, 4),)) -> bytes:
    return envelope(
        {
            "round_state": {"height": "114", "round": 0, "step": 4, "last_commit": {"votes": []}},
            "peers": [
                {
                    "node_address": f"{node_id(peer)}@10.77.0.{peer + 1}:26656",
                    "peer_state": {
                        "round_state": {"height": str(height), "round": round_, "step": step},
                        "stats": {"votes": "12", "block_parts": "3"},
                    },
                }
                for peer, height, round_, step in peers
            ],
        }
    )


def header(height: int, *, evidence_hash: str = NO_EVIDENCE) -> Json:
    return {
        "version": {"block": "11"},
        "chain_id": "virtengine-lab-1",
        "height": str(height),
        "time": TIME,
        "last_block_id": {"hash": BLOCK, "parts": {"total": 1, "hash": BLOCK}},
        "last_commit_hash": BLOCK,
        "data_hash": NO_EVIDENCE,
        "validators_hash": BLOCK,
        "next_validators_hash": BLOCK,
        "consensus_hash": BLOCK,
        "app_hash": APP,
        "last_results_hash": NO_EVIDENCE,
        "evidence_hash": evidence_hash,
        "proposer_address": address(0),
    }


def blockchain(
    heights: Sequence[int] = (113, 112), *, with_evidence: Collection[int] = ()
) -> bytes:
    shown = [
        header(number, evidence_hash=BLOCK if number in with_evidence else NO_EVIDENCE)
        for number in heights
    ]
    metas = [
        {"block_id": {"hash": BLOCK}, "block_size": "700", "header": one, "num_txs": "0"}
        for one in shown
    ]
    return envelope({"last_height": str(max(heights)), "block_metas": metas})


def commit(height: int = 112, *, absent: int = 3) -> bytes:
    signatures = [
        {
            "block_id_flag": 1 if index == absent else 2,
            "validator_address": "" if index == absent else address(index),
            "timestamp": "0001-01-01T00:00:00Z" if index == absent else TIME,
            "signature": None if index == absent else "AAAA",
        }
        for index in range(4)
    ]
    return envelope(
        {
            "signed_header": {
                "header": header(height),
                "commit": {"height": str(height), "round": 0, "signatures": signatures},
            },
            "canonical": True,
        }
    )


def block_results(height: int = 113) -> bytes:
    return envelope({"height": str(height), "txs_results": None, "app_hash": APP_BASE64})
