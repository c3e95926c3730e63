"""Observations made by hand: a healthy chain, and one-line ways to break it.

Every function takes an Observation and returns another one; chain readings of the nodes that still
answer are made to fit (`settle`): with more than two thirds of the power voting, blocks go on; with
less, height and round stand still and the votes of those that are gone are missing.

    world = stopped(healthy(), "val1")          # 40 of 100 gone: halted
    world = partitioned(healthy(), ("val1", "val4"))

Hosts are `val1`… (powers 40/30/20/10 unless told), `full1`, `standby1`, `bastion1`.
"""

from __future__ import annotations

from tests.worlds.base import (
    BEGAN,
    CHAIN_ID,
    GAP,
    HEIGHT,
    HOME,
    MANY,
    NEIGHBOURS,
    POWERS,
    address_of,
    answers,
    app_hash_at,
    block_hash_at,
    change,
    key_of,
    known,
    login_of,
    members_of,
    moves,
    node_id_of,
    unknown,
    unreachable_reading,
)
from tests.worlds.chain import (
    deciding,
    diverged,
    halted,
    isolated,
    lying,
    panicked,
    partitioned,
    split,
    without_journals,
)
from tests.worlds.healthy import (
    healthy,
    healthy_twin,
)
from tests.worlds.nodes import (
    behind,
    configured,
    crash_looping,
    disabled,
    disk_full,
    duplicated,
    failed,
    frozen,
    key_missing,
    logged,
    sign_state,
    sign_state_missing,
    stopped,
    unreachable,
    wrapper_alone,
    zombie,
)
from tests.worlds.settling import (
    settle,
    signed_last,
)
from tests.worlds.wrapped import below_cosmovisor

__all__ = [
    "BEGAN",
    "CHAIN_ID",
    "GAP",
    "HEIGHT",
    "HOME",
    "MANY",
    "NEIGHBOURS",
    "POWERS",
    "address_of",
    "answers",
    "app_hash_at",
    "behind",
    "below_cosmovisor",
    "block_hash_at",
    "change",
    "configured",
    "crash_looping",
    "deciding",
    "disabled",
    "disk_full",
    "diverged",
    "duplicated",
    "failed",
    "frozen",
    "halted",
    "healthy",
    "healthy_twin",
    "isolated",
    "key_missing",
    "key_of",
    "known",
    "logged",
    "login_of",
    "lying",
    "members_of",
    "moves",
    "node_id_of",
    "panicked",
    "partitioned",
    "settle",
    "sign_state",
    "sign_state_missing",
    "signed_last",
    "split",
    "stopped",
    "unknown",
    "unreachable",
    "unreachable_reading",
    "without_journals",
    "wrapper_alone",
    "zombie",
]
