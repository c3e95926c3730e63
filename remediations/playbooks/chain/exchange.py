"""Another program in a rollback: put in place while all are held, so that it takes the execution
back and executes the block again (docs/rollback.md#who-goes-back). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.domain import Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, GuardResult
from remediations.playbooks.chain.actions import EXCHANGE, EXCHANGE_BELOW
from remediations.playbooks.chain.cosmovisor import below_cosmovisor
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.guards.program import others_run_program
from remediations.playbooks.chain.program import PROGRAM, chosen_program, has_program
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some

OTHER_PROGRAM = (
    "whether this program gives one state on all, and that of the validators outside of the "
    "inventory, is not known before it has executed the block: `--rehearse` has it do so on "
    "clones; agree on its hash with the others"
)
"""What a plan says of a program that the developers sent."""


def who_lacks_it(chain: ChainSituation, nodes: Sequence[NodeFinding]) -> tuple[str, ...]:
    """Those that get the program that people chose; none where they chose none."""
    program = chosen_program(chain)
    lack = [n.host for n in nodes if not has_program(chain.observation.host(n.host), program)]
    return tuple(lack) if program else ()


def has_it_already(nodes: Sequence[NodeFinding]) -> str:
    """Why a plan with this program is none."""
    names = name_some([node.host for node in nodes])
    return f"the program of --{PROGRAM} is in place already: {names}"


def exchange_stages(
    chain: ChainSituation, nodes: Sequence[NodeFinding], stopped: Gate
) -> tuple[StageDraft[ChainSituation], ...]:
    """The stage that puts the chosen program in place on those of the nodes that lack it; none
    where nobody gets it."""
    hosts = who_lacks_it(chain, nodes)
    if not hosts:
        return ()
    return (
        StageDraft(
            title=f"put {chosen_program(chain)[:16]} in the place of the program of "
            f"{name_some(list(hosts))}",
            why="all that execute the block again do it with one program; the former one is kept",
            moves=tuple(_exchanges(chain, host) for host in hosts),
            gate=stopped,
        ),
    )


def _exchanges(chain: ChainSituation, host: str) -> Move[ChainSituation]:
    """Below cosmovisor the program goes where that looks for it."""
    below = below_cosmovisor(chain.observation.host(host))
    return Move(EXCHANGE_BELOW if below else EXCHANGE, host)


def program_of_others(
    chain: ChainSituation, proposal: Proposal[ChainSituation]
) -> GuardResult | None:
    """G65, where people chose a program: while blocks go on it is the one that makes them."""
    return others_run_program(chain, proposal) if chosen_program(chain) else None
