"""Faults of the chain as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from remediations.engine.observe.observation import Scope
from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import (
    AppInfo,
    BlockResult,
)
from remediations.systems.hosts.values import Binary
from remediations.values.reading import Known, Reading, Unknown, Why
from tests.worlds.base import (
    HEIGHT,
    answers,
    app_hash_at,
    change,
    key_of,
    known,
    members_of,
    node_id_of,
    unknown,
)
from tests.worlds.nodes import held_back, logged, seen_at, zombie
from tests.worlds.settling import Scene, settle


def halted(
    observation: CometReading,
    *,
    votes: Sequence[str] | None = None,
    rounds: tuple[int, int] = (0, 0),
) -> CometReading:
    """No blocks, though every process runs. `votes` per validator; all "nil" unless told."""
    members = members_of(observation)
    assert members is not None
    scene = Scene(
        observation, members, (True,) * len(members.validators), moving=False, round_=rounds[0]
    )
    cast = tuple(votes) if votes is not None else ("nil",) * len(members.validators)
    scene.rounds = [
        known(replace(reading.value, round=round_, prevotes=cast), reading.at)
        for reading, round_ in zip(scene.rounds, rounds, strict=True)
    ]
    return replace(
        observation,
        hosts=tuple(scene.fill(r) if answers(r) else r for r in observation.hosts),
    )


def split(
    observation: CometReading, *sides: Sequence[str], rounds: tuple[int, int] = (7, 8)
) -> CometReading:
    """App-hash split: each of `sides` computed another state at the same height; rounds rise."""
    observation = halted(observation, rounds=rounds)
    for branch, side in enumerate(sides):
        for host in side:
            observation = change(
                observation,
                host,
                lambda r, b=str(branch): _on_branch(r, b),  # type: ignore[misc]
            )
    return observation


def _on_branch(reading: HostReading, branch: str) -> HostReading:
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.app, Known)
        height = sample.app.value.height
        app = AppInfo(height=height, app_hash=app_hash_at(height, branch))
        samples.append(replace(sample, app=known(app, sample.at)))
    result = reading.chain.result
    if isinstance(result, Known):
        height = result.value.height
        result = known(BlockResult(height=height, app_hash=app_hash_at(height, branch)))
    return replace(reading, samples=tuple(samples), chain=replace(reading.chain, result=result))


def diverged(observation: CometReading, host: str) -> CometReading:
    """A minority's own wrong app hash: zombie ten blocks ago, the others go on."""
    observation = zombie(
        observation,
        host,
        lines=(
            'CONSENSUS FAILURE!!! err="precommit step; +2/3 prevoted for an invalid block: '
            'wrong Block.Header.AppHash.  Expected AA, got BB"',
        ),
    )
    return change(observation, host, lambda r: _on_branch(r, "wrong"))


def partitioned(
    observation: CometReading, *sides: Sequence[str], peers_gone: bool = False
) -> CometReading:
    """Network partition: each side sees only its own votes. Hosts not named are with side one.

    Peer tables stay full (they do for more than 75 s), unless `peers_gone`.
    """
    members = members_of(observation)
    assert members is not None
    observation = halted(observation)
    named = {host for side in sides for host in side}
    rest = tuple(r.host for r in observation.hosts if r.host not in named)
    groups = [(*sides[0], *rest), *sides[1:]] if len(sides) > 1 else [tuple(sides[0]), rest]
    for group in groups:
        addresses = {key_of(observation.host(host)) for host in group}
        cast = tuple("nil" if v.address in addresses else "" for v in members.validators)
        ids = {node_id_of(host) for host in group}
        for host in group:
            if answers(observation.host(host)):
                observation = change(
                    observation,
                    host,
                    lambda r, c=cast, i=ids: _confined(r, c, i, cut=peers_gone),  # type: ignore[misc]
                )
    return observation


def _confined(
    reading: HostReading, votes: tuple[str, ...], side: set[str], *, cut: bool
) -> HostReading:
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.round, Known)
        samples.append(
            replace(sample, round=known(replace(sample.round.value, prevotes=votes), sample.at))
        )
    chain = reading.chain
    if cut and isinstance(chain.peers, Known) and isinstance(chain.peer_rounds, Known):
        chain = replace(
            chain,
            peers=known(tuple(p for p in chain.peers.value if p.node_id in side)),
            peer_rounds=known(tuple(p for p in chain.peer_rounds.value if p.node_id in side)),
        )
    return replace(reading, samples=tuple(samples), chain=chain)


def isolated(observation: CometReading, host: str) -> CometReading:
    """Cut off from the network while the others go on: height stands, peers look stale."""
    observation = settle(observation, mute=(host,))

    def cut(reading: HostReading) -> HostReading:
        held = held_back(reading, 10)
        chain = replace(held.chain, peers=known(()), peer_rounds=known(()))
        return replace(held, chain=chain)

    return seen_at(change(observation, host, cut), host, HEIGHT - 10 + 1)


def panicked(observation: CometReading, *hosts: str, lines: Sequence[str] = ()) -> CometReading:
    """The application fails at the next block: stored, not applied (B = A + 1, step Commit)."""
    observation = halted(observation)
    said = tuple(lines) or (
        'CONSENSUS FAILURE!!! err="failed to apply block; error panic in EndBlocker" stack="…"',
    )
    for host in hosts:
        observation = change(logged(observation, host, *said), host, _stuck_in_commit)
    return observation


def _stuck_in_commit(reading: HostReading) -> HostReading:
    samples = []
    for sample in reading.samples:
        assert isinstance(sample.status, Known)
        assert isinstance(sample.round, Known)
        height = sample.status.value.height + 1
        samples.append(
            replace(
                sample,
                status=known(replace(sample.status.value, height=height), sample.at),
                round=known(replace(sample.round.value, height=height, step=8), sample.at),
            )
        )
    return replace(reading, samples=tuple(samples))


def lying(observation: CometReading, host: str, above: int = 500) -> CometReading:
    """`/status` of `host` claims `above` blocks more than it has."""

    def lie(reading: HostReading) -> HostReading:
        samples = []
        for sample in reading.samples:
            assert isinstance(sample.status, Known)
            status = sample.status.value
            samples.append(
                replace(
                    sample,
                    status=known(
                        replace(status, height=status.height + above, block_time=sample.at),
                        sample.at,
                    ),
                )
            )
        return replace(reading, samples=tuple(samples))

    return change(observation, host, lie)


def deciding(observation: CometReading) -> CometReading:
    """The same world read in `Scope.DECIDING`: no program was asked for its version."""
    return replace(
        observation,
        scope=Scope.DECIDING,
        hosts=tuple(replace(r, binary=_without_version(r.binary)) for r in observation.hosts),
    )


def without_journals(observation: CometReading) -> CometReading:
    """The same world where no journal could be read."""
    nothing = unknown("nothing was found of it within the time limit", Why.TIME_LIMIT)
    return replace(observation, hosts=tuple(replace(r, journal=nothing) for r in observation.hosts))


def _without_version(binary: Reading[Binary]) -> Reading[Binary]:
    if isinstance(binary, Unknown):
        return binary
    return replace(binary, value=replace(binary.value, version=""))
