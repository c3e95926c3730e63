"""What hosts tell of the ways to their peers: a route, a rule, a port that is silent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import DialAnswer
from remediations.systems.comet.ways import Way, Ways
from remediations.systems.hosts.obstacles import Obstacle, obstacle_of
from remediations.values.reading import Known, Reading
from tests.worlds.base import answers, change, known, node_id_of

PORT = 26656


def address_at(observation: CometReading, host: str) -> str:
    """The address of a host in these worlds: 10.1.0.1 for the first one."""
    names = [reading.host for reading in observation.hosts]
    return f"10.1.{names.index(host) // 250}.{names.index(host) % 250 + 1}"


def addressed(observation: CometReading) -> CometReading:
    """Every node that answers has all others as persistent peers, by address."""
    names = [r.host for r in observation.hosts if isinstance(r.config, Known)]
    peers = {h: f"{node_id_of(h)}@{address_at(observation, h)}:{PORT}" for h in names}

    def configure(reading: HostReading) -> HostReading:
        if not isinstance(reading.config, Known):
            return reading
        others = tuple(peer for host, peer in peers.items() if host != reading.host)
        config = replace(reading.config.value, persistent_peers=others[:20], p2p_port=PORT)
        key = reading.key
        if isinstance(key, Known):
            key = known(replace(key.value, node_id=node_id_of(reading.host)))
        return replace(reading, config=known(config), key=key)

    return replace(observation, hosts=tuple(map(configure, observation.hosts)))


def with_ways(
    observation: CometReading,
    host: str,
    silent: Iterable[str],
    *,
    obstacles: Sequence[Obstacle | str] = (),
    answer: DialAnswer = DialAnswer.SILENT,
    unread: str = "",
    policies: tuple[str, ...] = (),
) -> CometReading:
    """So the host tells it: these peers do not let it through, all others that run are open."""
    shut = frozenset(silent)
    reading = observation.host(host)
    assert isinstance(reading.config, Known)
    ids = {node_id_of(other.host): other.host for other in observation.hosts}
    ways = []
    for peer in reading.config.value.persistent_peers:
        node_id = peer.partition("@")[0]
        other = ids[node_id]
        ways.append(
            Way(
                node_id=node_id,
                address=address_at(observation, other),
                shut=False,
                answer=answer
                if other in shut
                else DialAnswer.OPEN
                if answers(observation.host(other))
                else DialAnswer.REFUSED,
            )
        )
    told: Reading[Ways] = known(
        Ways(
            ways=tuple(ways),
            obstacles=tuple(obstacle_of(o) if isinstance(o, str) else o for o in obstacles),
            unread=unread,
            policies=policies,
        )
    )
    return change(observation, host, lambda r: replace(r, ways=told))


def parted_by_routes(
    observation: CometReading, one: Sequence[str], other: Sequence[str], *, on: Sequence[str] = ()
) -> CometReading:
    """Each host of `one` has a blackhole route to each of `other`, and `other` only hears nothing;
    with `on` only these hosts have them."""
    sides: Mapping[str, Sequence[str]] = {
        **dict.fromkeys(one, tuple(other)),
        **dict.fromkeys(other, tuple(one)),
    }
    for host, far in sides.items():
        shut = host in (on or one)
        routes = [f"route blackhole {address_at(observation, peer)}" for peer in far]
        observation = with_ways(observation, host, far, obstacles=routes if shut else ())
    return observation
