"""A chain whose blocks are really signed: raw answers of its nodes, with keys made for the test."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from remediations.systems.comet.blocks import BlockId, Header, Vote, VoteType
from remediations.systems.comet.proof.hashes import header_hash, validators_hash, vote_bytes
from remediations.systems.comet.proof.keys import ED25519, PublicKey
from remediations.systems.comet.values import BlockIdFlag

CHAIN = "signed-1"
NOTHING = hashlib.sha256().hexdigest().upper()
Json = dict[str, Any]


def hash_of(text: str) -> str:
    """A hash that stands for `text`."""
    return hashlib.sha256(text.encode()).hexdigest().upper()


class Signer:
    """A validator's key, always the same one for a name."""

    def __init__(self, name: str) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        public = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key = PublicKey(ED25519, public)
        self.address = self.key.address

    def signature(self, vote: Vote, chain_id: str) -> str:
        """The signature of a vote, base64."""
        return base64.b64encode(self._private.sign(vote_bytes(vote, chain_id))).decode()


class SignedChain:
    """Validators with powers, and the answers about their blocks. `signers` may be anybody's;
    `voted` is the minute in which they say that they vote."""

    voted = "2026-11-25T13:00"

    def __init__(self, powers: Sequence[int], *, chain_id: str = CHAIN, name: str = "val") -> None:
        self.chain_id = chain_id
        self.powers = tuple(powers)
        self.signers = tuple(Signer(f"{name}{i}") for i in range(1, len(powers) + 1))

    @cached_property
    def set_hash(self) -> str:
        """The hash of the validator set."""
        keys = (signer.key for signer in self.signers)
        return validators_hash(list(zip(keys, self.powers, strict=True)))

    def header(self, height: int, **changed: object) -> Header:
        """The header of a block; two that differ in a field are of different blocks."""
        header = Header(
            version_block=11,
            version_app=1,
            chain_id=self.chain_id,
            height=height,
            time=f"2026-11-25T12:{height // 60 % 60:02}:{height % 60:02}.123456789Z",
            last_block_id=_block_id(hash_of(f"block-{height - 1}")),
            last_commit_hash=hash_of(f"commit-{height - 1}"),
            data_hash=hash_of(f"data-{height}"),
            validators_hash=self.set_hash,
            next_validators_hash=self.set_hash,
            consensus_hash=hash_of("consensus"),
            app_hash=hash_of(f"app-{height - 1}"),
            last_results_hash=NOTHING,
            evidence_hash=NOTHING,
            proposer_address=self.signers[height % len(self.signers)].address,
        )
        fields = {name: getattr(header, name) for name in Header.__struct_fields__}
        return Header(**{**fields, **changed})

    def vote(self, index: int, header: Header, round_: int = 0, *, nil: bool = False) -> Vote:
        """The signed precommit of validator number `index`."""
        vote = Vote(
            type=VoteType.PRECOMMIT,
            height=header.height,
            round=round_,
            block=None if nil else _block_id(header_hash(header)),
            timestamp=f"{self.voted}:{index % 60:02}.{index:09}Z",
            signature="",
        )
        fields = {name: getattr(vote, name) for name in Vote.__struct_fields__}
        signature = self.signers[index].signature(vote, self.chain_id)
        return Vote(**{**fields, "signature": signature})

    def commit(
        self,
        header: Header,
        *,
        round_: int = 0,
        absent: Sequence[int] = (),
        nil: Sequence[int] = (),
    ) -> Json:
        """The result of `/commit`, signed by everybody who isn't `absent`."""
        signatures = []
        for index, signer in enumerate(self.signers):
            if index in absent:
                signatures.append(
                    {
                        "block_id_flag": int(BlockIdFlag.ABSENT),
                        "validator_address": "",
                        "timestamp": "0001-01-01T00:00:00Z",
                        "signature": None,
                    }
                )
                continue
            vote = self.vote(index, header, round_, nil=index in nil)
            flag = BlockIdFlag.NIL if index in nil else BlockIdFlag.COMMIT
            signatures.append(
                {
                    "block_id_flag": int(flag),
                    "validator_address": signer.address,
                    "timestamp": vote.timestamp,
                    "signature": vote.signature,
                }
            )
        return {
            "signed_header": {
                "header": _header_json(header),
                "commit": {
                    "height": str(header.height),
                    "round": round_,
                    "block_id": _block_id_json(_block_id(header_hash(header))),
                    "signatures": signatures,
                },
            },
            "canonical": True,
        }

    def validators(self, height: int) -> Json:
        """The result of `/validators`, all on one page."""
        members = [
            {
                "address": signer.address,
                "pub_key": {
                    "type": signer.key.type,
                    "value": base64.b64encode(signer.key.content).decode(),
                },
                "voting_power": str(power),
                "proposer_priority": "0",
            }
            for signer, power in zip(self.signers, self.powers, strict=True)
        ]
        count = str(len(members))
        return {
            "block_height": str(height),
            "validators": members,
            "count": count,
            "total": count,
        }


def answer(result: Mapping[str, Any]) -> bytes:
    """A result as the node sends it."""
    return json.dumps({"jsonrpc": "2.0", "id": -1, "result": result}).encode()


def block_with_evidence(address: str, first: Vote, second: Vote) -> Json:
    """The result of `/block`, with evidence against one validator."""
    value = {
        "vote_a": _vote_json(address, first),
        "vote_b": _vote_json(address, second),
        "TotalVotingPower": "100",
        "ValidatorPower": "10",
        "Timestamp": first.timestamp,
    }
    evidence = [{"type": "tendermint/DuplicateVoteEvidence", "value": value}]
    return {"block": {"data": {"txs": []}, "evidence": {"evidence": evidence}}}


def _vote_json(address: str, vote: Vote) -> Json:
    block = vote.block or BlockId(hash="", parts_total=0, parts_hash="")
    return {
        "type": vote.type,
        "height": str(vote.height),
        "round": vote.round,
        "block_id": _block_id_json(block),
        "timestamp": vote.timestamp,
        "validator_address": address,
        "validator_index": 0,
        "signature": vote.signature,
        "extension": None,
    }


def _block_id(of: str) -> BlockId:
    return BlockId(hash=of, parts_total=1, parts_hash=hash_of(f"parts of {of}"))


def _block_id_json(block: BlockId) -> Json:
    return {"hash": block.hash, "parts": {"total": block.parts_total, "hash": block.parts_hash}}


def _header_json(header: Header) -> Json:
    plain = {name: getattr(header, name) for name in Header.__struct_fields__}
    version = {"block": str(plain.pop("version_block")), "app": str(plain.pop("version_app"))}
    return {
        **plain,
        "version": version,
        "height": str(header.height),
        "last_block_id": _block_id_json(header.last_block_id),
    }
