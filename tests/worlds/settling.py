"""Making the chain readings of a world fit who votes in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType

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
    change,
    key_of,
    known,
    members_of,
    moves,
)


def settle(
    observation: CometReading,
    *,
    mute: Iterable[str] = (),
    dead: Iterable[str] = (),
    members: ValidatorSet | None = None,
    round_: int = 0,
    signed: Mapping[str, int] | None = None,
) -> CometReading:
    """The chain readings after a change: blocks go on while more than 2/3 of the power votes.

    Who votes: addresses of hosts that answer, and addresses that no host holds; not `mute` hosts,
    nor `dead` addresses (for hosts that say nothing at all). Who does not signed last at `signed`
    (by address), else where the world has said so before, else at the first sample: sign states,
    the last commit and what the chain counts are all made of that.
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
    last = {**_told(observation), **(signed or {})}
    scene = Scene(observation, members, votes, moving=moving, round_=round_, signed=last)
    return replace(
        observation,
        hosts=tuple(scene.fill(r) if answers(r) else r for r in observation.hosts),
    )


def signed_last(observation: CometReading, host: str, height: int) -> CometReading:
    """`host`, which does not vote while blocks go on, signed last at `height`: its sign state and
    what the chain counts say the same. (`sign_state` changes the file alone: it is another one.)"""
    reading = observation.host(host)
    address = key_of(reading)
    assert moves(observation)
    assert address in _told(observation), f"{host} votes"
    signed = {address: height}
    state = known(SignState(height=height, round=0, step=3, block=""))
    observation = change(observation, host, lambda r: replace(r, sign_state=state))

    def count(reading: HostReading) -> HostReading:
        absent = reading.chain.absent
        if not isinstance(absent, Known):
            return reading
        counted = tuple(
            replace(a, missed=a.height - signed.get(a.address, a.height - a.missed))
            for a in absent.value or ()
        )
        return replace(reading, chain=replace(reading.chain, absent=known(counted, absent.at)))

    return replace(observation, hosts=tuple(map(count, observation.hosts)))


def _told(observation: CometReading) -> dict[str, int]:
    """Address → the block it signed last, of those that the chain counts as absent."""
    for reading in observation.hosts:
        if isinstance(reading.chain.absent, Known):
            return {a.address: a.height - a.missed for a in reading.chain.absent.value or ()}
    return {}


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
        signed: Mapping[str, int] = MappingProxyType({}),
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
        tip = self.heights[-1]
        away = sum(power for a, power in self.powers.items() if signed.get(a, HEIGHT) < HEIGHT)
        if not has_quorum(members.total - away, members.total):
            signed = {}  # without them there was no block: they signed the last one
        self.last = {
            v.address: tip if voted else signed.get(v.address, HEIGHT)
            for v, voted in zip(members.validators, votes, strict=True)
        }
        """Address → the last block it signed. In a halt that is the last one of all, where nothing
        else was said."""
        self.members: Known[ValidatorSet] = known(members)
        self.rounds = self._rounds(votes, round_)
        self.commit = self._commit()
        self.absent = self._absent()
        self.blocks = self._blocks()
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

    def _commit(self) -> Known[Commit]:
        """Who signed the last block."""
        tip = self.heights[-1]
        signatures = tuple(
            CommitSignature(address=address, flag=2 if last >= tip else 1)
            for address, last in self.last.items()
        )
        return known(Commit(height=tip, round=0, signatures=signatures), self.times[-1])

    def _absent(self) -> Known[tuple[Absence, ...]] | None:
        """What the chain counts against those who did not sign it: all since they signed last."""
        tip = self.heights[-1]
        absences = tuple(
            Absence(
                address=address, height=tip, missed=tip - last, window=10_000, since=1, counted=0
            )
            for address, last in self.last.items()
            if last < tip
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
            state = known(SignState(height=self.last[address], round=0, step=3, block=""))
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
