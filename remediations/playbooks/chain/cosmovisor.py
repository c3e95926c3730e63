"""Nodes below cosmovisor: which of them are, where the program goes, and the facts and data of
putting it there. Pure.

Where cosmovisor is about to switch (`Cosmovisor.pending`), or will be when the node gets to the
upgrade that the others wait for, the program goes to the place of that upgrade. Else it takes the
place of the one in use. What is in the bytes follows from the facts alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.program import FAILING, named_upgrades
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.cosmovisor import Cosmovisor, is_cosmovisor
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Known, Unknown, value_or_none

NONE = "none"
"""What a fact says of what is not there."""
BACKUP_S = 1800
"""A block may take so much longer where cosmovisor copies the data directory first."""


def below_cosmovisor(reading: HostReading) -> bool:
    """Whether the unit of the node starts cosmovisor."""
    unit = value_or_none(reading.unit)
    return unit is not None and is_cosmovisor(unit.binary)


def cosmovisor_of(reading: HostReading) -> Cosmovisor | None:
    """What was read of cosmovisor there; None if it was not."""
    return reading.cosmovisor.value if isinstance(reading.cosmovisor, Known) else None


def not_read(reading: HostReading) -> str:
    """Why nothing is known of cosmovisor there."""
    if isinstance(reading.cosmovisor, Unknown):
        return reading.cosmovisor.reason
    return "not read by the version that made this observation"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the program goes. `upgrade` is the directory of an upgrade, "" where it takes the place
    of the one in use. `has` is the SHA-256 of what lies there, "" for nothing, None for unknown."""

    path: str
    upgrade: str
    has: str | None


def upgrade_of(chain: ChainSituation, host: str) -> str:
    """The upgrade whose program this node needs, by the name that the chain gave it; "" where the
    program in use is replaced. That of the others where the node itself is down for another reason,
    and did not get there."""
    told = cosmovisor_of(chain.observation.host(host))
    if told is None:
        return ""
    if told.pending:
        return told.pending
    node = chain.finding.node(host)
    waits = chain.finding.chain is ChainClass.UPGRADE_NEEDED and node.condition not in FAILING
    if not waits or told.asked is not None:
        return ""
    names = upgrades_asked(chain, *chain.finding.nodes)
    return names[0] if len(names) == 1 else ""


def upgrades_asked(chain: ChainSituation, *nodes: NodeFinding) -> tuple[str, ...]:
    """The upgrades that nodes ask for: by `upgrade-info.json` of those below cosmovisor that fail,
    and by their journals."""
    found = set(named_upgrades(*nodes))
    for node in nodes:
        told = cosmovisor_of(chain.observation.host(node.host))
        if node.condition is NodeCondition.UPGRADE_NEEDED and told is not None and told.asked:
            found.add(told.asked.name)
    return tuple(sorted(found))


def upgrade_height(chain: ChainSituation) -> int:
    """The height of the block that waits for the program, as nodes below cosmovisor were told; 0 if
    none was. It is decided, whatever the nodes can show."""
    asked = (
        told.asked.height
        for node in chain.finding.nodes
        if node.condition is NodeCondition.UPGRADE_NEEDED
        and (told := cosmovisor_of(chain.observation.host(node.host))) is not None
        and told.asked is not None
    )
    return max(asked, default=0)


def place_of(chain: ChainSituation, host: str) -> Place | None:
    """Where the program goes on this host; None where that is not known."""
    reading = chain.observation.host(host)
    told, binary = cosmovisor_of(reading), value_or_none(reading.binary)
    if told is None or binary is None:
        return None
    upgrade = upgrade_of(chain, host)
    if not upgrade:
        return Place(path=binary.path, upgrade="", has=binary.sha256)
    path = told.program_of(upgrade)
    if not path:
        return None
    directory = PurePosixPath(path).parent.parent.name
    has: str | None = ""
    if path == binary.path:
        has = binary.sha256
    elif told.asked is not None and told.asked.name == upgrade:
        has = told.place_sha256
    elif directory in told.placed:
        has = None
    return Place(path=path, upgrade=directory, has=has)


def copies_data(chain: ChainSituation, host: str) -> bool:
    """Whether cosmovisor copies the data directory before it starts the program."""
    told, place = cosmovisor_of(chain.observation.host(host)), place_of(chain, host)
    return told is not None and place is not None and bool(place.upgrade) and told.backup
