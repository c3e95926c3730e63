"""Every way to break a world, alone and in pairs: what is decided of each is kept on file.

for name, world in many_worlds(): ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading
from remediations.values.reading import Known
from tests.worlds import base, chain, nodes, signing
from tests.worlds.healthy import healthy

HOSTS = ("val1", "val4", "full1")
"""A validator without which the chain halts, one without which it goes on, and a full node."""

Fault = Callable[[CometReading, str], CometReading]

FAULTS: Mapping[str, Fault] = {
    "stopped": nodes.stopped,
    "stopped where it signed": lambda o, host: nodes.sign_state(
        nodes.stopped(o, host), host, base.HEIGHT
    ),
    "signed ahead": lambda o, host: nodes.sign_state(
        nodes.stopped(o, host), host, base.HEIGHT + 40
    ),
    "disabled": nodes.disabled,
    "masked": lambda o, host: nodes.disabled(o, host, enabled="masked"),
    "failed": nodes.failed,
    "crash looping": nodes.crash_looping,
    "frozen": nodes.frozen,
    "in the kernel": lambda o, host: nodes.frozen(o, host, state="D"),
    "unreachable": nodes.unreachable,
    "unreachable, alive": lambda o, host: nodes.unreachable(o, host, alive=True),
    "zombie": nodes.zombie,
    "behind": nodes.behind,
    "disk full": nodes.disk_full,
    "key missing": nodes.key_missing,
    "sign state zeroed": lambda o, host: nodes.sign_state(nodes.stopped(o, host), host, 0),
    "sign state missing": lambda o, host: nodes.sign_state_missing(nodes.stopped(o, host), host),
    "key on the standby": lambda o, host: nodes.duplicated(
        nodes.stopped(o, host), host, "standby1"
    ),
    "halt height": lambda o, host: nodes.configured(
        nodes.stopped(o, host), host, halt_height=base.HEIGHT
    ),
    "remote signer": lambda o, host: nodes.configured(
        nodes.stopped(o, host), host, remote_signer="tcp://127.0.0.1:1234"
    ),
    "double sign check": lambda o, host: nodes.configured(
        nodes.stopped(o, host), host, double_sign_check_height=2
    ),
    "isolated": chain.isolated,
    "diverged": chain.diverged,
    "panicked": chain.panicked,
    "lying": chain.lying,
    "not signing": signing.not_signing,
    "signs twice": signing.signed_twice,
    "without power": signing.powerless,
    "clock off": lambda o, host: _clock(nodes.stopped(o, host), host),
}


def many_worlds() -> Iterator[tuple[str, CometReading]]:
    """Name and observation: each fault on each kind of host, each beside a lost quorum, and a few
    worlds in which all hosts are part of what is wrong."""
    well = healthy()
    yield "healthy", well
    for fault, broken in FAULTS.items():
        for host in HOSTS:
            yield f"{host} {fault}", broken(well, host)
    halted = nodes.sign_state(nodes.stopped(well, "val1"), "val1", base.HEIGHT)
    for fault, broken in FAULTS.items():
        for host in ("val2", "val4"):
            yield f"val1 stopped, {host} {fault}", broken(halted, host)
    yield "all validators stopped", nodes.stopped(well, "val1", "val2", "val3", "val4")
    yield "two zombies", nodes.zombie(well, "val1", "val4")
    yield "halted, all up", chain.halted(well)
    yield "split", chain.split(well, ("val1", "val4"), ("val2", "val3"))
    yield "partition", chain.partitioned(well, ("val1", "val4"), ("val2", "val3"))
    yield "all panicked", chain.panicked(well, "val1", "val2", "val3", "val4")
    yield "without journals", chain.without_journals(halted)
    twenty = healthy((10,) * 20)
    yield "3 of 20 stopped", nodes.stopped(twenty, "val1", "val2", "val3")
    many = tuple(f"val{i}" for i in range(1, 9))
    lost = nodes.stopped(twenty, *many)
    for host in many:
        lost = nodes.sign_state(lost, host, base.HEIGHT)
    yield "8 of 20 stopped", lost


def _clock(observation: CometReading, host: str) -> CometReading:
    reading = observation.host(host)
    assert isinstance(reading.session, Known)
    session = replace(reading.session.value, clock_offset_ms=10_000)
    return base.change(observation, host, lambda r: replace(r, session=base.known(session)))
