"""What the journal of a unit is searched for on the host: nearly all of its lines are routine.

These are lines that CometBFT 0.38 and the Cosmos SDK log when something is wrong, and that systemd
logs when a service ends. The expressions mean the same to `grep -E` and to Python: the only escapes
are `\\.` and `\\(`.
"""

from __future__ import annotations

SIGNATURES = (
    # Consensus has died in this process.
    "CONSENSUS FAILURE",
    "panic: ",
    # Another block, another state, another application.
    "deems this block invalid",
    "(committed|prevoted for) an invalid block",
    "Error in validation",
    "Failed to process committed block",
    r"wrong Block\.Header\.",
    "does not match AppHash",
    r"app block height \(",
    r"StoreBlockHeight \(",
    "failed to apply block",
    r"proxyAppConn\.FinalizeBlock",
    "saved to different hash",
    "wanted to load target",
    "genesis doc hash",
    # Planned stops, and upgrades.
    "halt per configuration",
    "NEEDED at height",
    "BINARY UPDATED BEFORE TRIGGER",
    "StoreUpgrades",
    # Signing and equivocation.
    "(error|failed) signing vote",
    "(height|round|step) regression",
    "conflicting (data|vote)",
    "byzantine behavior",
    "signature from the same key",
    "Invalid evidence",
    "private validator socket",
    "SignerClient",
    # Write-ahead log, databases, disk, memory.
    "error on catchup replay",
    "Corrupted entry",
    "WAL file is corrupted",
    "consensus WAL",
    "[Nn]o space left on device",
    "too many open files",
    "resource temporarily unavailable",
    "missing or corrupted",
    "corruption",
    "manifest corrupted",
    "no state found",
    "statestore height",
    "failed to load state at height",
    "[Oo]ut of memory",
    "OOM killer",
    "SIGBUS",
    "[Ii]/O error",
    "[Ii]nput/output error",
    "[Rr]ead-only file system",
    # Clocks and peers.
    "invalid block time",
    "not greater than last block time",
    "has no peers",
    # How a start or a process ended.
    "Error: ",
    "code=(exited|killed|dumped)",
    "Failed with result",
    "repeated too quickly",
)

PATTERN = "|".join(SIGNATURES)
"""All of them as one extended regular expression."""
