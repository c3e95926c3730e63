"""What `discover.sh` found on a host, or why it was not found. Pure.

The names come from a host and go into shell texts and plans. So they have the form that is required
of an inventory (values.names), or are unknown. Paths of files in the home, and the sentences that
say what was not found, are only displayed. The reason is one of a few words; if a host says another
one, or none, what it says is malformed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from remediations.engine.observe.section import NOT_ASKED, Trouble
from remediations.values.lines import TextError, parse_pairs
from remediations.values.names import HOME, RPC, UNIT
from remediations.values.reading import Why

MAX_PATH = 4096
MAX_REASON = 2000
"""Characters of a sentence; the names of forty matching units are shorter."""

DAEMON = "virtengine"
"""What the names of the chain's programs and of their units begin with."""
UNIT_PATTERN = f"{DAEMON}*.service"
"""The unit files among which the daemon's is looked for, as a glob of systemctl."""

_TOLD = frozenset(
    {Why.NO_UNIT, Why.SEVERAL_UNITS, Why.NO_HOME, Why.NO_RPC, Why.TIME_LIMIT, Why.REFUSED}
    | {Why.FAILED}
)
"""The reasons that `discover.sh` gives."""
_UNSAID = "the host does not say why it was not found"


@dataclass(frozen=True, kw_only=True)
class DiscoveredDaemon:
    """Unit, home, RPC and files of the home. What was not found is "", with its trouble beside it.

    `candidates` are the units that match, if there are several and the host could not choose one.
    """

    unit: str = ""
    unit_trouble: Trouble = NOT_ASKED
    home: str = ""
    home_trouble: Trouble = NOT_ASKED
    config_trouble: Trouble | None = None
    rpc: str = ""
    rpc_trouble: Trouble = NOT_ASKED
    key_file: str = ""
    state_file: str = ""
    wal_file: str = ""
    candidates: tuple[str, ...] = ()

    @property
    def files_trouble(self) -> Trouble:
        """Why the files of the home may not have been read."""
        return self.config_trouble or NOT_ASKED if self.home else self.home_trouble


def parse_discovered(text: str) -> DiscoveredDaemon:
    """The section `found`. If it contradicts itself, nothing counts as found."""
    try:
        said = parse_pairs(text)
    except TextError as error:
        return nothing_found(Trouble(Why.CORRUPT, f"the host contradicts itself: {error}"))
    told = {name: value[:MAX_PATH] for name, value in said.items()}
    unit_trouble = _trouble(said, "unit")
    several = unit_trouble.why is Why.SEVERAL_UNITS
    found = DiscoveredDaemon(
        unit=told.get("unit", ""),
        unit_trouble=unit_trouble,
        home=told.get("home", ""),
        home_trouble=_trouble(said, "home"),
        config_trouble=_trouble(said, "config") if said.get("config_trouble") else None,
        rpc=told.get("rpc", ""),
        rpc_trouble=_trouble(said, "rpc"),
        key_file=told.get("key_file", ""),
        state_file=told.get("state_file", ""),
        wal_file=told.get("wal_file", ""),
        candidates=_units(told.get("candidates", "")) if several else (),
    )
    if found.unit and not UNIT.fullmatch(found.unit):
        return nothing_found(_malformed("the name of the unit that was found is malformed"))
    if found.home and not HOME.fullmatch(found.home):
        trouble = "the home that was found is not an absolute path of plain characters"
        found = replace(found, home="", home_trouble=_malformed(trouble))
    if found.rpc and not RPC.fullmatch(found.rpc):
        trouble = "the RPC that was found is not a plain http:// address with its port"
        found = replace(found, rpc="", rpc_trouble=_malformed(trouble))
    return found


def nothing_found(trouble: Trouble) -> DiscoveredDaemon:
    """Neither unit nor home nor RPC was found, all for the reason `trouble`."""
    return DiscoveredDaemon(unit_trouble=trouble, home_trouble=trouble, rpc_trouble=trouble)


def _trouble(said: Mapping[str, str], name: str) -> Trouble:
    why = next((why for why in _TOLD if why == said.get(f"{name}_why")), Why.MALFORMED)
    return Trouble(why, said.get(f"{name}_trouble", "")[:MAX_REASON] or _UNSAID)


def _malformed(reason: str) -> Trouble:
    return Trouble(Why.MALFORMED, reason)


def _units(names: str) -> tuple[str, ...]:
    """Each name once; what is not the name of a unit is skipped."""
    return tuple(dict.fromkeys(name for name in names.split(" ") if UNIT.fullmatch(name)))
