"""Another program, tried on clones of the nodes that would get it.

A block at which the application fails is stored and not executed, so a clone that is started with
the chosen program executes it in the handshake. It shows what no reading of the file can: that the
program starts with this home and these settings, that it has a handler for the upgrade, that it
gets past the block, and to which state. Clones sign nothing, so that the validators outside of the
inventory come to the same state is not shown; nor are cosmovisor's own steps (its copy of the data,
its hooks), since the program is started by itself.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import ChosenInput
from remediations.engine.plan.rehearsal import Rehearsed, RehearsedTarget
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.facts import node_data, node_facts
from remediations.playbooks.chain.program import chosen_program
from remediations.playbooks.chain.program_facts import block_that_waits
from remediations.playbooks.chain.rehearse import Trial, executed_by, said_by
from remediations.playbooks.chain.situation import ChainSituation
from remediations.reach.connection import Reach
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.planned import PlannedNode, PlannedNodeError
from remediations.systems.comet.rehearsal_program import program_rehearsal_text
from remediations.values.reading import value_or_none


async def rehearse_install(
    chain: ChainSituation, proposal: Proposal[ChainSituation], reach: Reach
) -> Rehearsed:
    """Start the chosen program on a clone of every target, at the same time."""
    trials = await asyncio.gather(*(_try(chain, host, reach) for host in proposal.targets))
    return judge_installs(chain, trials)


async def _try(chain: ChainSituation, host: str, reach: Reach) -> Trial:
    facts = {fact.name: fact.value for fact in node_facts(chain, host)}
    height, config = block_that_waits(chain), value_or_none(chain.observation.host(host).config)
    try:
        node = PlannedNode.from_data({**node_data(facts, host), "stands_at": height})
    except PlannedNodeError as error:
        return Trial(host=host, app_hash="", says=str(error))
    if config is None or not height:
        return Trial(host=host, app_hash="", says="its settings or the height could not be read")
    text = program_rehearsal_text(node, config.rpc_url, chosen_program(chain))
    told = await said_by(host, text, reach)
    return told if isinstance(told, Trial) else executed_by(host, height, *told)


def judge_installs(chain: ChainSituation, trials: Sequence[Trial]) -> Rehearsed:
    """Whether the program gets past the block on every node that would get it, and to one state.
    Pure."""
    targets = tuple(
        RehearsedTarget(target=one.host, tried=bool(one.app_hash), says=one.says) for one in trials
    )
    height = block_that_waits(chain)
    failed: dict[str, list[str]] = defaultdict(list)
    states: dict[str, list[str]] = defaultdict(list)
    for one in trials:
        kind = states[one.app_hash] if one.app_hash else failed[one.says]
        kind.append(one.host)
    if failed:
        return Rehearsed(
            passed=False,
            says="; ".join(f"{name_some(hosts)}: {says}" for says, hosts in failed.items()),
            targets=targets,
            next_step="ask who made the program: it has to execute this block, and to have the "
            "upgrade's handler where one waits; bring another one with `remediate stage`",
        )
    told = "; ".join(
        f"{name_some(hosts)}: {short_digest(state)}…" for state, hosts in states.items()
    )
    if len(states) != 1:
        return Rehearsed(
            passed=False,
            says=f"the program gives several states after block {height}: {told}",
            targets=targets,
            next_step="find out why they differ (settings, model files, store) before any node "
            "gets it; nothing was changed",
        )
    return Rehearsed(
        passed=True,
        says=f"the program executes block {height}, and comes to one state: {told}",
        targets=targets,
        inputs=(ChosenInput(name=EXPECT_HASH, value=next(iter(states))),),
    )
