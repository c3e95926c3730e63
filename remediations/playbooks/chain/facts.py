"""The facts that decide about the chain and about acting on a node. They are extracted in the same
way when planning and when applying, and the bytes of a node's step follow from its facts alone.

Heights and clocks always move, so only what decides is a fact, each with a rule on how it may move.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from remediations.engine.domain import Facts, StepData
from remediations.engine.find.finding import Evidence
from remediations.engine.plan.plan import Fact, Rule
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.holders import Holder, shared_key_of
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import short_digest
from remediations.systems.comet.configure import SETTING_NAMES
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.values import Unit
from remediations.values.reading import Known, Reading, Unknown, value_or_none

UNKNOWN = "unknown"


def chain_facts(chain: ChainSituation) -> tuple[Fact, ...]:
    """What decides about the chain as a whole."""
    finding, at = chain.finding, chain.observation.began
    return (
        named_fact(
            "chain.class", str(finding.chain), Rule.EQUAL, at, why="the branch is chosen by it"
        ),
        named_fact(
            "chain.total_power",
            str(finding.total_power),
            Rule.EQUAL,
            at,
            why="quorum is counted in it",
        ),
        named_fact(
            "chain.online_power",
            str(finding.online_power),
            Rule.AT_LEAST,
            at,
            why="with less, less can be missed",
        ),
        named_fact(
            "chain.height", str(finding.height), Rule.AT_LEAST, at, why="a chain never goes back"
        ),
        *_genesis_fact(chain),
    )


def _genesis_fact(chain: ChainSituation) -> tuple[Fact, ...]:
    """Whose powers are counted where no node tells those of today."""
    files, at = chain.finding.files, chain.observation.began
    if files is None:
        return ()
    why = "the powers that are counted are those of its first block"
    source = f"genesis.json of {', '.join(files.agreed)}"
    return (named_fact("chain.genesis", files.genesis, Rule.EQUAL, at, source, why=why),)


def node_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about starting or restarting a node."""
    rule = chain.finding.node(host).condition.rule
    return facts_of(chain, host, dead=rule.names_process, down=rule.cure is not None)


def facts_of(chain: ChainSituation, host: str, *, dead: bool, down: bool) -> tuple[Fact, ...]:
    """The same, where the action says whether exactly the process that is there is ended (`dead`),
    and whether the node counts as down."""
    reading, finding = chain.observation.host(host), chain.finding.node(host)
    return (
        _sudo_fact(reading, "nothing can be started without it"),
        *_unit_facts(host, reading.unit, dead=dead),
        *_signing_facts(host, reading),
        _down_fact(finding, reading.session.at, down=down),
    )


def _sudo_fact(reading: HostReading, why: str) -> Fact:
    session = value_or_none(reading.session)
    value = str(session.sudo) if session else UNKNOWN
    return read_fact(f"{reading.host}.sudo", value, reading.session, why)


def rollback_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about taking back the execution of a node's newest block."""
    reading, finding = chain.observation.host(host), chain.finding.node(host)
    status, seen = latest_status(reading), reading.samples[-1].status
    return (
        _sudo_fact(reading, "nothing can be stopped without it"),
        *_unit_facts(host, reading.unit, dead=True),
        *_signing_facts(host, reading),
        read_fact(
            f"{host}.stands_at",
            str(status.height) if status else UNKNOWN,
            seen,
            "the execution of this block is taken back",
        ),
        read_fact(
            f"{host}.header_hash",
            status.app_hash if status else UNKNOWN,
            seen,
            "the state before this block, which the rollback must report",
        ),
        named_fact(
            f"{host}.down",
            str(finding.condition),
            Rule.EQUAL,
            reading.session.at,
            why="a node that recovers by itself is not stopped",
        ),
    )


def rollback_data(facts: Facts, host: str) -> StepData:
    """What the deploys of a rollback need to know of one node, beside `node_data`."""
    height, before = facts[f"{host}.stands_at"], facts[f"{host}.header_hash"]
    return {
        **node_data(facts, host),
        "stands_at": 0 if height == UNKNOWN else int(height),
        "header_hash": "" if before == UNKNOWN else before,
    }


def duplicate_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about stopping a holder of a key: who goes on, and what shows that it may. A
    process that runs is ended as exactly this one; of a unit that is stopped there is none."""
    reading = chain.observation.host(host)
    unit, key = value_or_none(reading.unit), shared_key_of(chain.shared_keys, host)
    active = unit is not None and unit.active_state == "active"
    own = (
        _sudo_fact(reading, "nothing can be stopped without it"),
        *_unit_facts(host, reading.unit, dead=active),
        *_signing_facts(host, reading),
    )
    if key is None:
        return own
    goes_on, why = key.decision
    at = chain.observation.began
    return (
        *own,
        named_fact(
            f"key.{short_digest(key.address)}", goes_on or "nobody", Rule.EQUAL, at, why=why
        ),
        *(fact for holder in key.holders for fact in _holder_facts(chain, holder)),
    )


def _holder_facts(chain: ChainSituation, holder: Holder) -> Iterator[Fact]:
    """What tells the holders of a key apart."""
    reading, host = chain.observation.host(holder.host), holder.host
    why = "who runs goes before who does not"
    yield read_fact(f"{host}.holder", holder.standing, reading.processes, why)
    why = "a validator goes on before a full node, that before a standby"
    yield named_fact(f"{host}.role", str(holder.role), Rule.EQUAL, reading.session.at, why=why)
    if holder.since is not None:
        since = str(int(holder.since.timestamp()))
        yield read_fact(
            f"{host}.since", since, reading.unit, "of two that are alike the older goes on"
        )
    yield from _signing_facts(host, reading)


def settings_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about setting what can forbid a start."""
    wanted = {f"{host}.{name}" for name in ("sudo", "unit", "home", "user", "config")}
    return tuple(fact for fact in node_facts(chain, host) if fact.name in wanted)


def _unit_facts(host: str, read: Reading[Unit], *, dead: bool) -> tuple[Fact, ...]:
    """What is started, and how. The process is a fact only of a node that is `dead` in it."""
    unit = value_or_none(read)
    return (
        read_fact(f"{host}.unit", unit.name if unit else UNKNOWN, read, "it is started"),
        read_fact(f"{host}.home", unit.home if unit else UNKNOWN, read, "key and data lie there"),
        read_fact(
            f"{host}.user",
            unit.user if unit else UNKNOWN,
            read,
            "the files are looked into as this user",
        ),
        read_fact(
            f"{host}.stop_timeout",
            str(unit.stop_timeout_s) if unit else UNKNOWN,
            read,
            "so many seconds may its stop take",
        ),
        read_fact(
            f"{host}.invocation",
            (unit.invocation if dead else "") if unit else UNKNOWN,
            read,
            "a restart ends exactly this process",
        ),
    )


def _signing_facts(host: str, reading: HostReading) -> tuple[Fact, ...]:
    """With which key the node signs, what it signed last, and what of its settings can stop it."""
    key = value_or_none(reading.key)
    state = value_or_none(reading.sign_state)
    config = value_or_none(reading.config)
    return (
        read_fact(
            f"{host}.address",
            key.address if key else UNKNOWN,
            reading.key,
            "it says whose power this is",
        ),
        read_fact(
            f"{host}.sign_state",
            f"{state.height}/{state.round}/{state.step}" if state else UNKNOWN,
            reading.sign_state,
            "lower than this could sign twice",
            Rule.AT_LEAST,
        ),
        read_fact(
            f"{host}.config",
            f"double_sign_check_height={config.double_sign_check_height} "
            f"halt_height={config.halt_height} halt_time={config.halt_time}"
            if config
            else UNKNOWN,
            reading.config,
            "it can stop the node again",
        ),
    )


def _down_fact(finding: NodeFinding, otherwise: datetime, *, down: bool) -> Fact:
    """That the node is down, as of its evidence, or as of `otherwise` where it has none."""
    proof = finding.evidence[0] if finding.evidence else None
    return named_fact(
        f"{finding.host}.down",
        "down" if down else str(finding.condition),
        Rule.EQUAL,
        proof.at if proof else otherwise,
        _source(proof),
        why="only what is down is started",
    )


def node_data(facts: Facts, host: str) -> StepData:
    """What the deploys need to know of one node. What could not be read becomes "", and guards
    block. A keyless standby has no sign state either: that counts as the lowest possible one."""

    def fact(name: str) -> str:
        return value_of(facts, host, name)

    height, round_, step = (int(part) for part in (fact("sign_state") or "0/0/0").split("/"))
    return {
        "unit": fact("unit"),
        "home": fact("home"),
        "user": fact("user"),
        "address": fact("address"),
        "sign_height": height,
        "sign_round": round_,
        "sign_step": step,
        "stop_timeout_s": int(fact("stop_timeout") or "0"),
        "invocation": fact("invocation"),
    }


def enable_facts(chain: ChainSituation, host: str) -> tuple[Fact, ...]:
    """What decides about enabling a unit, and about disabling it again."""
    reading = chain.observation.host(host)
    unit = value_or_none(reading.unit)
    was = read_fact(
        f"{host}.enabled",
        unit.enabled if unit else UNKNOWN,
        reading.unit,
        "only what was disabled is disabled again",
    )
    return (*node_facts(chain, host), was)


def disable_data(facts: Facts, host: str) -> StepData:
    """The way back after enabling a unit."""
    names = {"unit": "unit", "home": "home", "user": "user", "was": "enabled"}
    return {key: value_of(facts, host, name) for key, name in names.items()}


def configured_data(facts: Facts, host: str) -> StepData:
    """`node_data` for a start that is refused on the host while a setting forbids it."""
    return {**node_data(facts, host), "settings_off": 1}


def settings_data(facts: Facts, host: str) -> StepData:
    """Every setting that can forbid a start, as it is and as it is to be: 0."""
    old = _settings_of(facts, host)
    return {
        **{name: value_of(facts, host, name) for name in ("unit", "home", "user")},
        **old,
        **{f"new_{name}": 0 for name in old},
    }


def undone_settings_data(facts: Facts, host: str) -> StepData:
    """The way back after `settings_data`, where its run did not come to its goal: all settings as
    they were."""
    old = _settings_of(facts, host)
    return {
        **settings_data(facts, host),
        **dict.fromkeys(old, 0),
        **{f"new_{name}": number for name, number in old.items()},
    }


def restored_data(facts: Facts, host: str) -> StepData:
    """The way back after `settings_data`, for `double_sign_check_height` alone: a halt that is over
    is not put back."""
    data = settings_data(facts, host)
    name = "double_sign_check_height"
    zero = dict.fromkeys(_settings_of(facts, host), 0)
    return {**data, **zero, f"new_{name}": data[name]}


def _settings_of(facts: Facts, host: str) -> dict[str, int]:
    """The settings as the fact has them; 0 for what was not read: then a guard blocks."""
    words = dict.fromkeys(SETTING_NAMES, 0)
    for word in value_of(facts, host, "config").split():
        name, _, number = word.partition("=")
        words[name] = int(number)
    return words


def value_of(facts: Facts, host: str, name: str) -> str:
    """The value of a node's fact, "" where it could not be read."""
    value = facts[f"{host}.{name}"]
    return "" if value == UNKNOWN else value


def _source(proof: Evidence | None) -> str:
    return f"{proof.reading}: {proof.says}" if proof else "diagnosis"


def named_fact(
    name: str, value: str, rule: Rule, at: datetime, source: str = "diagnosis", *, why: str
) -> Fact:
    """A fact that the diagnosis, or a choice of people, gives."""
    return Fact(name=name, value=value, rule=rule, why=why, source=source, at=at)


def read_fact(
    name: str, value: str, reading: Known[object] | Unknown, why: str, rule: Rule = Rule.EQUAL
) -> Fact:
    """A fact that is a reading: its source and its time are the reading's."""
    return Fact(name=name, value=value, rule=rule, why=why, source=reading.source, at=reading.at)
