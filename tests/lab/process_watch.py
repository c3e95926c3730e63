"""Which daemons run, sampled while a rescue goes on: never two with one home or one key, and, where
blocks go on all the while, never without those that make them.

A key on disk counts for the daemon that would sign with it. Below a remote signer there is none.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from tests.lab.spec import NODES, VALIDATORS
from tests.lab.world import World

SAMPLE_S = 0.2
POWERS = {spec.name: spec.node.power for spec in VALIDATORS if spec.node is not None}


@dataclass(frozen=True)
class Signer:
    """A daemon that runs: where, and with which key, "" for none."""

    host: str
    key: str


Sample = Sequence[Signer]


def shared(sample: Sample) -> frozenset[str]:
    """Homes (by their host) and keys of more than one daemon."""
    homes = Counter(one.host for one in sample)
    keys = Counter(one.key for one in sample if one.key)
    return frozenset(name for name, count in (homes | keys).items() if count > 1)


def online(sample: Sample, powers: Mapping[str, int]) -> int:
    """The voting power of the hosts where a daemon runs."""
    hosts = {one.host for one in sample}
    return sum(power for host, power in powers.items() if host in hosts)


@dataclass
class ProcessWatch:
    """What was seen, in order; each sample that differs from the one before."""

    samples: list[Sample] = field(default_factory=list)

    def newly_shared(self) -> list[str]:
        """Homes and keys that got a second daemon while it was watched. One that had two when the
        watch began is what the rescue is there to end."""
        found = [shared(sample) for sample in self.samples]
        return sorted({name for a, b in pairwise(found) for name in b - a})

    def lost_quorum(self, powers: Mapping[str, int] = POWERS) -> list[int]:
        """The power online in each sample that had two thirds of it or less."""
        total = sum(powers.values())
        seen = (online(sample, powers) for sample in self.samples)
        return [power for power in seen if 3 * power <= 2 * total]


def signers(world: World) -> Sample:
    """The daemons of all nodes now."""
    found = [
        Signer(spec.name, _key(world, spec.name))
        for spec in NODES
        for _ in world.every_daemon(spec.name)
    ]
    return tuple(sorted(found, key=lambda one: (one.host, one.key)))


def _key(world: World, host: str) -> str:
    try:
        return str(json.loads(world.key_file(host))["address"])
    except (OSError, ValueError, KeyError):
        return ""


@contextmanager
def watch_processes(look: Callable[[], Sample]) -> Iterator[ProcessWatch]:
    """Sample five times a second while the block runs, at its beginning and at its end."""
    watch, stop = ProcessWatch([look()]), threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE_S):
            seen = look()
            if seen != watch.samples[-1]:
                watch.samples.append(seen)

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()
        watch.samples.append(look())
