"""The facts that decide about another program for a node, and the data of what puts it in place and
takes it away again (docs/run.md#undo)."""

from __future__ import annotations

from msgspec import UNSET

from remediations.engine.domain import Facts, StepData
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.chain.cosmovisor import (
    NONE,
    copies_data,
    cosmovisor_of,
    place_of,
    upgrade_height,
)
from remediations.playbooks.chain.facts import (
    UNKNOWN,
    facts_of,
    named_fact,
    node_data,
    read_fact,
    rollback_facts,
    value_of,
)
from remediations.playbooks.chain.program import PROGRAM, chosen_program, cured_by_program
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.values.reading import value_or_none


def install_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about giving a node another program. A process that answers is ended as exactly
    this one; one in a loop is another every few seconds."""
    facts = facts_of(
        chain,
        host,
        dead=latest_status(chain.observation.host(host)) is not None,
        down=cured_by_program(chain.finding.node(host)),
    )
    return (
        *facts,
        *_replaced_facts(chain, host),
        *_acts_facts(chain, host),
        _staged_fact(chain, host),
    )


def exchange_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about giving a node another program while it is held for a rollback."""
    return (
        *rollback_facts(chain, host),
        *_replaced_facts(chain, host),
        _staged_fact(chain, host),
    )


def _replaced_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """Which program is put in place, and of which one."""
    reading, program = chain.observation.host(host), chosen_program(chain)
    binary = value_or_none(reading.binary)
    return (
        named_fact(
            "chain.program",
            program or UNKNOWN,
            Rule.EQUAL,
            chain.observation.began,
            f"--{PROGRAM}",
            why="it is put in place, and no other",
        ),
        read_fact(
            f"{host}.program_path",
            binary.path if binary else UNKNOWN,
            reading.binary,
            "the program there is replaced",
        ),
        read_fact(
            f"{host}.program",
            binary.sha256 if binary else UNKNOWN,
            reading.binary,
            "it is kept for the way back",
        ),
    )


def _staged_fact(chain: ChainSituation, host: str) -> Fact:
    reading, program = chain.observation.host(host), chosen_program(chain)
    records = value_or_none(reading.records)
    return read_fact(
        f"{host}.staged",
        UNKNOWN if records is None else "yes" if program in records.staged else "no",
        reading.records,
        "what is not on the host cannot be put in place",
    )


def block_that_waits(chain: ChainSituation) -> int:
    """The block of a halt that another program executes first; 0 if it is not known."""
    return max(chain.finding.height, upgrade_height(chain))


def _acts_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """At which block another program acts first on a node, and where to ask whether it did: that is
    how far the way back goes. A key signs above a block only when that was executed."""
    reading = chain.observation.host(host)
    state, status = value_or_none(reading.sign_state), latest_status(reading)
    config = value_or_none(reading.config)
    block = max(
        0 if chain.finding.chain.rule.goes_on else block_that_waits(chain),
        state.height if state else 0,
        status.height if status else 0,
    )
    return (
        named_fact(
            f"{host}.acts_at",
            str(block or chain.finding.height),
            Rule.AT_LEAST,
            reading.session.at,
            why="once it has executed this block, the former program is not put back",
        ),
        read_fact(
            f"{host}.rpc",
            config.rpc_url if config else UNKNOWN,
            reading.config,
            "its application is asked there how far it is",
        ),
    )


def install_data(facts: Facts, host: str) -> StepData:
    """The same, and the program: what is put where, and what it replaces."""
    return {
        **node_data(facts, host),
        "path": facts[f"{host}.program_path"],
        "sha256": facts["chain.program"],
        "replaces": facts[f"{host}.program"],
    }


def exchanged_back_data(facts: Facts, host: str) -> StepData:
    """The way back after `install_data` of a node that is held: the hashes changed round."""
    data = install_data(facts, host)
    return {**data, "sha256": data["replaces"], "replaces": data["sha256"]}


def exchanged_back_below_data(facts: Facts, host: str) -> StepData:
    """The same after `below_data`, of a program that took the place of the one in use."""
    data = below_data(facts, host)
    new = {"current_sha256": data["sha256"], "replaces": data["sha256"]}
    return {**data, **new, "sha256": data["replaces"]}


def former_data(facts: Facts, host: str) -> StepData:
    """The way back after `install_data`: the former program in the place of the new one. Any
    process may be ended for it."""
    return {
        **acts_data(facts, host),
        "path": facts[f"{host}.program_path"],
        "sha256": facts[f"{host}.program"],
        "replaces": facts["chain.program"],
    }


def acts_data(facts: Facts, host: str) -> StepData:
    """`node_data` for any process, and where another program acts first."""
    return {
        **node_data(facts, host),
        "invocation": "",
        "stands_at": int(facts[f"{host}.acts_at"]),
        "rpc": value_of(facts, host, "rpc"),
    }


def below_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about giving a node below cosmovisor another program."""
    return (*install_facts(chain, host), *_layout_facts(chain, host))


def exchange_below_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """The same for one that is held for a rollback."""
    return (*exchange_facts(chain, host), *_layout_facts(chain, host))


def _layout_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """Where cosmovisor looks for its program, and what is there."""
    reading = chain.observation.host(host)
    told, place = cosmovisor_of(reading), place_of(chain, host)
    layout = reading.cosmovisor if reading.cosmovisor is not UNSET else reading.unit
    has = UNKNOWN if place is None or place.has is None else place.has or NONE
    info = UNKNOWN
    if told is not None:
        info = told.asked.sha256 if told.asked is not None else NONE
    return tuple(
        read_fact(f"{host}.{name}", value, layout, why, Rule.EQUAL)
        for name, value, why in (
            ("program_name", told.name if told else UNKNOWN, "cosmovisor starts it by this"),
            ("place", place.path if place else UNKNOWN, "the program is put there"),
            ("place_has", has, "nothing else is replaced than this"),
            ("upgrade", (place.upgrade or NONE) if place else UNKNOWN, "it is switched to"),
            ("upgrade_info", info, "cosmovisor switches by it; it stays as it is"),
            (
                "data_copy",
                ("yes" if copies_data(chain, host) else "no") if told else UNKNOWN,
                "cosmovisor copies the data first, which takes room and time",
            ),
        )
    )


def former_below_data(facts: Facts, host: str) -> StepData:
    """The way back after `below_data`, of a program that took the place of the one in use."""
    return {**exchanged_back_below_data(facts, host), **acts_data(facts, host)}


def below_data(facts: Facts, host: str) -> StepData:
    """What the deploy needs to know of one node. What is not known lets the compilation fail, where
    guards block already."""

    def fact(name: str) -> str:
        value = facts[f"{host}.{name}"]
        return "" if value in (UNKNOWN, NONE) else value

    return {
        **node_data(facts, host),
        "name": fact("program_name"),
        "current": fact("program_path"),
        "current_sha256": fact("program"),
        "place": fact("place"),
        "sha256": facts["chain.program"],
        "replaces": fact("place_has"),
        "upgrade": fact("upgrade"),
        "upgrade_info": fact("upgrade_info"),
        "backup": 1 if fact("data_copy") == "yes" else 0,
    }
