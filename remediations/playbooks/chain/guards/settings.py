"""Guards on settings that can forbid a start, and on the steps that set them
(ids: docs/rules/guards.md)."""

from __future__ import annotations

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.forbidding import check_forbids, set_by_flags
from remediations.playbooks.chain.situation import ChainSituation, latest_status
from remediations.render.formats import name_some
from remediations.systems.comet.reading import HostReading
from remediations.systems.hosts.values import NodeConfig
from remediations.values.reading import value_or_none

_AFTER = "set to 0 by the step before the start, which looks at it again"
_COUNTS_ON = {
    "node.start.configured": "node.configure",
    "node.restart.configured": "node.configure",
    "node.start.freed": "node.free",
    "node.restart.freed": "node.free",
    "node.start.raised": "node.raise",
    "node.restart.raised": "node.raise",
}
"""A start that passes guards since a step of the same plan comes first, and that step."""


def double_sign_check_off(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G25: with `double_sign_check_height` above 0, a validator that signed recently exits when it
    is started. What 1 does depends on the version, which only a node that answers reports."""
    return _double_sign_check(chain, reading, lifted=False)


def double_sign_check_lifted(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G25, where a step of the plan sets it to 0 before."""
    return _double_sign_check(chain, reading, lifted=True)


def _double_sign_check(chain: ChainSituation, reading: HostReading, *, lifted: bool) -> GuardResult:
    title = "double_sign_check_height does not forbid the start"
    config = value_or_none(reading.config)
    power = chain.finding.node(reading.host).power
    if config is None:
        return guard_result(
            "G25",
            title,
            subject=reading.host,
            holds=None,
            got="config.toml could not be read",
            expected="0",
            next_step="`remediate diagnose` again",
            facts=(f"{reading.host}.config",),
        )
    value, status = config.double_sign_check_height, latest_status(reading)
    version = status.version if status is not None else None
    forbids = check_forbids(chain, reading)
    seen = f", CometBFT {version or 'of unknown version'}" if value == 1 and power else ""
    seen += f", {_AFTER}" if value and lifted else ""
    return guard_result(
        "G25",
        title,
        subject=reading.host,
        holds=True if lifted else None if forbids is None else not forbids,
        got=f"{value}, power {power}{seen}",
        expected="0 (1 does nothing before CometBFT 0.38.24 and 0.39.4, and forbids it since)"
        if value == 1
        else "0",
        next_step="set double_sign_check_height = 0 in config.toml, and back after the start",
        facts=(f"{reading.host}.config",),
    )


def no_leftover_halt(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G28: a left-over halt-height or halt-time would stop the node again at once."""
    return _halt(chain, reading, lifted=False)


def halt_lifted(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G28, where a step of the plan sets both to 0 before."""
    return _halt(chain, reading, lifted=True)


def _halt(_chain: ChainSituation, reading: HostReading, *, lifted: bool) -> GuardResult:
    title = "no halt-height or halt-time is left over"
    config = value_or_none(reading.config)
    halts = config is not None and bool(config.halt_height or config.halt_time)
    return guard_result(
        "G28",
        title,
        subject=reading.host,
        holds=None if config is None else lifted or not halts,
        got="app.toml could not be read"
        if config is None
        else f"halt-height {config.halt_height}, halt-time {config.halt_time}"
        + (f", {_AFTER}" if lifted and halts else ""),
        expected="0 and 0",
        next_step="`remediate diagnose` again"
        if config is None
        else "set halt-height = 0 and halt-time = 0 in app.toml, then plan again",
        facts=(f"{reading.host}.config",),
    )


def set_in_files(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """N4: what forbids the start stands in files of the node, where a step can set it; a flag of
    its unit would decide in their place."""
    config, flags = value_or_none(reading.config), set_by_flags(reading)
    values = {} if config is None else _values(config)
    return guard_result(
        "N4",
        "what forbids the start is set in the node's files",
        subject=reading.host,
        holds=None if config is None else bool(values) and not flags,
        got="config.toml and app.toml could not be read"
        if config is None
        else f"{', '.join(flags)} on the command line of its unit"
        if flags
        else ", ".join(f"{name} {value}" for name, value in values.items()) or "nothing forbids it",
        expected="a setting above 0, and no flag in its place",
        next_step=f"take {' and '.join(flags)} out of ExecStart (`systemctl edit --full`), "
        "`sudo systemctl daemon-reload`, then plan again"
        if flags
        else "`remediate diagnose` again: there is nothing to set",
        facts=(f"{reading.host}.config", f"{reading.host}.unit"),
    )


def _values(config: NodeConfig) -> dict[str, int]:
    found = {
        "double_sign_check_height": config.double_sign_check_height,
        "halt-height": config.halt_height,
        "halt-time": config.halt_time,
    }
    return {name: value for name, value in found.items() if value}


def set_before(chain: ChainSituation, proposal: Proposal[ChainSituation]) -> GuardResult | None:
    """N5: a start that counts on settings, on room or on a limit comes after the step that sees to
    that, on the same host. Not asked where no start does."""
    counting = [move.target for move in proposal.moves if move.action.name in _COUNTS_ON]
    if not counting:
        return None
    done: set[tuple[str, str]] = set()
    early = []
    for move in proposal.moves:
        done.add((move.action.name, move.target))
        needed = _COUNTS_ON.get(move.action.name)
        if needed is not None and (needed, move.target) not in done:
            early.append(move.target)
    return guard_result(
        "N5",
        "settings are set before the starts that count on it",
        holds=not early,
        got=f"{name_some(early)} first" if early else f"{len(counting)} of {len(counting)}",
        expected="on every host the settings first",
        next_step=f"report this: it is a fault of the plan, not of {chain.observation.chain_id}",
        facts=tuple(f"{host}.config" for host in counting),
    )
