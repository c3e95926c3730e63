"""The conditions of a node, and what follows from each: one table, which everything else asks.

Each is described in docs/rules/conditions.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from remediations.engine.find.finding import Health
from remediations.playbooks.chain.classes import ChainClass


class NodeCondition(StrEnum):
    """What is wrong with one node. One value: the one that has to be repaired first."""

    HEALTHY = "healthy"
    STOPPED = "stopped"
    DISABLED = "disabled"  # stopped, and would not start at boot, or masked
    HELD = "held"  # a run stopped it, and has not let it go
    START_FAILS = "start-fails"  # failed, or exits at once
    CRASH_LOOP = "crash-loop"
    FROZEN = "frozen"  # the process exists and answers nothing (SIGSTOP, D state, hung RPC)
    WRAPPER_ALONE = "wrapper-alone"  # its unit runs a wrapper, and the daemon in it has ended
    RPC_SILENT = "rpc-silent"  # its RPC answers nothing, and the others have its votes
    ZOMBIE = "zombie"  # the process is up, consensus is dead after CONSENSUS FAILURE
    CLOCK_OFF = "clock-off"  # it follows the chain, and its clock is wrong
    BEHIND = "behind"  # catching up
    STUCK = "stuck"  # below the tip, in block sync, and its height does not rise
    WAITING = "waiting"  # well, but the chain is halted
    DIVERGED = "diverged"  # its app hash differs from that of the others
    PANICKED = "panicked"  # the application panics at this height
    FAILS_ALONE = "fails-alone"  # its application fails at a block that others have applied
    OBSTRUCTED = "obstructed"  # a limit, a setting or a file stands in the way of every start
    OPEN_FILES = "open-files"  # its unit may open too few files, and it ended for that
    DEPENDENCY_FAILS = "dependency-fails"  # what it calls does not answer, or does not fit
    OUT_OF_MEMORY = "out-of-memory"  # killed for memory again and again
    KEEPS_FAILING = "keeps-failing"  # each attempt ends with the same words
    UPGRADE_NEEDED = "upgrade-needed"
    HALT_HEIGHT = "halt-height"
    DISK_FULL = "disk-full"
    DATABASE_CORRUPT = "database-corrupt"
    KEY_MISSING = "key-missing"
    SIGN_STATE_LOST = "sign-state-lost"  # missing, zeroed, or lower than what the chain shows
    DUPLICATE_KEY = "duplicate-key"
    DOUBLE_SIGNING = "double-signing"  # its key signs twice now
    NOT_SIGNING = "not-signing"  # it has power and follows, and does not sign
    JAILED = "jailed"  # its validator missed too many blocks, and may come back
    TOMBSTONED = "tombstoned"  # its validator signed twice, and never comes back
    UNBONDED = "unbonded"  # its validator is not bonded, and not jailed; or there is none
    NO_POWER = "no-power"  # not in the validator set, and the chain did not tell why
    SAME_MACHINE = "same-machine"  # the inventory has it under two names
    DOUBLE_SIGN_CHECK = "double-sign-check"  # exits because of double_sign_check_height
    STARVED = "starved"  # one node alone stands, and its peers are none, few or silent
    ISOLATED = "isolated"  # no peers, or in a component without quorum
    UNREACHABLE = "unreachable"  # SSH fails; the daemon may still be running
    STANDBY = "standby"  # keyless and stopped on purpose
    NO_DAEMON = "no-daemon"  # a bastion
    UNKNOWN = "unknown"

    @property
    def rule(self) -> ConditionRule:
        """What follows from it."""
        return CONDITIONS[self]


class Cure(StrEnum):
    """What a playbook may do about a node."""

    START = "start"  # no process exists
    RESTART = "restart"  # one exists, and is dead or keeps dying


@dataclass(frozen=True, kw_only=True)
class ConditionRule:
    """What follows from one condition.

    `health` is how the node is shown. `running`: its process is well, whatever the chain does.
    `cure` is what may cure it; None where a person has to act, or nobody has to, and guard N1
    refuses then. `setting_forbids`: a setting of its own ends it each time; it may be restarted
    once a step has set that to 0, which a person can do as well (`by_hand`). `names_process`:
    exactly this process is to be ended, so a plan names its invocation; a unit in a crash loop has
    a new one every few seconds. `consensus_dead`: consensus
    has ended in the process, so its votes of this round, if any, are its last. `hides_power`: the
    node may hold power without showing its key. `comes_first`: nothing is planned on any host
    before it is mended, which guards G2 and G2b see to. `halts_as` is the class of a chain whose
    validators all say this while nobody answers. `by_hand` is what a person does, "" where a
    playbook does it or nothing is to be done; `UNIT` in it becomes the name of the node's unit.
    """

    health: Health = Health.DOWN
    running: bool = False
    cure: Cure | None = None
    setting_forbids: bool = False
    names_process: bool = False
    consensus_dead: bool = False
    hides_power: bool = False
    comes_first: bool = False
    halts_as: ChainClass | None = None
    by_hand: str = ""


WITHOUT_POWER = frozenset(
    {
        NodeCondition.JAILED,
        NodeCondition.TOMBSTONED,
        NodeCondition.UNBONDED,
        NodeCondition.NO_POWER,
    }
)
"""A validator that follows the chain, and whose key is not in the validator set."""


# The reasons for the advice are in docs/rules/conditions.md. A rollback is soft, and a person's own
# decision (docs/rules/hazards.md#hard-rollback).
CONDITIONS: Mapping[NodeCondition, ConditionRule] = MappingProxyType(
    {
        NodeCondition.HEALTHY: ConditionRule(health=Health.WELL, running=True),
        NodeCondition.STOPPED: ConditionRule(cure=Cure.START),
        NodeCondition.DISABLED: ConditionRule(cure=Cure.START),
        NodeCondition.HELD: ConditionRule(cure=Cure.START),
        NodeCondition.START_FAILS: ConditionRule(cure=Cure.START),
        NodeCondition.CRASH_LOOP: ConditionRule(cure=Cure.RESTART),
        NodeCondition.FROZEN: ConditionRule(cure=Cure.RESTART, names_process=True),
        NodeCondition.WRAPPER_ALONE: ConditionRule(cure=Cure.RESTART, names_process=True),
        NodeCondition.RPC_SILENT: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            by_hand="Leave it running, and leave its sign state alone: it signs. Find out on the "
            "host why its RPC hangs (load, open files, a slow query); restart it only while more "
            "than two thirds of the power votes without it.",
        ),
        NodeCondition.ZOMBIE: ConditionRule(
            cure=Cure.RESTART, names_process=True, consensus_dead=True
        ),
        NodeCondition.CLOCK_OFF: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            by_hand="Mend the time service of this host (`timedatectl`, `chronyc tracking`). The "
            "node needs no restart.",
        ),
        NodeCondition.BEHIND: ConditionRule(
            running=True,
            by_hand="Wait: it catches up by itself.",
        ),
        NodeCondition.STUCK: ConditionRule(cure=Cure.RESTART, names_process=True),
        NodeCondition.WAITING: ConditionRule(health=Health.WELL, running=True),
        NodeCondition.DIVERGED: ConditionRule(
            by_hand="Keep everything as it is. Find out why its state differs (program, model "
            "files, store) and mend that; then `remediate plan INC-001`; never --hard.",
        ),
        NodeCondition.PANICKED: ConditionRule(
            consensus_dead=True,
            halts_as=ChainClass.DETERMINISTIC_PANIC,
            by_hand="No rollback. `remediate stage FILE` with a program that gets past this block, "
            "then `remediate plan INC-001 --program SHA256`: more than 2/3 of the power together.",
        ),
        NodeCondition.FAILS_ALONE: ConditionRule(
            consensus_dead=True,
            by_hand="This node alone: compare its program (`sha256sum`), configuration and model "
            "files with a node that got past this block, and look at what it calls on its host. "
            "Another program: `remediate plan node-down --program SHA256` with that of the others. "
            "If they are equal, rebuild it, its own sign state kept: `remediate plan node-down "
            "--donor HOST`, or `--state-sync yes` where no donor may stop. Nothing elsewhere.",
        ),
        NodeCondition.OBSTRUCTED: ConditionRule(
            consensus_dead=True,
            by_hand="Mend what its last words name, then `sudo systemctl restart UNIT`.",
        ),
        NodeCondition.OPEN_FILES: ConditionRule(
            consensus_dead=True,
            by_hand="Raise LimitNOFILE of UNIT, then `sudo systemctl restart UNIT`.",
        ),
        NodeCondition.DEPENDENCY_FAILS: ConditionRule(
            consensus_dead=True,
            by_hand="Mend what it calls first (the address is in its last words), on this host; "
            "then `sudo systemctl restart UNIT`. Nothing is to be done elsewhere.",
        ),
        NodeCondition.OUT_OF_MEMORY: ConditionRule(
            by_hand="Give it more memory, or take load off it (MemoryMax of the unit, other "
            "programs on the host, cache sizes); then `sudo systemctl restart UNIT`. A start alone "
            "ends the same way.",
        ),
        NodeCondition.KEEPS_FAILING: ConditionRule(
            by_hand="Another start would end the same way. Mend what its last words name, then "
            "`sudo systemctl restart UNIT`.",
        ),
        NodeCondition.UPGRADE_NEEDED: ConditionRule(
            consensus_dead=True,
            halts_as=ChainClass.UPGRADE_NEEDED,
            by_hand="`remediate stage FILE` with the program of the upgrade, then `remediate plan "
            "INC-001 --program SHA256` (node-down, while blocks go on). No rollback, no skipped "
            "height unless more than 2/3 agree.",
        ),
        NodeCondition.HALT_HEIGHT: ConditionRule(
            setting_forbids=True,
            consensus_dead=True,
            halts_as=ChainClass.HALT_HEIGHT,
            by_hand="Set halt-height = 0 and halt-time = 0 in app.toml (and in the "
            "unit's flags and environment), then `sudo systemctl restart UNIT`.",
        ),
        NodeCondition.DISK_FULL: ConditionRule(
            by_hand="Free or add space: rotated logs, old archives, "
            "`journalctl --vacuum-size=500M`; never data/, never cs.wal. Then diagnose again.",
        ),
        NodeCondition.DATABASE_CORRUPT: ConditionRule(
            by_hand="Rebuild this node, its own sign state kept: `remediate plan node-down --donor "
            "HOST` (INC-001 in a halt) copies the databases of a good one, which stops for "
            "seconds; `--state-sync yes` stops nobody, and loses the history. docs/rebuild.md "
            "tells the rest. A restart does not help.",
        ),
        NodeCondition.KEY_MISSING: ConditionRule(
            hides_power=True,
            by_hand="Do not start it. Put config/priv_validator_key.json back first: a "
            "start without it makes a new key and zeroes the sign state.",
        ),
        NodeCondition.SIGN_STATE_LOST: ConditionRule(
            by_hand="Do not start it: it could sign twice. Find the newest copy of "
            "data/priv_validator_state.json; never a zero one, never one from a backup of "
            "yesterday.",
        ),
        NodeCondition.DUPLICATE_KEY: ConditionRule(
            comes_first=True,
            by_hand="Find out which holder of this key signs, and leave that one alone. On the "
            "others: `sudo systemctl disable --now UNIT`, then move the key file away. If two run, "
            "the validator is slashed and tombstoned.",
        ),
        NodeCondition.DOUBLE_SIGNING: ConditionRule(
            comes_first=True,
            by_hand="Stop this validator now, and find the second holder of its key before "
            "anything is started.",
        ),
        NodeCondition.NOT_SIGNING: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            by_hand="Look at its signer first, then at the node; no restart until the reason is "
            "known.",
        ),
        NodeCondition.JAILED: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            by_hand="Find out why it missed blocks; then `remediate plan low-validators`.",
        ),
        NodeCondition.TOMBSTONED: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            by_hand="Do not try to unjail it: the chain refuses for ever. Find out who held its "
            "key a second time, and stop that one. To validate again takes a new key and a new "
            "validator; those who delegated to this one move their stake. Until then give the "
            "host `role: full` in the inventory.",
        ),
        NodeCondition.UNBONDED: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            by_hand="Give it more stake than the last of the bonded validators has, or give the "
            "host `role: full` in the inventory. Nothing on its host is wrong.",
        ),
        NodeCondition.NO_POWER: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            by_hand="Ask a node that follows: `query slashing signing-info` with its consensus "
            "key. Tombstoned: this key never comes back. Only jailed: find out why, and its "
            "operator sends `tx slashing unjail`. Not bonded: bond it, or give the host "
            "`role: full` in the inventory.",
        ),
        NodeCondition.SAME_MACHINE: ConditionRule(
            health=Health.DEGRADED,
            running=True,
            comes_first=True,
            by_hand="Take all but one of its names out of the inventory. Change nothing on the "
            "machine: its key lies there once.",
        ),
        NodeCondition.DOUBLE_SIGN_CHECK: ConditionRule(
            setting_forbids=True,
            by_hand="Set double_sign_check_height = 0 in config.toml for this "
            "start, and put the old value back twenty blocks later.",
        ),
        NodeCondition.STARVED: ConditionRule(cure=Cure.RESTART, names_process=True),
        NodeCondition.ISOLATED: ConditionRule(
            by_hand="Mend the network between the hosts (routes, firewall, their p2p ports), "
            "and wait. No restart, no reset.",
        ),
        NodeCondition.UNREACHABLE: ConditionRule(
            health=Health.UNKNOWN,
            hides_power=True,
            by_hand="Log in by the provider's console. Do not start its key elsewhere: "
            "the daemon may well be alive.",
        ),
        NodeCondition.STANDBY: ConditionRule(health=Health.WELL, cure=Cure.START),
        NodeCondition.NO_DAEMON: ConditionRule(health=Health.WELL),
        NodeCondition.UNKNOWN: ConditionRule(
            health=Health.UNKNOWN, by_hand="Look at the host by hand, then diagnose again."
        ),
    }
)
