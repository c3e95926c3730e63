"""Guards on stopping a holder of a key that must not sign there (ids: docs/rules/guards.md).

What could go wrong: the wrong process is ended, the wrong holder goes on, a validator is stopped on
one liar's word, and what shows who signed what is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import GuardResult, guard_result
from remediations.playbooks.chain.diagnose.equivocation import RECENT, tells_of
from remediations.playbooks.chain.diagnose.node_view import NodeView
from remediations.playbooks.chain.holders import KEEP, SharedKey, shared_key_of, told
from remediations.playbooks.chain.situation import ChainSituation
from remediations.render.formats import name_some, short_digest
from remediations.systems.comet.reading import HostReading
from remediations.systems.comet.second_signer import EVIDENCE, JOURNAL_BYTES
from remediations.values.reading import Unknown, value_or_none

Whole = Proposal[ChainSituation]

EVIDENCE_FLOOR = 2 * JOURNAL_BYTES
"""The journal, the rest of the evidence, and room to spare."""


def ends_what_was_read(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G80: systemd ends the process that was read, and no other: it is the unit's."""
    unit, processes = value_or_none(reading.unit), value_or_none(reading.processes)
    known = unit is not None and processes is not None
    stray = ""
    if unit is not None and processes:
        pids = ", ".join(str(process.pid) for process in processes)
        if unit.active_state in ("inactive", "failed"):
            stray = f"{unit.name} is {unit.active_state}, and pid {pids} uses its home"
        elif unit.active_state == "active" and not unit.invocation:
            known = False
    return guard_result(
        "G80",
        "what is stopped is the process that was read",
        subject=reading.host,
        holds=not stray if known else None,
        got=stray
        or (
            f"{unit.name} {unit.active_state}, {len(processes)} processes"
            if unit is not None and processes is not None
            else "unit or processes could not be read"
        ),
        expected="the unit's own process, or none",
        next_step=f"stop it in the way in which it was started on {reading.host}; then "
        "`remediate diagnose`"
        if stray
        else "`remediate diagnose` again; if every second counts, "
        f"`sudo systemctl stop` the unit on {reading.host} by hand",
        facts=(f"{reading.host}.unit", f"{reading.host}.invocation"),
    )


def must_not_sign_here(chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G81: the host holds a key that another one signs with, or that signs twice, and is not the
    holder that goes on."""
    key = shared_key_of(chain.shared_keys, reading.host)
    stops = key is not None and reading.host in {holder.host for holder in key.stops}
    unread = key is None and isinstance(reading.key, Unknown)
    got = "its key lies here alone, and does not sign twice"
    if unread:
        got = "its key could not be read"
    elif key is not None:
        goes_on, why = key.decision
        got = f"{goes_on or 'nobody'} goes on: {why}"
    return guard_result(
        "G81",
        "its key must not sign on this host",
        subject=reading.host,
        holds=None if unread else stops,
        got=got,
        expected="another holder goes on, or none of them is proven to be the right one",
        next_step=f"make the key file of {reading.host} readable, then `remediate diagnose`"
        if unread
        else f"leave {reading.host} alone; if people decide that another holder is to sign: "
        f"`remediate plan double-sign --{KEEP} HOST`",
        facts=(f"{reading.host}.address",),
    )


def keeps_the_newest(chain: ChainSituation, proposal: Whole) -> GuardResult:
    """G82: whoever goes on with the key has the newest sign state of all that is known."""
    targets = frozenset(proposal.targets)
    outcomes: list[bool | None] = []
    got, wrong = [], []
    for key in _keys_of(chain, proposal):
        left = [holder.host for holder in key.free if holder.host not in targets]
        for host in left:
            newer, lacks = key.newer_than(host), key.missing_proof(host)
            outcomes.append(False if newer or len(left) > 1 else None if lacks else True)
            got.append(f"{host} goes on: {newer or lacks or '; '.join(told(key))}")
            wrong += [host] if newer or lacks or len(left) > 1 else []
        if not left:
            outcomes.append(True)
            got.append(f"nobody goes on with {short_digest(key.address)}: {key.details}")
    return guard_result(
        "G82",
        "the one that goes on has the newest sign state",
        holds=False if False in outcomes else None if None in outcomes or not outcomes else True,
        got=" | ".join(got) or "no key with a second holder",
        expected="a sign state as new as any that is known of the key",
        next_step=f"plan without --{KEEP} and --limit, which stops {name_some(wrong)} as well; "
        "who may go on then says docs/double-sign.md",
        facts=tuple(f"key.{short_digest(key.address)}" for key in _keys_of(chain, proposal)),
    )


def told_by_more_than_one(chain: ChainSituation, proposal: Whole) -> GuardResult | None:
    """G83: a validator whose second holder is not known is stopped on proof, or on what several
    hosts tell: one alone could have any validator stopped. Not asked where two holders are seen."""
    alone = [key for key in _keys_of(chain, proposal) if key.twice and len(key.holders) < 2]
    if not alone:
        return None
    found = {key.address: tuple(_tellers(chain, key)) for key in alone}
    weak = [address for address, hosts in found.items() if len(hosts) < 2]
    none = [address for address, hosts in found.items() if not hosts]
    return guard_result(
        "G83",
        "more than one host shows that the key signs twice",
        holds=None if none else not weak,
        got="; ".join(
            f"{short_digest(address)}: {name_some(hosts, 6) or 'nobody by now'}"
            for address, hosts in found.items()
        ),
        expected="two signatures, its own journal, or two other hosts",
        next_step="ask a node for `/block?height=H` of a block with evidence: it has both "
        "signatures; then `remediate diagnose`. If it is sure, stop the validator by hand",
        facts=tuple(f"key.{short_digest(key.address)}" for key in alone),
    )


def room_for_evidence(_chain: ChainSituation, reading: HostReading) -> GuardResult:
    """G84: what shows who signed what can be kept on the host, by root alone."""
    room = value_or_none(reading.records)
    return guard_result(
        "G84",
        "the evidence can be kept on the host",
        subject=reading.host,
        holds=None
        if room is None
        else room.available >= EVIDENCE_FLOOR and room.writable and not room.exposed,
        got="the directory could not be looked at"
        if room is None
        else f"{room.available >> 20} MiB free in {room.path}",
        expected=f"{EVIDENCE_FLOOR >> 20} MiB below {EVIDENCE}",
        next_step=f"free space where {EVIDENCE} lies on {reading.host}; if every second counts, "
        "`sudo systemctl stop` the unit there by hand",
    )


def _keys_of(chain: ChainSituation, proposal: Whole) -> Iterator[SharedKey]:
    """The keys of which a holder is stopped."""
    targets = frozenset(proposal.targets)
    return (key for key in chain.shared_keys if targets & {h.host for h in key.holders})


def _tellers(chain: ChainSituation, key: SharedKey) -> Iterator[str]:
    """What shows that the key signs twice; its own journal and a proof count as two."""
    own = {holder.host for holder in key.holders}
    if any(pair.address == key.address for pair in chain.finding.equivocations):
        yield from ("two signatures", "which anybody can verify")
    since = chain.observation.began - RECENT
    for reading in chain.observation.hosts:
        view = NodeView(reading)
        if tells_of(view, key.address, since):
            yield reading.host
            if reading.host in own:
                yield "which is its own journal"
        told_there = value_or_none(reading.chain.evidence) if reading.chain.evidence else None
        if any(one.address == key.address for one in told_there or ()):
            yield f"the evidence in a block on {reading.host}"
