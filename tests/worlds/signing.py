"""Faults of signing while blocks go on: who does not sign, who signs twice, who has no power."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from remediations.systems.comet.reading import CometReading, HostReading
from remediations.systems.comet.values import BlockMeta
from remediations.systems.hosts.values import JournalLine
from remediations.values.reading import Known
from tests.worlds.base import BEGAN, address_of, change, key_of, known, members_of
from tests.worlds.nodes import duplicated
from tests.worlds.settling import settle

OURSELVES = (
    "ERR found conflicting vote from ourselves; did you unsafe_reset a validator? height=115 "
    "module=consensus round=0 type=SIGNED_MSG_TYPE_PREVOTE"
)


def of_others(address: str) -> str:
    """What every other node logs about a key that signed twice."""
    return (
        f'ERR failed to process message err="conflicting votes from validator {address}" '
        "height=115 module=consensus msg_type=*consensus.VoteMessage peer=ab round=0"
    )


def not_signing(observation: CometReading, *hosts: str, signed: int = 60) -> CometReading:
    """They run and follow, and signed last at block `signed`."""
    addresses = (key_of(observation.host(host)) for host in hosts)
    return settle(observation, mute=hosts, signed=dict.fromkeys(addresses, signed))


def said(observation: CometReading, host: str, line: str, *, ago: timedelta) -> CometReading:
    """The journal of `host` has one line more, `ago` before the look."""
    entry = JournalLine(at=BEGAN - ago, message=line)

    def add(reading: HostReading) -> HostReading:
        lines = reading.journal.value if isinstance(reading.journal, Known) else ()
        return replace(
            reading, journal=known(tuple(sorted((*lines, entry), key=lambda one: one.at)))
        )

    return change(observation, host, add)


def signed_twice(
    observation: CometReading, host: str, *, ago: timedelta = timedelta(seconds=2)
) -> CometReading:
    """The key of `host` signed twice: its own journal says so, and that of another node."""
    address = key_of(observation.host(host))
    observation = said(observation, host, OURSELVES, ago=ago)
    other = next(r.host for r in observation.hosts if r.host != host)
    return said(observation, other, of_others(address), ago=ago)


def runs_twice(observation: CometReading, owner: str, copy: str) -> CometReading:
    """The key of `owner` lies on `copy`, and both run."""
    return settle(duplicated(observation, owner, copy))


def evidence_in(observation: CometReading, height: int) -> CometReading:
    """The header of block `height` has an evidence hash, on all nodes."""

    def mark(reading: HostReading) -> HostReading:
        blocks = reading.chain.blocks
        if not isinstance(blocks, Known):
            return reading
        marked: tuple[BlockMeta, ...] = tuple(
            replace(block, evidence=block.height == height) for block in blocks.value
        )
        return replace(reading, chain=replace(reading.chain, blocks=known(marked)))

    return replace(observation, hosts=tuple(map(mark, observation.hosts)))


def powerless(observation: CometReading, host: str) -> CometReading:
    """The key of `host` is out of the validator set: jailed, tombstoned or not bonded."""
    members = members_of(observation)
    assert members is not None
    address = key_of(observation.host(host))
    left = tuple(v for v in members.validators if v.address != address)
    return settle(observation, members=replace(members, validators=left)) if left else observation


def named_twice(observation: CometReading, host: str, name: str) -> CometReading:
    """The inventory has the machine of `host` under `name`, too."""
    twin = replace(observation.host(host), host=name)
    login = next(login for login in observation.logins if login.host == host)
    return replace(
        observation,
        hosts=(*observation.hosts, twin),
        logins=(*observation.logins, replace(login, host=name)),
    )


__all__ = [
    "OURSELVES",
    "address_of",
    "evidence_in",
    "named_twice",
    "not_signing",
    "of_others",
    "powerless",
    "runs_twice",
    "said",
    "signed_twice",
]
