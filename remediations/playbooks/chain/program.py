"""The program that people choose for a plan, and whom another program may cure. Pure."""

from __future__ import annotations

import re

from remediations.engine.domain import Input
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.finding import NodeFinding
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.journal_lines import asked_upgrade
from remediations.systems.comet.reading import HostReading
from remediations.values.reading import value_or_none

PROGRAM = "program"
INSTALLS = "node.install"
INSTALLS_BELOW = "node.install.cosmovisor"
UPGRADES_BELOW = "node.install.upgrade"
"""The actions that put it in place; the others where cosmovisor looks for it: in the place of the
program in use, or in that of an upgrade, to which cosmovisor then switches by itself."""
EXCHANGES = "node.exchange"
EXCHANGES_BELOW = "node.exchange.cosmovisor"
"""The actions that put it in place while the node is held, before a rollback."""
FAILING = (NodeCondition.PANICKED, NodeCondition.UPGRADE_NEEDED, NodeCondition.FAILS_ALONE)
"""What a node says where its program may be the wrong one for this block."""
_SHA256 = re.compile("[0-9a-f]{64}")


def _parse(text: str) -> str:
    found = text.strip().lower().removeprefix("sha256:")
    if not _SHA256.fullmatch(found):
        raise ValueError("64 hex digits, as `sha256sum FILE` and `remediate stage FILE` print them")
    return found


INPUT = Input(
    name=PROGRAM,
    metavar="SHA256",
    help="The program to install, which `remediate stage FILE` has brought to the hosts.",
    parse=_parse,
)


def chosen_program(chain: ChainSituation) -> str:
    """The SHA-256 of the program that was chosen, "" for none."""
    return chain.inputs.get(PROGRAM, "")


def cured_by_program(node: NodeFinding) -> bool:
    """Whether a node gets the program: its own one fails, or it is down for a reason that a start
    cures, and would start with the one that fails."""
    return node.condition in FAILING or node.condition.rule.cure is not None


def has_program(reading: HostReading, sha256: str) -> bool:
    """Whether this very program is the one that is started there."""
    binary = value_or_none(reading.binary)
    return binary is not None and binary.sha256 == sha256 != ""


def runs_program(reading: HostReading, sha256: str) -> bool:
    """Whether this very program runs there."""
    binary = value_or_none(reading.binary)
    return binary is not None and binary.running_sha256 == sha256 != ""


def named_upgrades(*nodes: NodeFinding) -> tuple[str, ...]:
    """The upgrades that these nodes ask for, by the name that the chain gave them."""
    found = {asked_upgrade(proof.says) for node in nodes for proof in node.evidence}
    return tuple(sorted(found - {""}))
