"""What a gate asks, what stood before, and how a look answers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from remediations.engine.apply.look import GateVerdict, Point, Sight
from remediations.engine.domain import Proposal
from remediations.engine.plan.plan import Gate
from remediations.playbooks.keys.key_file_gates import readers_before
from remediations.playbooks.keys.reencryption_gates import stores_before
from remediations.playbooks.keys.sessions_gates import sessions_before
from remediations.playbooks.keys.situation import KeysSituation
from remediations.systems.sessions.steps import DRIVER_NAME as SESSIONS_DRIVER
from remediations.systems.stores.job_steps import DRIVER_NAME as JOB_DRIVER
from remediations.systems.transactions.values import AccountsNow, KeyRecord
from remediations.values.part import Kinded, Part
from remediations.values.reading import value_or_none
from remediations.values.record import Record

MEASURE = "active keys"
GATE_LIMIT_S = 120
HOST_DRIVER = "host"
_TWO = 2


class KeyStands(Kinded, frozen=True, kw_only=True):
    """A gate: two endpoints record the key as this account's, revoked or not."""

    KIND: ClassVar[str] = "keys.stands/1"

    fingerprint: str
    address: str
    revoked: bool


class KeyBefore(Record, frozen=True, kw_only=True):
    """A key when the plan was made."""

    fingerprint: str
    address: str
    revoked: bool


class KeysBefore(Kinded, frozen=True, kw_only=True):
    """The keys and the account when the plan was made. `sends` is how many transactions it signs;
    `fingerprint` is the key that is revoked, `owner` the address that has registered it, `new` the
    one that is registered, "" for none."""

    KIND: ClassVar[str] = "keys.before/1"

    chain_id: str
    account: str
    sequence: int
    sends: int
    fingerprint: str
    owner: str
    new: str
    keys: tuple[KeyBefore, ...]


def baseline(keys: KeysSituation, proposal: Proposal[KeysSituation]) -> tuple[Part, ...]:
    """What gates and checks compare with."""
    if any(move.action.driver == JOB_DRIVER for move in proposal.moves):
        return stores_before(keys, proposal)
    if any(move.action.driver == SESSIONS_DRIVER for move in proposal.moves):
        return sessions_before(keys, proposal)
    if any(move.action.driver == HOST_DRIVER for move in proposal.moves):
        return readers_before(keys, proposal)
    (target,) = proposal.targets
    state = keys.state(target)
    before = KeysBefore(
        chain_id=keys.reading.section.chain_id,
        account=target,
        sequence=0 if state is None else state.sequence,
        sends=len(proposal.moves),
        fingerprint=keys.fingerprint,
        owner=keys.key_owner,
        new=keys.new_fingerprint,
        keys=tuple(
            KeyBefore(fingerprint=k.fingerprint, address=k.address, revoked=bool(k.revoked_at))
            for k in keys.counted
        ),
    )
    return (Part.of(before),)


def stands_gate(fingerprint: str, address: str, *, revoked: bool) -> Gate:
    """The gate after a transaction that registers or revokes."""
    word = "revoked" if revoked else "active"
    return Gate(
        title=f"two endpoints record {fingerprint[:12]} as {word}",
        timeout_s=GATE_LIMIT_S,
        asks=Part.of(KeyStands(fingerprint=fingerprint, address=address, revoked=revoked)),
    )


@dataclass(frozen=True, kw_only=True)
class KeysLook:
    """The accounts at one moment (the `Look` protocol)."""

    now: AccountsNow

    @property
    def sight(self) -> Sight:
        """How many keys of each account are active."""
        points = []
        for account in self.now.accounts:
            keys = value_or_none(account.keys)
            value = None if keys is None else sum(_is_active(one) for one in keys)
            points.append(Point(series=MEASURE, subject=account.entry.name, value=value))
        told = (f"{one.subject} {'?' if one.value is None else one.value}" for one in points)
        return Sight(headline=f"{MEASURE}: {', '.join(told)}", points=tuple(points))

    def judge(self, gate: Gate) -> GateVerdict:
        """Whether the key stands so.

        Raises:
            ValueError: it is no gate of ours.
        """
        return judge_key_stands(gate.asks.read(KeyStands), self.now)


def judge_key_stands(asked: KeyStands, now: AccountsNow) -> GateVerdict:
    """Whether two endpoints record the key so. What they say differently counts as not read."""
    found = now.keys.get(asked.fingerprint)
    if now.endpoints < _TWO:
        return GateVerdict(open=False, seen=f"{now.endpoints} endpoints answer, expected two")
    if found is None:
        return GateVerdict(open=False, seen=f"no record of {asked.fingerprint}")
    word = "revoked" if found.revoked_at else "active"
    seen = f"{asked.fingerprint} of {found.address} is {word}, by {now.endpoints} endpoints"
    fits = found.address == asked.address and bool(found.revoked_at) == asked.revoked
    return GateVerdict(open=fits, seen=seen)


def _is_active(key: KeyRecord) -> bool:
    return not key.revoked_at and not key.deprecated_at
