"""Guards on another program for a node (ids: docs/rules/guards.md).

Where a guard passes, its next step is the same words whatever was read: at `apply` it is compared.
What cannot be known before is found out on the host right before the swap: that the program that
was brought still has its hash, is for this platform, and runs there.
"""

from __future__ import annotations

from shlex import quote

from msgspec import UNSET
from msgspec.structs import replace

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, Outcome, guard_result
from remediations.playbooks.chain.classes import ChainClass
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.cosmovisor import upgrades_asked
from remediations.playbooks.chain.guards.node import same_binary
from remediations.playbooks.chain.program import (
    FAILING,
    chosen_program,
    cured_by_program,
    has_program,
    runs_program,
)
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some, percent, short_digest
from remediations.systems.comet.cosmovisor import is_cosmovisor
from remediations.systems.comet.quorum import has_quorum
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import Unknown, value_or_none

_LOOK = "`remediate diagnose` shows the evidence"
_AGAIN = "`remediate diagnose` again"
_CHOOSE = "`remediate stage FILE`, then `remediate plan INC-001 --program SHA256`"


def curable_by_program(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G60: another program may cure what is wrong with the node."""
    finding = chain.finding.node(reading.host)
    holds = cured_by_program(finding)
    return guard_result(
        "G60",
        "what is wrong with the node is cured by another program",
        subject=reading.host,
        holds=holds,
        got=f"{finding.condition}: {finding.cause}",
        expected=", ".join(
            sorted((*FAILING, *(c for c in NodeCondition if c.rule.cure is not None)))
        ),
        next_step=_LOOK if holds else finding.by_hand or _LOOK,
        facts=(f"{reading.host}.down",),
    )


def program_staged(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G61: the program was brought to the host, or is the one on its disk already."""
    program, host = chosen_program(chain), reading.host
    binary, records = value_or_none(reading.binary), value_or_none(reading.records)
    there = binary is not None and binary.sha256 == program
    known = bool(program) and records is not None
    staged = records is not None and program in records.staged
    if isinstance(reading.records, Unknown):
        got = reading.records.reason
    elif not program:
        got = "no program was chosen"
    else:
        got = "it is in place" if there else "it was brought" if staged else "it is not there"
    return guard_result(
        "G61",
        "the program is on the host",
        subject=host,
        holds=(staged or there) if known else None,
        got=got,
        expected=f"a file with SHA-256 {program or '…'}",
        next_step=f"remediate stage FILE --limit {quote(host)}" if program else _CHOOSE,
        facts=(f"{host}.staged", f"{host}.program", "chain.program"),
    )


def another_program(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G62: it is not the program that fails there: it would fail in the same way again."""
    program, host = chosen_program(chain), reading.host
    binary, finding = value_or_none(reading.binary), chain.finding.node(host)
    failed = ""
    if binary is not None and finding.condition in FAILING:
        failed = binary.running_sha256 or binary.sha256
    if binary is None:
        got = "its program was not read"
    else:
        got = f"{short_digest(failed)} fails there" if failed else "no program fails there"
    return guard_result(
        "G62",
        "it is another program than the one that fails",
        subject=host,
        holds=failed != program if binary is not None and program else None,
        got=got,
        expected=f"any other than {short_digest(program)}" if program else "a program to compare",
        next_step=f"build one that gets past this block; then {_CHOOSE}"
        if binary is not None
        else _AGAIN,
        facts=(f"{host}.program", "chain.program"),
    )


def program_announced(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G111: where the upgrade that waits announces the SHA-256 of its program for this platform,
    it is the chosen one (docs/rules/guards.md#g111)."""
    host, program = reading.host, chosen_program(chain)
    read = reading.announced
    sha256, why = announced_for(chain, host)
    holds: bool | None = not sha256 or sha256 == program
    if isinstance(read, Unknown):
        holds, why = None, read.reason
    return guard_result(
        "G111",
        "the program is the one that the upgrade announces",
        subject=host,
        holds=holds,
        got=f"chosen is {program}" if sha256 else why,
        expected=sha256 or "its SHA-256, where one is announced for this platform",
        next_step=f"look at data/upgrade-info.json on {host}"
        if holds is None
        else "get the announced program, and `remediate stage FILE`; or find out who announced "
        "another one than you were given",
        facts=("chain.program",),
    )


def announced_for(chain: ChainSituation, host: str) -> tuple[str, str]:
    """The SHA-256 of the program that the upgrade which waits announces for a host, "" for none,
    and then why there is none to compare with. Where no journal names the upgrade, it is the one of
    the host's upgrade-info.json."""
    read = chain.observation.host(host).announced
    if read is UNSET or isinstance(read, Unknown):
        return "", "it has no upgrade-info.json"
    told = read.value
    asked = {name.lower() for name in upgrades_asked(chain, *chain.finding.nodes)}
    unnamed = not asked and chain.finding.chain is ChainClass.UPGRADE_NEEDED
    if told.upgrade.lower() not in asked and not unnamed:
        return "", f"its upgrade-info.json is of {told.upgrade}, for which nobody waits"
    if told.here is None or not told.here.sha256:
        return "", f"no SHA-256 is announced for {told.platform}"
    if told.here.archive:
        return "", f"the SHA-256 that is announced for {told.platform} is that of an archive"
    return told.here.sha256, ""


def starts_program_itself(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G63: the unit starts the program itself. Where a wrapper chooses it, a swap may not be what
    it starts next."""
    unit, binary = value_or_none(reading.unit), value_or_none(reading.binary)
    host, next_step = reading.host, _AGAIN
    if unit is None or binary is None:
        holds, got = None, "unit or program was not read"
    else:
        holds = unit.binary == binary.path and not is_cosmovisor(unit.binary)
        got = f"{unit.binary} starts {binary.path}" if not holds else binary.path
        next_step = _AGAIN
        if not holds:
            next_step = f"put the program by hand where {unit.binary} looks for it, on {host}"
    return guard_result(
        "G63",
        "the unit starts its program itself",
        subject=host,
        holds=holds,
        got=got,
        expected="no wrapper in between",
        next_step=next_step,
        facts=(f"{host}.program_path", f"{host}.unit"),
    )


def same_or_chosen(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G8, where people choose the program that executes the block again: it is in place before."""
    program, result = chosen_program(chain), same_binary(chain, reading)
    if not program:
        return result
    has = has_program(reading, program)
    return replace(
        result,
        outcome=Outcome.UNKNOWN if value_or_none(reading.binary) is None else Outcome.PASS,
        got=f"sha256 {program[:16]} is {'there' if has else 'put in place before'}",
        expected=f"sha256 {program[:16]}, which was chosen for all",
    )


def enough_get_program(
    chain: ChainSituation, proposal: Proposal[ChainSituation]
) -> GuardResult | None:
    """G64: more than two thirds of the power get the program, or run it already."""
    finding, program = chain.finding, chosen_program(chain)
    targets = frozenset(proposal.targets)
    gets = sum(finding.node(host).power for host in targets)
    has = [
        node
        for node in finding.nodes
        if node.host not in targets
        and node.host in chain.voting
        and runs_program(chain.observation.host(node.host), program)
    ]
    runs = sum(node.power for node in has)
    left = [
        f"{node.host} ({node.power}, {node.condition})"
        for node in finding.nodes
        if node.power and node.host not in targets and node not in has
    ]
    total = finding.total_power
    holds = has_quorum(gets + runs, total) if total else None
    return guard_result(
        "G64",
        "more than two thirds get the program, or run it",
        holds=holds,
        got=f"{gets} get it, {runs} run it, of {total} ({percent(gets + runs, total)})"
        + (f"; not: {name_some(left, 4)}" if left else ""),
        expected="more than 2/3",
        next_step=f"mend by hand: {left[0]}; see `remediate diagnose`"
        if left and not holds
        else "add the missing validators' hosts to the inventory, or agree with their operators",
        facts=("chain.total_power", "chain.program"),
    )


def others_run_program(
    chain: ChainSituation, _proposal: Proposal[ChainSituation]
) -> GuardResult | None:
    """G65: while blocks go on, a node gets the program that makes them, and no other."""
    total, program = chain.finding.total_power, chosen_program(chain)
    ran = chain.running.get(program)
    power = ran.power if ran is not None else 0
    known = {sha: use for sha, use in chain.running.items() if use.power}
    unread = total - sum(use.power for use in known.values())
    holds: bool | None = has_quorum(power, total) if total else None
    if not holds and has_quorum(power + unread, total):
        holds = None
    return guard_result(
        "G65",
        "the program is the one that more than two thirds run",
        holds=holds,
        got=f"{short_digest(program)} runs with {power} of {total} power"
        + (f"; of {unread} the program was not read" if unread else ""),
        expected="more than 2/3; running are "
        + (
            name_some([f"{sha} (power {use.power})" for sha, use in sorted(known.items())], 2)
            or "none that was read"
        ),
        next_step=_AGAIN
        if holds is None
        else "choose the program that the others run: `remediate stage FILE` with it, then "
        "`remediate plan node-down --program SHA256`",
        facts=("chain.total_power", "chain.program"),
    )
