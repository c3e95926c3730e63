"""The classes of a chain, and what follows from each: one table, which everything else asks.

Each is described in docs/rules/classes.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from remediations.engine.find.finding import Health


class ChainClass(StrEnum):
    """What is wrong with the chain as a whole."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"  # blocks go on, a node is down
    STALLING = "stalling"  # no block for long, and the limit of a halt is not over
    LOCAL_DIVERGENCE = "local-divergence"  # blocks go on, a minority failed on another app hash
    QUORUM_LOST = "quorum-lost"  # two thirds of the power or less votes
    ALL_DOWN = "all-down"  # no node answers, and every validator of the inventory is down
    PARTITION = "partition"  # a quorum runs, and its parts do not hear each other
    APP_HASH_SPLIT = "app-hash-split"  # no app hash has two thirds of the power
    DETERMINISTIC_PANIC = "deterministic-panic"  # one app hash, and a block that no node can apply
    UPGRADE_NEEDED = "upgrade-needed"  # the program that runs is not the one of this height
    HALT_HEIGHT = "halt-height"  # a coordinated stop that was left on
    SIGNING_BLOCKED = "signing-blocked"  # all run, but sign state or WAL refuses to sign
    PROPOSALS_REFUSED = "proposals-refused"  # all vote, and refuse every block for one reason
    DOUBLE_SIGNING = "double-signing"  # a key signs twice now, whether or not blocks go on
    SLOW = "slow"  # blocks come, but far apart
    UNDETERMINED = "undetermined"

    @property
    def rule(self) -> ClassRule:
        """What follows from it."""
        return CLASSES[self]


@dataclass(frozen=True, kw_only=True)
class ClassRule:
    """What follows from one class.

    `title` begins its explanation. `playbook` is what is planned, if it cures a node; `next_step`
    what a person does where there is no playbook for it. Both are "" where the next step depends on
    the readings.
    """

    title: str
    health: Health = Health.DOWN
    playbook: str = ""
    next_step: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether the chain makes blocks."""
        return self.health in (Health.WELL, Health.DEGRADED)


CLASSES: Mapping[ChainClass, ClassRule] = MappingProxyType(
    {
        ChainClass.HEALTHY: ClassRule(
            title="Blocks go on and all is well",
            health=Health.WELL,
            next_step="nothing to do",
        ),
        ChainClass.DEGRADED: ClassRule(
            title="Blocks go on, but not everybody is well",
            health=Health.DEGRADED,
            playbook="node-down",
        ),
        ChainClass.STALLING: ClassRule(
            title="No block has come for a while",
            next_step="`remediate diagnose` again in a minute: a block has come by then, or it "
            "counts as halted",
        ),
        ChainClass.LOCAL_DIVERGENCE: ClassRule(
            title="Blocks go on, but somebody's state diverged",
            health=Health.DEGRADED,
            next_step="find out why their state differs (program, model files) and mend that; then "
            "`remediate plan INC-001`, which leaves the majority alone",
        ),
        ChainClass.QUORUM_LOST: ClassRule(title="The quorum is lost", playbook="INC-001"),
        ChainClass.ALL_DOWN: ClassRule(
            title="Every validator of the inventory is down",
            playbook="INC-001",
        ),
        ChainClass.PARTITION: ClassRule(
            title="The network is parted",
            next_step="mend the network between the components and wait; restart nothing",
        ),
        ChainClass.APP_HASH_SPLIT: ClassRule(
            title="The validators disagree on the app hash",
            next_step="stop nothing, delete nothing; find out why the states differ (program, "
            "model files, store) and mend that; then `remediate plan INC-001`, with `--limit` for "
            "those alone that people judge wrong, with `--program SHA256` where it is the program",
        ),
        ChainClass.DETERMINISTIC_PANIC: ClassRule(
            title="The application fails at the same block everywhere",
            next_step="no rollback: `remediate stage FILE` with a program that gets past this "
            "block, then `remediate plan INC-001 --program SHA256`",
        ),
        ChainClass.UPGRADE_NEEDED: ClassRule(
            title="An upgrade is waiting for its program",
            next_step="`remediate stage FILE` with the program of the upgrade, then "
            "`remediate plan INC-001 --program SHA256`",
        ),
        ChainClass.HALT_HEIGHT: ClassRule(
            title="The chain was stopped by halt-height",
            playbook="INC-001",
        ),
        ChainClass.SIGNING_BLOCKED: ClassRule(
            title="Validators run but do not sign",
            next_step="do not touch sign states or WALs; read the journal of those that "
            "do not sign",
        ),
        ChainClass.PROPOSALS_REFUSED: ClassRule(
            title="Every proposed block is refused",
            next_step="restart nothing, reset nothing; show the reason to the developers: it takes "
            "a program that proposes or accepts again, on more than 2/3 of the power",
        ),
        ChainClass.DOUBLE_SIGNING: ClassRule(
            title="A validator signs twice, now",
            playbook="double-sign",
        ),
        ChainClass.SLOW: ClassRule(
            title="Blocks come, but slowly",
            health=Health.DEGRADED,
            next_step="restart nothing: no reading names a cause, so it is load. Compare pressure "
            "on CPU, disk and memory of the proposers (`/proc/pressure/*`), and the size of blocks "
            "and mempool; then `remediate diagnose` again",
        ),
        ChainClass.UNDETERMINED: ClassRule(title="Undetermined", health=Health.UNKNOWN),
    }
)
