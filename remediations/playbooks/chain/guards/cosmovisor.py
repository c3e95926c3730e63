"""Guards on another program for a node below cosmovisor (ids: docs/rules/guards.md).

What cosmovisor will start next follows from its settings, its link and `upgrade-info.json`. Where
one of these is not what it seems, a program that is put somewhere stays without effect, or another
one starts.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from shlex import quote

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.cosmovisor import (
    cosmovisor_of,
    not_read,
    place_of,
    upgrade_of,
    upgrades_asked,
)
from remediations.playbooks.chain.program import chosen_program, named_upgrades
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.cosmovisor import PROGRAM_NAME, Cosmovisor
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import value_or_none

_AGAIN = "`remediate diagnose` again"


def upgrade_named(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G95: where an upgrade waits for its program, its name is known, and so its directory."""
    host, told = reading.host, cosmovisor_of(reading)
    node = chain.finding.node(host)
    holds: bool | None = None
    next_step = _AGAIN
    if told is None:
        got = not_read(reading)
    elif node.condition is not NodeCondition.UPGRADE_NEEDED and not upgrade_of(chain, host):
        holds, got = True, "no upgrade: the program in use is replaced"
    else:
        holds, got = _named(chain, reading, told)
    if holds is False:
        next_step = (
            f"compare data/upgrade-info.json on {host} with that of the others, and with the plan "
            "that the chain decided; put the program there by hand. Never delete that file"
        )
    return guard_result(
        "G95",
        "the upgrade is known by name, or there is none",
        subject=host,
        holds=holds,
        got=got,
        expected="one name, the same in upgrade-info.json and in the journal, of plain characters",
        next_step=next_step,
        facts=(f"{host}.upgrade", f"{host}.upgrade_info"),
    )


def _named(
    chain: ChainSituation, reading: HostReading, told: Cosmovisor
) -> tuple[bool | None, str]:
    """Whether one name is known, and what was found."""
    node = chain.finding.node(reading.host)
    said = named_upgrades(node)
    own = told.asked.name if told.asked is not None else ""
    if node.condition is NodeCondition.UPGRADE_NEEDED and not own:
        return False, "data/upgrade-info.json is not there"
    others = {name for name in said if name.lower() != own.lower()}
    if own and others:
        return False, f"upgrade-info.json names {own}, the journal {name_some(sorted(others))}"
    name = own or upgrade_of(chain, reading.host)
    if not name:
        asked = upgrades_asked(chain, *chain.finding.nodes)
        return False, f"the others ask for {name_some(asked)}" if asked else "no name"
    if not told.directory_of(name):
        return False, f"{name!r}, which is no plain name of a directory"
    return True, f"{name}, in {told.directory_of(name)}"


def link_leads_to_program(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G96: the link `current` leads to a directory of this home, with the program that runs."""
    host, told, binary = reading.host, cosmovisor_of(reading), value_or_none(reading.binary)
    holds: bool | None = None
    next_step = _AGAIN
    if told is None or binary is None:
        got = not_read(reading) if told is None else "the program was not read"
    elif not told.link or not told.leads:
        holds = False
        got = f"current leads to {told.link}, where nothing is" if told.link else "no link current"
    else:
        holds = binary.path == f"{told.leads}/bin/{told.name}" and told.leads.startswith(
            f"{told.root}/"
        )
        got = f"current leads to {told.leads}" if holds else f"{told.link}/bin is {binary.path}"
    if holds is False and told is not None:
        link = quote(f"{told.root}/current")
        next_step = (
            f"on {host}: `ls -l {link}`; let it lead to the directory of the last upgrade that was "
            f"done, or to genesis (`sudo ln -sfn DIRECTORY {link}`), with the program itself in bin"
        )
    return guard_result(
        "G96",
        "cosmovisor's link leads to the program in use",
        subject=host,
        holds=holds,
        got=got,
        expected="a link to a directory below cosmovisor of this home, with bin/DAEMON_NAME",
        next_step=next_step,
        facts=(f"{host}.program_path", f"{host}.program_name"),
    )


def one_home(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G97: cosmovisor and the daemon have one home, and its settings are those of the unit."""
    host, told, unit = reading.host, cosmovisor_of(reading), value_or_none(reading.unit)
    holds: bool | None = None
    next_step = _AGAIN
    if told is None or unit is None:
        got = not_read(reading) if told is None else "the unit was not read"
    else:
        got = f"DAEMON_HOME={told.home or '(not set)'} DAEMON_NAME={told.name or '(not set)'}"
        got += f", the daemon's home {unit.home}"
        if told.config_file:
            got = "settings in a file (--cosmovisor-config)"
        holds = (
            not told.config_file
            and told.home.rstrip("/") == unit.home
            and PROGRAM_NAME.fullmatch(told.name) is not None
        )
    if holds is False and unit is not None:
        next_step = (
            f"set DAEMON_HOME and DAEMON_NAME in {unit.name} on {host} (Environment=), the home "
            "that of the daemon's --home; cosmovisor reads upgrade-info.json below DAEMON_HOME/data"
        )
    return guard_result(
        "G97",
        "cosmovisor and the daemon have one home",
        subject=host,
        holds=holds,
        got=got,
        expected="DAEMON_HOME and DAEMON_NAME in the unit, and the daemon's own home",
        next_step=next_step,
        facts=(f"{host}.home", f"{host}.program_name"),
    )


def place_is_free(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G98: nothing is in the place of the program but the program itself, or the one in use."""
    host, program, place = reading.host, chosen_program(chain), place_of(chain, reading.host)
    holds: bool | None = None
    next_step = _AGAIN
    if place is None:
        got = "where it goes is not known"
    elif place.has is None:
        got = f"{place.path} has a program that was not read"
    else:
        holds = not place.upgrade or place.has in ("", program)
        binary = value_or_none(reading.binary)
        holds = holds or (binary is not None and place.path == binary.path)
        got = f"{place.path}: SHA-256 {place.has}" if place.has else f"{place.path}: nothing"
    if holds is False and place is not None:
        aside = quote(
            str(PurePosixPath(place.path).with_name("was." + PurePosixPath(place.path).name))
        )
        next_step = (
            f"find out who put it there. Is it the right one, plan with `--program` and its hash "
            f"({short_digest(place.has or '')}…); else, on {host}: "
            f"`sudo mv {quote(place.path)} {aside}`"
        )
    return guard_result(
        "G98",
        "no other program lies in its place",
        subject=host,
        holds=holds,
        got=got,
        expected="nothing, the chosen program, or the one that is in use",
        next_step=next_step,
        facts=(f"{host}.place", f"{host}.place_has", "chain.program"),
    )
