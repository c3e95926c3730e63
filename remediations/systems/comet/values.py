"""What the nodes of a CometBFT chain report, as values (CometBFT 0.38, "RPC").

Heights and powers are integers; app hashes and block ids are upper-case hex; addresses are the 40
upper-case hex digits of a consensus address.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

from remediations.systems.comet.blocks import BlockId, Header
from remediations.values.record import Moment, Record


class Validator(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One member of the validator set, in the order of `/validators` (its index in bit arrays).

    `key_type` is CometBFT's name, `pub_key` base64; both are "" where they were not read.
    """

    address: str
    power: int
    key_type: str = ""
    pub_key: str = ""


class ValidatorSet(Record, frozen=True, kw_only=True):
    """The complete set (all pages) that signs at `height`."""

    height: int
    validators: tuple[Validator, ...]

    @property
    def total(self) -> int:
        """The sum of voting power."""
        return sum(validator.power for validator in self.validators)

    def power_of(self, address: str) -> int:
        """The power of `address`; 0 if it is not in the set."""
        return sum(v.power for v in self.validators if v.address == address)


class GenesisOf(StrEnum):
    """Where in a genesis file its validators stand."""

    VALIDATORS = "validators"  # CometBFT's own list
    GEN_TXS = "gen_txs"  # what they delegated to themselves when the application created them


class Genesis(Record, frozen=True, kw_only=True):
    """The genesis file of a node: its hash, lower-case hex, and the validators of the first block.
    They are as old as the chain: powers have changed since."""

    sha256: str
    of: GenesisOf
    validators: tuple[Validator, ...]

    @property
    def total(self) -> int:
        """The sum of voting power."""
        return sum(validator.power for validator in self.validators)


class NodeStatus(Record, frozen=True, kw_only=True):
    """`/status`. `height` is the block store's (B); `app_hash` is the header's, *before* it.

    `version` is that of CometBFT, None unless it is reported as three numbers.
    """

    node_id: str
    network: str
    moniker: str
    height: int
    block_hash: str
    app_hash: str
    block_time: Moment
    earliest_height: int
    catching_up: bool
    address: str
    power: int
    version: str | None = None


class AppInfo(Record, frozen=True, kw_only=True):
    """`/abci_info`: the application's height (A) and its hash *after* that height."""

    height: int
    app_hash: str


class RoundState(Record, frozen=True, kw_only=True):
    """`/consensus_state`: where consensus stands on one node, with the votes of that round.

    `prevotes` and `precommits` hold, per validator index, the voted block's hash prefix: "" for no
    vote, "nil" for a nil vote, else 12 hex digits.
    """

    height: int
    round: int
    step: int
    started: Moment
    prevotes: tuple[str, ...]
    precommits: tuple[str, ...]
    proposal: str


class Peer(Record, frozen=True, kw_only=True):
    """One peer in `/net_info`. `quiet_s` is for how many seconds it has sent nothing, None if that
    is not told."""

    node_id: str
    moniker: str
    network: str
    remote_ip: str
    outbound: bool
    quiet_s: int | None = None


class DialAnswer(StrEnum):
    """How the p2p port of a peer answered."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"  # nothing came back within a second


class Dial(Record, frozen=True, kw_only=True):
    """A persistent peer that a node lacks, and how its p2p port answers the node's host."""

    node_id: str
    answer: DialAnswer


class PeerRound(Record, frozen=True, kw_only=True):
    """What a node believes about a peer (`/dump_consensus_state`): known without SSH to that
    peer."""

    node_id: str
    height: int
    round: int
    step: int


class BlockMeta(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One header of `/blockchain`. `evidence` is false if its evidence hash is that of an empty
    list. `proposer` is the address of who proposed it, "" where that was not kept; `transactions`
    how many are in the block, None where that was not told."""

    height: int
    block_hash: str
    app_hash: str
    time: Moment
    evidence: bool
    proposer: str = ""
    transactions: int | None = None


class BlockIdFlag(IntEnum):
    """What a validator signed, as CometBFT numbers it in a commit (`types.BlockIDFlag`)."""

    ABSENT = 1
    COMMIT = 2
    NIL = 3


class RoundStep(IntEnum):
    """The steps of a round that matter here, as CometBFT numbers them
    (`consensus/types.RoundStepType`)."""

    PREVOTE = 4  # a validator has cast its prevote
    PRECOMMIT = 6
    COMMIT = 8  # the block is decided; the application has yet to apply it


class CommitSignature(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One signature of `/commit`; `flag` is a `BlockIdFlag`.

    `timestamp` is RFC 3339, `signature` base64; both are "" where they were not read.
    """

    address: str
    flag: int
    timestamp: str = ""
    signature: str = ""

    @property
    def voted(self) -> bool:
        """Whether the validator signed at all, for the block or for nil."""
        return self.flag != BlockIdFlag.ABSENT

    @property
    def for_block(self) -> bool:
        """Whether the validator signed the block."""
        return self.flag == BlockIdFlag.COMMIT


class Commit(Record, frozen=True, kw_only=True, omit_defaults=True):
    """`/commit?height=`: who signed that block, and in which round it was decided.

    `block_id` is what they signed, `header` what it is the hash of; None where it was not read.
    """

    height: int
    round: int
    signatures: tuple[CommitSignature, ...]
    block_id: BlockId | None = None
    header: Header | None = None


class LastVotes(Record, frozen=True, kw_only=True):
    """The precommits for `height`, the newest block, as one node has them by now: more than its
    commit needs, since late ones are added (`/dump_consensus_state`, `last_commit`).

    `voters` are the first 12 hex digits of the addresses that voted, `size` that of the set.
    """

    height: int
    size: int
    voters: tuple[str, ...]


class BlockResult(Record, frozen=True, kw_only=True):
    """`/block_results?height=`: the application's hash *after* that height, upper-case hex."""

    height: int
    app_hash: str


class NodeLocation(Record, frozen=True, kw_only=True):
    """Where a node is: everything was discovered, nothing guessed."""

    host: str
    unit: str
    home: str
    user: str
    rpc_url: str
    address: str
    power: int
