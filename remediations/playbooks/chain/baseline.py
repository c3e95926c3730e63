"""What checks and gates compare with: the state before, and where the nodes are. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from msgspec.structs import replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.compare import Movable, included, may_differ, may_rise, parse_integer
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.cosmovisor import cosmovisor_of, place_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.holders import STOPS
from remediations.playbooks.chain.mend_facts import MENDS
from remediations.playbooks.chain.program import (
    EXCHANGES,
    EXCHANGES_BELOW,
    INSTALLS,
    INSTALLS_BELOW,
    UPGRADES_BELOW,
    chosen_program,
)
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.systems.comet.planned import MAX_HEIGHT
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.values import NodeLocation
from remediations.values.part import Kinded, Part
from remediations.values.reading import value_or_none
from remediations.values.record import Record

EXPECT_HASH = "expect-hash"
"""The input that names the state which the newest block has to give."""


class HostSignState(Record, frozen=True, kw_only=True):
    """The sign state of one host."""

    host: str
    height: int
    round: int
    step: int


class PeerCount(Record, frozen=True, kw_only=True):
    """How many peers one host has."""

    host: str
    peers: int


_PUTS_IN_PLACE = (INSTALLS, INSTALLS_BELOW, UPGRADES_BELOW, EXCHANGES, EXCHANGES_BELOW)
"""The actions after which a node has the chosen program."""


class ProgramHash(Record, frozen=True, kw_only=True):
    """The program on the disk of one host."""

    host: str
    sha256: str


class SelectedProgram(Record, frozen=True, kw_only=True):
    """The program that cosmovisor in the directory `root` has to select on one host, and the hash
    of `upgrade-info.json` there, "" where there is none."""

    host: str
    root: str
    path: str
    upgrade_info: str


class MendedLink(Record, frozen=True, kw_only=True):
    """Two nodes that a plan brings together, of which one dials the other by itself."""

    one: str
    other: str
    other_id: str


class MainProcess(Record, frozen=True, kw_only=True):
    """A process that was healthy, and must still be the same one afterwards. `started` is in clock
    ticks since boot."""

    host: str
    pid: int
    started: int


class ChainBaseline(Kinded, frozen=True, kw_only=True, omit_defaults=True):
    """The state of the chain before anything was done.

    `block_id` is the hash of the block at `height` (upper-case hex), as the witnesses told it; ""
    where they did not agree, and in plans of before it was kept. `installed` are the programs that
    the plan puts in place of those in `programs`. `expected_hash` is the app hash after that block
    that people expect, or a rehearsal gave; "" if none was named. `links` are those that the plan
    mends. `selected` is what the plan puts where cosmovisor looks for it.
    """

    KIND: ClassVar[str] = "chain.baseline/1"

    height: int
    online_power: int
    total_power: int
    sign_states: tuple[HostSignState, ...]
    peers: tuple[PeerCount, ...]
    programs: tuple[ProgramHash, ...]
    untouched: tuple[MainProcess, ...]
    block_id: str = ""
    expected_hash: str = ""
    installed: tuple[ProgramHash, ...] = ()
    links: tuple[MendedLink, ...] = ()
    selected: tuple[SelectedProgram, ...] = ()

    def program_of(self, host: str) -> str | None:
        """The program that has to run on `host` afterwards, None if it was not read."""
        found = {one.host: one.sha256 for one in (*self.programs, *self.installed)}
        return found.get(host)


class ChainNodes(Kinded, frozen=True, kw_only=True):
    """Every node that is up or should be afterwards: gates and checks look at these."""

    KIND: ClassVar[str] = "chain.nodes/1"

    nodes: tuple[NodeLocation, ...]


class HeldNodes(Kinded, frozen=True, kw_only=True):
    """Nodes that the plan stops and holds: they have to be down afterwards. `address` is that of
    the key that must not sign there; `power` is 0, because it is not theirs any more."""

    KIND: ClassVar[str] = "chain.held/1"

    nodes: tuple[NodeLocation, ...]


def stays_down(proposal: Proposal[ChainSituation]) -> frozenset[str]:
    """The targets that are stopped and held, and not let go again."""
    last = {move.target: move.action.name for move in proposal.moves}
    return frozenset(target for target, name in last.items() if name == STOPS)


def baseline(chain: ChainSituation, proposal: Proposal[ChainSituation]) -> tuple[Part, ...]:
    """The state before, and the nodes, as parts of a plan."""
    acting = frozenset(move.target for move in proposal.moves if move.action.name != MENDS)
    held, mended = stays_down(proposal), frozenset(proposal.targets) - acting
    installed = tuple(
        ProgramHash(host=move.target, sha256=chosen_program(chain))
        for move in proposal.moves
        if move.action.name in _PUTS_IN_PLACE
    )
    selected = tuple(_selected(chain, proposal))
    up = frozenset(
        node.host
        for node in chain.finding.nodes
        if (node.host in acting or _stays(chain, node.host, mends=bool(mended)))
        and node.host not in held
    )
    down = HeldNodes(nodes=tuple(replace(node, power=0) for node in _located(chain, held)))
    nodes = ChainNodes(nodes=_located(chain, up))
    beside = frozenset(node.host for node in nodes.nodes) - acting
    stood = replace(_stood(chain, beside, held, mended, installed), selected=selected)
    return (Part.of(stood), Part.of(nodes), *((Part.of(down),) if held else ()))


def _going_on(chain: ChainSituation) -> frozenset[str]:
    """Holders of a key with a second holder that run and go on: nothing else is wrong with them."""
    return frozenset(key.goes_on for key in chain.shared_keys if key.keeps_signing)


def _stood(
    chain: ChainSituation,
    beside: frozenset[str],
    held: frozenset[str],
    mended: frozenset[str],
    installed: tuple[ProgramHash, ...],
) -> ChainBaseline:
    """`beside` are the nodes that are looked at afterwards, and not acted on."""
    signs, peers, programs = [], [], []
    untouched: list[MainProcess] = []
    gone = {NodeView(chain.observation.host(host)).node_id for host in held}
    for reading in chain.observation.hosts:
        host, state = reading.host, value_or_none(reading.sign_state)
        if state is not None:
            signs.append(
                HostSignState(host=host, height=state.height, round=state.round, step=state.step)
            )
        known_peers = value_or_none(reading.chain.peers)
        if known_peers is not None:
            left = [peer for peer in known_peers if peer.node_id not in gone]
            peers.append(PeerCount(host=host, peers=len(left)))
        binary = value_or_none(reading.binary)
        if binary is not None:
            programs.append(ProgramHash(host=host, sha256=binary.sha256))
        if host in beside:
            untouched.extend(_main_process(reading))
    return ChainBaseline(
        height=chain.finding.height,
        online_power=chain.finding.online_power,
        total_power=chain.finding.total_power,
        sign_states=tuple(signs),
        peers=tuple(peers),
        programs=tuple(programs),
        untouched=tuple(untouched),
        block_id=_block_id(chain),
        expected_hash=chain.inputs.get(EXPECT_HASH, ""),
        installed=installed,
        links=tuple(_links(chain, mended)),
    )


def _selected(
    chain: ChainSituation, proposal: Proposal[ChainSituation]
) -> Iterator[SelectedProgram]:
    """What cosmovisor has to select afterwards, as far as that is known: else guards block."""
    for move in proposal.moves:
        told, place = (
            cosmovisor_of(chain.observation.host(move.target)),
            place_of(chain, move.target),
        )
        if (
            move.action.name in (INSTALLS_BELOW, UPGRADES_BELOW)
            and told is not None
            and place is not None
        ):
            yield SelectedProgram(
                host=move.target,
                root=told.root,
                path=place.path,
                upgrade_info=told.asked.sha256 if told.asked is not None else "",
            )


def _stays(chain: ChainSituation, host: str, *, mends: bool) -> bool:
    """Whether its process must be the same afterwards: one that is well, or goes on alone with a
    key, or stands on a side of a split that nobody acts on, or is cut off where a plan only mends
    the ways."""
    condition = chain.finding.node(host).condition
    cut_off = mends and condition is NodeCondition.ISOLATED
    split = chain.finding.chain is ChainClass.APP_HASH_SPLIT
    sided = split and any(host in cluster.hosts for cluster in chain.finding.clusters)
    return condition.rule.running or host in _going_on(chain) or cut_off or sided


def _links(chain: ChainSituation, mended: frozenset[str]) -> Iterator[MendedLink]:
    """Those of which all that is known to shut them is removed, among nodes that tell their id."""
    ends = {reading.host: reading for reading in chain.observation.hosts}
    for link in chain.finding.links:
        removed = all(not one.kept and one.host in mended for one in link.obstacles)
        status = latest_status(ends[link.other]) if link.other in ends else None
        if link.persistent and link.obstacles and removed and link.one in ends and status:
            yield MendedLink(one=link.one, other=link.other, other_id=status.node_id)


def _block_id(chain: ChainSituation) -> str:
    """The block at the height of the finding, if all witnesses that have it name the same one."""
    found: set[str] = set()
    for host in chain.finding.witnesses:
        reading = chain.observation.host(host)
        statuses = (value_or_none(sample.status) for sample in reading.samples)
        told = [(s.height, s.block_hash) for s in statuses if s is not None]
        told += [(b.height, b.block_hash) for b in value_or_none(reading.chain.blocks) or ()]
        found |= {block for height, block in told if height == chain.finding.height}
    return found.pop() if len(found) == 1 else ""


def _main_process(reading: HostReading) -> Iterator[MainProcess]:
    unit = value_or_none(reading.unit)
    for process in value_or_none(reading.processes) or ():
        if unit is not None and process.pid == unit.main_pid:
            yield MainProcess(host=reading.host, pid=process.pid, started=process.started)
            return


def _located(chain: ChainSituation, hosts: frozenset[str]) -> tuple[NodeLocation, ...]:
    """Where these nodes are, as far as that was read."""
    nodes = []
    for reading in chain.observation.hosts:
        finding = chain.finding.node(reading.host)
        unit, config = value_or_none(reading.unit), value_or_none(reading.config)
        if unit is None or config is None or reading.host not in hosts:
            continue
        status, key = latest_status(reading), value_or_none(reading.key)
        nodes.append(
            NodeLocation(
                host=reading.host,
                unit=unit.name,
                home=unit.home,
                user=unit.user,
                rpc_url=config.rpc_url,
                address=finding.address
                or (status.address if status else "")
                or (key.address if key else ""),
                power=finding.power,
            )
        )
    return tuple(nodes)


def _none_went_back(planned: list[dict[str, Any]], now: list[dict[str, Any]]) -> bool:
    def order(state: dict[str, Any]) -> tuple[int, ...]:
        found = (parse_integer(state[name]) for name in ("height", "round", "step"))
        return tuple(MAX_HEIGHT if one is None else one for one in found)

    current = {state["host"]: order(state) for state in now}
    return all(current.get(state["host"], order(state)) >= order(state) for state in planned)


def _no_other_program(planned: list[dict[str, str]], now: list[dict[str, str]]) -> bool:
    """A hash that could not be read, then or now, does not differ: G8 asks for the hashes of the
    hosts that are acted on."""
    current = {program["host"]: program["sha256"] for program in now}
    return all(current.get(p["host"], p["sha256"]) == p["sha256"] for p in planned)


MOVABLE: Mapping[str, Movable] = MappingProxyType(
    {
        "chain.baseline/1 height": Movable(may_rise, "a chain never goes back"),
        "chain.baseline/1 block_id": Movable(
            may_differ, "it is that of the height, which may rise"
        ),
        "chain.baseline/1 online_power": Movable(may_rise, "power may come back by itself"),
        "chain.baseline/1 sign_states": Movable(_none_went_back, "validators sign on"),
        "chain.baseline/1 peers": Movable(may_differ, "peers come and go"),
        "chain.baseline/1 programs": Movable(
            _no_other_program, "hashing a program has a time limit"
        ),
        "chain.baseline/1 untouched": Movable(
            included,
            "a host that was slow or down may answer now: it is not watched, and not acted on",
        ),
        "chain.baseline/1 links": Movable(
            included, "a peer that was slow may be an end of a link, too; what is removed is a fact"
        ),
        "chain.nodes/1 nodes": Movable(
            included, "a host that was slow or down may answer now: no gate or check needs it"
        ),
        "chain.without/1 height": Movable(may_rise, "a chain never goes back"),
        "chain.advances/1 height": Movable(may_rise, "a chain never goes back"),
    }
)
"""Which fields of the chain's parts may differ when a plan is applied."""
