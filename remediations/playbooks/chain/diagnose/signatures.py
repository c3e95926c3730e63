"""What lines in the journal mean, as data.

The first row that matches any line wins, so specific rows precede general ones: whenever consensus
dies the journal has CONSENSUS FAILURE, and rows above it tell why.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from remediations.playbooks.chain.conditions import NodeCondition


@dataclass(frozen=True)
class LogSignature:
    """A pattern, what a matching line means, the condition that it proves (None: it only explains),
    and what to do."""

    pattern: re.Pattern[str]
    meaning: str
    condition: NodeCondition | None
    by_hand: str = ""


def _row(
    pattern: str, meaning: str, condition: NodeCondition | None = None, by_hand: str = ""
) -> LogSignature:
    return LogSignature(re.compile(pattern), meaning, condition, by_hand)


SIGNATURES: tuple[LogSignature, ...] = (
    _row(
        r"Error reading PrivValidator state|priv_validator_state\.json: no such file",
        "the sign state is missing or unreadable",
        NodeCondition.SIGN_STATE_LOST,
    ),
    _row(
        r"no space left on device",
        "the disk was full",
        NodeCondition.DISK_FULL,
    ),
    _row(
        r"leveldb: manifest corrupted|entry point either missing or corrupted"
        r"|leveldb/table: corruption|pebble.*corruption|Value missing for key",
        "a database is damaged",
        NodeCondition.DATABASE_CORRUPT,
    ),
    _row(
        r"app block height \(\d+\) is higher than core|StoreBlockHeight \(\d+\) > StateBlockHeight"
        r"|statestore height \(\d+\) is not one below|no state found"
        r"|StateBlockHeight \(\d+\) > StoreBlockHeight|wanted to load target \d+ but only found"
        r"|was already saved to different hash",
        "the databases do not belong to the same height",
        NodeCondition.DATABASE_CORRUPT,
    ),
    _row(
        r"found signature from the same key",
        "double_sign_check_height forbids a validator that signed lately to start",
        NodeCondition.DOUBLE_SIGN_CHECK,
    ),
    _row(
        r'UPGRADE ".*" NEEDED at height',
        "the program of an upgrade is needed from here on",
        NodeCondition.UPGRADE_NEEDED,
    ),
    _row(
        r"BINARY UPDATED BEFORE TRIGGER",
        "the program of a later upgrade was installed too early",
        NodeCondition.UPGRADE_NEEDED,
        "Put the program of before the upgrade back, and start.",
    ),
    _row(
        r"halt per configuration height",
        "halt-height or halt-time was reached",
        NodeCondition.HALT_HEIGHT,
    ),
    _row(
        r"\+2/3 (?:committed an|prevoted for an) invalid block.*wrong Block\.Header"
        r"|state\.AppHash does not match AppHash after replay"
        r"|Error in validation.*wrong Block\.Header",
        "its state is not the one the others agreed on",
        NodeCondition.DIVERGED,
    ),
    _row(
        r"wrong Block\.Header\.LastBlockID",
        "it is on another fork",
        NodeCondition.DIVERGED,
    ),
    _row(
        r"failed to apply block|error in proxyAppConn\.FinalizeBlock"
        r"|Failed to process committed block",
        "the application fails at this block",
        NodeCondition.PANICKED,
    ),
    _row(
        r"CONSENSUS FAILURE!!!",
        "consensus died; the process only looks alive",
        NodeCondition.ZOMBIE,
    ),
    _row(
        r"error signing vote|failed signing vote.*(?:regression|conflicting data)"
        r"|(?:height|round|step) regression|conflicting data",
        "the sign state refuses to sign: it is ahead of this round, or the WAL was lost",
        None,
        "Do not touch the sign state or the WAL. It signs again once the others pass its "
        "height and round; with one third or more like this, ask for help before any step.",
    ),
    _row(
        r"error with private validator socket client|SignerClient::Ping",
        "the remote signer does not answer",
        None,
        "Mend the remote signer first; its state must not be lower than before.",
    ),
    _row(
        r"too many open files",
        "the limit of open files was reached",
        None,
        "Raise LimitNOFILE of the unit to 65535, then start it.",
    ),
    _row(
        r"resource temporarily unavailable",
        "another process holds the database",
        None,
        "Find the process that uses this home; never delete a LOCK file.",
    ),
    _row(r"Out of memory: Killed process", "the kernel killed it for memory"),
    _row(r"genesis doc hash", "its genesis file is not that of its database"),
    # In a container systemd reports an I/O error for a control group: that is not a disk.
    _row(r"^(?!.*control group).*(?:SIGBUS|[Ii]nput/output error|I/O error)", "the disk fails"),
    _row(r"^Error: |panic: ", "it ends with"),
)


def first_match(
    lines: tuple[str, ...], cured: frozenset[NodeCondition] = frozenset()
) -> tuple[LogSignature, str] | None:
    """The first row that matches a line, with the newest such line. Conditions in `cured` are
    skipped."""
    for signature in SIGNATURES:
        if signature.condition in cured:
            continue
        for line in reversed(lines):
            if signature.pattern.search(line):
                return signature, line
    return None


def any_match(lines: tuple[str, ...], conditions: frozenset[NodeCondition]) -> bool:
    """Whether any line is a signature of one of these conditions."""
    patterns = [s.pattern for s in SIGNATURES if s.condition in conditions]
    return any(pattern.search(line) for pattern in patterns for line in lines)
