"""A node died because its disk is full: room is made, and it is started again (docs/disk.md).

What goes is of a closed list of kinds, each named in the plan with its size, and compared on the
host again before anything is removed. A restart without room ends in the same place; room without a
restart leaves a process whose consensus is dead.
"""

from __future__ import annotations

from remediations.engine.domain import Action, Branch, Facts, Proposal, StepData
from remediations.engine.plan.measured import Measured
from remediations.engine.plan.plan import Fact, PlannedCheck, Rule
from remediations.playbooks.chain.checks.titles import TITLES
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.room import plan_words
from remediations.playbooks.chain.facts import UNKNOWN, facts_of, node_data
from remediations.playbooks.chain.finding import Frees, NodeFinding
from remediations.playbooks.chain.guards.table import FREE_GUARDS, START_FREED_GUARDS
from remediations.playbooks.chain.impact import (
    no_effect,
    restart_effect,
    smallest_first,
    stop_cost,
)
from remediations.playbooks.chain.prepared import (
    Prepared,
    prepared_checks,
    prepared_misfit,
    prepared_risk,
    prepared_stages,
    prepared_warnings,
)
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import name_some
from remediations.systems.comet.free_space import lines_of
from remediations.systems.comet.room import JOURNAL_KEPT, RoomKind
from remediations.values.reading import Known, Unknown, value_or_none

ROOM_LEFT = PlannedCheck(id="P25", title=TITLES["P25"])
REMOVE_TIMEOUT_S = 60


def free_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about making room for a node, and about the start after it."""
    reading, finding = chain.observation.host(host), chain.finding.node(host)
    found = chain.room(host)
    read = reading.room if isinstance(reading.room, Known | Unknown) else reading.disk
    words = UNKNOWN if found is None else lines_of([use.item for use in found.items])
    vacuumed = bool(found is not None and found.journal)
    return (
        *facts_of(
            chain,
            host,
            dead=latest_status(reading) is not None,
            down=finding.frees is not Frees.NOTHING,
        ),
        Fact(
            name=f"{host}.removed",
            value=words,
            rule=Rule.EQUAL,
            why="exactly these are removed, and nothing that differs from them",
            source=read.source,
            at=read.at,
        ),
        Fact(
            name=f"{host}.journal_kept",
            value=str(JOURNAL_KEPT if vacuumed else 0),
            rule=Rule.EQUAL,
            why="to so many bytes the journal is vacuumed; 0: it is left alone",
            source=read.source,
            at=read.at,
        ),
    )


def free_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know. What could not be read becomes "", and guards block."""

    def fact(name: str) -> str:
        value = facts[f"{host}.{name}"]
        return "" if value == UNKNOWN else value

    return {
        **{name: fact(name) for name in ("unit", "home", "user")},
        "remove": fact("removed"),
        "journal": int(fact("journal_kept") or "0"),
    }


FREE = Action(
    name="node.free",
    driver="host",
    deploy="chain/free_space",
    facts=free_facts,
    data=free_data,
    guards=FREE_GUARDS,
    effects=no_effect,
)
"""For a node whose disk is full: what is named goes. Nothing is started now."""

START_FREED = Action(
    name="node.start.freed",
    driver="host",
    deploy="chain/start_node",
    facts=free_facts,
    data=node_data,
    guards=START_FREED_GUARDS,
    effects=restart_effect,
    undo_cost=stop_cost,
)
"""A start after `FREE` on the same host."""

RESTART_FREED = Action(
    name="node.restart.freed",
    driver="host",
    deploy="chain/restart_node",
    facts=free_facts,
    data=node_data,
    guards=START_FREED_GUARDS,
    effects=restart_effect,
)
"""A restart after `FREE` on the same host."""

ACTIONS = (FREE, START_FREED, RESTART_FREED)


def _full(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """The nodes that were asked for and whose disk is full."""
    return smallest_first(
        node
        for node in chain.finding.nodes
        if node.condition is NodeCondition.DISK_FULL and (node.host in chain.only or not chain.only)
    )


def _freed(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """Those of them for which a plan can do something."""
    return tuple(
        node
        for node in _full(chain)
        if node.frees is not Frees.NOTHING and node.host not in chain.voting
    )


def _nothing_to_free(chain: ChainSituation) -> str | None:
    if _freed(chain):
        return None
    if not _full(chain):
        return "no node has a full disk"
    return "; ".join(f"{node.host}: {_why_not(chain, node)}" for node in _full(chain)[:3])


def _why_not(chain: ChainSituation, node: NodeFinding) -> str:
    found, disk = chain.room(node.host), value_or_none(chain.observation.host(node.host).disk)
    if disk is not None and not disk.writable:
        return "its file system is mounted read-only"
    if found is None:
        return "what takes its room was not read"
    if found.nothing:
        kept = f" ({name_some(found.kept, 2)})" if found.kept else ""
        return f"nothing there is of a kind that may be removed{kept}"
    return "nothing shows that its consensus has ended, and a restart could lose its votes"


def _fits(chain: ChainSituation) -> str | None:
    return prepared_misfit(chain) or _nothing_to_free(chain)


def _fits_going_on(chain: ChainSituation) -> str | None:
    return prepared_misfit(chain, halted=False) or _nothing_to_free(chain)


def _propose(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = _freed(chain)
    work = Prepared(
        nodes=nodes,
        prepare=FREE,
        start=START_FREED,
        restart=RESTART_FREED,
        verb="make room on",
        says=lambda host: f"removed: {_removed(chain, host)}",
    )
    names = name_some([node.host for node in nodes])
    return Proposal(
        title=f"make room on {names}, and start {'them' if len(nodes) > 1 else 'it'} again",
        stages=prepared_stages(chain, work, more_s=REMOVE_TIMEOUT_S),
        checks=(*prepared_checks(chain, work), ROOM_LEFT),
        risk=prepared_risk(chain, work),
        worst_case="what is removed is gone for good; a node whose database the full disk damaged "
        "does not come back, and is rebuilt (docs/rebuild.md). No database in use, no write-ahead "
        "log, no key and no sign state is touched",
        warnings=(
            *(warning for node in nodes for warning in _warnings(chain, node)),
            *prepared_warnings(chain),
        ),
    )


def _removed(chain: ChainSituation, host: str) -> str:
    found = chain.room(host)
    return plan_words(found) if found is not None else UNKNOWN


def _warnings(chain: ChainSituation, node: NodeFinding) -> tuple[str, ...]:
    found = chain.room(node.host)
    kinds = {use.kind for use in found.items} if found is not None else set()
    told = {
        RoomKind.ASIDE: "databases that a rebuild set aside go: the way back from it ends",
        RoomKind.COPY: "a copy of databases goes; a rebuild needs a new one (`--donor`)",
        RoomKind.SNAPSHOTS: "its state sync snapshots go; it makes none (snapshot-interval = 0)",
        RoomKind.CORE: "a core dump goes: whoever looks for the reason of that crash copies it "
        "before",
    }
    lines = [f"{node.host}: {told[kind]}" for kind in told if kind in kinds]
    if found is not None and found.journal:
        lines.append(f"{node.host}: the oldest lines of its journal go, of all units")
    return (*lines, f"{node.host}: it fills again unless what fills it is found")


FREE_SPACE = Branch(
    name="free-space",
    title="The disk is full: remove what the plan names, and start the node again",
    condition="a node died of a full disk, and something there may be removed",
    fits=_fits,
    propose=_propose,
)

FREE_SPACE_GOING_ON = Branch(
    name="free-space",
    title="The disk of a node is full: remove what the plan names, and start it again",
    condition="blocks go on, a node died of a full disk, and something there may be removed",
    fits=_fits_going_on,
    propose=_propose,
    measured=Measured(gate_s=7, verified_s=10),
)
