"""App hashes that differ: the branches that take back the execution of one block, softly.

The block stays, and so do sign states and write-ahead logs: nothing is signed anew. All is stopped
and held before the first change, so that nobody makes or signs anything in between; nobody is
started before all have reported the same height and the state that the header of the block names.
What the block then gives is not trusted because it was executed again: it counts once more than two
thirds agree, which is what the next block says (docs/rollback.md).

Which state is right is for people to decide. Without `--limit` nothing is decided: all execute the
block again, with the programs and inputs that they have now. With `--limit` only those do that
people judge wrong. Where the program is the cause, and people have another one (`--program`), it is
put in place while all are held, and executes the block.
"""

from __future__ import annotations

from collections.abc import Sequence

from remediations.engine.domain import Branch, Input, Move, Proposal, StageDraft
from remediations.engine.plan.plan import Gate, Risk
from remediations.playbooks.chain.actions import HOLD, REEXECUTE, ROLL_BACK
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.exchange import (
    OTHER_PROGRAM,
    exchange_stages,
    has_it_already,
    program_of_others,
    who_lacks_it,
)
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.guards.jobs import jobs_warnings
from remediations.playbooks.chain.guards.rollback import (
    nobody_beyond,
    not_drawn_too_often,
    those_left_agree,
)
from remediations.playbooks.chain.impact import smallest_first
from remediations.playbooks.chain.program import INPUT, chosen_program
from remediations.playbooks.chain.rehearse import rehearse
from remediations.playbooks.chain.restart import (
    EXPECTED_STATE,
    block_above_gate,
    checks_for,
    follows_gate,
    stopped_gate,
)
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import count_of, name_some
from remediations.systems.comet.planned import APP_HASH, MAX_HEIGHT
from remediations.values.lines import TextError, parse_number

WORST = (
    "the states differ again, and the chain stays halted as it is now; blocks, sign states and "
    "write-ahead logs are kept, and each node can be started as it is"
)


def _height_of(chain: ChainSituation, host: str) -> int:
    """The newest block that a node has; 0 if it does not answer."""
    status = latest_status(chain.observation.host(host))
    return 0 if status is None else status.height


def diverged(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """The nodes that failed on a state which a later block contradicts: they are wrong, whatever
    people decide."""
    return smallest_first(
        node
        for node in chain.finding.nodes
        if node.condition is NodeCondition.DIVERGED
        and 0 < _height_of(chain, node.host) < chain.finding.height
        and (node.host in chain.only or not chain.only)
    )


def divided(chain: ChainSituation) -> tuple[NodeFinding, ...]:
    """The nodes that execute the newest block again: those that are named, else all that have it,
    full nodes too."""
    wrong = diverged(chain)
    if wrong:
        return wrong
    return smallest_first(
        chain.finding.node(host)
        for cluster in chain.finding.clusters
        for host in cluster.hosts
        if (host in chain.only or not chain.only)
        and _height_of(chain, host) == chain.finding.height
    )


def parse_height(text: str) -> str:
    """A height that people name, in its canonical form.

    Raises:
        ValueError: it is not a height.
    """
    try:
        height = parse_number(text)
    except TextError:
        height = 0
    if not 0 < height < MAX_HEIGHT:
        raise ValueError("a height is a whole number from 1 on")
    return str(height)


TO_HEIGHT = Input(
    name="to-height",
    metavar="H",
    help="the height to go back to: one below the newest block, which is all that can be reached",
    parse=parse_height,
)


def parse_hash(text: str) -> str:
    """An app hash, in its canonical form.

    Raises:
        ValueError: it is not one.
    """
    found = text.upper()
    if not found or not APP_HASH.fullmatch(found):
        raise ValueError("an app hash in hex, as `plan --rehearse` and `diagnose` show it")
    return found


EXPECTED = Input(
    name=EXPECT_HASH,
    metavar="HASH",
    help="the app hash that the block has to give: the one that a rehearsal gave",
    parse=parse_hash,
)


def _unreachable(chain: ChainSituation, newest: int) -> str | None:
    """Why the height that people named cannot be reached; None if it can, or if none was named."""
    wanted = int(chain.inputs.get(TO_HEIGHT.name, newest - 1))
    if wanted == newest - 1:
        return None
    if wanted > newest:
        return f"--to-height {wanted} is above {newest}, the newest block: nothing is to go back to"
    if wanted == newest:
        return (
            f"at --to-height {wanted} nothing would be executed again: it is the block {newest} "
            f"whose state differs, so go back to {newest - 1}"
        )
    soft = (
        f"--to-height {wanted} cannot be reached: one soft rollback goes back to {newest - 1}, and "
        f"another one changes nothing; to take back the decided blocks {wanted + 1} to {newest} "
    )
    if chain.finding.chain.rule.goes_on:
        # docs/adr/0012-no-hard-rollback.md
        return (
            f"{soft}takes `rollback --hard`, which leaves evidence.db, snapshots and indexes "
            "behind and is never done here: put databases of a node that is well there instead, "
            "`remediate plan node-down --donor HOST` (docs/rebuild.md)"
        )
    return f"{soft}is a fork (docs/fork.md)"


def _split_fits(chain: ChainSituation) -> str | None:
    if chain.finding.chain is not ChainClass.APP_HASH_SPLIT:
        return f"the chain is {chain.finding.chain}, not app-hash-split"
    nodes = divided(chain)
    if not nodes:
        return "no node that was asked for has the block whose state differs"
    if chosen_program(chain) and not who_lacks_it(chain, nodes):
        return has_it_already(nodes)
    return _unreachable(chain, _height_of(chain, nodes[0].host))


def _split(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = divided(chain)
    height, number = _height_of(chain, nodes[0].host), count_of(len(nodes), "node")
    return Proposal(
        title=f"roll {number} back to {height - 1} together, softly, and execute {height} again",
        stages=_stages(
            chain, nodes, block_above_gate(chain, nodes, chain.inputs.get(EXPECT_HASH, ""))
        ),
        checks=(*checks_for(nodes), *((EXPECTED_STATE,) if EXPECT_HASH in chain.inputs else ())),
        risk=Risk.HIGH,
        worst_case=WORST,
        warnings=(
            OTHER_PROGRAM
            if chosen_program(chain)
            else "nothing here mends why the states differ (program, model files, store): the same "
            "program with the same input gives the same state again. Another program is put in "
            "place with `--program SHA256`",
            "where the states differ again after a second round there is no third one (G112): "
            "execution is a matter of chance then. Choose a side (`remediate plan INC-001 --donor "
            "HOST`), and the others adopt it",
            *jobs_warnings(chain, nodes, held=True),
        ),
    )


def _alone_fits(chain: ChainSituation) -> str | None:
    if chain.finding.chain is not ChainClass.LOCAL_DIVERGENCE:
        return f"the chain is {chain.finding.chain}, not local-divergence"
    nodes = diverged(chain)
    if not nodes:
        return "no node that was asked for stands on a state of its own"
    if chosen_program(chain) and not who_lacks_it(chain, nodes):
        return has_it_already(nodes)
    reasons = (_unreachable(chain, _height_of(chain, node.host)) for node in nodes)
    return next((reason for reason in reasons if reason is not None), None)


def _alone(chain: ChainSituation) -> Proposal[ChainSituation]:
    nodes = diverged(chain)
    return Proposal(
        title=f"roll {name_some([node.host for node in nodes])} back by one block, softly, while "
        "the chain goes on",
        stages=tuple(
            stage
            for node in nodes
            for stage in _stages(
                chain,
                (node,),
                follows_gate(node.host),
            )
        ),
        checks=checks_for(nodes),
        risk=Risk.MEDIUM,
        worst_case="the node comes to its own state again and stays behind, as it is now; its "
        "sign state and write-ahead log are kept",
        warnings=(
            *(
                ()
                if chosen_program(chain)
                else (
                    "nothing here mends why its state differs: compare its program, model files "
                    "and settings with a node that follows. The program of the others is put in "
                    "place with `--program SHA256`",
                )
            ),
            *jobs_warnings(chain, nodes, held=True),
        ),
    )


def _stages(
    chain: ChainSituation, nodes: Sequence[NodeFinding], goes_on: Gate
) -> tuple[StageDraft[ChainSituation], ...]:
    """Hold, exchange the program where people chose one, roll back, let go: each on all of them
    before the next on any."""
    hosts = tuple(node.host for node in nodes)
    height, names = _height_of(chain, hosts[0]), name_some(hosts)
    stopped = stopped_gate(hosts)
    return (
        StageDraft(
            title=f"stop and hold {names}",
            why="nobody makes or signs anything between the first change and the last",
            moves=tuple(Move(HOLD, host) for host in hosts),
            gate=stopped,
        ),
        *exchange_stages(chain, nodes, stopped),
        StageDraft(
            title=f"take back the execution of block {height} on {names}",
            why=f"soft: the block stays; each must report height {height - 1} and the state that "
            f"the header of {height} names",
            moves=tuple(Move(ROLL_BACK, host) for host in hosts),
            gate=stopped,
        ),
        StageDraft(
            title=f"let {names} go, to execute {height} again",
            why="only now that all have reported the same; the block is not signed anew, and its "
            "new state counts once more than two thirds agree on it",
            moves=tuple(Move(REEXECUTE, host) for host in hosts),
            gate=goes_on,
        ),
    )


ROLL_BACK_TOGETHER = Branch(
    name="roll-back-together",
    title="App hashes differ and no block comes: execute the newest block again, together",
    condition="halted, and no app hash has more than two thirds of the power",
    fits=_split_fits,
    propose=_split,
    inputs=(TO_HEIGHT, EXPECTED, INPUT),
    rehearse=rehearse,
    invariants=(those_left_agree, nobody_beyond, not_drawn_too_often),
)

ROLL_BACK_ALONE = Branch(
    name="roll-back-alone",
    title="A minority failed on another app hash: execute its newest block again, one at a time",
    condition="blocks go on, and a node stands on a state that a later block contradicts",
    fits=_alone_fits,
    propose=_alone,
    inputs=(TO_HEIGHT, INPUT),
    invariants=(program_of_others,),
)
