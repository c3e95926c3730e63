"""Making the chain readings of a world fit who votes in it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from msgspec.structs import replace

from remediations.systems.comet.absence import Absence
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import ChainSample, CometReading, HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.systems.comet.values import (
    AppInfo,
    BlockMeta,
    BlockResult,
    Commit,
    CommitSignature,
    RoundState,
    ValidatorSet,
)
from remediations.values.reading import Known
from tests.worlds.base import (
    BEGAN,
    GAP,
    HEIGHT,
    answers,
    app_hash_at,
    block_hash_at,
    key_of,
    known,
    members_of,
)


def settle(
    observation: CometReading,
    *,
    mute: Iterable[str] = (),
    dead: Iterable[str] = (),
    members: ValidatorSet | None = None,
    round_: int = 0,
) -> CometReading:
    """The chain readings after a change: blocks go on while more than 2/3 of the power votes.

    Who votes: addresses of hosts that answer, and addresses that no host holds; not `mute` hosts,
    nor `dead` addresses (for hosts that say nothing at all).
    """
    members = members or members_of(observation)
    if members is None:
        return observation
    lost = set(dead) | {
        key_of(reading)
        for reading in observation.hosts
        if reading.role is Role.VALIDATOR and (not answers(reading) or reading.host in set(mute))
    }
    votes = tuple(validator.address not in lost for validator in members.validators)
    power = sum(v.power for v, voted in zip(members.validators, votes, strict=True) if voted)
    moving = has_quorum(power, members.total)
    scene = Scene(observation, members, votes, moving=moving, round_=round_)
    return replace(
        observation,
        hosts=tuple(scene.fill(r) if answers(r) else r for r in observation.hosts),
    )


class Scene:
    """The readings all nodes share, made once: thousands of hosts then share one object."""

    def __init__(
        self,
        observation: CometReading,
        members: ValidatorSet,
        votes: tuple[bool, ...],
        *,
        moving: bool,
        round_: int,
    ) -> None:
        self.moving = moving
        self.voters = {
            v.address for v, voted in zip(members.validators, votes, strict=True) if voted
        }
        self.powers = {v.address: v.power for v in members.validators}
        age = timedelta(seconds=2 * observation.halted_after_s)
        self.times = [BEGAN, BEGAN + GAP]
        steps = GAP.seconds if moving else 0
        self.heights = [HEIGHT, HEIGHT + steps]
        self.block_times = [
            at - timedelta(milliseconds=400) if moving else BEGAN - age for at in self.times
        ]
        self.members: Known[ValidatorSet] = known(members)
        self.rounds = self._rounds(votes, round_)
        self.commit = self._commit(votes)
        self.absent = self._absent(votes)
        self.blocks = self._blocks()
        tip = self.heights[-1]
        self.result = known(BlockResult(height=tip, app_hash=app_hash_at(tip)))

    def _rounds(self, votes: tuple[bool, ...], round_: int) -> list[Known[RoundState]]:
        """At both samples: the next height, as it begins, or with the prevotes it is stuck at."""
        nobody = ("",) * len(votes)
        voted = tuple("nil" if vote else "" for vote in votes)
        return [
            known(
                RoundState(
                    height=height + 1,
                    round=0 if self.moving else round_,
                    step=1 if self.moving else 4,
                    started=time,
                    prevotes=nobody if self.moving else voted,
                    precommits=nobody,
                    proposal="",
                ),
                at,
            )
            for height, at, time in zip(self.heights, self.times, self.block_times, strict=True)
        ]

    def _commit(self, votes: tuple[bool, ...]) -> Known[Commit]:
        """Who signed the last block. Everybody signed the last one of a halted chain."""
        signatures = tuple(
            CommitSignature(address=v.address, flag=2 if vote or not self.moving else 1)
            for v, vote in zip(self.members.value.validators, votes, strict=True)
        )
        commit = Commit(height=self.heights[-1], round=0, signatures=signatures)
        return known(commit, self.times[-1])

    def _absent(self, votes: tuple[bool, ...]) -> Known[tuple[Absence, ...]] | None:
        """What the chain counts against those who did not sign it: all since they stopped, a moment
        ago."""
        tip = self.heights[-1]
        absences = tuple(
            Absence(
                address=v.address,
                height=tip,
                missed=tip - HEIGHT,
                window=10_000,
                since=1,
                counted=0,
            )
            for v, vote in zip(self.members.value.validators, votes, strict=True)
            if self.moving and not vote
        )
        return known(absences, self.times[-1]) if absences else None

    def _blocks(self) -> Known[tuple[BlockMeta, ...]]:
        """The last twenty blocks, the newest first, one each second."""
        tip = self.heights[-1]
        return known(
            tuple(
                BlockMeta(
                    height=height,
                    block_hash=block_hash_at(height),
                    app_hash=app_hash_at(height - 1),
                    time=self.block_times[-1] - timedelta(seconds=tip - height),
                    evidence=False,
                )
                for height in range(tip, max(0, tip - 20), -1)
            )
        )

    def fill(self, reading: HostReading) -> HostReading:
        """`reading` with this scene's chain readings and a sign state that fits."""
        address = key_of(reading)
        peers = reading.chain.peer_rounds
        state = reading.sign_state
        if address in self.voters:
            step = 3 if self.moving else 2
            height = self.heights[-1] + (0 if self.moving else 1)
            round_ = self.rounds[-1].value.round if not self.moving else 0
            # With the bytes that were signed, of which the time tells: only then a log fits it.
            state = known(
                SignState(height=height, round=round_, step=step, block="", signed_at=BEGAN)
            )
        elif address in self.powers:
            state = known(SignState(height=self.heights[-1], round=0, step=3, block=""))
        return replace(
            reading,
            sign_state=state,
            samples=tuple(self._sample(reading, i, address) for i in range(2)),
            chain=replace(
                reading.chain,
                validators=self.members,
                commit=self.commit,
                absent=self.absent,
                blocks=self.blocks,
                result=self.result,
                peer_rounds=known(
                    tuple(replace(p, height=self.heights[-1] + 1) for p in peers.value)
                )
                if isinstance(peers, Known)
                else peers,
            ),
        )

    def _sample(self, reading: HostReading, index: int, address: str) -> ChainSample:
        before = reading.samples[-1].status
        assert isinstance(before, Known)
        height, at = self.heights[index], self.times[index]
        status = replace(
            before.value,
            height=height,
            block_hash=block_hash_at(height),
            app_hash=app_hash_at(height - 1),
            block_time=self.block_times[index],
            address=address,
            power=self.powers.get(address, 0),
        )
        return ChainSample(
            at=at,
            status=known(status, at),
            app=known(AppInfo(height=height, app_hash=app_hash_at(height)), at),
            round=self.rounds[index],
        )
