"""Guards on signing: key, sign state, write-ahead log (ids: docs/rules/guards.md).

They keep a validator from signing twice, for which it is tombstoned: it can never come back.
"""

from __future__ import annotations

from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.conditions import NodeCondition
from remediations.playbooks.chain.diagnose.key_condition import (
    empty_state_advice,
    may_be_empty,
)
from remediations.playbooks.chain.finding import FileWitness, NodeFinding
from remediations.playbooks.chain.situation import ChainSituation
from remediations.systems.comet.inventory import Role
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.sign_state import SignState
from remediations.values.reading import Unknown, value_or_none

_SOUND = "the sign state is there, not lower than what the chain saw, not from the future"


def key_present(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G45: the key file is present: started without it, CometBFT zeroes the sign state."""
    title = "the validator key is there, with the expected address"
    power = chain.finding.node(reading.host).power
    facts = (f"{reading.host}.address",)
    if isinstance(reading.key, Unknown):
        return guard_result(
            "G45",
            title,
            subject=reading.host,
            holds=None,
            got=reading.key.reason,
            expected="config/priv_validator_key.json",
            next_step="`remediate diagnose` again",
            facts=facts,
        )
    key = reading.key.value
    fresh_standby = reading.role is Role.STANDBY and not key.address and _never_signed(reading)
    return guard_result(
        "G45",
        title,
        subject=reading.host,
        holds=fresh_standby or (bool(key.address) and key.node_key),
        got=(f"address {key.address}, power {power}" if key.address else "no key file")
        + ("" if key.node_key else ", no node key"),
        expected="key and node key present, or a standby that never had a key",
        next_step="put the key file back before anything starts this unit "
        "(a start without it makes a new key and zeroes the sign state)",
        facts=facts,
    )


def signs_once(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G2b: its key does not sign twice at this time. Whoever starts a holder of such a key cannot
    know that the other one has gone."""
    finding = chain.finding.node(reading.host)
    twice = finding.condition is NodeCondition.DOUBLE_SIGNING
    return guard_result(
        "G2b",
        "the key is not signing twice now",
        subject=reading.host,
        holds=not twice,
        got=finding.cause if twice else "nothing that was read shows it",
        expected="no conflicting votes of this key in the last minutes",
        next_step=(finding.by_hand if twice else "") or "`remediate diagnose` shows the evidence",
        facts=(f"{reading.host}.down",),
    )


def sign_state_sound(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G19, G20, G21: the sign state exists, was not lowered, and is not from the future."""
    facts = (f"{reading.host}.sign_state",)
    finding = chain.finding.node(reading.host)
    config = value_or_none(reading.config)
    if config is not None and config.remote_signer:
        return guard_result(
            "G20",
            _SOUND,
            subject=reading.host,
            holds=None,
            got=f"{config.remote_signer} keeps it; the file of this host is not the one in use",
            expected="the sign state of its remote signer, which is not read",
            next_step="check the signer first: its state must not be lower",
            facts=facts,
        )
    if isinstance(reading.sign_state, Unknown):
        return _without_state(chain, reading, reading.sign_state)
    state = reading.sign_state.value
    if chain.finding.files is not None:
        return _by_files(chain, reading, state, chain.finding.files)
    memory = chain.memory_of(finding)
    above = state.height > chain.tip + 1
    holds: bool | None = not above and state.height >= (memory.height or 0)
    if finding.power and chain.tip and not state.height:
        holds = False
    unseen = state.height + 1 < memory.looked_from
    if holds and (memory.unread or unseen):
        holds = None
    return guard_result(
        "G20",
        _SOUND,
        subject=reading.host,
        holds=holds,
        got=f"{state.height}/{state.round}/{state.step}; {memory.says}",
        expected=("" if memory.height is None else f"at least {memory.height}, ")
        + f"at most {chain.tip + 1}",
        next_step=_look_for(state.height, finding.address)
        if holds is None and unseen
        else (not above and _carried(finding)) or _mend_state(above=above, unread=holds is None),
        facts=facts,
    )


def _look_for(height: int, address: str) -> str:
    """How to prove that a state is the newest, where it is not known what the key signed since."""
    return (
        "`remediate diagnose` again. If the chain does not tell how many blocks it missed, ask a "
        f"node for `/commit?height={height + 1}`, and for the next ones: where {address} has "
        "signed one, this state is an older copy; never start it"
    )


def _by_files(
    chain: ChainSituation, reading: HostReading, state: SignState, files: FileWitness
) -> GuardResult:
    """No commit can be read: what the keys of the others signed tells where the chain stands, and a
    state that took part in its last block cannot be an old copy. A full node never signed."""
    above = state.height > files.bound + 1
    holds: bool | None = files.took_part(state.height) or (None if not above else False)
    if not chain.may_sign(reading.host) and not state.height:
        holds = True
    if chain.may_sign(reading.host) and not state.height:
        holds = False
    says = "its key has no power in the first block" if not chain.may_sign(reading.host) else ""
    return guard_result(
        "G20",
        _SOUND,
        subject=reading.host,
        holds=holds,
        got=f"{state.height}/{state.round}/{state.step}; "
        + (says or f"the newest signature of all is for {files.newest or 'an unknown height'}"),
        expected="0, for a key that never signed"
        if says
        else f"{max(0, files.newest - 1)} or {files.newest}, as of all that took part in the last "
        "block",
        next_step=(not above and _carried(chain.finding.node(reading.host)))
        or _mend_state(above=above, unread=False)
        if holds is False
        else "leave it out of this start (`--limit`): it was down before the others, or this is an "
        "older copy, and nobody can tell which; once blocks come, `remediate plan INC-001` again",
        facts=(f"{reading.host}.sign_state",),
    )


def _without_state(chain: ChainSituation, reading: HostReading, state: Unknown) -> GuardResult:
    """Right for a standby that never had a key, and for nobody else."""
    key = value_or_none(reading.key)
    fresh = reading.role is Role.STANDBY and key is not None and not key.address
    power = chain.finding.node(reading.host).power
    advice = (
        f"do not start it yet. {empty_state_advice(reading)}"
        if may_be_empty(reading, chain.finding.total_power, power)
        else _carried(chain.finding.node(reading.host))
        or "do not start it. Find the newest copy of the sign state; never a zero one"
    )
    return guard_result(
        "G19",
        _SOUND,
        subject=reading.host,
        holds=True if fresh else None,
        got="none, and no key either" if fresh else state.reason,
        expected="none, for a standby that never had a key"
        if fresh
        else "data/priv_validator_state.json",
        next_step="" if fresh else advice,
        facts=(f"{reading.host}.sign_state",),
    )


def _carried(finding: NodeFinding) -> str:
    """Which copy is proven, and the command, or what is missing: as the diagnosis says it where
    the host was looked through."""
    lost = finding.condition is NodeCondition.SIGN_STATE_LOST
    return finding.by_hand if lost and finding.by_hand != finding.condition.rule.by_hand else ""


def _mend_state(*, above: bool, unread: bool) -> str:
    """What to do about a sign state. One that is too high is safe, and one that is lowered is not,
    so these two never get the same advice."""
    if above:
        return (
            "leave its sign state as it is: above the chain it cannot sign twice, it only refuses "
            "until the chain is past that height, and any lower state could sign twice. Find out "
            "which node has these blocks, or whether the file is another chain's"
        )
    if unread:
        return (
            "make a node answer `/commit`, so that it can be seen what this key signed last; then "
            "`remediate diagnose` again"
        )
    return (
        "do not start it: it could sign twice. Find the newest copy of its sign state, and put "
        "that one in place; never a lower one"
    )


def signer_local(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G24: no remote signer is used: with one, the local sign state says nothing."""
    title = "the node signs with its own key file"
    config = value_or_none(reading.config)
    if config is None:
        return guard_result(
            "G24",
            title,
            subject=reading.host,
            holds=None,
            got="config.toml could not be read",
            expected="priv_validator_laddr empty",
            next_step="`remediate diagnose` again",
        )
    return guard_result(
        "G24",
        title,
        subject=reading.host,
        holds=not config.remote_signer,
        got=config.remote_signer or "no remote signer",
        expected="no remote signer",
        next_step="check the signer first: its state must not be lower; start this node by hand",
    )


def no_adaptive_sync(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """N3: with `adaptive_sync` a validator votes while it is still catching up, on heights that are
    already decided. Neither its sign state nor a remote signer keeps this from being equivocation
    (CometBFT docs, block-sync)."""
    config = value_or_none(reading.config)
    signs = reading.role is Role.VALIDATOR or chain.finding.node(reading.host).power > 0
    return guard_result(
        "N3",
        "a validator does not sign while it catches up (adaptive_sync)",
        subject=reading.host,
        holds=None if config is None else not (config.adaptive_sync and signs),
        got="config.toml could not be read"
        if config is None
        else f"adaptive_sync {'on' if config.adaptive_sync else 'off'}",
        expected="off on a validator",
        next_step="`remediate diagnose` again"
        if config is None
        else "set adaptive_sync = false below [blocksync] in config.toml, then plan again",
        facts=(f"{reading.host}.config",),
    )


def wal_present(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G26: a validator that signed in a round above 0 needs its write-ahead log to continue
    (docs/rules/hazards.md#deleted-wal)."""
    title = "the write-ahead log is there where the round is above 0"
    state, wal = value_or_none(reading.sign_state), value_or_none(reading.wal)
    signs = chain.may_sign(reading.host)
    needed = signs and state is not None and state.round > 0 and state.height > chain.finding.height
    holds: bool | None = True
    if needed:
        holds = None if wal is None else wal.size > 0
    return guard_result(
        "G26",
        title,
        subject=reading.host,
        holds=holds,
        got="cs.wal could not be read" if wal is None else f"{wal.size} bytes",
        expected="more than 0 bytes" if needed else "not needed here",
        next_step="do not start it in this halt; let the others decide the height first",
    )


def _never_signed(reading: HostReading) -> bool:
    state = value_or_none(reading.sign_state)
    return state is None or state.height == 0
