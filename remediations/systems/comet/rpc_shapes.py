"""The JSON of CometBFT 0.38's answers, as far as it is used.

Unused fields are skipped; the decoder refuses fields that are missing or of another type. An int64
is a decimal string, an int32 a number. Times stay text here: the lax decoder that accepts "12" as a
number would also accept 12 as a time.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

MAX_INT64 = 2**63 - 1
MAX_INT32 = 2**31 - 1

MAX_VALIDATORS = 10_000
"""CometBFT's limit for one set (`types.MaxVotesCount`), and ours for every list."""

Int64 = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT64)]
Int32 = Annotated[int, msgspec.Meta(ge=0, le=MAX_INT32)]
PeerRoundNumber = Annotated[int, msgspec.Meta(ge=-1, le=MAX_INT32)]
Step = Annotated[int, msgspec.Meta(ge=0, le=8)]
Flag = Annotated[int, msgspec.Meta(ge=1, le=3)]
# Not `$`, which also matches before a final line feed: one validator would have two addresses.
Address = Annotated[str, msgspec.Meta(pattern=r"\A[0-9A-Fa-f]{40}\Z")]
SignatureAddress = Annotated[str, msgspec.Meta(pattern=r"\A([0-9A-Fa-f]{40})?\Z")]
Hash = Annotated[str, msgspec.Meta(pattern=r"\A([0-9A-Fa-f]{2}){0,64}\Z")]
NodeId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-fA-F]{40}\Z")]
Base64 = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9+/]{0,256}={0,2}\Z")]
KeyType = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9/._-]{0,64}\Z")]
ChainId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._-]{0,50}\Z")]
# As Go writes a time, with the decimals that it has: all of them are signed.
ExactTime = Annotated[
    str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]{1,9})?Z\Z")
]
ShortText = Annotated[str, msgspec.Meta(max_length=256)]
Bounded = msgspec.Meta(max_length=MAX_VALIDATORS)


class Shape(msgspec.Struct):
    """One JSON object; members that it does not name are skipped."""


class RpcErrorShape(Shape):
    """The `error` member of an envelope."""

    message: str = ""
    data: str = ""


class Envelope(Shape):
    """JSON-RPC: either a result or an error."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: RpcErrorShape | None = None


class NodeInfo(Shape):
    """Who a node says it is."""

    id: NodeId
    network: ShortText
    moniker: ShortText
    version: ShortText = ""


class SyncInfo(Shape):
    """`/status`: the block store."""

    latest_block_hash: Hash
    latest_app_hash: Hash
    latest_block_height: Int64
    latest_block_time: str
    earliest_block_height: Int64
    catching_up: bool


class ValidatorInfo(Shape):
    """`/status`: the node's own key."""

    address: Address
    voting_power: Int64


class StatusShape(Shape):
    """`/status`."""

    node_info: NodeInfo
    sync_info: SyncInfo
    validator_info: ValidatorInfo


class AppResponse(Shape):
    """`/abci_info`; the node omits zero and empty fields."""

    last_block_height: Int64 = 0
    last_block_app_hash: str = ""


class AppInfoShape(Shape):
    """`/abci_info`."""

    response: AppResponse


class RoundVotes(Shape):
    """The votes of one round."""

    round: Int32
    prevotes: Annotated[list[str], Bounded] | None
    prevotes_bit_array: str
    precommits: Annotated[list[str], Bounded] | None
    precommits_bit_array: str


class RoundStateSimple(Shape):
    """`/consensus_state`."""

    where: str = msgspec.field(name="height/round/step")
    start_time: str
    proposal_block_hash: Hash
    height_vote_set: Annotated[list[RoundVotes], Bounded]


class ConsensusStateShape(Shape):
    """`/consensus_state`."""

    round_state: RoundStateSimple


class PeerRoundState(Shape):
    """The height and round of a peer, as this node believes. Round −1: it has not heard from it."""

    height: Int64
    round: PeerRoundNumber
    step: Step


class PeerState(Shape):
    """`/dump_consensus_state`: one peer's state."""

    round_state: PeerRoundState


class DumpedPeer(Shape):
    """`/dump_consensus_state`: one peer."""

    node_address: str
    peer_state: PeerState


class DumpShape(Shape):
    """`/dump_consensus_state`."""

    peers: Annotated[list[DumpedPeer], Bounded] | None


class MonitorShape(Shape):
    """`/net_info`: what one side of a connection carried. `Idle` is in nanoseconds."""

    idle: Int64 | None = msgspec.field(default=None, name="Idle")


class ConnectionShape(Shape):
    """`/net_info`: the connection to one peer."""

    received: MonitorShape = msgspec.field(default_factory=MonitorShape, name="RecvMonitor")


class LastCommitShape(Shape):
    """`/dump_consensus_state`: the votes for the newest block."""

    votes: Annotated[list[str], Bounded] | None = None


class DumpedRound(Shape):
    """`/dump_consensus_state`: the height that consensus works on, and the votes for the one
    before, None at the first."""

    height: Int64
    last_commit: LastCommitShape | None = None


class LastVotesShape(Shape):
    """`/dump_consensus_state`, as far as the node's own state goes."""

    round_state: DumpedRound


class PeerShape(Shape):
    """`/net_info`: one peer."""

    node_info: NodeInfo
    is_outbound: bool
    remote_ip: ShortText
    connection_status: ConnectionShape = msgspec.field(default_factory=ConnectionShape)


class NetInfoShape(Shape):
    """`/net_info`."""

    peers: Annotated[list[PeerShape], Bounded] | None


class PubKeyShape(Shape):
    """A public key; the value is base64."""

    type: KeyType
    value: Base64


class ValidatorShape(Shape):
    """`/validators`: one member of the set."""

    address: Address
    voting_power: Int64
    pub_key: PubKeyShape | None = None


class ValidatorsShape(Shape):
    """One page of `/validators`."""

    block_height: Int64
    validators: Annotated[list[ValidatorShape], Bounded]
    total: Int64


class BlockId(Shape):
    """A block's hash."""

    hash: Hash


class Header(Shape):
    """A block header. `evidence_hash` may be lower-case or empty."""

    height: Int64
    time: str
    app_hash: Hash
    evidence_hash: Hash
    proposer_address: Hash = ""


class BlockMetaShape(Shape):
    """`/blockchain`: one block."""

    block_id: BlockId
    header: Header
    num_txs: Int64 | None = None


class BlockchainShape(Shape):
    """`/blockchain`."""

    block_metas: Annotated[list[BlockMetaShape], Bounded] | None


class SignatureShape(Shape):
    """`/commit`: one signature; address and signature are empty if it is absent."""

    block_id_flag: Flag
    validator_address: SignatureAddress
    timestamp: ExactTime = ""
    signature: Base64 | None = None


class PartSetShape(Shape):
    """The parts of a block."""

    total: Int32 = 0
    hash: Hash = ""


class WholeBlockId(Shape):
    """What a vote names; all is empty for nil."""

    hash: Hash
    parts: PartSetShape


class VersionShape(Shape):
    """The protocol of a block; the node leaves out what is 0."""

    block: Int64 = 0
    app: Int64 = 0


class WholeHeader(Shape):
    """A block header, with every field that is hashed."""

    version: VersionShape
    chain_id: ChainId
    height: Int64
    time: ExactTime
    last_block_id: WholeBlockId
    last_commit_hash: Hash
    data_hash: Hash
    validators_hash: Hash
    next_validators_hash: Hash
    consensus_hash: Hash
    app_hash: Hash
    last_results_hash: Hash
    evidence_hash: Hash
    proposer_address: Hash


class CommitShape(Shape):
    """`/commit`: the commit itself."""

    height: Int64
    round: Int32
    signatures: Annotated[list[SignatureShape], Bounded]
    block_id: WholeBlockId | None = None


class SignedHeader(Shape):
    """`/commit`: header and commit."""

    commit: CommitShape
    header: WholeHeader | None = None


class CommitAnswer(Shape):
    """`/commit`."""

    signed_header: SignedHeader


class BlockResultShape(Shape):
    """`/block_results`; the hash is base64."""

    height: Int64
    app_hash: str = ""


class VoteShape(Shape):
    """A vote within evidence."""

    type: Annotated[int, msgspec.Meta(ge=1, le=2)]
    height: Int64
    round: Int32
    block_id: WholeBlockId
    timestamp: ExactTime
    validator_address: Address
    signature: Base64


class TwoVotes(Shape):
    """Evidence of a validator that signed twice; evidence of other kinds has no votes."""

    vote_a: VoteShape | None = None
    vote_b: VoteShape | None = None


class EvidenceShape(Shape):
    """One piece of evidence in a block."""

    value: TwoVotes


class EvidenceList(Shape):
    """The evidence of a block."""

    evidence: Annotated[list[EvidenceShape], Bounded] | None = None


class BlockShape(Shape):
    """`/block`: what is read of the block itself."""

    evidence: EvidenceList


class BlockAnswer(Shape):
    """`/block`."""

    block: BlockShape
