"""What to do by hand where no playbook resolves it. One text per condition; "" where one does.

The reasons are those of docs/rules/conditions.md. A rollback is soft, and a person's own decision
(docs/rules/hazards.md#hard-rollback).
"""

from __future__ import annotations

from remediations.playbooks.chain.finding import NodeCondition

BY_HAND: dict[NodeCondition, str] = {
    NodeCondition.DIVERGED: "Keep everything as it is. Find out which state is right (program, "
    "model files, store), then roll back softly or rebuild only the wrong nodes; never --hard.",
    NodeCondition.PANICKED: "No rollback. Install a program that gets past this block on more than "
    "2/3 of the power, then start them together.",
    NodeCondition.UPGRADE_NEEDED: "Install the program of the upgrade here, check its hash, then "
    "start. No rollback, no skipped height unless more than 2/3 agree.",
    NodeCondition.HALT_HEIGHT: "Set halt-height = 0 and halt-time = 0 in app.toml (and in the "
    "unit's flags and environment) on every validator, then start.",
    NodeCondition.DISK_FULL: "Free or add space: rotated logs, old archives, "
    "`journalctl --vacuum-size=500M`; never data/, never cs.wal. Then diagnose again.",
    NodeCondition.DATABASE_CORRUPT: "Rebuild this node from a good one or by state sync, with its "
    "own sign state kept. A restart does not help.",
    NodeCondition.KEY_MISSING: "Do not start it. Put config/priv_validator_key.json back first: a "
    "start without it makes a new key and zeroes the sign state.",
    NodeCondition.SIGN_STATE_LOST: "Do not start it: it could sign twice. Find the newest copy of "
    "data/priv_validator_state.json; never a zero one, never one from a backup of yesterday.",
    NodeCondition.DUPLICATE_KEY: "Stop and mask all but one holder of this key, and move the key "
    "file off it. Two that run are tombstoned within two blocks, for ever.",
    NodeCondition.DOUBLE_SIGN_CHECK: "Set double_sign_check_height = 0 in config.toml for this "
    "start, and put the old value back twenty blocks later.",
    NodeCondition.ISOLATED: "Mend the network between the hosts (routes, firewall, port 26656), "
    "and wait. No restart, no reset.",
    NodeCondition.UNREACHABLE: "Log in by the provider's console. Do not start its key elsewhere: "
    "the daemon may well be alive.",
    NodeCondition.UNKNOWN: "Look at the host by hand, then diagnose again.",
    NodeCondition.BEHIND: "Wait: it catches up by itself. If its height does not rise within "
    "minutes, look for `wrong Block.Header.AppHash` in its journal.",
}


def by_hand(condition: NodeCondition) -> str:
    """What a person does, "" where a playbook does it or nothing is to be done."""
    return BY_HAND.get(condition, "")
