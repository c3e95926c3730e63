"""Nodes for the checks: as they are when a recovery is complete, each thing changeable."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

from remediations.playbooks.chain.checks.planned import PlannedChain
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import (
    BlockMeta,
    BlockResult,
    Commit,
    CommitSignature,
    NodePlace,
    NodeStatus,
    Peer,
    Validator,
    ValidatorSet,
)
from tests import worlds

TIP = 130
POWERS = dict(zip(("val1", "val2", "val3", "val4"), worlds.POWERS, strict=True))
STAT = "400 (virtengined start) S " + " ".join(["0"] * 18) + " 9000 0 0"


@dataclass
class FakeNode:
    """One target whose answers are fields."""

    target: NodePlace
    height: int = TIP
    catching_up: bool = False
    earliest: int = 1
    address: str = ""
    power: int = 0
    peer_count: int = 4
    branch: str = ""
    absent: frozenset[str] = frozenset()
    round: int = 0
    evidence_at: int = 0
    state: tuple[int, int, int] = (TIP, 0, 3)
    running: bool = True
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.target.host

    @property
    def host(self) -> SimpleNamespace:
        return SimpleNamespace(service=lambda _: SimpleNamespace(is_running=self.running))

    def status(self) -> NodeStatus:
        return NodeStatus(
            node_id=worlds.node_id_of(self.name),
            network=worlds.CHAIN_ID,
            moniker=self.name,
            height=self.height,
            block_hash=worlds.block_hash_at(self.height),
            app_hash=worlds.app_hash_at(self.height - 1),
            block_time=worlds.BEGAN,
            earliest_height=self.earliest,
            catching_up=self.catching_up,
            address=self.address,
            power=self.power,
        )

    def commit(self, height: int) -> Commit:
        return Commit(
            height=height,
            round=self.round,
            signatures=tuple(
                CommitSignature(
                    address=worlds.address_of(i), flag=1 if f"val{i}" in self.absent else 2
                )
                for i in range(1, 5)
            ),
        )

    def result(self, height: int) -> BlockResult:
        return BlockResult(height=height, app_hash=worlds.app_hash_at(height, self.branch))

    def peers(self) -> tuple[Peer, ...]:
        peer = Peer(node_id="", moniker="", network="", remote_ip="", outbound=True)
        return (peer,) * self.peer_count

    def blocks(self, low: int, high: int) -> dict[int, BlockMeta]:
        return {
            height: BlockMeta(
                height=height,
                block_hash=worlds.block_hash_at(height) + self.branch,
                app_hash=worlds.app_hash_at(height - 1),
                time=worlds.BEGAN + timedelta(seconds=height),
                evidence=height == self.evidence_at,
            )
            for height in range(max(low, self.earliest), min(high, self.height) + 1)
        }

    def validators(self) -> ValidatorSet:
        members = tuple(
            Validator(address=worlds.address_of(i), power=power)
            for i, power in enumerate(worlds.POWERS, 1)
        )
        return ValidatorSet(height=self.height, validators=members)

    def sign_state(self) -> SignState:
        height, round_, step = self.state
        return SignState(height=height, round=round_, step=step, block="")

    def root(self, command: str, *arguments: str) -> str:
        text = command % arguments if arguments else command
        for beginning, answer in self.answers.items():
            if text.startswith(beginning):
                return answer
        return ""


def recovered(plan: PlannedChain) -> dict[str, FakeNode]:
    """All targets of the plan, as they are when every check passes."""
    return {
        target.host: FakeNode(
            target=target,
            address=target.address,
            power=target.power,
            answers={
                "systemctl show -p MainPID": "400",
                "systemctl show -p InvocationID": "0123456789abcdef" * 2,
                "sha256sum /proc/400/exe": f"{'a' * 64}  /proc/400/exe",
                "cat /proc/400/stat": STAT,
            },
        )
        for target in plan.targets
    }
