"""A soft rollback, tried on clones of the nodes that it would be done to.

Each clone executes the newest block again, with the program that its host has now, or that people
chose, and the inputs that it has.
So the app hash that a rollback will give can stand in the plan before anybody signs it; and an
execution that still differs from host to host shows before a single node is stopped.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import ChosenInput
from remediations.engine.plan.rehearsal import Comparison, Rehearsed, RehearsedTarget
from remediations.playbooks.chain.baseline import EXPECT_HASH
from remediations.playbooks.chain.copies import DIFFERS_IN, chosen_copy
from remediations.playbooks.chain.facts import rollback_data, rollback_facts
from remediations.playbooks.chain.program import chosen_program, has_program
from remediations.playbooks.chain.situation import ChainSituation
from remediations.playbooks.chain.stores import (
    NOT_ASKED,
    StoreReading,
    Weights,
    compare_runs,
    compare_stores,
    read_stores,
)
from remediations.reach.connection import HostUnreachable, Reach
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.planned import PlannedNode, PlannedNodeError
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.rehearsal_program import (
    MARK,
    REHEARSAL_LIMIT_S,
    SAID_BYTES,
    rehearsal_text,
)
from remediations.systems.hosts.program import root_command
from remediations.values.lines import split_lines
from remediations.values.reading import value_or_none

MAX_BYTES = SAID_BYTES + 4_096
_PRINTED = re.compile(r"Rolled back state to height ([0-9]{1,18}) and hash ([0-9A-Fa-f]{2,128})")


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What one clone came to. `app_hash` is the state after the block (upper-case hex), "" if it
    was not reached; `says` is the result, or the reason. `before` and `after` are the hashes of the
    stores of the state that the block gave first, and of the one that it gave again."""

    host: str
    app_hash: str
    says: str
    before: StoreReading = NOT_ASKED
    after: StoreReading = NOT_ASKED


async def rehearse(
    chain: ChainSituation, proposal: Proposal[ChainSituation], reach: Reach
) -> Rehearsed:
    """Try the rollback on a clone of every target, at the same time."""
    hosts = proposal.targets
    trials = await asyncio.gather(*(_try(chain, host, reach) for host in hosts))
    return judge_trials(chain, trials)


async def _try(chain: ChainSituation, host: str, reach: Reach) -> Trial:
    facts = {fact.name: fact.value for fact in rollback_facts(chain, host)}
    config = value_or_none(chain.observation.host(host).config)
    try:
        node = PlannedNode.from_data(rollback_data(facts, host))
    except PlannedNodeError as error:
        return Trial(host=host, app_hash="", says=str(error))
    if config is None or node.stands_at < 2:
        return Trial(host=host, app_hash="", says="its settings or its height could not be read")
    program = chosen_program(chain)
    staged = "" if has_program(chain.observation.host(host), program) else program
    told = await said_by(host, rehearsal_text(node, config.rpc_url, staged), reach)
    if isinstance(told, Trial):
        return told
    return read_trial(node, host, *told, had=_state_of(chain, host))


async def said_by(host: str, text: str, reach: Reach) -> Trial | tuple[str, str]:
    """What a host printed and complained of when it ran the text of a rehearsal; a trial without a
    state where it was not reached."""
    try:
        connection = await reach.connect(host)
        done = await connection.run(
            root_command(text, REHEARSAL_LIMIT_S),
            timeout_s=REHEARSAL_LIMIT_S + 10,
            max_bytes=MAX_BYTES,
        )
    except HostUnreachable as error:
        return Trial(host=host, app_hash="", says=error.what)
    return done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def _state_of(chain: ChainSituation, host: str) -> str:
    """The app hash that a node has now; "" if it is in no cluster."""
    states = (one.app_hash for one in chain.finding.clusters if host in one.hosts)
    return next(states, "")


def read_trial(
    node: PlannedNode, host: str, output: str, errors: str = "", *, had: str = ""
) -> Trial:
    """What a clone's host printed, held against what the node's readings say; `had` is its app hash
    before. Pure."""
    told = _told(output)
    printed = _PRINTED.search(told.get("said", ""))
    expected = (str(node.stands_at - 1), node.header_hash)
    if printed is None or (printed[1], printed[2].upper()) != expected:
        got = printed[0] if printed else told.get("failed", "") or _end_of(told, errors)
        return Trial(host=host, app_hash="", says=f"the rollback did not succeed: {got}")
    trial = executed_by(host, node.stands_at, output, errors)
    if not trial.app_hash:
        return trial
    return replace(
        trial,
        before=read_stores(told.get("stores-before", ""), node.stands_at, had),
        after=read_stores(told.get("stores-after", ""), node.stands_at, trial.app_hash),
    )


def executed_by(host: str, height: int, output: str, errors: str = "") -> Trial:
    """Whether a clone executed the block at `height`, and to which state. Pure."""
    told = _told(output)
    reached, app_hash = _application(told.get("app", ""))
    if reached != height or not app_hash:
        at = f" (it stands at {reached})" if reached else ""
        says = f"block {height} was not executed{at}: {_end_of(told, errors)}"
        return Trial(host=host, app_hash="", says=says)
    says = f"{short_digest(app_hash)}… ({told.get('took', '')})"
    return Trial(host=host, app_hash=app_hash, says=says)


def _told(output: str) -> Mapping[str, str]:
    """The answers among the lines, by their first words."""
    lines = [line.removeprefix(MARK).strip() for line in split_lines(output) if MARK in line]
    return {word: rest for word, _, rest in (line.partition(" ") for line in lines)}


def _end_of(told: Mapping[str, str], errors: str) -> str:
    """The line that says why, the last ones of the log, or what else was said."""
    words = ("why", "failed", "ended", "said")
    found = next((told[word] for word in words if told.get(word)), errors)
    return found.strip()[-300:] or "it said nothing"


def _application(answer: str) -> tuple[int, str]:
    """Height and app hash of `/abci_info`; 0 and "" if it is no such answer."""
    try:
        response = json.loads(answer)["result"]["response"]
        app_hash = base64.b64decode(response["last_block_app_hash"], validate=True).hex().upper()
        return int(response["last_block_height"]), app_hash
    except (ValueError, KeyError, TypeError):
        return 0, ""


def judge_trials(chain: ChainSituation, trials: Sequence[Trial]) -> Rehearsed:
    """Whether all that execute the block again, and all that keep its result, would agree. Pure."""
    targets = tuple(
        RehearsedTarget(target=one.host, tried=bool(one.app_hash), says=one.says) for one in trials
    )
    failed = [one.host for one in trials if not one.app_hash]
    if failed:
        return Rehearsed(
            passed=False,
            says=f"{name_some(failed)} could not be tried: {_reason(trials)}",
            targets=targets,
            next_step="mend that, and rehearse again; or plan without --rehearse",
        )
    hosts: dict[str, list[str]] = defaultdict(list)
    for one in trials:
        hosts[one.app_hash].append(one.host)
    compared = _compare(chain, trials)
    acting = {one.host for one in trials}
    for cluster in chain.finding.clusters:
        hosts[cluster.app_hash].extend(host for host in cluster.hosts if host not in acting)
    hosts = {state: names for state, names in hosts.items() if names}
    powers = {
        state: sum(chain.finding.node(host).power for host in names)
        for state, names in hosts.items()
    }
    total = chain.finding.total_power
    states = "; ".join(
        f"{name_some(names)} ({powers[state]} of {total} power): {short_digest(state)}…"
        for state, names in hosts.items()
    )
    if len(hosts) > 1:
        return Rehearsed(
            passed=False,
            says=f"the states would differ again: {states}",
            targets=targets,
            next_step="find out why they differ (program, model files, store), mend it there, and "
            "rehearse again, with another program by `--program SHA256`; where nothing can be "
            "mended, people choose a side: `remediate plan INC-001 --donor HOST` "
            "(docs/rebuild.md). Nothing was changed",
            compared=compared,
        )
    ((state, power),) = powers.items()
    return Rehearsed(
        passed=has_quorum(power, total),
        says=f"all come to one state: {states}",
        targets=targets,
        inputs=(ChosenInput(name=EXPECT_HASH, value=state),),
        next_step="" if has_quorum(power, total) else "bring back more of the power first",
        compared=compared,
    )


async def rehearse_adopting(
    chain: ChainSituation, proposal: Proposal[ChainSituation], reach: Reach
) -> Rehearsed:
    """Ask clones of those that would change sides, and of one node of the side that they would come
    to, for their stores."""
    copy = chosen_copy(chain)
    kept = [c.hosts[0] for c in chain.finding.clusters if copy and c.app_hash == copy.app_hash]
    hosts = (*proposal.targets, *kept)
    return judge_sides(chain, await asyncio.gather(*(_try(chain, host, reach) for host in hosts)))


def judge_sides(chain: ChainSituation, trials: Sequence[Trial]) -> Rehearsed:
    """In which stores the sides differ. It decides nothing, so it always passes: people choose a
    side, and where no program tells its stores the plan says that. Pure."""
    before = {one.host: one.before for one in trials}
    powers = {host: chain.finding.node(host).power for host in before}
    weights = Weights(powers=powers, total=chain.finding.total_power)
    compared = compare_stores("stores", before, weights)
    stores = [one.subject.removeprefix("store ") for one in compared.differences]
    known = [one.host for one in trials if one.before.hashes is not None]
    return Rehearsed(
        passed=True,
        says=compared.says,
        targets=tuple(
            RehearsedTarget(target=one.host, tried=one.host in known, says=one.says)
            for one in trials
        ),
        inputs=(ChosenInput(name=DIFFERS_IN, value=stores[0]),) if stores else (),
        compared=(compared,),
    )


def _compare(chain: ChainSituation, trials: Sequence[Trial]) -> tuple[Comparison, ...]:
    powers = {one.host: chain.finding.node(one.host).power for one in trials}
    weights = Weights(powers=powers, total=chain.finding.total_power)
    before = {one.host: one.before for one in trials}
    after = {one.host: one.after for one in trials}
    return (
        compare_stores("stores before", before, weights),
        compare_stores("stores after executing again", after, weights),
        compare_runs(before, after, weights),
    )


def _reason(trials: Sequence[Trial]) -> str:
    return next(one.says for one in trials if not one.app_hash)
