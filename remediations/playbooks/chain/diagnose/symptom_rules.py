"""What follows for a node from what its journal tells, as data (docs/rules/conditions.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from remediations.playbooks.chain.conditions import NodeCondition
from remediations.systems.comet.journal_lines import Symptom


@dataclass(frozen=True, kw_only=True)
class SymptomRule:
    """The condition that a symptom proves (None: it only explains), and what a person does: ""
    for what the condition says.

    `together` is the condition where no other node got past the block that this one fails at: then
    it is not this node's own store or surroundings. `ended`: it proves the condition only of a
    process that has ended.
    """

    condition: NodeCondition | None = None
    by_hand: str = ""
    together: NodeCondition | None = None
    ended: bool = False


_REBUILD = "Rebuild this node from a good one or by state sync, with its own sign state kept."

RULES: Mapping[Symptom, SymptomRule] = MappingProxyType(
    {
        Symptom.EQUIVOCATION: SymptomRule(),  # judged before all else (`double_signing`)
        Symptom.SIGN_STATE_UNREADABLE: SymptomRule(condition=NodeCondition.SIGN_STATE_LOST),
        Symptom.DISK_FULL: SymptomRule(condition=NodeCondition.DISK_FULL),
        Symptom.DISK_READ_ONLY: SymptomRule(
            condition=NodeCondition.DISK_FULL,
            by_hand="Find out why it was mounted read-only (`dmesg`), mend the disk, and mount it "
            "read-write. Then diagnose again.",
        ),
        Symptom.DISK_FAILS: SymptomRule(
            condition=NodeCondition.DATABASE_CORRUPT,
            by_hand="Look at the disk (`dmesg`, `smartctl -a`) and replace it first. " + _REBUILD,
        ),
        Symptom.FILES_GONE: SymptomRule(
            condition=NodeCondition.DATABASE_CORRUPT,
            by_hand="Find out what deletes files there, and stop it. " + _REBUILD,
        ),
        Symptom.DATABASE_DAMAGED: SymptomRule(condition=NodeCondition.DATABASE_CORRUPT),
        Symptom.STORES_APART: SymptomRule(condition=NodeCondition.DATABASE_CORRUPT),
        Symptom.STORE_INCOMPLETE: SymptomRule(
            condition=NodeCondition.DATABASE_CORRUPT, together=NodeCondition.PANICKED
        ),
        Symptom.EVIDENCE_KNOWN: SymptomRule(
            condition=NodeCondition.DATABASE_CORRUPT,
            by_hand="Stop it, move data/evidence.db aside (only that), and start it: evidence that "
            "is not committed yet comes back from the peers. Nothing is to be done elsewhere.",
        ),
        Symptom.STORE_UPGRADE: SymptomRule(
            condition=NodeCondition.UPGRADE_NEEDED,
            by_hand="Compare the program with that of the others (`sha256sum`), and put the one of "
            "this height there. No rollback.",
        ),
        Symptom.DOUBLE_SIGN_CHECK: SymptomRule(condition=NodeCondition.DOUBLE_SIGN_CHECK),
        Symptom.UPGRADE: SymptomRule(condition=NodeCondition.UPGRADE_NEEDED),
        Symptom.UPGRADED_EARLY: SymptomRule(
            condition=NodeCondition.UPGRADE_NEEDED,
            by_hand="Put the program of before the upgrade back, and start.",
        ),
        Symptom.HALT_SETTING: SymptomRule(condition=NodeCondition.HALT_HEIGHT),
        Symptom.OTHER_STATE: SymptomRule(condition=NodeCondition.DIVERGED),
        Symptom.SIGNER_MISFIT: SymptomRule(
            condition=NodeCondition.DEPENDENCY_FAILS,
            by_hand="Bring signer and daemon to versions that fit (the signer has to sign vote "
            "extensions), its state not lower than before; then `sudo systemctl restart UNIT`.",
        ),
        Symptom.SIGNER_SILENT: SymptomRule(
            condition=NodeCondition.DEPENDENCY_FAILS,
            by_hand="Mend the remote signer first; its state must not be lower than before. Then "
            "`sudo systemctl restart UNIT`.",
            ended=True,
        ),
        Symptom.DEPENDENCY: SymptomRule(condition=NodeCondition.DEPENDENCY_FAILS),
        Symptom.GAS_PRICE: SymptomRule(
            condition=NodeCondition.OBSTRUCTED,
            by_hand="Set minimum-gas-prices in app.toml (as the other nodes have it), then "
            "`sudo systemctl restart UNIT`.",
        ),
        Symptom.COMMAND_LINE: SymptomRule(
            condition=NodeCondition.OBSTRUCTED,
            by_hand="Take what this program does not know out of ExecStart, or install the program "
            "that knows it; then `sudo systemctl daemon-reload` and `sudo systemctl restart UNIT`.",
        ),
        Symptom.GENESIS: SymptomRule(
            condition=NodeCondition.OBSTRUCTED,
            by_hand="Put the genesis file of this chain back (compare `sha256sum` with another "
            "node), then `sudo systemctl restart UNIT`.",
        ),
        Symptom.CONFIGURATION: SymptomRule(
            condition=NodeCondition.OBSTRUCTED,
            by_hand="Mend the file that it names (compare with another node), then "
            "`sudo systemctl restart UNIT`.",
        ),
        Symptom.ADDRESS_IN_USE: SymptomRule(
            condition=NodeCondition.OBSTRUCTED,
            by_hand="Find the process that has the port (`ss -ltnp`). If it is a second daemon "
            "with this home, stop that one first; then `sudo systemctl restart UNIT`.",
        ),
        Symptom.OPEN_FILES: SymptomRule(
            condition=NodeCondition.OPEN_FILES,
            by_hand="`remediate plan node-down` (INC-001 in a halt) raises its limit and starts "
            "it. By hand: raise LimitNOFILE of the unit to 65535 (`sudo systemctl edit UNIT`), "
            "then `sudo systemctl restart UNIT`.",
        ),
        Symptom.DATABASE_HELD: SymptomRule(
            condition=NodeCondition.OBSTRUCTED,
            by_hand="Find the process that uses this home (`fuser -v` on its databases); never "
            "delete a LOCK file.",
        ),
        Symptom.NO_PROGRAM: SymptomRule(
            condition=NodeCondition.OBSTRUCTED,
            by_hand="Put what systemd misses there (the program, a directory, a file of settings), "
            "or correct the unit; then `sudo systemctl daemon-reload` and "
            "`sudo systemctl restart UNIT`.",
        ),
        Symptom.OUT_OF_MEMORY: SymptomRule(),
        Symptom.BLOCK_FAILS: SymptomRule(
            condition=NodeCondition.FAILS_ALONE, together=NodeCondition.PANICKED
        ),
        Symptom.SIGNER_REFUSES: SymptomRule(
            by_hand="Read in the signer's own log why, and mend that; never lower its state.",
        ),
        Symptom.SIGNING_REFUSED: SymptomRule(
            by_hand="Do not touch the sign state or the WAL. It signs again once the others pass "
            "its height and round; with one third or more like this, ask for help before any step.",
        ),
        Symptom.WAL_DAMAGED: SymptomRule(),
        Symptom.GO_FATAL: SymptomRule(),
        Symptom.CONSENSUS_FAILURE: SymptomRule(condition=NodeCondition.ZOMBIE),
        Symptom.ENDS_WITH: SymptomRule(),
    }
)
"""A rule for each symptom."""
