"""The program is the wrong one for the next block, and another one goes on.

In a halt (INC-001) two classes have this: the application fails at the same block everywhere, and
an upgrade waits for its program. Both get one stage: the block was decided, so nobody signs before
more than two thirds are back, and whoever comes first waits. Nothing is rolled back: a block that
was decided stays (docs/rules/classes.md#deterministic-panic).

While blocks go on (node-down) a node may lack the program that the others run: it gets exactly that
one, and one node at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from remediations.engine.domain import Branch, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, PlannedCheck, Risk
from remediations.playbooks.chain.actions import INSTALL, INSTALL_BELOW, UPGRADE_BELOW
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.cosmovisor import (
    BACKUP_S,
    below_cosmovisor,
    copies_data,
    upgrade_of,
    upgrades_asked,
)
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.gates import Advances
from remediations.playbooks.chain.guards.jobs import jobs_warnings
from remediations.playbooks.chain.guards.program import (
    announced_for,
    enough_get_program,
    others_run_program,
)
from remediations.playbooks.chain.impact import smallest_first
from remediations.playbooks.chain.program import (
    FAILING,
    INPUT,
    PROGRAM,
    chosen_program,
    cured_by_program,
)
from remediations.playbooks.chain.program_facts import block_that_waits
from remediations.playbooks.chain.rehearse_install import rehearse_install
from remediations.playbooks.chain.restart import (
    CHECKS_BELOW_COSMOVISOR,
    EXPECTED_STATE,
    checks_for,
    checks_known_before,
    disabled_warnings,
    follows_gate,
    powers_warnings,
    took_part,
)
from remediations.playbooks.chain.rollback import EXPECTED
from remediations.playbooks.chain.rounds import round_timeout_s
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import count_of, name_some, percent
from remediations.values.part import Part


def _fits_panic(chain: ChainSituation) -> str | None:
    return _fits(chain, ChainClass.DETERMINISTIC_PANIC)


def _fits_upgrade(chain: ChainSituation) -> str | None:
    return _fits(chain, ChainClass.UPGRADE_NEEDED)


def _fits(chain: ChainSituation, wanted: ChainClass) -> str | None:
    found = chain.finding.chain
    if found is not wanted:
        return f"the chain is {found}, not {wanted}"
    if not chosen_program(chain):
        return f"no program was chosen (--{PROGRAM} {INPUT.metavar})"
    if not _targets(chain):
        return "no node fails at this block"
    return None


def _targets(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """Validators that fail or are down, and the other nodes that fail: those that are down
    otherwise are not needed for the next block."""
    return smallest_first(
        node
        for node in chain.finding.nodes
        if (_gets_it(chain, node) if node.power else node.condition in FAILING)
        and (node.host in chain.only or not chain.only)
        and node.condition is not NodeCondition.STANDBY
    )


def _gets_it(chain: ChainSituation, node: NodeFinding) -> bool:
    """Whether a validator fails, or is down otherwise and may be started with the others."""
    named = node.host in chain.only
    return cured_by_program(node) and (named or took_part(chain, node.host))


def _propose_panic(chain: ChainSituation) -> Proposal[ChainSituation]:
    return _propose(chain, f"a program that gets past block {chain.finding.height}")


def _propose_upgrade(chain: ChainSituation) -> Proposal[ChainSituation]:
    names = " or ".join(upgrades_asked(chain, *chain.finding.nodes))
    proposal = _propose(chain, f"the program of the upgrade {names}".rstrip())
    handler = _AS_REHEARSED if EXPECT_HASH in chain.inputs else _NO_HANDLER
    warnings = (*proposal.warnings, *_not_announced(chain, proposal.targets), handler)
    return replace(proposal, warnings=warnings)


def _not_announced(chain: ChainSituation, hosts: Sequence[str]) -> tuple[str, ...]:
    """Where the hash of the program cannot be held against one that the chain announces."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        sha256, why = announced_for(chain, host)
        if not sha256:
            found.setdefault(why, []).append(host)
    return tuple(
        f"{name_some(of)}: {why}, so that the hash is the right one is for people to know"
        for why, of in found.items()
    )


_NO_HANDLER = (
    "whether the program has a handler for this upgrade is not known before it is started: one "
    "without it ends with the same words (UPGRADE NEEDED) and writes nothing, and the gate stays "
    "shut. `remediate plan INC-001 --rehearse` starts it on clones first"
)
_AS_REHEARSED = (
    "that the program knows this upgrade rests on the rehearsal that gave the expected state: "
    "where that was typed by hand, nothing has shown it"
)


def _propose(chain: ChainSituation, what: str) -> Proposal[ChainSituation]:
    finding, nodes = chain.finding, _targets(chain)
    hosts = [node.host for node in nodes]
    power = sum(node.power for node in nodes)
    height, state = block_that_waits(chain), chain.inputs.get(EXPECT_HASH, "")
    timeout = round_timeout_s(finding.round) + _copies_s(chain, nodes)
    gated = tuple(
        node.host
        for node in finding.nodes
        if node.power and (node.host in hosts or node.host in chain.voting)
    )
    return Proposal(
        title=f"install {what} on {count_of(len(nodes), 'node')} together",
        stages=(
            StageDraft(
                title=f"install and start {chosen_program(chain)[:16]} on {name_some(hosts)}",
                why=f"{percent(power, finding.total_power)} of the power get it. What was decided "
                "stays decided: nothing is rolled back. Order does not matter for safety; fewer "
                "than two thirds just wait",
                moves=tuple(_move(chain, node) for node in nodes),
                gate=Gate(
                    title=f"a block above {height}{f' on the state {state}' if state else ''} "
                    f"within {timeout} s",
                    timeout_s=timeout,
                    asks=Part.of(Advances(hosts=gated, height=height, app_hash=state)),
                ),
            ),
        ),
        checks=(
            *checks_known_before(chain, nodes),
            *_checks_below(chain, nodes),
            *((EXPECTED_STATE,) if state and height == finding.height else ()),
        ),
        risk=Risk.HIGH,
        worst_case="the program fails at this block, too, and the chain stays halted as it is now; "
        "or it computes another state than the validators outside of this plan, which then stand "
        "alone: agree on its hash with them first. The former program is kept on each host",
        warnings=(
            *powers_warnings(chain),
            *disabled_warnings(nodes),
            *_copy_warnings(chain, nodes),
            *jobs_warnings(chain, nodes, held=False),
        ),
    )


def _move(chain: ChainSituation, node: NodeFinding) -> Move[ChainSituation]:
    """Below cosmovisor the program goes where that looks for it."""
    if not below_cosmovisor(chain.observation.host(node.host)):
        return Move(INSTALL, node.host)
    return Move(UPGRADE_BELOW if upgrade_of(chain, node.host) else INSTALL_BELOW, node.host)


def _checks_below(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> tuple[PlannedCheck, ...]:
    below = any(below_cosmovisor(chain.observation.host(node.host)) for node in nodes)
    return CHECKS_BELOW_COSMOVISOR if below else ()


def _copies_s(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> int:
    """What copies of data directories add to the time that a block may take."""
    return BACKUP_S if any(copies_data(chain, node.host) for node in nodes) else 0


def _copy_warnings(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> tuple[str, ...]:
    return tuple(
        f"{node.host}: cosmovisor copies data/ before it switches, the sign state with it "
        "(UNSAFE_SKIP_BACKUP is not true): the start takes as long as that, and the copy must "
        "never be put back under a validator"
        for node in nodes
        if copies_data(chain, node.host)
    )


def _fits_behind(chain: ChainSituation) -> str | None:
    if not chain.finding.chain.rule.goes_on:
        return f"the chain does not go on ({chain.finding.chain})"
    if not chosen_program(chain):
        return f"no program was chosen (--{PROGRAM} {INPUT.metavar})"
    return None if _behind(chain) else "no node fails at a block that the others passed"


def _behind(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    return smallest_first(
        node
        for node in chain.finding.nodes
        if node.condition in FAILING and (node.host in chain.only or not chain.only)
    )


def _propose_behind(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes, program = _behind(chain), chosen_program(chain)
    return Proposal(
        title=f"install the program of the others on {name_some([node.host for node in nodes])}",
        stages=tuple(
            StageDraft(
                title=f"install and start {program[:16]} on {node.host} (power {node.power})",
                why="one at a time, smallest power first: the chain goes on meanwhile",
                moves=(_move(chain, node),),
                gate=follows_gate(node.host),
            )
            for node in nodes
        ),
        checks=(*checks_for(nodes), *_checks_below(chain, nodes)),
        risk=Risk.MEDIUM if any(node.power for node in nodes) else Risk.LOW,
        worst_case="the node fails at this block with that program, too, and stays down as it is "
        "now: then its data or what it calls is the cause. The former program is kept",
        warnings=(
            *disabled_warnings(nodes),
            *_copy_warnings(chain, nodes),
            *jobs_warnings(chain, nodes, held=False),
        ),
    )


BEHIND = Branch(
    name="install-of-others",
    title="A node fails at a block that the others passed: install the program that they run",
    condition="blocks go on, a node fails at one or asks for an upgrade, and a program is chosen",
    fits=_fits_behind,
    propose=_propose_behind,
    invariants=(others_run_program,),
    inputs=(INPUT,),
)

BRANCHES = (
    Branch(
        name="install-past-panic",
        title="The application fails at a block everywhere: install a program that does not",
        condition="nodes that can halt the chain fail at the same block, and a program is chosen",
        fits=_fits_panic,
        propose=_propose_panic,
        invariants=(enough_get_program,),
        inputs=(INPUT, EXPECTED),
        rehearse=rehearse_install,
    ),
    Branch(
        name="install-upgrade",
        title="An upgrade waits for its program: install it",
        condition="nodes that can halt the chain ask for an upgrade, and a program is chosen",
        fits=_fits_upgrade,
        propose=_propose_upgrade,
        invariants=(enough_get_program,),
        inputs=(INPUT, EXPECTED),
        rehearse=rehearse_install,
    ),
)
